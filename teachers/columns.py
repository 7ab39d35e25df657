"""Solves the nano tasks in columns: operands are padded to equal width, so a digit's place is its position.

    What is 347 - 285?
    [UNDERSTAND] 347-285
    [PLAN]       compare, subtract
    [EXECUTE]    3>2, 7-5=2, 4-8-0+10=6, 3-2-1=0
    [VERIFY]     62+285=347 ok
    62

The least significant digit comes first. Every step restates the digits that it needs, so computing it is a look-up in
neighbouring tokens. docs/log.md has the wordings tried before this one, and how long each took to learn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import SupportsInt

from parsers.graph import Stage
from teachers.chat import talk_of
from teachers.problems import Problem
from teachers.work import Solver, Work


def aligned(numbers: list[int]) -> list[str]:
    """The numbers in decimal, padded with zeros to the width of the widest."""
    width = max(len(str(n)) for n in numbers)
    return [str(n).zfill(width) for n in numbers]


def add(work: Work, x: str, y: str) -> int:
    """Adds column by column; x and y have equal length."""
    carry, digits = "", ""
    for a, b in zip(reversed(x), reversed(y), strict=True):
        total = work.compute(f"{a}+{b}{carry}", int(a) + int(b) + int(carry or 0))
        carry, digits = f"+{total // 10}", str(total % 10) + digits
    return int(carry + digits)


def subtract(work: Work, x: str, y: str) -> int:
    """Subtracts column by column; x and y have equal length, and x >= y."""
    borrow, digits = "", ""
    for a, b in zip(reversed(x), reversed(y), strict=True):
        difference = int(a) - int(b) + int(borrow or 0)
        ten = 10 if difference < 0 else 0
        value = work.compute(f"{a}-{b}{borrow}{'+10' if ten else ''}", difference + ten)
        borrow, digits = f"-{ten // 10}", str(value % 10) + digits
    return int(digits)


def multiply_row(work: Work, x: str, digit: str) -> int:
    """x times one digit. Product and carry are two steps, as two small tables are easier to learn than a large one."""
    carry, digits = 0, ""
    for a in reversed(x):
        product = work.compute(f"{a}*{digit}", int(a) * int(digit))
        if carry:
            product = work.compute(f"{product}+{carry}", product + carry)
        carry, digits = product // 10, str(product % 10) + digits
    return int(f"{carry}{digits}")


def multiply(work: Work, x: str, y: str) -> int:
    """Multiplies row by row; each row is added to the total."""
    total = multiply_row(work, x, y[-1])
    for place, digit in enumerate(reversed(y[:-1]), start=1):
        row = multiply_row(work, x, digit) * 10**place
        left, right = aligned([total, row])
        work.write(Stage.EXECUTE, f"{left}+{right}")
        total = add(work, left, right)
    return total


def compare(work: Work, x: str, y: str) -> str:
    """`<`, `>` or `=`, found digit by digit from the left; x and y have equal length."""
    for a, b in zip(x, y, strict=True):
        sign = "<" if a < b else ">" if a > b else "="
        work.write(Stage.EXECUTE, f"{a}{sign}{b}")
        if sign != "=":
            return sign
    return "="


def signed_difference(work: Work, x: str, y: str) -> int:
    """x - y if it is not known which is larger."""
    if compare(work, x, y) == "<":
        work.write(Stage.EXECUTE, f"-({y}-{x})")
        return -subtract(work, y, x)
    return subtract(work, x, y)


def signed_sum(work: Work, x: int, sign: str, y: int) -> int:
    """x + y or x - y for x of any sign and y >= 0, first restated as a sum or difference of magnitudes."""
    left, right = aligned([abs(x), y])
    if x < 0 and sign == "-":
        work.write(Stage.EXECUTE, f"-({left}+{right})")
        return -add(work, left, right)
    if x < 0:
        left, right, sign = right, left, "-"
    work.write(Stage.EXECUTE, f"{left}{sign}{right}")
    return add(work, left, right) if sign == "+" else signed_difference(work, left, right)


def terms_of(problem: Problem) -> tuple[int, list[tuple[str, int]]]:
    """The first number of a computation, and (sign, number) for each further one, in the order of computation."""
    assert problem.expression is not None
    first, *rest = re.split(r"([-+*])", problem.expression)
    terms = [(rest[i], int(rest[i + 1])) for i in range(0, len(rest), 2)]
    if [sign for sign, _ in terms] == ["-", "+"]:
        terms.reverse()  # adding first keeps the intermediate value positive
    x, (sign, y) = int(first), terms[0]
    if sign == "*":
        x, y = sorted((x, y), key=lambda n: -len(str(n)))  # the shorter factor last, so that there are fewer rows
        terms[0] = (sign, y)
    return x, terms


def write_plan(work: Work, signs: Iterable[str]) -> None:
    """Writes the PLAN of a computation: the operations for each of its signs."""
    words = work.words
    plans = {"+": [words.add], "-": [words.compare, words.subtract], "*": [words.multiply]}
    work.write(Stage.PLAN, *(word for sign in signs for word in plans[sign]))


def calculate(work: Work, problem: Problem) -> tuple[str, str]:
    """Sums, differences and products of two or three numbers, as an expression or a word problem."""
    x, terms = terms_of(problem)
    (sign, y), signs = terms[0], [s for s, _ in terms]
    if sign == "*":
        left, right, *others = str(x), str(y), *(str(n) for _, n in terms[1:])
    else:
        left, right, *others = aligned([x, y, *(n for _, n in terms[1:])])
    work.write(Stage.UNDERSTAND, left + "".join(s + n for s, n in zip(signs, [right, *others], strict=True)))
    write_plan(work, signs)
    operation: dict[str, Callable[[Work, str, str], int]] = {"+": add, "-": signed_difference, "*": multiply}
    result = operation[sign](work, left, right)
    for sign_, n in terms[1:]:
        left_, right_ = aligned([result, n])
        work.write(Stage.EXECUTE, f"{left_}{sign_}{right_}")
        result = operation[sign_](work, left_, right_)
    return str(result), inverse(x, terms)


def inverse(x: SupportsInt, terms: Sequence[tuple[str, SupportsInt]]) -> str:
    """The inverse computation, which should give x again; `{r}` is a placeholder for the result."""
    (sign, y), later = terms[0], "".join({"+": "-", "-": "+"}[s] + str(n) for s, n in terms[1:])
    if sign != "*":
        return f"{{r}}{later}{'-' if sign == '+' else '+'}{y}={x}"
    product = f"({{r}}{later})" if later else "{r}"
    return f"{product}/{y}={x}" if int(y) else f"{{r}}{later}=0"


def _pattern(work: Work, problem: Problem) -> tuple[str, str]:
    terms = [int(t) for t in re.findall(r"-?\d+", problem.question)]
    last = terms[-1]
    work.write(Stage.UNDERSTAND, f"{terms[0]}, {terms[1]}, {last}")
    if terms[2] - terms[1] == terms[1] - terms[0]:
        work.write(Stage.PLAN, work.words.difference, work.words.add)
        difference = signed_sum(work, terms[1], "-", terms[0])
        result = signed_sum(work, last, "-" if difference < 0 else "+", abs(difference))
        return str(result), f"{{r}}{'-' if last >= 0 else '+'}{abs(last)}={terms[1] - terms[0]}"
    ratio = terms[1] // terms[0]
    work.write(Stage.PLAN, f"{work.words.times} {ratio}", work.words.multiply)
    work.write(Stage.EXECUTE, f"{last}*{ratio}")
    return str(multiply(work, str(last), str(ratio))), f"{{r}}/{ratio}={last}"


def _even_odd(work: Work, problem: Problem) -> tuple[str, str]:
    digit = int(re.findall(r"\d", problem.question)[-1])
    work.write(Stage.UNDERSTAND, f"{work.words.last} {digit}")
    work.write(Stage.PLAN, work.words.halve)
    rest = digit % 2
    if work.checks_steps:  # this step may be wrong too, although the answer does not depend on its value
        work.compute(f"{digit}-{rest}", digit - rest)
    else:
        work.write(Stage.EXECUTE, f"{digit}-{rest}={digit - rest}")
    return work.words.odd if rest else work.words.even, f"{digit // 2}*2+{rest}={digit}"


def _comparison(work: Work, problem: Problem) -> tuple[str, str]:
    x, y = (int(n) for n in re.findall(r"\d+", problem.question))
    larger, smaller = work.words.larger, work.words.smaller
    wants_larger = larger in problem.question
    left, right = aligned([x, y])
    work.write(Stage.UNDERSTAND, f"{left}, {right}")
    work.write(Stage.PLAN, larger if wants_larger else smaller)
    sign = compare(work, left, right)
    return str(x if (sign == ">") == wants_larger else y), f"{x}{sign}{y}"


def _sorting(work: Work, problem: Problem) -> tuple[str, str]:
    numbers = [int(n) for n in re.findall(r"\d+", problem.question)]
    work.write(Stage.UNDERSTAND, " ".join(aligned(numbers)))
    work.write(Stage.PLAN, work.words.insert)
    texts = aligned(numbers)
    for count in range(2, len(texts) + 1):
        work.write(Stage.EXECUTE, f"{texts[count - 1]}: {' '.join(sorted(texts[:count]))}")
    ordered = sorted(numbers)
    return ", ".join(map(str, ordered)), f"{len(ordered)}={len(numbers)}"


def _true_false(work: Work, problem: Problem) -> tuple[str, str]:
    """Claims: one number is even, the first of two is larger, or the third of three is the sum of the others."""
    words, numbers = work.words, [int(n) for n in re.findall(r"\d+", problem.question)]
    if len(numbers) == 1:
        parity, check = _even_odd(work, problem)
        return words.true if parity == words.even else words.false, check
    x, y, *claimed = numbers
    left, right = aligned([x, y])
    if not claimed:
        work.write(Stage.UNDERSTAND, f"{left}, {right}")
        work.write(Stage.PLAN, words.compare)
        sign = compare(work, left, right)
        return words.true if sign == ">" else words.false, f"{x}{sign}{y}"
    work.write(Stage.UNDERSTAND, f"{left}+{right}, {claimed[0]}")
    work.write(Stage.PLAN, words.add, words.compare)
    total = add(work, left, right)
    found, stated = aligned([total, claimed[0]])
    work.write(Stage.EXECUTE, f"{found}, {stated}")
    return words.true if compare(work, found, stated) == "=" else words.false, f"{total}-{y}={x}"


def _chat(work: Work, problem: Problem) -> tuple[str, str]:
    """Small talk: there is nothing to compute or check."""
    talk = talk_of(problem.answer)
    work.write(Stage.UNDERSTAND, talk.topic)
    work.write(Stage.PLAN, talk.plan)
    return problem.answer, ""


SOLVERS: dict[str, Solver] = {
    "arithmetic": calculate,
    "two_step": calculate,
    "word_problem": calculate,
    "even_odd": _even_odd,
    "comparison": _comparison,
    "pattern": _pattern,
    "sorting": _sorting,
    "addition": calculate,
    "subtraction": calculate,
    "multiplication": calculate,
    "word_addition": calculate,
    "word_subtraction": calculate,
    "word_multiplication": calculate,
    "sequence": _pattern,
    "true_false": _true_false,
    "chat": _chat,
}
