"""The command line: quick help, one-line errors, exit codes, nothing overwritten."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from distill import cli

ROOT = Path(__file__).parents[2]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `distill arguments`, in this process."""
    with pytest.raises(SystemExit) as exited:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    assert isinstance(exited.value.code, int)
    return exited.value.code, captured.out, captured.err


def test_help_answers_within_a_second():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run([sys.executable, "-m", "distill", "--help"], cwd=ROOT, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime  # of its own: others may be at work
    assert result.returncode == 0 and "run" in result.stdout
    assert seconds < 1.0


def test_help_and_recipes_import_nothing_heavy():
    code = "import sys\nfrom distill import cli\ntry: cli.main(['recipes'])\nexcept SystemExit: pass\nprint({'torch', 'transformers'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "set()"


def test_recipes_are_listed_with_what_they_need(capsys):
    code, out, err = call(capsys, "recipes")
    assert code == 0 and err == ""
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].strip() == "first look" and "miniaxion_tiny" in out
    row = next(line for line in lines if line.startswith("  miniaxion_from_teacher "))
    assert "30 min" in row and row.rstrip().endswith("measured")
    code, out, _ = call(capsys, "recipes", "--json")
    names = {recipe["name"] for recipe in json.loads(out)}
    assert names == {path.stem for path in (ROOT / "recipes").glob("*.yaml")}
    code, out, _ = call(capsys, "recipes", "show", "miniaxion_tiny")
    assert code == 0 and out == (ROOT / "recipes" / "miniaxion_tiny.yaml").read_text()


def test_a_recipe_is_copied_but_never_over_a_file(capsys, tmp_path):
    file = tmp_path / "new" / "mine.yaml"
    code, out, _ = call(capsys, "recipes", "copy", "miniaxion_tiny", str(file))
    assert code == 0 and out.strip() == str(file)
    assert file.read_bytes() == (ROOT / "recipes" / "miniaxion_tiny.yaml").read_bytes()
    file.write_text("mine")
    code, _, err = call(capsys, "recipes", "copy", "miniaxion_tiny", str(file))
    assert code == 2 and "exists already" in err and file.read_text() == "mine"
    code, _, err = call(capsys, "recipes", "copy", "miniaxion_tini", str(tmp_path / "x.yaml"))
    assert code == 2 and 'did you mean "miniaxion_tiny"' in err


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["run"], "Missing argument"),
        (["run", "miniaxion_tini"], "recipes that ship: miniaxion_tiny"),
        (["run", "miniaxion_tiny", "--fast"], "No such option"),
        (["run", "miniaxion_tiny", "--nproc", "0"], "--nproc"),
        (["run", "miniaxion_tiny", "--resume", "--overwrite"], "exclude each other"),
        (["run", "miniaxion_tiny", "--set", "train.max_stepps=2"], 'did you mean "max_steps"'),
        (["run", "miniaxion_tiny", "--set", "train.max_steps"], "write it as key.path=value"),
        (["check", "gone.yaml"], "no such file"),
        (["fly"], "fly"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(capsys, arguments, finding, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and finding in err and "Traceback" not in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_several_problems_are_listed_below_one_another(capsys, tmp_path):
    (tmp_path / "x.yaml").write_text("name: x\nteacher: {kid: 1}\ntrain: {max_steps: no}\n")
    code, _, err = call(capsys, "check", str(tmp_path / "x.yaml"))
    assert code == 2
    assert [line[:2] for line in err.splitlines()] == ["er", "  ", "  "]


def test_debug_shows_where(tmp_path):
    command = [sys.executable, "-m", "distill", "check", str(tmp_path / "gone.yaml"), "--debug"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode != 0 and "Traceback" in result.stderr


def raise_error(error: BaseException):
    def failing(*_: object, **__: object) -> None:
        raise error

    return failing


def test_our_bug_is_one_line_and_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr(cli, "app", raise_error(RuntimeError("shapes\ndiffer")))
    code, out, err = call(capsys, "run", "miniaxion_tiny")
    assert (code, out) == (1, "")
    assert err.splitlines() == ["failed: RuntimeError: shapes differ (this is our bug; --debug shows where)"]


@pytest.mark.parametrize("arguments", [["run", "miniaxion_tiny"], ["recipes"]])
def test_interrupted_says_how_to_continue(capsys, monkeypatch, arguments):
    monkeypatch.setattr("distill.recipe.schema.load_recipe", raise_error(KeyboardInterrupt()))
    monkeypatch.setattr("distill.verbs.recipes.show_recipes", raise_error(KeyboardInterrupt()))
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (130, "")
    assert err == ("interrupted; the same command with --resume continues\n" if "run" in arguments else "interrupted\n")


def test_the_reader_of_a_pipe_may_leave():
    command = f"{sys.executable} -m distill recipes | true"
    result = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert "Traceback" not in result.stderr


def test_an_empty_file_of_a_library_is_no_interruption(monkeypatch, capsys):
    def run_out(*_: object, **__: object) -> None:
        raise EOFError("Ran out of input")  # what torch.load says of an empty file

    monkeypatch.setattr("distill.recipe.schema.load_recipe", run_out)
    code, _, shown = call(capsys, "run", "miniaxion_tiny")
    assert code == 1 and "EOFError" in shown


def test_what_the_system_refuses_is_wrong_input_and_is_shown_without_control_characters(monkeypatch, capsys):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "/kaggle/input/\x1b[31m")

    monkeypatch.setattr("distill.recipe.schema.load_recipe", refuse)
    code, _, shown = call(capsys, "run", "miniaxion_tiny")
    assert code == 2 and r"/kaggle/input/\x1b[31m: no permission to write" in shown and "\x1b" not in shown


def test_options_that_are_wrong_name_the_help_of_their_verb(capsys):
    code, _, shown = call(capsys, "run")
    assert code == 2 and "Missing argument 'RECIPE'; see distill run --help" in shown
