"""Selects the problems for a teacher that is a model: without test questions and near duplicates.

{"gsm8k": Asked((Task(Problem("Natalia sold …", "72"), reference="… #### 72"), …), {"near duplicate": 3})}
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from distill.data.adapter import HeldOut
from distill.data.sources import load_sources, load_test_problems
from distill.recipe.schema import ModelTeacher, Recipe
from parsers import ReasoningGraph
from parsers.reading.coverage import share_read
from teachers.problems import Problem, Trace, parse_trace

MIN_SHARE_READ = 0.5
"""Of the statements of a solution that compute, the share that must have been read."""


@dataclass(frozen=True, slots=True)
class Task:
    """A problem with its reference solution, if it has one."""

    problem: Problem
    reference: Trace | None = None

    def reference_graph(self) -> ReasoningGraph | None:
        """The graph of the reference solution; None if there is none, or if too little of it was read."""
        graph = parse_trace(self.reference) if self.reference else None
        share = None if graph is None else share_read(graph)
        return graph if share is not None and share >= MIN_SHARE_READ else None


@dataclass(frozen=True, slots=True)
class Asked:
    """The problems to ask of one data set, and counts of the others, by reason."""

    tasks: tuple[Task, ...]
    left_out: dict[str, int]
    limit: int | None = None
    """Texts of this data set that are learnt from at most."""


def problems_of(recipe: Recipe) -> dict[str, Asked]:
    """Data set to its problems, in the order that the seed gives.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    teacher = recipe.teacher
    assert isinstance(teacher, ModelTeacher)
    test = HeldOut(problem.question for problem in load_test_problems(recipe))
    names = [Path(teacher.problems).name] if teacher.problems else [*(teacher.datasets or (teacher.dataset,))]
    found, seen = {}, set[str]()
    for name, (traces, limit) in zip(names, load_sources(recipe), strict=True):
        shuffled = Random(f"order/{recipe.seed}").sample(traces, len(traces))
        found[name] = _asked(shuffled, test, seen, teacher.num_problems, limit)
    return found


def _asked(traces: Iterable[Trace], test: HeldOut, seen: set[str], count: int | None, limit: int | None) -> Asked:
    tasks: list[Task] = []
    left_out: Counter[str] = Counter()
    for trace in traces:
        if len(tasks) == count:
            break
        question = trace.problem.question
        if test.hold(question):
            left_out["shares its words with a test question"] += 1
        elif (words := _bare_words(question)) in seen:
            left_out["near duplicate of another problem"] += 1
        else:
            seen.add(words)
            tasks.append(Task(trace.problem, trace if trace.text else None))
    return Asked(tuple(tasks), dict(left_out), limit)


def _bare_words(question: str) -> str:
    """The question without capitals, signs and spaces, to find near duplicates."""
    return " ".join(re.findall(r"\w+", question.casefold()))
