"""How much of a free text was read: the share of its computing statements, and a list of what was not read.

"48 / 2 = 24"                      computes, read: its value is 24
"Then we integrate by parts: …"    does not count as computing
"v = \\int_0^3 t dt"                computes, not read: no value
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from parsers.arithmetic.numbers import find_numbers
from parsers.graph import ReasoningGraph, Stage, Step

FREE_FORMATS = ("freeform", "think")
"""Formats without marks for the stage or the computation of a statement."""

_EQUATION = re.compile(r"[\d\w)}\]$]\s*(?:=|≈|\\approx)\s*\S")
_OPERATION = re.compile(r"\d\s*(?:[-+*/×÷−]|\\times|\\cdot|\\div)\s*[\d(\\$]")
_TABLE = re.compile(r"^[ \t]*\|.+\|[ \t]*\n[ \t]*\|[ :|-]+\|", re.MULTILINE)
_TAIL = 400
"""Characters at the end of a text that are searched for an answer phrase without an answer."""
_ANSWER_PHRASE = re.compile(
    r"\b(?:answer is|resposta (?:final )?é|(?:đáp án|đáp số) là)[ \t]*:?[ \t]*\**(?P<rest>[^\n]{0,60})", re.IGNORECASE
)


def share_read(graph: ReasoningGraph) -> float | None:
    """The share of computing statements whose value was read; None if no statement computes.

    A statement computes if its stage is EXECUTE or VERIFY and it has an equation or an operation. In EXECUTE, a number
    that the problem does not state is enough. It was read if it has a verdict, or a value with a source.
    """
    stated = {given.value for given in graph.givens}
    computing = [step for step in graph.steps if not step.derived and _computes(step, stated, graph.language)]
    return sum(map(_is_read, computing)) / len(computing) if computing else None


def _computes(step: Step, stated: set, language: str) -> bool:
    if step.stage not in (Stage.EXECUTE, Stage.VERIFY):
        return False
    if _EQUATION.search(step.text) or _OPERATION.search(step.text):
        return True
    told = find_numbers(step.text, language) if step.stage is Stage.EXECUTE else ()
    return any(number.value not in stated for number in told)


def _is_read(step: Step) -> bool:
    return step.correct is not None or (step.value is not None and bool(step.depends_on))


def unread(text: str, steps: Iterable[Step], code_lines: int) -> Iterable[str]:
    """What a free text has but its steps lack: equations, code, a table, the answer after an answer phrase."""
    missed = [
        step
        for step in steps
        if step.stage is not Stage.PLAN and step.value is None and step.correct is None and _EQUATION.search(step.text)
    ]
    if missed:
        yield f"{len(missed)} equation{'s were' if len(missed) > 1 else ' was'} not read: {_short(missed[0].text)}"
    if code_lines:
        yield f"{code_lines} line{'s' if code_lines > 1 else ''} of code {'were' if code_lines > 1 else 'was'} not read"
    if "|" in text and _TABLE.search(text):
        yield "a table was not read"
    if not text[-_TAIL:].rstrip(" \n*$_").endswith(("is", ":", "é", "là", "-", ".")):
        return  # most texts: an answer follows the phrase
    for phrase in _ANSWER_PHRASE.finditer(text, max(0, len(text) - _TAIL)):
        if not re.search(r"\w", phrase["rest"]) and not text[phrase.end() : phrase.end() + 200].strip():
            yield "an answer phrase gives no value"
            break


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"
