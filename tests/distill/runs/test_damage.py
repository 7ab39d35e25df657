"""Damage to a run is found at once, set aside, and made again by the phase whose output it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from distill.recipe.schema import load_recipe
from distill.runs.damage import METRICS, damage, mend
from distill.runs.files import write_json, write_jsonl
from distill.runs.folder import Run, begin_run

OUTPUTS = ("traces.jsonl", "graphs.jsonl", "history.jsonl", "samples.jsonl", "metrics.json", "student", "refine")


@pytest.fixture
def run(tmp_path) -> Run:
    this = Run(tmp_path / "run", load_recipe("miniaxion_tiny"))
    begin_run(this)
    for name in ("traces.jsonl", "graphs.jsonl", "history.jsonl", "samples.jsonl"):
        write_jsonl(this.path / name, [{"a": 1}, {"abc": 12345}])
    write_json(this.metrics, dict.fromkeys(METRICS))
    for folder in (this.student, this.path / "refine" / "round-1" / "student"):
        folder.mkdir(parents=True)
        save_file({"w": np.zeros(4)}, folder / "model.safetensors")
        write_json(folder / "config.json", {"model_type": "llama"})
    write_json(this.rounds, [])
    half = this.path / "refine" / "round-1" / "checkpoints" / ".writing"
    half.mkdir(parents=True)
    (half / "trainer_state.json").write_text("{")  # killed while it was written: nothing to set aside
    this.report.write_text("<html></html>")
    return this


def test_a_whole_run_stays_as_it_is(run):
    said = []
    mend(run, said.append)
    assert not said and run.report.is_file() and not (run.path / "damaged").exists()


@pytest.mark.parametrize("spoil", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\xff" + data])
@pytest.mark.parametrize(
    ("file", "gone"),
    [
        ("graphs.jsonl", {"traces.jsonl", "graphs.jsonl"}),
        ("student/model.safetensors", {"student", "history.jsonl"}),
        ("student/config.json", {"student", "history.jsonl"}),
        ("refine/round-1/student/model.safetensors", {"refine", "student"}),
        ("metrics.json", {"metrics.json", "samples.jsonl"}),
        ("samples.jsonl", {"metrics.json", "samples.jsonl"}),
        ("report.html", set()),
    ],
)
def test_what_is_damaged_is_set_aside_with_what_rests_on_it(run, file, gone, spoil):
    path = run.path / file
    path.write_bytes(spoil(path.read_bytes()))
    said = []
    mend(run, said.append)
    assert len(said) == 1 and str(path) in said[0] and "made again" in said[0]
    assert {name for name in OUTPUTS if not (run.path / name).exists()} == gone
    assert not run.report.exists()
    assert (run.path / "damaged" / Path(file).parts[0]).exists()  # nothing is lost
    if "student" in gone:
        assert not run.rounds.exists()  # or the last round would be skipped
    mend(run, said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '{"seconds": {}}', '{"fingerprint": "x", "seconds": 5}', "[" * 99999]
)
def test_a_damaged_record_is_begun_anew(run, text):
    (run.path / "run.json").write_text(text)
    said = []
    mend(run, said.append)
    assert "run.json is damaged" in said[0]
    assert run.record()["fingerprint"] == run.recipe.fingerprint()
    with run.timed("train"):
        pass


@pytest.mark.parametrize("value", [[], 5, {"tasks": {}}])
def test_metrics_must_hold_what_a_report_shows(run, value):
    run.metrics.write_text(json.dumps(value))
    assert str(run.metrics) in (damage(run.metrics) or "")
