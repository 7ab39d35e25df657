"""`distill runs`, `compare`, `report`: what stands in run folders, and what is no run."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from distill import cli
from distill.evaluation.outputs import Output, score_outputs
from distill.recipe.schema import load_recipe
from distill.runs.folder import Run, only_worker
from distill.verbs import runs

RIGHT = "[UNDERSTAND]<STEP>4+5[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9[VERIFY]<STEP>9-5=4 ok</THINK><ANS>9</ANS>"


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exited:
        cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert isinstance(exited.value.code, int)
    return exited.value.code, captured.out, captured.err


def make_run(path: Path, *, right: int, seed: int = 0, of: int = 4) -> Path:
    """A finished run with that many right answers."""
    path.mkdir(parents=True)
    texts = [RIGHT if i < right else RIGHT.replace("<ANS>9", "<ANS>8") for i in range(of)]
    metrics, rows = score_outputs([Output(f"{i}?", text, "9", "arithmetic") for i, text in enumerate(texts)])
    training = {"elapsed_seconds": 90.0, "parameters": 920_833, "device": "cpu", "processes": 2}
    (path / "metrics.json").write_text(json.dumps(metrics))
    (path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "run.json").write_text(json.dumps({"recipe": "mine", "training": training}))
    (path / "recipe.yaml").write_text(f"name: mine\nseed: {seed}\n")
    (path / "report.html").write_text("old")
    return path


def test_runs_are_listed_with_state_accuracy_and_minutes(tmp_path, capsys):
    make_run(tmp_path / "done", right=3)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "recipe.yaml").write_text("name: other\n")
    (tmp_path / "begun" / "run.json").write_text("{half")
    (tmp_path / "no run").mkdir()
    found = {Path(one.path).name: one for one in runs.list_runs(tmp_path)}
    assert set(found) == {"done", "begun"}
    assert (found["done"].state, found["done"].accuracy, found["done"].minutes) == ("done", 0.75, 1.5)
    assert (found["begun"].state, found["begun"].accuracy) == ("begun", None)
    code, out, _ = call(capsys, "runs", tmp_path, "--json")
    assert code == 0 and {Path(row["path"]).name for row in json.loads(out)} == {"done", "begun"}
    code, out, _ = call(capsys, "runs", tmp_path)
    assert code == 0 and "75.0 %" in out and "1.5 min" in out


def test_two_runs_are_compared_question_by_question_and_key_by_key(tmp_path, capsys):
    first, second = make_run(tmp_path / "[a]", right=1), make_run(tmp_path / "b", right=3, seed=7)
    code, out, _ = call(capsys, "compare", first, second)
    assert code == 0
    row = next(line.split() for line in out.splitlines() if line.startswith("strict"))
    assert row[:6] == ["strict", "25.0", "%", "75.0", "%", "+50.0"] and "0 / 2" in out and "seed: 0 -> 7" in out
    assert "only [a]/b" in out, "a name is no markup"
    code, out, _ = call(capsys, "compare", first, second, "--json")
    found = json.loads(out)
    assert code == 0 and found["paired"]["strict"]["difference"] == 0.5 and found["recipe"] == ["seed: 0 -> 7"]


def test_a_report_is_written_anew(tmp_path, capsys):
    run = make_run(tmp_path / "run", right=4)
    assert call(capsys, "report", run)[:2] == (0, f"{run / 'report.html'}\n")
    assert "0.9 M parameters · 1.5 min on 2 cores · 100.0 % correct" in (run / "report.html").read_text()


def test_long_names_stand_above_the_table(tmp_path, capsys):
    first, second = make_run(tmp_path / "a-run-of-many-letters", right=1), make_run(tmp_path / "b", right=3)
    code, out, _ = call(capsys, "compare", first, second)
    assert code == 0 and "A: a-run-of-many-letters" in out and "B: b" in out and "only A/B" in out
    assert max(map(len, out.splitlines()[1:])) <= 80


def test_a_path_is_never_broken_where_it_is_too_long_for_a_table(tmp_path):
    run = make_run(tmp_path / ("long-" * 12), right=4)
    for columns, lines in ((80, [str(run), "  done, 100.0 %"]), (300, [f"{run}  done   100.0 %"])):
        out = io.StringIO()
        runs.show_runs(tmp_path, Console(file=out, width=columns))
        shown = out.getvalue().splitlines()
        assert all(any(line.startswith(start) for line in shown) for start in lines), shown


def test_an_interrupted_run_is_named_with_the_command_that_continues_it(tmp_path, capsys):
    for name in ("stopped", "at work"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / "recipe.yaml").write_text("name: x\n")
    make_run(tmp_path / "done", right=4)
    with only_worker(Run(tmp_path / "at work", load_recipe("miniaxion_tiny"))):
        code, out, _ = call(capsys, "runs", tmp_path)
        states = {Path(one.path).name: one.resume is not None for one in runs.list_runs(tmp_path)}
    assert code == 0 and out.count("interrupted, training") == 1
    assert states == {"stopped": True, "at work": False, "done": False}
    assert f"distill run {tmp_path / 'stopped' / 'recipe.yaml'} --out {tmp_path / 'stopped'} --resume" in out


@pytest.mark.parametrize("verb", ["compare", "report"])
def test_what_is_no_finished_run_is_one_line(tmp_path, capsys, verb):
    run = make_run(tmp_path / "run", right=4)
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "recipe.yaml").write_text("name: x\n")
    for name, finding in (("gone", "not a run folder"), ("unfinished", "--resume")):
        code, out, err = call(capsys, verb, tmp_path / name, *([run] if verb == "compare" else []))
        assert (code, out) == (2, "") and finding in err and len(err.splitlines()) == 1


def test_help_version_and_no_verb(capsys):
    for arguments in ([], ["-h"], ["--help"]):
        code, out, err = call(capsys, *arguments)
        assert (code, err) == (0, "") and out.startswith("Usage: distill")
    code, out, err = call(capsys, "--version")
    assert (code, err) == (0, "") and out.startswith("distill ") and "torch" in out
