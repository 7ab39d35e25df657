"""Solves the nano tasks with a tag next to every digit, so that no step depends on the length of the numbers.

    What is ⓜⓛ3ⓚ4ⓙ7 - ⓘⓗ2ⓖ8ⓕ5?                 the chat template writes the tags (parsers/text/tags.py)
    [UNDERSTAND] ⓜⓛ3ⓚ4ⓙ7-ⓘⓗ2ⓖ8ⓕ5
    [PLAN]       compare, subtract
    [EXECUTE]    ⓙ7>ⓕ5,>  ⓚ4<ⓖ8,<  ⓛ3>ⓗ2,>     which number is larger so far
                 ⓙ7-ⓕ5=⒨⒩2⒩  ⓚ4-ⓖ8-0+10=⒪6⒪  ⓛ3-ⓗ2-1=⒫0⒪
                 ⒫⒪6⒩2                         the complete result
    [VERIFY]     ⒫⒪6⒩2+ⓘⓗ2ⓖ8ⓕ5=ⓜⓛ3ⓚ4ⓙ7 ok
    ⒫⒪6⒩2                                      which reads as 62

Columns must be counted, and a student counts only as far as in training. Tags are looked up instead: the next digit of
a number is that of the next tag. A number begins with a tag that has no digit, so that its end is found in the same
way. A digit that a number does not have is written `0`, without a tag. Results have letters in brackets, which run
upwards from the question's first letter. The last tag of a step of a subtraction is that of the first digit of the
result so far.
(Index hints: arXiv 2310.16028.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

from parsers.graph import Stage
from parsers.text.tags import GIVEN, RESULTS
from teachers import columns
from teachers.problems import Problem
from teachers.work import Solver, Work


class Digit(NamedTuple):
    """A digit and its tag."""

    tag: str
    value: str

    def __str__(self) -> str:
        return self.tag + self.value


MISSING = Digit("", "0")
"""Fills the columns in which the shorter number has no digit."""


@dataclass(frozen=True, slots=True)
class Number:
    """Tagged digits, the most significant first; `str` gives the digits with tags, `int` the value."""

    digits: tuple[Digit, ...]
    is_negative: bool = False

    def __str__(self) -> str:
        return ("-" if self.is_negative else "") + _above(self.digits[0].tag) + "".join(map(str, self.digits))

    def __int__(self) -> int:
        return int(("-" if self.is_negative else "") + "".join(d.value for d in self.digits))

    def __abs__(self) -> Number:
        return replace(self, is_negative=False)

    def __neg__(self) -> Number:
        return replace(self, is_negative=not self.is_negative and int(self) != 0)


def _above(tag: str) -> str:
    ring = GIVEN if tag in GIVEN else RESULTS
    return ring[(ring.index(tag) + 1) % len(ring)]


class Tags:
    """The tags of one trace: downwards for the numbers of the question, upwards for results."""

    def __init__(self, work: Work, problem: Problem) -> None:
        self._down = self._up = work.first_tag
        self._given = [self._new(found) for found in re.findall("[0-9]+", problem.question)]

    def _new(self, digits: str) -> Number:
        tags = [GIVEN[(self._down - i) % len(GIVEN)] for i in range(1, len(digits) + 1)]
        self._down -= len(digits) + 1
        return Number(tuple(map(Digit, tags, digits)))

    def number(self, n: int) -> Number:
        """The number of the question with this value that was not taken yet; if there is none, a new one."""
        found = next((one for one in self._given if int(one) == abs(n)), None)
        if found:
            self._given.remove(found)
        else:
            found = self._new(str(abs(n)))
        return replace(found, is_negative=n < 0)

    def next(self) -> str:
        """The next tag of a result."""
        self._up += 1
        return RESULTS[(self._up - 1) % len(RESULTS)]


class Result:
    """The digits of a result as they are written, the least significant first. A tag without a digit stands below."""

    def __init__(self, tags: Tags) -> None:
        self._tags, self._before = tags, tags.next()
        self._digits: list[Digit] = []
        self.tag = ""
        """The tag of the newest digit."""

    def written(self) -> Callable[[int], str]:
        """Takes the tag of the next digit; gives the text of a value of at most two digits, whose last one has it."""
        self.tag, before = self._tags.next(), self._before
        self._before, marks = "", before + self.tag

        def text(value: int) -> str:
            tens, ones = divmod(abs(value), 10)
            return f"{'-' if value < 0 else ''}{tens or ''}{marks}{ones}"

        return text

    def append(self, value: int) -> None:
        """The last digit of the value has the newest tag."""
        self._digits.append(Digit(self.tag, str(value % 10)))

    def number(self, work: Work, carry: int = 0) -> Number:
        """The number without leading zeros; a last carry is a separate step."""
        if carry:
            work.write(Stage.EXECUTE, self.written()(carry))
            self.append(carry)
        self._tags.next()  # that of the digit which the number does not have
        found = Number(tuple(reversed(self._digits)))
        return replace(found, digits=found.digits[-len(str(int(found))) :])


def pairs(x: Number, y: Number) -> Iterator[tuple[Digit, Digit]]:
    """The columns of two numbers, the least significant first."""
    return zip_longest(reversed(x.digits), reversed(y.digits), fillvalue=MISSING)


def add(work: Work, tags: Tags, x: Number, y: Number) -> Number:
    """Adds column by column."""
    carry, result = "", Result(tags)
    for a, b in pairs(x, y):
        total = int(a.value) + int(b.value) + int(carry or 0)
        total = work.compute(f"{a}+{b}{carry}", total, written=result.written())
        carry = f"+{total // 10}"
        result.append(total)
    return result.number(work, int(carry or 0))


def subtract(work: Work, tags: Tags, x: Number, y: Number) -> Number:
    """Subtracts column by column; x >= y."""
    borrow, top, result = "", "", Result(tags)
    for a, b in pairs(x, y):
        difference = int(a.value) - int(b.value) + int(borrow or 0)
        ten, text = 10 if difference < 0 else 0, result.written()

        def written(value: int, text: Callable[[int], str] = text, top: str = top) -> str:
            return text(value) + _top(value, result.tag, top)

        value = work.compute(f"{a}-{b}{borrow}{'+10' if ten else ''}", difference + ten, written=written)
        borrow, top = f"-{ten // 10}", _top(value, result.tag, top)
        result.append(value)
    return result.number(work)


def _top(value: int, tag: str, before: str) -> str:
    """The tag of the first digit so far that is not zero; that of the last digit if all are zero."""
    return tag if value % 10 or not before else before


def multiply_row(work: Work, tags: Tags, x: Number, digit: Digit, zeros: int = 0) -> Number:
    """x times one digit and ten to the power of `zeros`; the product and the carry are two steps, as in columns."""
    carry, result = 0, Result(tags)
    for _ in range(zeros):
        work.write(Stage.EXECUTE, result.written()(0))
        result.append(0)
    for a in reversed(x.digits):
        expression, product = f"{a}*{digit}", int(a.value) * int(digit.value)
        if carry:
            product = work.compute(expression, product)
            expression, product = f"{product}+{carry}", product + carry
        product = work.compute(expression, product, written=result.written())
        carry = product // 10
        result.append(product)
    return result.number(work, carry)


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
        work.write(Stage.EXECUTE, f"{a}{sign}{b},{so_far}")
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
    first, numbers = tags.number(x), [(sign, tags.number(n)) for sign, n in terms]
    work.write(Stage.UNDERSTAND, str(first) + "".join(f"{sign}{number}" for sign, number in numbers))
    columns.write_plan(work, [sign for sign, _ in numbers])
    operation = {"+": add, "-": difference, "*": multiply}
    (sign, second), *later = numbers
    found = operation[sign](work, tags, first, second)
    for sign, number in later:
        found = combine(work, tags, found, sign, number)
    return _put_together(work, found), columns.inverse(first, numbers)


def _put_together(work: Work, found: Number) -> str:
    """Writes the result as a step that collects its digits; returns the answer."""
    work.write(Stage.EXECUTE, str(found))
    return str(found)


def _pattern(work: Work, problem: Problem) -> tuple[str, str]:
    terms = [int(t) for t in re.findall(r"-?\d+", problem.question)]
    tags = Tags(work, problem)
    first, second, last = (tags.number(n) for n in (terms[0], terms[1], terms[-1]))
    work.write(Stage.UNDERSTAND, f"{first}, {second}, {last}")
    if terms[2] - terms[1] == terms[1] - terms[0]:
        work.write(Stage.PLAN, work.words.difference, work.words.add)
        step = combine(work, tags, second, "-", first)
        answer = _put_together(work, combine(work, tags, last, "-" if step.is_negative else "+", abs(step)))
        return answer, f"{{r}}{'+' if last.is_negative else '-'}{abs(last)}={step}"
    ratio = terms[1] // terms[0]
    times = tags.number(ratio)
    work.write(Stage.PLAN, f"{work.words.times} {times}", work.words.multiply)
    work.write(Stage.EXECUTE, f"{last}*{times}")
    answer = _put_together(work, multiply(work, tags, last, times))
    return answer, f"{{r}}/{times}={last}"


def _comparison(work: Work, problem: Problem) -> tuple[str, str]:
    x, y = (int(n) for n in re.findall(r"\d+", problem.question))
    tags, wants_larger = Tags(work, problem), work.words.larger in problem.question
    left, right = tags.number(x), tags.number(y)
    work.write(Stage.UNDERSTAND, f"{left}, {right}")
    work.write(Stage.PLAN, work.words.larger if wants_larger else work.words.smaller)
    sign = compare(work, left, right)
    chosen = left if (sign == ">") == wants_larger else right
    return _put_together(work, chosen), f"{left}{sign}{right}"


SOLVERS: dict[str, Solver] = {
    **columns.SOLVERS,
    **{task: _calculate for task, solver in columns.SOLVERS.items() if solver is columns.calculate},
    "comparison": _comparison,
    "pattern": _pattern,
    "sequence": _pattern,
}
"""Tasks that do not need the place of a digit have the same solvers as in `columns`."""
