"""Accuracy against training time: when the student is kept, what is asked of it, and the picture."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from distill.evaluation import wilson
from distill.evaluation.curve import few
from distill.report.line_chart import Axes, accuracy_chart
from distill.training.schedules import TrainingPlan
from distill.training.snapshots import Snapshots
from teachers.problems import Problem


def kept(folder: Path, steps: range, plan: TrainingPlan, seconds: float = 0.0) -> list[int]:
    """The snapshots in a folder after training over these steps."""
    state = TrainerState(global_step=steps.start)
    arguments: Any = SimpleNamespace(should_save=True)
    moment = (arguments, state, TrainerControl())

    def save(folder: Path) -> None:
        (folder / "weights").write_text(str(state.global_step))

    callback = Snapshots(folder, plan, save)
    callback.on_train_begin(*moment)
    for step in steps:
        state.global_step = step + 1
        plan.advance(step + 1, seconds * (step + 1))
        callback.on_step_end(*moment)
    return sorted(int(entry.name.partition("-")[2]) for entry in folder.glob("step-*"))


def plan(**changes: Any) -> TrainingPlan:
    values = {"max_steps": 60, "budget_seconds": None, "warmup_steps": 1, "decay_fraction": 0.3}
    return TrainingPlan(**{**values, "shape": "warmup_stable_decay", **changes})


def test_five_moments_and_not_the_end(tmp_path: Path) -> None:
    assert kept(tmp_path, range(60), plan()) == [10, 20, 30, 40, 50]
    assert (tmp_path / "step-0000020" / "weights").read_text() == "20"


def test_a_resumed_run_keeps_the_same_and_no_more(tmp_path: Path) -> None:
    assert kept(tmp_path, range(25), plan()) == [10, 20]
    assert kept(tmp_path, range(22, 60), plan()) == [10, 20, 30, 40, 50]


def test_fewer_steps_than_moments(tmp_path: Path) -> None:
    assert kept(tmp_path, range(3), plan(max_steps=3, warmup_steps=0)) == [1, 2]


def test_moments_of_a_time_budget(tmp_path: Path) -> None:
    found = kept(tmp_path, range(100), plan(max_steps=None, budget_seconds=100.0), seconds=1.0)
    assert [round(step / 100 * 6) for step in found] == [1, 2, 3, 4, 5]


def test_a_few_questions_of_every_task_and_language() -> None:
    problems = [
        Problem(f"{task} {language} {i}", "1", task, language)
        for task in "ab"
        for language in ("en", "pt")
        for i in range(7)
    ]
    found = few(problems, 3)
    assert len(found) == 12 and {p.question[-1] for p in found} == {"0", "1", "2"}
    assert few(problems, 10) == problems


def point(step: int, correct: int) -> dict[str, Any]:
    return {"step": step, "n": 70, "correct": correct, "accuracy": correct / 70, "interval": list(wilson(correct, 70))}


def test_the_picture_has_a_point_at_the_minute_of_its_step() -> None:
    history = [{"step": 100, "elapsed_seconds": 600.0}, {"step": 200, "elapsed_seconds": 1800.0}]
    svg = accuracy_chart([point(50, 0), point(150, 35), point(200, 70)], history)
    circles = [(float(x), float(y)) for x, y in re.findall(r'<circle class="point" cx="([\d.]+)" cy="([\d.]+)"', svg)]
    axes = Axes(30, 0, 1)
    assert [x for x, _ in circles] == [pytest.approx(axes.x(minute), abs=0.1) for minute in (5, 20, 30)]
    assert circles[0][1] > circles[1][1] > circles[2][1]
    assert "minutes of training" in svg and "100 %" in svg
    assert "optimizer steps" in accuracy_chart([point(50, 0), point(150, 35)], [])
    assert accuracy_chart([point(50, 0)], history) == accuracy_chart([], []) == ""
