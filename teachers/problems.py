"""What a teacher is asked and what it writes, and the split that keeps test questions out of training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from parsers import ReasoningGraph, parse


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its gold answer.

    `expression` is the computation asked for, where the project worded the question itself and so knows it.
    `accepted` are all answers that count as right, where there is more than the one.
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
    """A solution as text in one of the formats that `parsers.parse` reads; `source` names who wrote it."""

    problem: Problem
    text: str
    format: str
    source: str


def parse_trace(trace: Trace) -> ReasoningGraph:
    """What a trace says, read in the format and language that are known of it."""
    problem = trace.problem
    return parse(trace.text, question=problem.question, format=trace.format, language=problem.language)


def is_test_side(question: str) -> bool:
    """Whether the question belongs to the tenth that is never trained on, in any phase, by any teacher."""
    return int(hashlib.sha256(question.encode("utf-8")).hexdigest(), 16) % 10 == 0
