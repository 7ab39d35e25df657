"""Rows for an adapter student from reference solutions: verified, kept apart from the test questions, counted.

    {"question": "…", "answer": "… <<48/2=24>>24 … #### 72"}   ─parse─ structure─ render▶   [UNDERSTAND]\\nGiven: 48 …

graphs.jsonl has one row a solution (distill/data/rows.py); nothing is learnt from a step that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import Random

from distill.data.mistakes import with_error
from distill.data.rows import Row, places
from distill.data.sources import load_sources, load_test_traces
from distill.recipe.schema import Recipe, ReferenceTeacher
from parsers import ReasoningGraph, Stage, render, structure
from parsers.answers.final import Verdict, answers_equal
from teachers.problems import Problem, Trace, is_test_side, parse_trace

MAX_SHARED_WORDS = 12
"""A question that shares more words in a row than this with a test question is not trained on (13-grams, as in
arXiv 2005.14165, appendix C)."""


def shuffled_sources(recipe: Recipe) -> list[tuple[list[Trace], int | None]]:
    """The solutions of each data set of a recipe in random order, and the maximum number to learn from.

    Raises:
        UserError: as in `load_sources`.
    """
    return [
        (Random(f"order/{recipe.seed}").sample(traces, len(traces)), limit) for traces, limit in load_sources(recipe)
    ]


def learnable(trace: Trace, recipe: Recipe, test: HeldOut) -> Row:
    """The row of graphs.jsonl of one solution."""
    teacher, problem = recipe.teacher, trace.problem
    assert isinstance(teacher, ReferenceTeacher)
    random = Random(f"error/{recipe.seed}/{problem.question}")
    changed = with_error(trace, random) if random.random() < teacher.error_rate else None
    graph = changed or structure(parse_trace(trace))
    written = render(graph, format="staged", exact=False)
    mistaken = {step.id for step in graph.steps if step.stage is Stage.EXECUTE and step.correct is False}
    return Row(
        question=problem.question,
        text=str(written),
        form="staged",
        spans=written.spans,
        ignored=places(written.spans, mistaken),
        side="validation" if is_test_side(problem.question) else "training",
        unused=_why_unused(graph, problem, test),
        dataset=trace.source,
        injected=changed is not None,
        graph=graph,
    )


def reference_graphs(recipe: Recipe) -> dict[str, ReasoningGraph]:
    """Question -> structured reference solution of the test questions, for RFS."""
    traces = (trace for trace in load_test_traces(recipe) if trace.text)
    return {trace.problem.question: structure(parse_trace(trace)) for trace in traces}


class HeldOut:
    """Test questions, and whether another question is one of them or shares a long run of words with one."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.runs = {run for question in questions for run in _word_runs(question)}

    def hold(self, question: str) -> bool:
        """Whether the question is a test question, or shares a long run of words with one."""
        return any(run in self.runs for run in _word_runs(question))


def _word_runs(question: str) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", question.lower())
    size = MAX_SHARED_WORDS + 1
    return [tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1))]


def _why_unused(graph: ReasoningGraph, problem: Problem, test: HeldOut) -> str | None:
    if test.hold(problem.question):
        return "shares its words with a test question"
    if graph.answer is None:
        return "no answer was found"
    if not _is_right(graph, problem):
        return "the structured answer is not the gold answer"
    return None


def _is_right(graph: ReasoningGraph, problem: Problem) -> bool:
    if graph.answer is None:
        return False
    verdict = answers_equal(gold=problem.answer, prediction=graph.answer, language=problem.language)
    return verdict is Verdict.EQUAL
