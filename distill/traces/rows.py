"""Turns verified solutions into traces.jsonl, graphs.jsonl and errors.jsonl, and the counts of run.json.

errors.jsonl keeps rejected solutions with the reason; they can serve to train verification.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distill.data.rows import Row
from distill.errors import UserError
from distill.recipe.schema import ModelTeacher, Recipe
from distill.traces.collect import WAYS, Solutions
from distill.traces.select import Judged, choose
from parsers import render
from teachers.problems import Trace, is_test_side


def traces_and_rows(recipe: Recipe, found: Mapping[str, Solutions]) -> tuple[list[Trace], list[Row]]:
    """The chosen solutions as they were written, and the row of each.

    Raises:
        UserError: there is none.
    """
    teacher = recipe.teacher
    assert isinstance(teacher, ModelTeacher)
    traces: list[Trace] = []
    rows: list[Row] = []
    for name, solutions in found.items():
        num_used = 0
        for one in _chosen(solutions, teacher.max_per_problem):
            if solutions.asked.limit is not None and num_used >= solutions.asked.limit:
                break
            row = row_of(one, name)
            num_used += row.side == "training"
            rows.append(row)
            traces.append(Trace(one.task.problem, one.answer.text, "auto", name))
    if not any(row.side == "training" for row in rows):
        raise UserError(_nothing(found), heading="teacher")
    return traces, rows


def row_of(one: Judged, dataset: str) -> Row:
    """The row of a kept solution."""
    assert one.graph is not None
    written = render(one.graph, format="staged", exact=False)
    question = one.task.problem.question
    return Row(
        question=question,
        text=str(written),
        form="staged",
        spans=written.spans,
        side="validation" if is_test_side(question) else "training",
        dataset=dataset,
        graph=one.graph,
    )


def errors(found: Mapping[str, Solutions]) -> Iterator[dict[str, Any]]:
    """The lines of errors.jsonl."""
    for name, solutions in found.items():
        for one in _judged(solutions):
            if one.graph is None:
                yield {
                    "dataset": name,
                    "question": one.task.problem.question,
                    "gold": one.task.problem.answer,
                    "text": one.answer.text,
                    "right": one.is_right,
                    "reason": one.reason,
                }


def _judged(solutions: Solutions) -> Iterator[Judged]:
    for way in WAYS:
        yield from solutions.judged[way]


def _chosen(solutions: Solutions, count: int) -> Iterator[Judged]:
    """The best solutions of each problem, in the order of the problems."""
    by_question: dict[str, list[Judged]] = {}
    for one in _judged(solutions):
        by_question.setdefault(one.task.problem.question, []).append(one)
    for task in solutions.asked.tasks:
        yield from choose(by_question.get(task.problem.question, []), count=count)


def _nothing(found: Mapping[str, Solutions]) -> str:
    """The reason why nothing is left to learn from."""
    judged = [one for solutions in found.values() for one in _judged(solutions)]
    kept = sum(one.graph is not None for one in judged)
    if kept:
        return f"all {kept} verified solutions belong to validation questions; ask more problems"
    reasons: dict[str, int] = {}
    for solutions in found.values():
        for way in WAYS:
            for reason, count in solutions.failures[way].items():
                reasons[reason] = reasons.get(reason, 0) + count
    for one in judged:
        reasons[str(one.reason)] = reasons.get(str(one.reason), 0) + 1
    listed = ", ".join(f"{count} × {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1]))
    total = sum(solutions.num_asked[way] for solutions in found.values() for way in WAYS)
    return f"none of {total} solutions is verified, so there is nothing to learn from: {listed}"
