"""Flow: the part of a graph that RFS compares: computed values, their dependencies and the final answer.

Computed values are those of EXECUTE steps, and of computing steps in other stages if the answer depends on them: a
VERIFY that corrects, a sum in an introduction. Checks that only confirm, plans and restated givens do not count.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import find_numbers
from parsers.graph import ReasoningGraph, Stage, Step, Value

Node = int | str  # a step's id, a given's name, or ANSWER
ANSWER = "\0answer"  # no given can have this name


@dataclass(frozen=True)
class Flow:
    """The computed values, the direct edges, the given values and the answer of one graph."""

    values: Mapping[int, Hashable]  # computing step -> its value, in reading order
    sources: Mapping[Node, tuple[Node, ...]]  # step or ANSWER -> what it depends on
    givens: Mapping[str, Fraction]
    answer: Hashable


def read_flow(graph: ReasoningGraph) -> Flow:
    """The flow of a graph. ANSWER is a node of its own, which depends on the step that gave the answer."""
    sources: dict[Node, tuple[Node, ...]] = {step.id: step.depends_on for step in graph.steps}
    if graph.answer is not None:
        last = _answer_step(graph)
        sources[ANSWER] = () if last is None else (last.id,)
    behind_answer = ancestors(ANSWER, sources)
    values = {
        step.id: value_key(step.value, graph.language)
        for step in graph.steps
        if step.value is not None and (step.stage is Stage.EXECUTE or (step.id in behind_answer and _computes(step)))
    }
    givens = {given.name: given.value for given in graph.givens}
    return Flow(values, sources, givens, value_key(graph.answer, graph.language))


def ancestors(node: Node, sources: Mapping[Node, tuple[Node, ...]]) -> set[Node]:
    """Everything that the node depends on, however far back."""
    seen: set[Node] = set()
    open_nodes = list(sources.get(node, ()))
    while open_nodes:
        current = open_nodes.pop()
        if current not in seen:
            seen.add(current)
            open_nodes.extend(sources.get(current, ()))
    return seen


def value_key(value: Value, language: str) -> Hashable:
    """What is compared: the number, exact; of an equation its last side; the numbers of other text, or its words."""
    if not isinstance(value, str):
        return (value,)
    number = evaluate(value.rpartition("=")[2], language)
    if number is not None:
        return (number,)
    return tuple(found.value for found in find_numbers(value, language)) or " ".join(value.casefold().split())


def _computes(step: Step) -> bool:
    return step.stage is Stage.VERIFY or step.expression is not None


def _answer_step(graph: ReasoningGraph) -> Step | None:
    """The step that the final answer comes from, None in a graph without steps.

    The last one with the answer's value that rests on a given, EXECUTE before the other stages: a check that repeats
    the answer does not say where it came from. An answer out of nowhere is taken to continue the last EXECUTE step
    that rests on a given. Else the last EXECUTE step, else the last step.
    """
    answer = value_key(graph.answer, graph.language)
    equal = [s for s in graph.steps if s.value is not None and value_key(s.value, graph.language) == answer]
    executed = [s for s in graph.steps if s.stage is Stage.EXECUTE]
    grounded: set[int] = set()  # steps that rest on a given, however far back
    for step in graph.steps:
        if any(isinstance(source, str) or source in grounded for source in step.depends_on):
            grounded.add(step.id)
    choices = (
        [s for s in equal if s.stage is Stage.EXECUTE and s.id in grounded],
        [s for s in equal if _computes(s) and s.id in grounded],
        [s for s in executed if s.id in grounded],
        executed,
        graph.steps,
    )
    return next((choice[-1] for choice in choices if choice), None)
