"""Splits statements that contain several computations: the new graph has one step for each.

    0  "3 times 12 is 36, and 2 times 9 is 18."   value 18, depends on "3", "12", "2", "9"
    ->
    0  value 36, depends on "3", "12"
    1  value 18, depends on "2", "9"

In a graph, a statement is one step, and its value is the last value. To compare the values and dependencies of two
graphs, the other values are needed too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from parsers.arithmetic.equations import read_chains
from parsers.arithmetic.numbers import find_numbers
from parsers.arithmetic.relations import is_computing
from parsers.arithmetic.verdicts import MARK
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.reading.content import operands_of
from parsers.reading.links import Givens

MAX_TEXT = 400
"""Longest statement, in characters, that is split."""


@dataclass(frozen=True, slots=True)
class _Part:
    numbers: frozenset[Fraction]
    result: Fraction | None


def split_computations(graph: ReasoningGraph) -> ReasoningGraph:
    """The graph with a step for each computation of a statement; the same object if no statement has two."""
    parts = {step.id: _parts(step, graph.language) for step in graph.steps}
    if all(len(found) < 2 for found in parts.values()):
        return graph
    givens = Givens(graph.givens)
    steps: list[Step] = []
    made: dict[int, list[Step]] = {}  # old id -> the steps that it has become
    for step in graph.steps:
        pieces = parts[step.id] if len(parts[step.id]) > 1 else [_whole(step, graph.language)]
        sources = [(source, _values(source, made, givens)) for source in step.depends_on]
        for part in pieces:
            is_last = part is pieces[-1]
            uses: dict[int | str, None] = {}
            for source, values in sources:
                if values & part.numbers or (is_last and not any(values & other.numbers for other in pieces)):
                    uses |= dict.fromkeys(_remapped(source, part, made))
            uses |= {one.id: None for one in made.get(step.id, ()) if one.value in part.numbers}
            value = step.value if is_last else part.result
            steps.append(replace(step, id=len(steps), value=value, depends_on=tuple(uses)))
            made.setdefault(step.id, []).append(steps[-1])
    return replace(graph, steps=tuple(steps))


def _values(source: int | str, made: Mapping[int, list[Step]], givens: Givens) -> set[Fraction]:
    """The numbers that a source may stand for."""
    if isinstance(source, int):
        return {one.value for one in made[source] if isinstance(one.value, Fraction)}
    return {givens.values[source]} if source in givens.values else set()


def _remapped(source: int | str, part: _Part, made: Mapping[int, list[Step]]) -> list[int | str]:
    """The new ids of a source: the computations whose results the part uses, otherwise its last computation."""
    if isinstance(source, str):
        return [source]
    return [one.id for one in made[source] if one.value in part.numbers] or [made[source][-1].id]


def _parts(step: Step, language: str) -> list[_Part]:
    if step.stage is not Stage.EXECUTE or len(step.text) > MAX_TEXT or not isinstance(step.value, Fraction):
        return []
    found: list[_Part] = []
    for chain in read_chains(MARK.sub("", step.text), language):
        last = chain.members[-1].value if chain.members else None
        if last is None or chain.compared or not chain.is_equation or not is_computing(chain):
            continue
        operands, symbols = operands_of(chain)
        if len(operands) > 1 and not symbols and last not in operands:
            found.append(_Part(frozenset(operands), last))
    return found if found and found[-1].result == step.value else []


def _whole(step: Step, language: str) -> _Part:
    """A statement that is not split, with all its numbers."""
    return _Part(frozenset(number.value for number in find_numbers(step.text[:MAX_TEXT], language)), None)
