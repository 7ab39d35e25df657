"""Which earlier values and givens the numbers of a step refer to: dependencies by use, not by order.

givens 48, half; step 0 has computed 24
operands of "48 + 24"  ->  ("48", 0)
operands of "48 / 2"   ->  ("48", "half")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from parsers.graph import Quantity, Step
from parsers.numbers import Number, find_numbers

CONSTANTS = frozenset(map(Fraction, (1, 7, 10, 12, 24, 30, 31, 36, 52, 60, 100, 360, 365, 1000, 3600))) | {
    Fraction(1, 10),
    Fraction(1, 100),
}
"""Numbers that language and measures bring along (days of a week, per cent): no givens unless the problem says so."""


def _key(value: Fraction | int) -> Fraction | int:
    """Equal to the value and cheap to hash: whole numbers, the usual case, as int."""
    return value.numerator if value.denominator == 1 else value


class Resolver:
    """Finds the source of each operand. Feed it the steps in order: `resolve` a step's operands, then `add` the step.

    A number refers to an earlier result that nothing has used yet; otherwise to the given that states it; otherwise to
    the latest earlier result; otherwise to a given that it is another form of (25% as 0.25, 25 or 0.75; half as 2 or
    0.5; two thirds as 2 and 3); otherwise to a step that merely mentions it.
    """

    def __init__(self, givens: Iterable[Quantity] = ()) -> None:
        self._givens: dict[Fraction | int, str] = {}
        self._forms: dict[Fraction | int, str] | None = None
        self._stated = tuple(givens)
        self._steps: dict[Fraction | int, int] = {}
        self._mentions: dict[Fraction | int, int] = {}
        self._unread: list[tuple[int, str, str]] = []
        self._used: set[Fraction | int] = set()
        for given in self._stated:
            self._givens.setdefault(_key(given.value), given.name)
        self._worded = [given for given in self._stated if given.text.isalpha()]

    def add(self, step: Step) -> None:
        """Makes the step's value available to later steps."""
        if isinstance(step.value, Fraction):
            self.add_value(step.id, step.value)

    def add_value(self, step_id: int, value: Fraction) -> None:
        """Makes a value that a step computes available, such as an intermediate result."""
        key = _key(value)
        self._steps[key] = step_id
        self._used.discard(key)

    def add_text(self, step_id: int, text: str, language: str) -> None:
        """Makes the numbers that the step's text mentions available, as the last resort."""
        self._unread.append((step_id, text, language))

    def _mention(self, key: Fraction | int) -> int | None:
        """The first step whose text mentions the number; texts are searched only when something asks."""
        if key in CONSTANTS:
            return None
        for step_id, text, language in self._unread:
            for number in find_numbers(text, language):
                self._mentions.setdefault(_key(number.value), step_id)
        self._unread.clear()
        return self._mentions.get(key)

    def given(self, value: Fraction | int) -> str | None:
        """The name of the given that states the value or has it as another form."""
        key = _key(value)
        if (name := self._givens.get(key)) is not None:
            return name
        if self._forms is None:
            self._forms = {}
            for quantity in self._stated:
                for form in _forms(quantity):
                    self._forms.setdefault(_key(form), quantity.name)
        return self._forms.get(key)

    def source(self, value: Fraction | int, named: Mapping[Fraction | int, str] | None = None) -> int | str | None:
        """The given's name or step's id that the value refers to; None for a constant or a number out of nowhere.

        `named` holds the forms of givens that the statement names in words.
        """
        key = _key(value)
        step = self._steps.get(key)
        given = self._givens.get(key)
        if named and key in named and (step is None or key in self._used):
            return named[key]
        if step is not None and (given is None or key not in self._used):
            self._used.add(key)
            return step
        if given is not None:
            return given
        if key < 0 and (source := self._steps.get(-key, self._givens.get(-key))) is not None:
            return source
        return given if (given := self.given(key)) is not None else self._mention(key)

    def resolve(self, operands: Iterable[Number | Fraction | int], text: str = "") -> tuple[int | str, ...]:
        """Sources of the operands in order of use, each once.

        Where `text`, the statement, names a given in words, its other forms refer to it: the 2 in "half of it, 12/2".
        """
        sources: dict[int | str, None] = {}
        named: dict[Fraction | int, str] = {}
        if self._worded and text:
            lowered = text.lower()
            for given in self._worded:
                if given.text.lower() in lowered:
                    named |= {_key(form): given.name for form in (given.value, *_forms(given))}
        for operand in operands:
            value = operand.value if isinstance(operand, Number) else operand
            source = self.source(value, named)
            if source is None and isinstance(operand, Number) and operand.kind == "percent":
                source = self.source(value * 100)
            if source is not None:
                sources[source] = None
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
    elif 1 < value <= 100:
        yield value / 100
        yield 1 - value / 100
    if value.denominator != 1:
        yield Fraction(value.denominator)
        yield Fraction(value.numerator)
        yield 1 - value
        yield 1 + value
    elif given.text.isalpha() and value:
        yield 1 / value
