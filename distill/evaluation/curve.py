"""Measures accuracy over training time: each snapshot of a run answers a few of the questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distill.evaluation.accuracy import accuracy, grade
from distill.evaluation.evaluate import decoding_options, unwritten, write_on
from distill.runs.folder import Run
from teachers.problems import Problem

QUESTIONS = 10
"""Of each task: enough for the shape of a curve, and seconds to ask."""


def accuracy_curve(
    run: Run,
    problems: Sequence[Problem],
    rows: Sequence[Mapping[str, Any]],
    on_progress: Callable[[int], None] | None = None,
) -> list[dict[str, Any]]:
    """`step`, `n`, `correct`, `accuracy` and its `interval` for each snapshot of a run, greedily on `few(problems)`.

    `rows` are the lines of samples.jsonl. Their answers to the same questions are the last point, unless self-error
    rounds came after training.
    """
    from students.generation import load_student

    asked, found = few(problems), []
    for folder in sorted(run.snapshots.glob("step-*")):
        model, tokenizer = load_student(folder)
        options = decoding_options(run.recipe.eval, tokenizer)
        written = write_on(model, tokenizer, unwritten(asked), on_progress=on_progress, **options)
        right = [grade(one.text, gold=one.gold or "", language=one.language).strict for one in written]
        found.append({"step": int(folder.name.partition("-")[2]), **accuracy(sum(right), len(right))})
    if found and not run.recipe.refine:
        questions = {problem.question for problem in asked}
        right = [bool(row["strict"]) for row in rows if row["question"] in questions]
        found.append({"step": run.record()["training"]["steps"], **accuracy(sum(right), len(right))})
    return found


def few(problems: Sequence[Problem], count: int = QUESTIONS) -> list[Problem]:
    """The first `count` problems of every task and language."""
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for problem in problems:
        key = (problem.language, problem.task)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= count:
            kept.append(problem)
    return kept
