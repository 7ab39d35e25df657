"""Problem and Trace: a teacher's question and its solution; and the split that keeps test questions out of training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from parsers import ReasoningGraph, parse
from parsers.graph import Span


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its gold answer.

    `expression` is the computation in the question, if this project worded it. `accepted` are all right answers, if
    there are several.
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
    """A solution as text in one of the formats that `parsers.parse` reads; `source` names its writer or data set.

    Some writers also give the span of every part of the text, and the ids of steps that are wrong on purpose.
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
    """Whether the question is in the tenth that is never trained on, in any phase, by any teacher."""
    return int(hashlib.sha256(question.encode("utf-8")).hexdigest(), 16) % 10 == 0
