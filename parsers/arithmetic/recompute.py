"""Recomputes a graph: finds the right value of every step and follows errors through the dependencies.

step 0  48 / 2 = 25  (wrong)     ->  Correction(0, "48/2", value 24, stated 25)
step 1  48 + 25 = 73             ->  Correction(1, "48+24", value 72, stated 73, a consequence)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate, operands
from parsers.arithmetic.numbers import show
from parsers.graph import ReasoningGraph, Stage, Step


@dataclass(frozen=True, slots=True)
class Correction:
    """A step whose stated value differs from the value of its expression with corrected operands.

    `is_cause` is true for a wrong computation and false for a right computation with wrong operands.
    """

    step: Step
    expression: str
    value: Fraction
    stated: Fraction
    is_cause: bool


def recompute(graph: ReasoningGraph) -> tuple[list[Correction], bool]:
    """The corrections in reading order, and whether every consequence could be followed.

    A consequence is lost if a step uses the wrong value in words, or uses another number with the same value.
    """
    corrections: list[Correction] = []
    right: dict[int, Fraction] = {}  # corrected values of steps whose stated value is wrong
    stated: dict[int | str, Fraction] = {given.name: given.value for given in graph.givens}
    followed = True
    for step in graph.steps:
        if step.stage is Stage.VERIFY:
            continue
        changed = [use for use in step.depends_on if isinstance(use, int) and use in right]
        if isinstance(step.value, Fraction):
            stated[step.id] = step.value
        if step.expression is None or not isinstance(step.value, Fraction):
            followed = followed and not changed
            continue
        expression = step.expression
        if changed:
            unchanged = {stated[use] for use in step.depends_on if use in stated and use not in right}
            values = {stated[use]: right[use] for use in changed}
            substituted = None if unchanged & set(values) else _substitute(expression, values, graph.language)
            followed = followed and substituted is not None
            expression = substituted or expression
        elif step.correct is not False:
            continue
        value = evaluate(expression, graph.language)
        if value is None:
            followed = False
        elif value != step.value:
            right[step.id] = value
            corrections.append(Correction(step, expression, value, step.value, step.correct is False))
    return corrections, followed


def _substitute(expression: str, values: dict[Fraction, Fraction], language: str) -> str | None:
    """The expression with operands replaced; None unless it contains every old value."""
    pieces: list[str] = []
    position = 0
    missing = set(values)
    for number in operands(expression, language):
        if number.value in values:
            pieces += [expression[position : number.start], show(values[number.value], language, operand=True)]
            position = number.end
            missing.discard(number.value)
    return None if missing else "".join([*pieces, expression[position:]])
