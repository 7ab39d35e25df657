"""Solves the nano tasks with a tag next to every digit, so that no step depends on the length of the numbers.

    What is 347 - 285?
    [UNDERSTAND] c3b4a7-Z2Y8X5                     each digit has its own letter
    [PLAN]       compare, subtract
    [EXECUTE]    a,X:7>5,>  b,Y:4<8,<  c,Z:3>2,>   which number is larger so far
                 a,X:7-5=2d  b,Y:4-8-0+10=6e  c,Z:3-2-1=0f
                 f0e6d2                            the complete result
    [VERIFY]     62+285=347 ok
    62

Columns must be counted, and a student counts only as far as in training. Tags are looked up instead: the next digit of
a number is to the left of the last step's tag; if there is none, the number ends. A missing digit is written `0`. The
letters form a ring and start at a letter that is drawn for the problem. The letters of the question run downwards from
it, and the letters of results run upwards. (Index hints: arXiv 2310.16028.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from random import Random
from string import ascii_letters
from typing import NamedTuple

from parsers.graph import Stage
from teachers import columns
from teachers.problems import Problem
from teachers.work import Solver, Work


class Digit(NamedTuple):
    """A digit and its tag."""

    tag: str
    value: str


MISSING = Digit("0", "0")
"""Fills the columns in which the shorter number has no digit."""


@dataclass(frozen=True, slots=True)
class Number:
    """Tagged digits, the most significant first; `str` gives the digits with tags, `int` the value."""

    digits: tuple[Digit, ...]
    is_negative: bool = False

    def __str__(self) -> str:
        return ("-" if self.is_negative else "") + "".join(f"{d.tag}{d.value}" for d in self.digits)

    def __int__(self) -> int:
        return int(("-" if self.is_negative else "") + "".join(d.value for d in self.digits))

    def __abs__(self) -> Number:
        return replace(self, is_negative=False)

    def __neg__(self) -> Number:
        return replace(self, is_negative=not self.is_negative and int(self) != 0)


class Tags:
    """The letters of one trace, a ring of 52: `number` takes them downwards, `next` upwards."""

    def __init__(self, work: Work, problem: Problem) -> None:
        first = work.first_tag or Random(f"tags/{problem.question}").choice(ascii_letters)
        self._down = ascii_letters.index(first)
        self._up = self._down + 1

    def number(self, n: int) -> Number:
        """A number of the question."""
        digits = str(abs(n))
        self._down -= len(digits)
        tags = (ascii_letters[(self._down + len(digits) - i) % 52] for i in range(len(digits)))
        return Number(tuple(map(Digit, tags, digits)), n < 0)

    def next(self) -> str:
        """The tag of the next digit of a result."""
        self._up += 1
        return ascii_letters[(self._up - 1) % 52]


def first_tag(understood: str) -> str | None:
    """The tag of the first digit in a text of UNDERSTAND; None if no digit has a tag."""
    found = re.search("[a-zA-Z](?=[0-9])", understood)
    return found[0] if found else None


def pairs(x: Number, y: Number) -> Iterator[tuple[Digit, Digit]]:
    """The columns of two numbers, the least significant first."""
    return zip_longest(reversed(x.digits), reversed(y.digits), fillvalue=MISSING)


def result(work: Work, tags: Tags, digits: list[Digit], carry: int = 0) -> Number:
    """The number with these digits, the least significant first; a last carry is a separate step."""
    if carry:
        digits = [*digits, Digit(tags.next(), str(carry))]
        work.write(Stage.EXECUTE, f"{carry}{digits[-1].tag}")
    return Number(tuple(reversed(digits)))


def without_zeros(number: Number) -> Number:
    """The same value without leading zeros."""
    return replace(number, digits=number.digits[-len(str(abs(int(number)))) :])


def add(work: Work, tags: Tags, x: Number, y: Number) -> Number:
    """Adds column by column."""
    carry, digits = "", []
    for a, b in pairs(x, y):
        tag, total = tags.next(), int(a.value) + int(b.value) + int(carry or 0)
        total = work.compute(f"{a.value}+{b.value}{carry}", total, before=f"{a.tag},{b.tag}:", after=tag)
        carry = f"+{total // 10}"
        digits.append(Digit(tag, str(total % 10)))
    return result(work, tags, digits, int(carry or 0))


def subtract(work: Work, tags: Tags, x: Number, y: Number) -> Number:
    """Subtracts column by column; x >= y."""
    borrow, digits = "", []
    for a, b in pairs(x, y):
        tag, difference = tags.next(), int(a.value) - int(b.value) + int(borrow or 0)
        ten = 10 if difference < 0 else 0
        expression = f"{a.value}-{b.value}{borrow}{'+10' if ten else ''}"
        value = work.compute(expression, difference + ten, before=f"{a.tag},{b.tag}:", after=tag)
        borrow = f"-{ten // 10}"
        digits.append(Digit(tag, str(value % 10)))
    return result(work, tags, digits)


def multiply_row(work: Work, tags: Tags, x: Number, digit: Digit, zeros: int = 0) -> Number:
    """x times one digit and ten to the power of `zeros`; the product and the carry are two steps, as in columns."""
    digits = [Digit(tags.next(), "0") for _ in range(zeros)]
    work.write(Stage.EXECUTE, *(f"{d.value}{d.tag}" for d in digits))
    carry = 0
    for a in reversed(x.digits):
        expression, product = f"{a.value}*{digit.value}", int(a.value) * int(digit.value)
        before = f"{a.tag},{digit.tag}:"
        if carry:
            product = work.compute(expression, product, before=before)
            expression, product, before = f"{product}+{carry}", product + carry, ""
        tag = tags.next()
        product = work.compute(expression, product, before=before, after=tag)
        carry = product // 10
        digits.append(Digit(tag, str(product % 10)))
    return result(work, tags, digits, carry)


def multiply(work: Work, tags: Tags, x: Number, y: Number) -> Number:
    """Multiplies row by row; each row is added to the total."""
    total = multiply_row(work, tags, x, y.digits[-1])
    for place, digit in enumerate(reversed(y.digits[:-1]), start=1):
        row = multiply_row(work, tags, x, digit, place)
        work.write(Stage.EXECUTE, f"{total}+{row}")
        total = add(work, tags, total, row)
    return total


def compare(work: Work, x: Number, y: Number) -> str:
    """`<`, `>` or `=`: for each column the result of this column, then of all columns so far."""
    so_far = "="
    for a, b in pairs(x, y):
        sign = "<" if a.value < b.value else ">" if a.value > b.value else "="
        so_far = so_far if sign == "=" else sign
        work.write(Stage.EXECUTE, f"{a.tag},{b.tag}:{a.value}{sign}{b.value},{so_far}")
    return so_far


def difference(work: Work, tags: Tags, x: Number, y: Number) -> Number:
    """x - y if it is not known which is larger."""
    if compare(work, x, y) == "<":
        work.write(Stage.EXECUTE, work.words.negative)
        return -subtract(work, tags, y, x)
    return subtract(work, tags, x, y)


def combine(work: Work, tags: Tags, x: Number, sign: str, y: Number) -> Number:
    """x + y or x - y for x of any sign and y >= 0, first restated as a sum or difference of magnitudes."""
    if x.is_negative and sign == "-":
        work.write(Stage.EXECUTE, f"-({abs(x)}+{y})")
        return -add(work, tags, abs(x), y)
    left, right = (y, abs(x)) if x.is_negative else (x, y)
    sign = "-" if x.is_negative else sign
    work.write(Stage.EXECUTE, f"{left}{sign}{right}")
    return add(work, tags, left, right) if sign == "+" else difference(work, tags, left, right)


def _calculate(work: Work, problem: Problem) -> tuple[str, str]:
    """Sums, differences and products of two or three numbers, as an expression or a word problem."""
    x, terms = columns.terms_of(problem)
    tags = Tags(work, problem)
    first, *rest = [tags.number(n) for n in (x, *(n for _, n in terms))]
    signs = [sign for sign, _ in terms]
    work.write(Stage.UNDERSTAND, str(first) + "".join(f"{s}{n}" for s, n in zip(signs, rest, strict=True)))
    columns.write_plan(work, signs)
    operation = {"+": add, "-": difference, "*": multiply}
    found = operation[signs[0]](work, tags, first, rest[0])
    for sign, number in zip(signs[1:], rest[1:], strict=True):
        found = combine(work, tags, without_zeros(found), sign, number)
    answer = _put_together(work, found)
    return answer, columns.inverse(x, terms, int(answer))


def _put_together(work: Work, found: Number) -> str:
    """Writes the result as a step that collects its digits; returns the answer."""
    work.write(Stage.EXECUTE, str(found))
    return str(int(found))


def _pattern(work: Work, problem: Problem) -> tuple[str, str]:
    terms = [int(t) for t in re.findall(r"-?\d+", problem.question)]
    tags = Tags(work, problem)
    first, second, last = (tags.number(n) for n in (terms[0], terms[1], terms[-1]))
    work.write(Stage.UNDERSTAND, f"{first}, {second}, {last}")
    if terms[2] - terms[1] == terms[1] - terms[0]:
        work.write(Stage.PLAN, work.words.difference, work.words.add)
        step = without_zeros(combine(work, tags, second, "-", first))
        answer = _put_together(work, combine(work, tags, last, "-" if step.is_negative else "+", abs(step)))
        return answer, f"{{r}}{'-' if terms[-1] >= 0 else '+'}{abs(terms[-1])}={terms[1] - terms[0]}"
    ratio = terms[1] // terms[0]
    times = tags.number(ratio)
    work.write(Stage.PLAN, f"{work.words.times} {ratio}", work.words.multiply)
    work.write(Stage.EXECUTE, f"{last}*{times}")
    answer = _put_together(work, multiply(work, tags, last, times))
    return answer, f"{{r}}/{ratio}={terms[-1]}"


def _comparison(work: Work, problem: Problem) -> tuple[str, str]:
    x, y = (int(n) for n in re.findall(r"\d+", problem.question))
    tags, wants_larger = Tags(work, problem), work.words.larger in problem.question
    left, right = tags.number(x), tags.number(y)
    work.write(Stage.UNDERSTAND, f"{left}, {right}")
    work.write(Stage.PLAN, work.words.larger if wants_larger else work.words.smaller)
    sign = compare(work, left, right)
    chosen = left if (sign == ">") == wants_larger else right
    return _put_together(work, chosen), f"{x}{sign}{y}"


SOLVERS: dict[str, Solver] = {
    **columns.SOLVERS,
    **{task: _calculate for task, solver in columns.SOLVERS.items() if solver is columns.calculate},
    "comparison": _comparison,
    "pattern": _pattern,
    "sequence": _pattern,
}
"""Tasks that do not need the place of a digit have the same solvers as in `columns`."""
