"""Nothing of a user's is lost by a run: what --overwrite removes, links, locks, names and places that cannot be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from distill.errors import UserError, printable, system_error
from distill.recipe.schema import Recipe, load_recipe
from distill.runs.files import disk_errors, remove_folder, remove_parts, whole_folder, write_bytes, write_text
from distill.runs.folder import OUTPUTS, Run, begin_run, find_run, only_worker

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, locks and permissions are POSIX")


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("miniaxion_tiny")


def work_in(recipe: Recipe, out: Path | str, *, resume: bool = False, overwrite: bool = False) -> Run:
    run = find_run(recipe, str(out), resume=resume, overwrite=overwrite)
    with only_worker(run):
        begin_run(run, resume=resume, overwrite=overwrite)
    return run


@pytest.mark.parametrize("files", [("recipe.yaml",), ("run.json", "student/"), ("recipe.yaml", "student/weights")])
def test_a_folder_of_the_user_is_never_overwritten(recipe, tmp_path, files):
    for name in (*files, "thesis.tex"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("work")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(UserError, match="holds no run") as caught:
            work_in(recipe, tmp_path, **options)
        assert "overwrite" not in str(caught.value)
    assert (tmp_path / "thesis.tex").read_text() == "work" and (tmp_path / files[0]).exists()


def test_overwrite_removes_what_a_run_wrote_and_nothing_else(recipe, tmp_path):
    out = tmp_path / "run"
    run = work_in(recipe, out)
    for name in OUTPUTS:
        if not (out / name).exists():
            (out / name).write_text("{}") if "." in name else (out / name).mkdir()
    (out / "notes.txt").write_text("mine")
    work_in(recipe, out, overwrite=True)
    assert {entry.name for entry in out.iterdir()} == {"notes.txt", "recipe.yaml", "run.json"}
    assert run.record()["fingerprint"] == recipe.fingerprint()


def test_overwrite_waits_for_no_lock_and_touches_nothing_before_it_has_it(recipe, tmp_path):
    out = tmp_path / "run"
    run = work_in(recipe, out)
    write_text(run.metrics, "{}")
    with only_worker(run), pytest.raises(UserError, match="another process"):
        work_in(recipe, out, overwrite=True)
    assert run.metrics.is_file()


def test_a_lock_follows_no_link_and_empties_no_file(recipe, tmp_path):
    letter = tmp_path / "letter"
    letter.write_text("dear")
    run = Run(tmp_path / "run", recipe)
    (tmp_path / ".run.lock").symlink_to(letter)
    with pytest.raises(UserError, match="symbolic link"), only_worker(run):
        pass
    (tmp_path / ".run.lock").unlink()
    os.link(letter, tmp_path / ".run.lock")
    with only_worker(run):
        pass
    assert letter.read_text() == "dear"


def test_a_lock_that_cannot_stand_beside_the_folder_stands_in_it(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    run = Run(tmp_path / "run", recipe)
    with only_worker(run):
        assert (run.path / ".lock").is_file()
        with pytest.raises(UserError, match="another process"), only_worker(run):
            pass
    assert not (run.path / ".lock").exists()


def test_a_run_folder_may_be_a_link_or_the_current_folder(recipe, tmp_path, monkeypatch):
    real = tmp_path / "disk" / "run"
    (tmp_path / "link").symlink_to(real)
    run = work_in(recipe, tmp_path / "link")  # to a folder that is not there yet
    write_text(run.metrics, "{}")
    work_in(recipe, tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink() and {file.name for file in real.iterdir()} == {"recipe.yaml", "run.json"}
    monkeypatch.chdir(real)
    for out in (".", "../run"):
        write_text(run.metrics, "{}")
        work_in(recipe, out, overwrite=True)
        assert not run.metrics.exists()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(UserError, match="a file stands here"):
        work_in(recipe, tmp_path / "circle")


def test_links_within_a_run_are_removed_and_what_they_point_to_stays(recipe, tmp_path):
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "one").write_text("dear")
    run = work_in(recipe, tmp_path / "run")
    run.student.symlink_to(letters)
    run.metrics.symlink_to(letters / "one")
    work_in(recipe, run.path, overwrite=True)
    assert not run.student.is_symlink() and (letters / "one").read_text() == "dear"


def test_files_are_not_written_through_links_left_in_their_place(tmp_path):
    letter = tmp_path / "letter"
    letter.write_text("dear")
    (tmp_path / f".x.{os.getpid()}.part").symlink_to(letter)
    (tmp_path / "x").symlink_to(letter)
    write_bytes(tmp_path / "x", b"new")
    (tmp_path / ".student.part").symlink_to(tmp_path)
    with whole_folder(tmp_path / "student") as folder:
        (folder / "a").write_text("new")
    assert letter.read_text() == "dear" and (tmp_path / "x").read_bytes() == b"new"
    assert {entry.name for entry in tmp_path.iterdir()} == {"letter", "x", "student"}


def test_a_place_that_takes_no_files_is_named_in_one_line(tmp_path):
    with pytest.raises(UserError, match="gone/x: no file can be made here; choose another place"):
        write_bytes(tmp_path / "gone" / "x", b"new")


def test_what_a_kill_left_half_written_is_swept(recipe, tmp_path):
    run = work_in(recipe, tmp_path / "run")
    (run.student / ".tokenizer.part").mkdir(parents=True)
    (run.student / ".README.md.77.part").write_text("half")
    (run.student / "model.part").write_text("mine")
    work_in(recipe, run.path, resume=True)
    assert [file.name for file in run.student.iterdir()] == ["model.part"]
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / ".x.part").write_text("mine")
    (run.path / "far").symlink_to(tmp_path / "far")
    remove_parts(run.path)
    assert (tmp_path / "far" / ".x.part").exists()  # links are not followed


def test_new_folders_may_be_read_by_whom_the_umask_says(tmp_path):
    old = os.umask(0o027)
    try:
        with whole_folder(tmp_path / "student") as folder:
            (folder / "model.safetensors").touch(mode=0o600)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "student" / "model.safetensors").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("x" * 300, "too long"),
        ("a\0b", "no folder can be made"),
        ("  ", "empty"),
        ("/proc/x", "/proc/x"),
        ("y/" * 2000, "y/y/y"),
    ],
)
def test_names_that_cannot_be_are_one_line(recipe, tmp_path, monkeypatch, out, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words) as caught:
        work_in(recipe, out, overwrite=True)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENAMETOOLONG, errno.EBUSY, errno.ELOOP, errno.EIO])
def test_what_the_system_refuses_is_no_bug_of_ours(tmp_path, code):
    with pytest.raises(UserError, match=r"metrics\.json"), disk_errors(tmp_path):
        raise OSError(code, os.strerror(code), str(tmp_path / "metrics.json"))
    assert system_error(FileNotFoundError(errno.ENOENT, "gone", "x"), tmp_path) is None  # that may be our fault


def test_a_full_disk_is_named_where_it_is(tmp_path, monkeypatch):
    free = {str(tmp_path): 9e9, "/small": 0.0}
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/small")
    monkeypatch.setattr("distill.errors._free_megabytes", lambda place: free[str(place)])
    found = system_error(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert str(found) == "/small: the disk is full (0 MB left); free some space and try again"


def test_control_characters_never_reach_a_terminal():
    assert printable("a\x1b[31mb\x00\x9b\u202e\ud800\r") == r"a\x1b[31mb\x00\x9b\u202e\ud800\r"
    assert printable("två\n\trader 語") == "två\n\trader 語"
    assert str(UserError("no \x1b]0;x\x07", heading="\x1b[2J")) == r"\x1b[2J: no \x1b]0;x\x07"


def test_remove_folder_takes_what_is_there(tmp_path):
    remove_folder(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    remove_folder(tmp_path / "file")
    (tmp_path / "dangling").symlink_to("nowhere")
    remove_folder(tmp_path / "dangling")
    assert not list(tmp_path.iterdir())
