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
from distill.recipe.files import shipped_recipes
from distill.recipe.schema import load_recipe
from distill.runs.files import read_json
from distill.runs.folder import OUTPUTS
from distill.verbs.run import run

OVERRIDES = ["train.max_steps=12", "train.save_steps=2", "eval.num_questions_per_task=2", "eval.max_new_tokens=24"]
KILLS = 5

# A fork server that has imported everything and computed nothing: its children start at once and can be killed.
SERVER = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
SERVER.set_forkserver_preload(
    [
        "distill.tracks.training",
        "distill.training.trainer",
        "distill.evaluation",
        "distill.report.page",
        "students.tokenizer",
    ]
)


def tiny_run(out: str, overrides: list[str], resume: bool, name: str = "miniaxion_tiny") -> None:
    import torch

    torch.set_num_threads(1)
    run(load_recipe(name, overrides), out=out, resume=resume)


def start(out: Path, *overrides: str, resume: bool = False) -> Any:
    process = SERVER.Process(target=tiny_run, args=(str(out), [*OVERRIDES, *overrides], resume))
    process.start()
    return process


def finish(process: Any) -> None:
    process.join(timeout=600)
    assert process.exitcode == 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    finish(start(out))
    return out


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
    folder = undisturbed
    names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    assert names == {
        "recipe.yaml", "run.json", "traces.jsonl", "graphs.jsonl", "tokenizer", "checkpoints", "history.jsonl",
        "student", "metrics.json", "samples.jsonl", "report.html",
    }  # fmt: skip
    assert names <= set(OUTPUTS)  # else --overwrite would leave it
    student = {entry.name for entry in (folder / "student").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= student
    record = read_json(folder / "run.json")
    assert record["training"]["steps"] == 12 and record["versions"]["torch"] and record["seconds"]["train"] > 0
    assert all(math.isfinite(json.loads(line)["nll"]) for line in (folder / "history.jsonl").read_text().splitlines())
    metrics = read_json(folder / "metrics.json")
    assert set(metrics["tasks"]) == {"even_odd", "comparison", "arithmetic"}
    assert all(task["n"] == 2 for task in metrics["tasks"].values())
    assert len((folder / "samples.jsonl").read_text().splitlines()) == 6


def last_step(out: Path) -> int:
    """Step of the newest checkpoint, -1 without one."""
    return max((int(path.name.split("-")[1]) for path in out.glob("checkpoints/checkpoint-*")), default=-1)


def test_killed_five_times_and_resumed_it_ends_the_same(undisturbed, tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    out, killed = tmp_path / "killed", 0
    for step in sorted(chance.randrange(-1, 9) for _ in range(KILLS)):
        process = start(out, resume=True)
        while process.is_alive() and last_step(out) < step:
            time.sleep(0.005)
        time.sleep(chance.choice([0.0, 0.02, 0.2, 1.0]) * chance.random())
        process.kill()
        process.join()
        killed += process.exitcode != 0
    finish(start(out, resume=True))
    assert killed, f"seed {seed}: no kill came in time"
    assert results(out) == results(undisturbed), f"seed {seed}"
    assert not list(out.rglob("*.part"))


def test_a_finished_run_is_left_as_it_is(undisturbed):
    folder = undisturbed
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    finish(start(folder, resume=True))
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("name", [n for n in shipped_recipes() if load_recipe(n).student.kind == "nano"])
def test_every_recipe_that_ships_takes_two_steps_with_a_tiny_student(name, tmp_path):
    overrides = [
        "student.size=miniaxion1-tiny", "train.max_steps=2", "train.warmup_steps=1", "train.compile=off",
        "train.gradient_accumulation_steps=1", "eval.num_questions_per_task=1", "eval.max_new_tokens=8",
    ]  # fmt: skip
    if load_recipe(name).refine:
        overrides += ["refine.num_problems=4", "refine.num_samples=3", "refine.max_steps=2"]
    is_reference = load_recipe(name).teacher.kind == "reference"
    if is_reference:
        rows = [
            {
                "question": f"Ole has {n} pens and buys 5. How many now?",
                "answer": f"{n}+5=<<{n}+5={n + 5}>>{n + 5}\n#### {n + 5}",
            }
            for n in range(40)
        ]
        for side in ("train", "test"):
            (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        overrides += [f"data.path={tmp_path / 'train.jsonl'}", "student.vocab_size=340"]
    process = SERVER.Process(target=tiny_run, args=(str(tmp_path / "run"), overrides, False, name))
    process.start()
    finish(process)
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert metrics["training"]["steps"] == 2
    assert ("validation" in metrics) == is_reference


def test_another_seed_is_another_student(undisturbed, tmp_path):
    folder = undisturbed
    finish(start(tmp_path / "other", "seed=1"))
    assert results(tmp_path / "other")["weights"] != results(folder)["weights"]


@pytest.mark.slow
def test_two_processes_train_one_student(undisturbed, tmp_path):
    folder = undisturbed
    overrides = [*OVERRIDES, "train.per_device_train_batch_size=4", "train.gradient_accumulation_steps=2"]
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
    (out / "run.json").write_text("{}")
    overrides = ["eval.max_new_tokens=8", "student.size=miniaxion1-tiny", override]
    with pytest.raises(UserError) as caught:
        run(load_recipe("miniaxion_tiny", overrides), out=str(out), overwrite=True)
    assert finding in str(caught.value)
    assert {entry.name for entry in out.iterdir()} == {"recipe.yaml", "run.json"}
    assert (out / "recipe.yaml").read_text() == "name: precious\n"
