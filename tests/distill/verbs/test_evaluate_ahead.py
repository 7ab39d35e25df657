"""An evaluation whose questions are shared by several processes, as on two GPUs: same answers, each asked once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from distill.evaluation.kept import KeptAnswers
from distill.recipe.schema import load_recipe
from distill.verbs import evaluate_ahead
from distill.verbs.evaluate_ahead import Share, ask_ahead
from students.generation import Generation


def test_each_batch_is_asked_by_one_process(tmp_path: Path) -> None:
    batches = [[f"question {n}"] for n in range(5)]
    asked: list[str] = []
    for rank in (0, 1):
        share = Share(tmp_path / "answers.jsonl", rank=rank, size=2)
        for batch in batches:
            if share.get(batch) is None:
                asked.append(f"{rank} {batch[0][-1]}")
                share.add(batch, [Generation(f"answer of {rank}", 3, True)])
    assert asked == ["0 0", "0 2", "0 4", "1 1", "1 3"]
    kept = KeptAnswers(tmp_path / "answers.jsonl")
    assert all(kept.get(batch) is not None for batch in batches)


def test_one_gpu_or_a_student_that_needs_none_asks_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[int] = []
    monkeypatch.setattr(evaluate_ahead, "train_with", lambda work, run, nproc: launched.append(nproc))
    for name, gpus in (("miniaxion_tiny", 2), ("nanoreason3b_t4x2", 1), ("nanoreason3b_t4x2", 2)):
        this: Any = SimpleNamespace(recipe=load_recipe(name))
        ask_ahead(this, gpus)
    assert launched == [2]
