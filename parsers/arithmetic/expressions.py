r"""Evaluates arithmetic expressions exactly with one small precedence parser: no eval, bounded, never raises.

evaluate("(40/100)*48")                ->  Fraction(96, 5)
evaluate(r"\frac{1}{2} \times 400")    ->  Fraction(200, 1)
evaluate("2(3+4)"), evaluate("4!")     ->  Fraction(14, 1), Fraction(24, 1)
evaluate("9 / 0"), evaluate("x + 1")   ->  None
near_value of the tokens of "2√3"      ->  3.4641...
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import isfinite

from parsers.arithmetic.lexer import Token, tokenize
from parsers.arithmetic.numbers import Number
from parsers.arithmetic.precedence import NearParser, Parser, Unreadable

MAX_LENGTH = 2000
MAX_TOKENS = 400
"""Limits on the length of the text and on its number of tokens."""

_SUM = re.compile(r"[0-9]{1,30}(?:[-+][0-9]{1,30}){1,20}")
_WHOLE, _DIGITS = re.compile(r"[0-9]{1,15}(?:[-+*/][0-9]{1,15}){1,20}"), re.compile("[0-9]+")
_TERM = re.compile(r"[-+]?[0-9]+")
_SIMPLE = re.compile(r"\s*([0-9]{1,15})\s*([-+*/])\s*([0-9]{1,15})\s*")


def evaluate(expression: str, language: str = "en") -> Fraction | None:
    """The exact value of an arithmetic expression in digits; None if it has no value or exceeds the limits."""
    if expression.isdigit() and expression.isascii() and len(expression) < 30:
        return Fraction(int(expression))
    if _SUM.fullmatch(expression):  # a fast path: most steps are this simple, and traces are parsed during training
        return Fraction(sum(map(int, _TERM.findall(expression))))
    simple = _SIMPLE.fullmatch(expression)
    if simple:
        left, operator, right = int(simple[1]), simple[2], int(simple[3])
        if operator == "+":
            return Fraction(left + right)
        if operator == "-":
            return Fraction(left - right)
        if operator == "*":
            return Fraction(left * right)
        return Fraction(left, right) if right else None
    if len(expression) > MAX_LENGTH:
        return None
    return _evaluate_short(expression, language) if len(expression) <= 200 else _evaluate(expression, language)


def _evaluate(expression: str, language: str) -> Fraction | None:
    try:
        return value_of_tokens(_arithmetic(expression, language))
    except Unreadable:
        return None


_evaluate_short = lru_cache(maxsize=4096)(_evaluate)
"""A cache: reading a step, judging it, checking it and rendering it all need the same value."""


def value_of_tokens(tokens: Sequence[Token]) -> Fraction | None:
    """The exact value of an expression given as tokens; None as in `evaluate`."""
    if len(tokens) == 1 and tokens[0].kind == "number" and tokens[0].value is not None:
        return Fraction(tokens[0].value)
    if len(tokens) > MAX_TOKENS:
        return None
    try:
        return Fraction(Parser(tokens).whole())
    except Unreadable:
        return None


def near_value(tokens: Sequence[Token]) -> float | None:
    """The approximate value of an expression with roots, logarithms or π; None as in `evaluate`."""
    if len(tokens) > MAX_TOKENS:
        return None
    try:
        value = float(NearParser(tokens).whole())
    except (Unreadable, OverflowError):
        return None
    return value if isfinite(value) else None


def operands(expression: str, language: str = "en") -> list[Number]:
    """The numbers of an expression with positions, minus signs and per cent signs; [] if unreadable."""
    return list(_operands_short(expression, language) if len(expression) <= 200 else _operands(expression, language))


def _operands(expression: str, language: str) -> list[Number]:
    if _WHOLE.fullmatch(expression):
        return [Number(Fraction(int(part[0])), *part.span(), part[0]) for part in _DIGITS.finditer(expression)]
    try:
        tokens = _arithmetic(expression[:MAX_LENGTH], language)
    except Unreadable:
        return []
    found: list[Number] = []
    for i, token in enumerate(tokens):
        if token.kind == "chosen":
            found += [
                Number(Fraction(int(part[0])), token.start, token.end, part[0])
                for part in re.finditer("[0-9]+", token.text)
            ]
        if token.kind != "number" or token.value is None:
            continue
        value, start = Fraction(token.value), token.start
        if i and tokens[i - 1].text == "-" and (i == 1 or tokens[i - 2].kind in ("operator", "open")):
            value, start = -value, tokens[i - 1].start
        kind = "percent" if token.text.endswith("%") else "number"
        found.append(Number(value, start, token.end, expression[start : token.end], kind))
    return found


_operands_short = lru_cache(maxsize=4096)(_operands)

_PARTS = frozenset(("number", "operator", "open", "close", "function", "power", "factorial", "percent", "chosen"))


def _arithmetic(text: str, language: str) -> list[Token]:
    """The tokens of a text that is only arithmetic, without markup (kind "dress")."""
    tokens: list[Token] = []
    for token in tokenize(text, language):
        if len(tokens) > MAX_TOKENS:
            raise Unreadable
        kind, shown = token.kind, token.text
        if kind in _PARTS:
            tokens.append(token)
        elif kind == "short":
            tokens.append(token._replace(kind="number"))
        elif kind == "stop" and shown == ":":
            tokens.append(token._replace(kind="operator", text="/"))
        elif kind == "stop" and shown == "!":
            tokens.append(token._replace(kind="factorial"))
        elif kind == "sign" and shown == "mod":
            tokens.append(token._replace(kind="operator"))
        elif kind == "symbol" and shown in ("x", "X"):
            tokens.append(token._replace(kind="operator", text="*"))
        elif kind not in ("dress", "formula") and shown != "\n":
            raise Unreadable
    return tokens
