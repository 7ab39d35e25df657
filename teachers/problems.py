"""Problem and Trace: a question and its solution. Also the split that keeps test questions out of training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from parsers import ReasoningGraph, parse
from parsers.graph import Span


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its gold answer.

    `expression` is the computation in the question, if this project wrote the question. `accepted` are all right
    answers, if there are several.
    """

    question: str
    answer: str
    task: str = ""
    language: str = "en"
    id: str = ""
    expression: str | None = None
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """A solution as text in one of the formats of `parsers.parse`; `source` names its writer or data set.

    Some writers also give the span of every part of the text, and the ids of deliberately wrong steps.
    """

    problem: Problem
    text: str
    format: str
    source: str
    spans: tuple[Span, ...] = ()
    wrong: tuple[int, ...] = ()


def parse_trace(trace: Trace) -> ReasoningGraph:
    """The graph of a trace, parsed in its format and language."""
    problem = trace.problem
    return parse(trace.text, question=problem.question, format=trace.format, language=problem.language)


def is_test_side(question: str) -> bool:
    """Whether the question is in the tenth that no phase and no teacher uses for training."""
    return int(hashlib.sha256(question.encode("utf-8")).hexdigest(), 16) % 10 == 0
