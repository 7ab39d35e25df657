"""Finds the sources of operands for formats that fix the stage of each step; rules in `parsers.reading.links`.

givens 48, half; step 0 has computed 24
operands of "48 + 24"  ->  ("48", 0)
operands of "48 / 2"   ->  ("48", "half")
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from parsers.arithmetic.numbers import Number, find_numbers
from parsers.graph import Quantity
from parsers.reading.links import Links, Wording, cheap, givens_of

CONSTANTS = frozenset(map(Fraction, (1, 7, 10, 12, 24, 30, 31, 36, 52, 60, 100, 360, 365, 1000, 3600))) | {
    Fraction(1, 10),
    Fraction(1, 100),
}
"""Common constants (days of a week, per cent); an earlier mention of such a number is not its source."""


_WORKS, _CHECKS = Wording(), Wording(checks=True)


class Resolver:
    """Finds the source of each operand. Feed it the steps in order: `resolve` a step's operands, then `compute` it."""

    def __init__(self, givens: Iterable[Quantity] = ()) -> None:
        self._links = Links(givens_of(tuple(givens)))
        self._mentions: dict[Fraction, int] = {}
        self._unread: list[tuple[int, str, str]] = []

    def compute(self, step_id: int, operands: Iterable[Number | Fraction | int], results: Iterable[Fraction]) -> None:
        """Makes the values that a step computes from its operands available to later steps."""
        self._links.compute(step_id, map(_value, operands), results)

    def mention(self, step_id: int, text: str, language: str) -> None:
        """Makes the numbers that the step's text mentions available as sources of last resort."""
        self._unread.append((step_id, text, language))

    def given(self, value: Fraction | int) -> str | None:
        """The name of the given that has this value, or this value in another form."""
        return self._links.givens.name_of(_value(value))

    def resolve(
        self, operands: Iterable[Number | Fraction | int], text: str = "", *, checks: bool = False
    ) -> tuple[int | str, ...]:
        """The different sources of the operands, in order of use.

        If the statement `text` names a given in words, other forms of it refer to it: the 2 in "half of it, 12/2".
        `checks`: the statement checks results, see Wording.
        """
        links, wording = self._links, _CHECKS if checks else _WORKS
        found: dict[int | str, None] = {}
        seen: set[Fraction] = set()
        for operand in operands:
            value = _value(operand)
            called = links.givens.called(value, text) if text and value not in links.computed else None
            source = called or links.source(value, wording, skip=found if value in seen else ())
            if source is None and isinstance(operand, Number) and operand.kind == "percent":
                source = links.source(value * 100, wording)
            if source is None:
                source = self._mention(value)
            seen.add(value)
            if source is not None:
                found[source] = None
        links.used.update(source for source in found if isinstance(source, int))
        return tuple(found)

    def _mention(self, value: Fraction) -> int | None:
        """The first step whose text mentions the number; the texts are searched only when needed."""
        if value in CONSTANTS:
            return None
        for step_id, text, language in self._unread:
            for number in find_numbers(text, language):
                self._mentions.setdefault(number.value, step_id)
        self._unread.clear()
        return self._mentions.get(value)


def _value(operand: Number | Fraction | int) -> Fraction:
    return cheap(operand.value if isinstance(operand, Number) else operand)
