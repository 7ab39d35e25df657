"""Draws the numbers for the questions of the nano tasks, in all languages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple


class Drawn(NamedTuple):
    """A drawn question: text, gold answer, the computation in it, and all accepted answers."""

    question: str
    answer: str
    expression: str | None = None
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Widths:
    """How many digits the numbers of a question have.

    >>> Widths().digits(Random(0), 3) is None  # the task's own range, here uniform up to 999
    True
    >>> sorted({Widths(widest=4).digits(Random(i), 3) for i in range(99)})  # every width is equally likely
    [1, 2, 3, 4]
    >>> Widths(widest=4, extra=2).digits(Random(0), 3)  # two more than in training
    6
    """

    widest: int | None = None
    """Digits of the largest training numbers, instead of the task's own."""
    extra: int = 0
    """Number of digits beyond the largest training numbers."""

    def of(self, usual: int) -> int:
        """Digits of the largest training number, for a task with `usual` digits; never fewer than `usual`."""
        return max(usual, self.widest or usual)

    def digits(self, random: Random, usual: int) -> int | None:
        """Digits of the next number; None means any number with up to `usual` digits."""
        if self.extra:
            return self.of(usual) + self.extra
        return random.randint(1, self.of(usual)) if self.widest else None

    def up_to(self, widest: int) -> Widths:
        """The same with at most this many digits in training; for tasks whose traces grow quadratically."""
        return replace(self, widest=min(widest, self.widest)) if self.widest else self


def of_width(random: Random, digits: int) -> int:
    """A number with this many digits."""
    return random.randint(10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1)


def draw_number(random: Random, high: int, widths: Widths) -> int:
    """A number from 0 to `high`, which has only nines as digits; or a number with the digits of `widths`."""
    digits = widths.digits(random, len(str(high)))
    return random.randint(0, high) if digits is None else of_width(random, digits)


def draw_operands(random: Random, operator: str, widths: Widths) -> tuple[int, int]:
    """Two numbers to add or subtract (0 … 999), or to multiply (0 … 99)."""
    high, widths = (99, widths.up_to(2)) if operator == "*" else (999, widths)
    return draw_number(random, high, widths), draw_number(random, high, widths)


def draw_pair(random: Random, widths: Widths) -> tuple[int, int]:
    """Two different numbers (0 … 9999) to compare; in half of the cases they have the same number of digits."""
    is_same_length, widest = random.random() < 0.5, widths.of(4)
    while True:
        digits = [random.randint(1, widest) for _ in "ab"]
        if is_same_length:
            digits[1] = digits[0]
        if widths.extra:
            digits = [widest + widths.extra, widest + widths.extra if is_same_length else random.randint(1, widest)]
        a, b = (of_width(random, d) for d in digits)
        if a != b and (len(str(a)) == len(str(b))) == is_same_length:
            return a, b


def draw_terms(random: Random, widths: Widths) -> list[int]:
    """Five terms of an arithmetic or a geometric sequence; the first geometric term has fewer digits."""
    if random.random() < 0.5:
        start, step = draw_number(random, 99, widths), random.choice([d for d in range(-20, 21) if d])
        return [start + step * i for i in range(5)]
    spare = widths.of(2) - 2
    tens = spare + widths.extra if widths.extra or not spare else random.randint(0, spare)
    start, ratio = random.randint(1, 9) * 10**tens, random.choice((2, 3))
    if widths.widest:
        start += random.randint(0, 10**tens - 1)
    return [start * ratio**i for i in range(5)]
