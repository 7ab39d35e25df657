"""Checks a computation by another route: the inverse operation, or the values of its parts combined.

48+24 = 72        ->  "72 - 24 = 48"
24/8 = 3          ->  "3 * 8 = 24"
8*2+4*5 = 36      ->  "16 + 20 = 36"
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate, operands
from parsers.arithmetic.lexer import SIGNS
from parsers.arithmetic.numbers import show
from parsers.graph import Step


def check_text(step: Step, language: str = "en") -> str:
    """A true equation that confirms the step's value; recomputing the step must give this value.

    Raises:
        ValueError: the step has no expression and number.
    """
    if step.expression is None or not isinstance(step.value, Fraction):
        raise ValueError("a step without a computation cannot be checked")
    exact = evaluate(step.expression, language)
    if exact and exact == 100 * step.value:
        return f"{_again(step.expression)} = {show(exact, language)}%"  # 12/20*100 = 60%, whose value is 0.6
    if exact != step.value:
        return f"{_again(step.expression)} ≈ {show(step.value, language)}"
    text = _inverse(step.expression, step.value, language) or _parts(step.expression, step.value, language)
    return text or f"{_again(step.expression)} = {show(step.value, language)}"


def _again(expression: str) -> str:
    return " ".join(expression.replace("//", "/").split())


def _inverse(expression: str, value: Fraction, language: str) -> str | None:
    """Undoes a chain of additions and subtractions, or of multiplications and divisions, from its end."""
    numbers = operands(expression, language)
    if not 2 <= len(numbers) <= 6 or expression[: numbers[0].start].strip() or expression[numbers[-1].end :].strip():
        return None
    signs: list[str] = []
    for left, right in itertools.pairwise(numbers):
        between = expression[left.end : right.start].strip()
        signs.append(SIGNS.get(between, between))
    inverses = {"+": "-", "-": "+"} if set(signs) <= {"+", "-"} else {"*": "/", "/": "*"}
    if not set(signs) <= set(inverses) or ("*" in inverses and any(number.value == 0 for number in numbers)):
        return None
    undone = "".join(
        f" {inverses[sign]} {show(number.value, language, operand=True)}"
        for sign, number in zip(reversed(signs), reversed(numbers), strict=False)
    )
    return f"{show(value, language)}{undone} = {show(numbers[0].value, language)}"


def _parts(expression: str, value: Fraction, language: str) -> str | None:
    """Combines the values of the terms, or of the factors."""
    for signs in ("+-", "*/"):
        pieces = _split(expression, signs)
        if len(pieces) < 2:
            continue
        shown = ""
        for sign, piece in pieces:
            part = evaluate(piece, language)
            if part is None:
                return None
            shown += f" {sign} " if sign else ""
            shown += show(part, language, operand=bool(sign))
        again = evaluate(shown, language)
        return f"{shown} = {show(value, language)}" if again == value else None
    return None


def _split(expression: str, signs: str) -> list[tuple[str, str]]:
    """Splits the expression at the signs outside brackets; each piece keeps the sign before it."""
    pieces: list[tuple[str, str]] = []
    depth, begin, sign = 0, 0, ""
    for i, letter in enumerate(expression):
        if letter in "({[":
            depth += 1
        elif letter in ")}]":
            depth -= 1
        elif SIGNS.get(letter, letter) in signs and depth == 0 and re.search(r"[\w)%\]}½¼¾]\s*$", expression[begin:i]):
            pieces.append((sign, expression[begin:i]))
            begin, sign = i + 1, SIGNS.get(letter, letter)
    return [*pieces, (sign, expression[begin:])]
