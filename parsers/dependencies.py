"""Which earlier values and givens the numbers of a step refer to: dependencies by use, not by order.

    givens 48, half; step 0 has computed 24
    operands of "48 + 24"  ->  ("48", 0)
    operands of "48 / 2"   ->  ("48", "half")
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from parsers.graph import Quantity, Step
from parsers.numbers import Number

CONSTANTS = frozenset(map(Fraction, (7, 10, 12, 24, 30, 31, 36, 52, 60, 100, 365, 1000, 3600)))
"""Numbers that language and measures bring along; they stand for nothing in the problem unless it states them."""


class Resolver:
    """Finds the source of each operand. Feed it the steps in order: `resolve` a step's operands, then `add` the step.

    A number that a given states refers to the given; otherwise to the latest earlier step of that value; otherwise to a
    given that it is another form of (25% as 0.25, 25 or 0.75; half as 2 or 0.5; two thirds as 2 and 3).
    """

    def __init__(self, givens: Iterable[Quantity] = ()) -> None:
        self._givens: dict[Fraction, str] = {}
        self._forms: dict[Fraction, str] = {}
        self._steps: dict[Fraction, int] = {}
        self._used: set[int] = set()
        for given in givens:
            self._givens.setdefault(given.value, given.name)
        for given in givens:
            for form in _forms(given):
                self._forms.setdefault(form, given.name)

    def add(self, step: Step) -> None:
        """Makes the step's value available to later steps."""
        if isinstance(step.value, Fraction):
            self.add_value(step.id, step.value)

    def add_value(self, step_id: int, value: Fraction) -> None:
        """Makes one more value available under the step's id, such as an intermediate result."""
        self._steps[value] = step_id

    def source(self, value: Fraction) -> int | str | None:
        """The given's name or step's id that the value refers to; None for a constant or a number out of nowhere."""
        step = self._steps.get(value)
        given = self._givens.get(value)
        if step is not None and (given is None or step not in self._used):
            self._used.add(step)
            return step
        if given is not None:
            return given
        if value < 0 and (source := self._steps.get(-value, self._givens.get(-value))) is not None:
            return source
        return self._forms.get(value)

    def resolve(self, operands: Iterable[Number | Fraction]) -> tuple[int | str, ...]:
        """Sources of the operands in order of use, each once."""
        sources: dict[int | str, None] = {}
        for operand in operands:
            values = [operand.value, operand.value * 100] if isinstance(operand, Number) and operand.kind == "percent" else None
            for value in values or [operand.value if isinstance(operand, Number) else operand]:
                source = self.source(value)
                if source is not None:
                    sources[source] = None
                    break
        return tuple(sources)


def resolve(
    operands: Iterable[Number | Fraction], givens: Iterable[Quantity], earlier_steps: Iterable[Step] = ()
) -> tuple[int | str, ...]:
    """Sources of the operands of one step, given all earlier steps; for many steps in a row use Resolver."""
    resolver = Resolver(givens)
    for step in earlier_steps:
        resolver.add(step)
    return resolver.resolve(operands)


def _forms(given: Quantity) -> Iterable[Fraction]:
    """Other numbers that the given turns into when a solution computes with it."""
    value = given.value
    if given.text.endswith("%"):
        yield from (value * 100, 1 - value, 1 + value, 100 - value * 100, 100 + value * 100)
    elif 1 <= value <= 100:
        yield value / 100
        yield 1 - value / 100
    if value.denominator != 1:
        yield Fraction(value.denominator)
        yield Fraction(value.numerator)
        yield 1 - value
        yield 1 + value
    elif given.text.isalpha() and value:
        yield 1 / value
