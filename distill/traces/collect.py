"""Fills the trace store, judges its solutions, and counts them: asked, answered, read, right, kept.

    found = collect(recipe, console)
    found["gsm8k"].judged       every solution with its verdict
    found["gsm8k"].counts       {"alone": {"asked": 80, "answered": 80, "read": 74, "right": 31, "kept": 27, …}, …}

A second call finds all solutions in the store and asks for nothing. Several processes may fill one store.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from distill.recipe.schema import ModelTeacher, Recipe
from distill.runs.files import disk_errors
from distill.traces.problems import Asked, Task, problems_of
from distill.traces.progress import Progress
from distill.traces.select import Judged, judge
from distill.traces.writers import Wanted, Writer, teacher_name, writer_of
from parsers import ReasoningGraph
from teachers.prompts import ask, ask_with_reference, words_key
from teachers.store import Answer, Request, TraceStore

CHUNK = 64
"""Requests that are taken at a time, at least."""
CHUNK_PER_ROW = 4
"""Requests that are taken at a time for each row that writes: at the end of a chunk rows are idle."""
POLL_SECONDS = 2.0

WAYS = ("alone", "with_reference")
"""How a problem is asked."""


@dataclass(slots=True)
class Solutions:
    """The solutions of one data set, with the state of its problems."""

    asked: Asked
    judged: dict[str, list[Judged]] = field(default_factory=lambda: {way: [] for way in WAYS})
    num_asked: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Counter[str]] = field(default_factory=lambda: {way: Counter() for way in WAYS})

    @property
    def counts(self) -> dict[str, Any]:
        """For run.json, by the way that problems were asked."""
        ways = {way: self._count(way) for way in WAYS if self.num_asked[way]}
        return {"problems": len(self.asked.tasks), "left_out": self.asked.left_out, **ways}

    def _count(self, way: str) -> dict[str, Any]:
        judged = self.judged[way]
        return {
            "asked": self.num_asked[way],
            "answered": len(judged),
            "read": sum(one.is_read for one in judged),
            "right": sum(one.is_right for one in judged),
            "kept": sum(one.graph is not None for one in judged),
            "tokens": sum(one.answer.num_tokens or 0 for one in judged),
            "rejected": dict(Counter(one.reason for one in judged if one.reason).most_common()),
            "failed": dict(self.failures[way].most_common()),
        }


def collect(recipe: Recipe, console: Console) -> dict[str, Solutions]:
    """Ask for missing solutions; returns data set -> all solutions of its problems in the store.

    Raises:
        UserError: a data file is damaged, the model cannot be loaded, the endpoint would refuse every question, or the
            disk is full. Solutions written before that stay in the store.
    """
    teacher = recipe.teacher
    assert isinstance(teacher, ModelTeacher)
    found = {name: Solutions(asked) for name, asked in problems_of(recipe).items()}
    write, folder = writer_of(recipe, console), Path(teacher.store)
    with disk_errors(folder), TraceStore(folder) as store, Progress(console) as progress:
        for way in WAYS if teacher.show_reference else WAYS[:1]:
            for name, solutions in found.items():
                tasks = solutions.asked.tasks if way == "alone" else _unsolved(solutions)
                wanted = [one for task in tasks for one in wanted_of(task, recipe, way)]
                progress.begin(f"{name}, {way.replace('_', ' ')}", len(wanted))
                solutions.num_asked[way] = len(wanted)
                solutions.judged[way] = _solve(store, wanted, write, teacher, solutions.failures[way], progress)
    return found


def _unsolved(solutions: Solutions) -> Iterable[Task]:
    """The problems with a reference solution but without a kept solution."""
    solved = {one.task.problem.question for one in solutions.judged["alone"] if one.graph is not None}
    return (task for task in solutions.asked.tasks if task.reference and task.problem.question not in solved)


def wanted_of(task: Task, recipe: Recipe, way: str) -> list[Wanted]:
    """The solutions to request for a problem in one way of asking."""
    teacher, problem = recipe.teacher, task.problem
    assert isinstance(teacher, ModelTeacher)
    message = ask(problem.question, problem.language)
    if way == "with_reference" and task.reference is not None:
        message = ask_with_reference(problem.question, task.reference.text, problem.language)
    sampling = (("temperature", teacher.temperature), ("max_new_tokens", teacher.max_new_tokens), ("seed", recipe.seed))
    name, template = teacher_name(recipe), words_key(message)
    return [
        Wanted(Request(problem.question, name, template, sampling, sample), message, task)
        for sample in range(teacher.samples)
    ]


def _solve(
    store: TraceStore,
    wanted: Sequence[Wanted],
    write: Writer,
    teacher: ModelTeacher,
    failures: Counter[str],
    progress: Progress,
) -> list[Judged]:
    """Verdicts on the solutions of `wanted`, in order; missing ones are written first."""
    judged: dict[str, Judged] = {}
    pending = {one.request.key: one for one in wanted}
    reference = _references()

    def take(one: Wanted, answer: Answer) -> None:
        pending.pop(answer.key, None)
        judged[answer.key] = judge(one.task, answer, teacher, reference(one.task))
        progress.answered(judged[answer.key])

    def keep(one: Wanted, answer: Answer) -> None:
        store.append(answer)
        progress.asked(answer.num_tokens)
        take(one, answer)

    def fail(one: Wanted, reason: str) -> None:
        pending.pop(one.request.key, None)
        failures[reason] += 1
        progress.failed(reason)

    while True:
        answers = store.answers()
        for key in [key for key in pending if key in answers]:
            take(pending[key], answers[key])
        if not pending:
            return [judged[key] for one in wanted if (key := one.request.key) in judged]
        most = max(CHUNK, CHUNK_PER_ROW * teacher.concurrency)
        taken = store.claim([one.request for one in pending.values()], most=most)
        if taken:
            write([pending[request.key] for request in taken], keep, fail, progress.wrote)
        else:
            progress.wait_for_others(len(pending))
            time.sleep(POLL_SECONDS)


def _references() -> Callable[[Task], ReasoningGraph | None]:
    """The graph of a task's reference; the last one is cached, because the solutions of a question come in a row."""
    last: dict[str, ReasoningGraph | None] = {}

    def graph(task: Task) -> ReasoningGraph | None:
        question = task.problem.question
        if question not in last:
            last.clear()
            last[question] = task.reference_graph()
        return last[question]

    return graph
