"""The whole pipeline on a tiny student: every output is there, and a run that is killed ends like one that is not."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from distill.errors import UserError
from distill.pipeline import run
from distill.recipe import load_recipe
from distill.runs import read_json

OVERRIDES = ["train.max_steps=12", "train.save_steps=2", "eval.num_questions_per_task=2", "eval.max_new_tokens=24"]
KILLS = 5

# A fork server that has imported everything and computed nothing: its children start at once and can be killed.
SERVER = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
SERVER.set_forkserver_preload(
    ["distill.training", "distill.trainer", "distill.evaluation", "distill.report", "students.tokenizer"]
)


def tiny_run(out: str, overrides: list[str], resume: bool) -> None:
    import torch

    torch.set_num_threads(1)
    run(load_recipe("miniaxion_tiny", overrides), out=out, resume=resume)


def start(out: Path, *overrides: str, resume: bool = False) -> Any:
    process = SERVER.Process(target=tiny_run, args=(str(out), [*OVERRIDES, *overrides], resume))
    process.start()
    return process


def finish(process: Any) -> None:
    process.join(timeout=120)
    assert process.exitcode == 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, float]:
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    began = time.monotonic()
    finish(start(out))
    return out, time.monotonic() - began


def results(folder: Path) -> dict[str, Any]:
    """Everything that a run ends with, without what a clock says."""
    metrics = read_json(folder / "metrics.json")
    del metrics["decoding"]["seconds"], metrics["training"]["elapsed_seconds"]
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    for entry in history:
        entry.pop("elapsed_seconds"), entry.pop("tokens_per_second")
    weights = (folder / "student" / "model.safetensors").read_bytes()
    return {
        "metrics": metrics,
        "history": history,
        "samples": (folder / "samples.jsonl").read_text(),
        "weights": weights,
    }


def test_a_run_writes_all_that_the_readme_lists(undisturbed):
    folder, _ = undisturbed
    names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    assert names == {
        "recipe.yaml", "run.json", "traces.jsonl", "graphs.jsonl", "tokenizer", "checkpoints", "history.jsonl",
        "student", "metrics.json", "samples.jsonl", "report.html",
    }  # fmt: skip
    student = {entry.name for entry in (folder / "student").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= student
    record = read_json(folder / "run.json")
    assert record["training"]["steps"] == 12 and record["versions"]["torch"] and record["seconds"]["train"] > 0
    assert all(math.isfinite(json.loads(line)["nll"]) for line in (folder / "history.jsonl").read_text().splitlines())
    metrics = read_json(folder / "metrics.json")
    assert set(metrics["tasks"]) == {"even_odd", "comparison", "arithmetic"}
    assert all(task["n"] == 2 for task in metrics["tasks"].values())
    assert len((folder / "samples.jsonl").read_text().splitlines()) == 6


def test_killed_five_times_and_resumed_it_ends_the_same(undisturbed, tmp_path):
    folder, seconds = undisturbed
    seed = random.SystemRandom().randrange(10**6)
    moments = [random.Random(f"{seed}/{i}").uniform(0, 0.7 * seconds) for i in range(KILLS)]
    out, killed = tmp_path / "killed", 0
    for moment in moments:
        process = start(out, resume=True)
        time.sleep(moment)
        process.kill()
        process.join()
        killed += process.exitcode != 0
    finish(start(out, resume=True))
    assert killed, f"seed {seed}: no kill came in time"
    assert results(out) == results(folder), f"seed {seed}"
    assert not list(out.rglob("*.part"))


def test_a_finished_run_is_left_as_it_is(undisturbed):
    folder, _ = undisturbed
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    finish(start(folder, resume=True))
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_seed_is_another_student(undisturbed, tmp_path):
    folder, _ = undisturbed
    finish(start(tmp_path / "other", "seed=1"))
    assert results(tmp_path / "other")["weights"] != results(folder)["weights"]


@pytest.mark.slow
def test_two_processes_train_one_student(undisturbed, tmp_path):
    folder, _ = undisturbed
    overrides = [*OVERRIDES, "train.per_device_train_batch_size=4"]
    done = run(load_recipe("miniaxion_tiny", overrides), out=str(tmp_path / "two"), nproc=2)
    one, two = (read_json(path / "metrics.json")["training"] for path in (folder, done.path))
    assert two["steps"] == one["steps"] and two["supervised_tokens"] == one["supervised_tokens"]


@pytest.mark.parametrize(
    ("override", "finding"),
    [
        ("student.vocab_size=300", "student.vocab_size: 300 is too small; markers, bytes and letters need"),
        ("student.max_length=64", "student.max_length: 64 is shorter than the longest example"),
        ("student.size=miniaxion1-0.8m", 'student.size: unknown student, did you mean "miniaxion1-0.9m"'),
        ("eval.problems=gone.jsonl", "gone.jsonl: no such file"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, override, finding):
    out = tmp_path / "run"
    out.mkdir()
    (out / "recipe.yaml").write_text("name: precious\n")
    overrides = ["eval.max_new_tokens=8", "student.size=miniaxion1-tiny", override]
    with pytest.raises(UserError) as caught:
        run(load_recipe("miniaxion_tiny", overrides), out=str(out), overwrite=True)
    assert finding in str(caught.value)
    assert [entry.name for entry in out.iterdir()] == ["recipe.yaml"]
