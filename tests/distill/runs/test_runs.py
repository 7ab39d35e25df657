"""The run folder: whole files, resume only what is the same, overwrite only what is a run, one worker at a time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import UserError, disk_full, near_matches, unknown_name
from distill.recipe.schema import Recipe, load_recipe
from distill.runs.damage import mend
from distill.runs.files import (
    disk_errors,
    file_digest,
    read_json,
    read_jsonl,
    whole_folder,
    write_bytes,
    write_json,
    write_jsonl,
    write_text,
)
from distill.runs.folder import SCHEMA, Run, begin_run, differences, find_run, only_worker


def open_run(recipe: Recipe, out: str | None = None, *, resume: bool = False, overwrite: bool = False) -> Run:
    run = find_run(recipe, out, resume=resume, overwrite=overwrite)
    begin_run(run, resume=resume, overwrite=overwrite)
    return run


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("miniaxion_tiny")


def test_a_new_run_writes_recipe_and_record_first(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = open_run(recipe)
    assert run.path == Path("runs") / f"miniaxion_tiny-{recipe.fingerprint()}"
    assert load_recipe(str(run.path / "recipe.yaml")) == recipe
    record = run.record()
    assert record["seed"] == 0 and record["versions"]["python"] and "commit" in record
    with run.timed("train"):
        pass
    run.note(seconds={"evaluate": 2.0}, steps=3)
    assert set(run.record()["seconds"]) == {"train", "evaluate"} and run.record()["steps"] == 3


def test_an_existing_folder_needs_resume_or_overwrite(recipe, tmp_path):
    out = str(tmp_path / "run")
    run = open_run(recipe, out)
    write_text(run.metrics, "{}")
    with pytest.raises(UserError, match="exists already; use --resume"):
        open_run(recipe, out)
    assert open_run(recipe, out, resume=True).metrics.is_file()
    assert not open_run(recipe, out, overwrite=True).metrics.exists()
    with pytest.raises(UserError, match="exclude each other"):
        open_run(recipe, out, resume=True, overwrite=True)


def test_resume_says_what_changed_and_changes_nothing(recipe, tmp_path):
    out = str(tmp_path / "run")
    open_run(recipe, out)
    before = (tmp_path / "run" / "recipe.yaml").read_bytes()
    other = load_recipe("miniaxion_tiny", ["train.max_steps=31", "loss.weights.verify=2"])
    with pytest.raises(UserError) as caught:
        open_run(other, out, resume=True)
    assert "loss.weights.verify: 1.0 -> 2.0; train.max_steps: 30 -> 31" in str(caught.value)
    assert (tmp_path / "run" / "recipe.yaml").read_bytes() == before


def test_resume_in_the_default_place_finds_the_changed_relative(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_run(recipe, resume=True).path.is_dir()  # killed before the folder was made: start
    with pytest.raises(UserError, match=r"train\.max_steps: 30 -> 31"):
        open_run(load_recipe("miniaxion_tiny", ["train.max_steps=31"]), resume=True)


def test_a_folder_that_is_no_run_is_never_touched(recipe, tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(UserError, match="holds no run"):
            open_run(recipe, str(tmp_path), **options)
    assert (tmp_path / "letters.txt").read_text() == "dear"
    with pytest.raises(UserError, match="a file stands where"):
        open_run(recipe, str(tmp_path / "letters.txt"), overwrite=True)
    with pytest.raises(UserError, match="a file stands here, or on the way"):
        open_run(recipe, str(tmp_path / "letters.txt" / "run"))


def test_what_a_kill_left_behind_is_no_obstacle(recipe, tmp_path):
    (tmp_path / ".recipe.yaml.77.part").write_text("name: half")
    (tmp_path / "run.json").write_text("{}")
    assert load_recipe(str(open_run(recipe, str(tmp_path), resume=True).path / "recipe.yaml")) == recipe


def test_a_run_of_another_version_is_not_resumed(recipe, tmp_path):
    run = open_run(recipe, str(tmp_path / "run"))
    mend(run, pytest.fail)
    record = read_json(run.path / "run.json")
    for schema in ({}, {"schema": SCHEMA + 1}):
        write_json(run.path / "run.json", {name: fact for name, fact in record.items() if name != "schema"} | schema)
        with pytest.raises(UserError, match=r"run: cannot resume, another version wrote it .*--overwrite"):
            mend(run, pytest.fail)


def test_a_damaged_recipe_in_the_folder_is_named(recipe, tmp_path):
    open_run(recipe, str(tmp_path / "run"))
    (tmp_path / "run" / "recipe.yaml").write_text("a: [")
    with pytest.raises(UserError, match="damaged"):
        open_run(recipe, str(tmp_path / "run"), resume=True)


@pytest.mark.skipif(os.name != "posix", reason="file locks are POSIX")
def test_a_second_process_is_kept_out_until_the_first_ends(recipe, tmp_path):
    run = open_run(recipe, str(tmp_path / "run"))
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / ".run.lock")], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another process"), only_worker(run):
            pass
        other.kill()
    with only_worker(run):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]  # no lock is left


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"the disk is full \(\d+ MB left\)"), disk_errors(tmp_path):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.json"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_folder_is_whole_or_not_there(tmp_path):
    target = tmp_path / "student"
    with pytest.raises(RuntimeError), whole_folder(target) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert not target.exists()
    for content in ("one", "two"):
        with whole_folder(target) as folder:
            (folder / content).write_text(content)
    assert [file.name for file in target.iterdir()] == ["two"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["student"]


def test_files_read_back(tmp_path):
    write_jsonl(tmp_path / "x.jsonl", [{"text": "é\u2028"}, 2])
    lines = (tmp_path / "x.jsonl").read_bytes().decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [{"text": "é\u2028"}, 2]
    assert list(read_jsonl(tmp_path / "x.jsonl")) == [{"text": "é\u2028"}, 2]
    write_bytes(tmp_path / "abc", b"abc")
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea"  # SHA-256 of "abc", FIPS 180-2 appendix B.1
    with pytest.raises(UserError, match="no such file"):
        read_json(tmp_path / "gone.json")
    with pytest.raises(UserError, match="not JSON"):
        read_json(tmp_path / "abc")
    with pytest.raises(UserError, match=r"gone\.jsonl: no such file"):
        list(read_jsonl(tmp_path / "gone.jsonl"))
    (tmp_path / "x.jsonl").write_bytes(b'{"a": 1}\n{"b"')
    with pytest.raises(UserError, match=r"x\.jsonl: line 2 is not JSON"):
        list(read_jsonl(tmp_path / "x.jsonl"))


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0: file write failed"), True),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 12480 vs 12372"), True),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), True),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_a_full_disk_is_recognised(error, is_full, tmp_path):
    assert (disk_full(error, tmp_path / "not" / "there") is not None) == is_full


def test_a_hidden_full_disk_is_recognised(tmp_path):
    try:
        try:
            raise OSError(errno.ENOSPC, "x")
        except OSError as inner:
            raise RuntimeError("could not save") from inner
    except RuntimeError as error:
        assert disk_full(error, tmp_path)


plain = st.dictionaries(
    st.sampled_from("abc"), st.one_of(st.integers(), st.dictionaries(st.sampled_from("xy"), st.integers()))
)


@given(plain, plain)
def test_differences_are_empty_exactly_for_equal_values(old, new):
    assert (differences(old, new) == []) == (old == new)


def test_errors_that_name_each_other_in_a_circle_end(tmp_path):
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__context__ = second, first
    assert disk_full(first, tmp_path) is None
    second.__cause__ = OSError(errno.ENOSPC, "x")
    assert disk_full(first, tmp_path)


def test_near_matches_come_first():
    assert near_matches("Verfy", ["plan", "verify"]) == ["verify"]
    assert unknown_name("key", "verfy", ["plan", "verify"]) == 'unknown key, did you mean "verify"? (plan, verify)'
    assert unknown_name("key", "q", ["plan"]) == "unknown key (plan)"


def test_one_problem_is_one_line_and_several_have_a_heading():
    assert str(UserError("gone", heading="x.yaml")) == "x.yaml: gone"
    assert str(UserError("a", "b", heading="x.yaml")) == "x.yaml has 2 problems\n  a\n  b"
    with pytest.raises(ValueError):
        UserError()
