"""Splits an output into its stages, with a verdict on each computation; every display of outputs uses it.

"[PLAN]<STEP>add[EXECUTE]<STEP>4+5=8</THINK><ANS>8</ANS>"
-> Block("PLAN", [Piece("add")])
   Block("EXECUTE", [Piece("4+5=8", False, "comes to 9")])
   Block("ANSWER", [Piece("8")])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from distill.report.graph_picture import comes_to
from parsers import ReasoningGraph, Step, parse
from parsers.text.markers import STEP, Field, fields, output_of

MAX_SHOWN = 4000
"""Characters of one output that a page shows."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of a stage. `correct`: the verdict on its computations, None without one; `note` has the right value."""

    text: str
    correct: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring pieces of one stage; ANSWER is the answer field, "" is text outside every stage."""

    stage: str
    pieces: tuple[Piece, ...]


def stage_blocks(text: str, *, question: str = "") -> list[Block]:
    """The blocks of an output, in order; at most its first 4,000 characters."""
    output = output_of(text)
    shown = output[:MAX_SHOWN]
    graph = parse(shown, question=question)
    found = fields(shown)
    lines = list(_lines_of_fields(shown, found) if len(found) > 1 else _lines_of_steps(shown, graph.steps))
    if len(output) > MAX_SHOWN and lines:
        stage, start, _ = lines[-1]
        lines.append((stage, start, start))
    return [
        Block(stage, tuple(_piece(shown, start, end, graph.steps) for _, start, end in group))
        for stage, group in groupby(lines, key=lambda line: line[0])
    ]


def count_checked(graph: ReasoningGraph) -> tuple[int, int]:
    """(correct computations, checked computations) of a graph."""
    verdicts = [step.correct for step in graph.steps if step.correct is not None]
    return sum(verdicts), len(verdicts)


Line = tuple[str, int, int]
"""Stage, and the characters of one line of it."""


def _lines_of_fields(text: str, found: Sequence[Field]) -> Iterator[Line]:
    for field in found:
        position = field.body
        for part in text[field.body : field.end].replace(STEP, "\n" * len(STEP)).split("\n"):
            if part.strip():
                yield field.name, position, position + len(part)
            position += len(part) + 1


def _lines_of_steps(text: str, steps: Sequence[Step]) -> Iterator[Line]:
    """The steps, and the text between them, outside the stages."""
    position = 0
    for step in steps:
        if step.start >= position:
            if text[position : step.start].strip():
                yield "", position, step.start
            yield step.stage.name, step.start, step.end
            position = step.end
    if text[position:].strip():
        yield "", position, len(text)


def _piece(text: str, start: int, end: int, steps: Sequence[Step]) -> Piece:
    if start == end:
        return Piece("…")
    inside = [step for step in steps if step.start >= 0 and start < step.end and step.start < end]
    wrong = next((step for step in inside if step.correct is False), None)
    if wrong is not None:
        return Piece(text[start:end].strip(), False, comes_to(wrong))
    return Piece(text[start:end].strip(), True if any(step.correct for step in inside) else None)
