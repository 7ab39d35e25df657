"""Selects the solutions of a teacher to learn from: correct ones with checkable steps.

A kept solution ended by itself, and its answer is the gold answer. Every computation re-computes, and its equations
hold for the values found. The parser read its computations, and they lead to its answer. It can be split into four
stages, and its RFS with the reference solution is at least `teacher.min_rfs`. Of a problem's kept solutions the best
are learnt: highest RFS first, then the shortest, then the first drawn. Of two with the same computations, the better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.evaluation.accuracy import matches
from distill.evaluation.rfs import rfs
from distill.recipe.schema import ModelTeacher
from distill.traces.equations import contradicted_equation
from distill.traces.problems import MIN_SHARE_READ, Task
from parsers import ReasoningGraph, Stage, parse
from parsers.reading.coverage import share_read
from parsers.writing.restage import Refusal, light_restage, restage

if TYPE_CHECKING:
    from teachers.store import Answer

LONGEST = 20_000
"""Characters of a solution that are read; a longer one is a loop."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A solution and its verdict. `graph` is what is learnt; it is None if the solution is rejected for `reason`."""

    task: Task
    answer: Answer
    graph: ReasoningGraph | None = None
    reason: str | None = None
    is_read: bool = False
    """An answer was found in it."""
    is_right: bool = False
    """The answer is the gold answer."""
    score: float | None = None
    """RFS with the reference solution; None where there is none."""


def judge(task: Task, answer: Answer, teacher: ModelTeacher, reference: ReasoningGraph | None) -> Judged:
    """The verdict on one solution; `reference` is the graph of the task's reference solution."""
    problem = task.problem
    graph = parse(answer.text[:LONGEST], question=problem.question, language=problem.language)
    is_read = graph.answer is not None
    gold = problem.accepted or problem.answer
    is_right = graph.answer is not None and matches(graph.answer, gold=gold, language=problem.language)
    found = _reason(graph, answer, is_right) or (restage if teacher.form == "canonical" else light_restage)(graph)
    if isinstance(found, Refusal):
        found = f"not put into four stages: {found.reason}"
    if isinstance(found, str):
        return Judged(task, answer, None, found, is_read, is_right)
    if found.answer is None or not matches(found.answer, gold=gold, language=problem.language):
        return Judged(task, answer, None, "its answer got lost in the four stages", is_read, is_right)
    score = None if reference is None else rfs(found, reference)
    if score is not None and score < teacher.min_rfs:
        return Judged(task, answer, None, "computes otherwise than the reference (teacher.min_rfs)", True, True, score)
    return Judged(task, answer, found, None, True, True, score)


def _reason(graph: ReasoningGraph, answer: Answer, is_right: bool) -> str | None:
    """The reason to reject a solution in either form; None if there is none."""
    if not answer.finished:
        return "cut off at teacher.max_new_tokens"
    if graph.answer is None:
        return "no answer was found"
    if not is_right:
        return "its answer is not the gold answer"
    if any(step.correct is False for step in graph.steps):
        return "a computation does not hold"
    if contradicted_equation(graph):
        return "an equation does not hold for the values found"
    share = share_read(graph)
    if share is None or share < MIN_SHARE_READ:
        return "its answer depends on steps that were not read"
    return None


def choose(judged: Sequence[Judged], *, count: int) -> list[Judged]:
    """The best `count` kept solutions of one problem, no two with the same computations."""
    kept = [one for one in judged if one.graph is not None]
    kept.sort(key=lambda one: (-(one.score or 0.0), len(one.answer.text)))
    chosen: dict[tuple[str, ...], Judged] = {}
    for one in kept:
        chosen.setdefault(_computations(one), one)
    return list(chosen.values())[:count]


def _computations(one: Judged) -> tuple[str, ...]:
    """The computations of a kept solution, in order."""
    assert one.graph is not None
    executed = [step for step in one.graph.steps if step.stage is Stage.EXECUTE]
    return tuple("".join((step.expression or step.text).split()) for step in executed)
