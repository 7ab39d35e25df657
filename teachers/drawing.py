"""Numbers for the questions of the nano tasks: what all languages ask about, in whatever words."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Drawn(NamedTuple):
    """A question as it is drawn: text, gold answer, the computation asked for, and every answer that is accepted."""

    question: str
    answer: str
    expression: str | None = None
    accepted: tuple[str, ...] = ()


def draw_number(random: Random, high: int, extra_digits: int) -> int:
    """0 … high; with extra digits a number that has that many more digits than `high`."""
    if not extra_digits:
        return random.randint(0, high)
    digits = len(str(high)) + extra_digits
    return random.randint(10 ** (digits - 1), 10**digits - 1)


def draw_operands(random: Random, operator: str, extra_digits: int) -> tuple[int, int]:
    """Two numbers to add or subtract, 0 … 999, or to multiply, 0 … 99."""
    high = 99 if operator == "*" else 999
    return draw_number(random, high, extra_digits), draw_number(random, high, extra_digits)


def draw_pair(random: Random, extra_digits: int) -> tuple[int, int]:
    """Two different numbers, 0 … 9999, to compare; in half of the cases both have the same number of digits."""
    is_same_length = random.random() < 0.5
    while True:
        digits = [random.randint(1, 4) for _ in "ab"]
        if is_same_length:
            digits[1] = digits[0]
        if extra_digits:
            digits = [4 + extra_digits, 4 + extra_digits if is_same_length else random.randint(1, 4)]
        a, b = (random.randint(10 ** (d - 1) if d > 1 else 0, 10**d - 1) for d in digits)
        if a != b and (len(str(a)) == len(str(b))) == is_same_length:
            return a, b


def draw_terms(random: Random, extra_digits: int) -> list[int]:
    """Five terms of an arithmetic or a geometric sequence."""
    if random.random() < 0.5:
        start, step = draw_number(random, 99, extra_digits), random.choice([d for d in range(-20, 21) if d])
        return [start + step * i for i in range(5)]
    start, ratio = random.randint(1, 9) * 10**extra_digits, random.choice((2, 3))
    return [start * ratio**i for i in range(5)]
