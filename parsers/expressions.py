"""Arithmetic expressions evaluated exactly, by an own small parser: no eval, bounded, never raises.

evaluate("(40/100)*48")                ->  Fraction(96, 5)
evaluate(r"\\frac{1}{2} \\times 400")  ->  Fraction(200, 1)
evaluate("2(3+4)")                     ->  Fraction(14, 1)
evaluate("9 / 0"), evaluate("x + 1")   ->  None
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache, lru_cache

from parsers.numbers import SPACES, VULGAR, Number, decimal_comma, digits_pattern, to_fraction

MAX_LENGTH = 2000
MAX_TOKENS = 400
MAX_DEPTH = 40
MAX_EXPONENT = 200
MAX_BITS = 4000
"""Bounds on the text, its tokens, its nesting, exponents and the size of every value on the way."""

_OPERATORS = {
    "×": "*", "·": "*", "∙": "*", "⋅": "*", "✕": "*", "x": "*", "X": "*", "÷": "/", ":": "/",
    "−": "-", "–": "-", "**": "^", "//": "/", "[": "(",
    "]": ")", "{": "(", "}": ")", "\\times": "*", "\\cdot": "*", "\\div": "/", "\\{": "(", "\\}": ")",
    "\\left(": "(", "\\right)": ")", "\\left[": "(", "\\right]": ")", "\\%": "%",
}  # fmt: skip
_SUM = re.compile(r"[0-9]{1,30}(?:[-+][0-9]{1,30}){1,20}")
_TERM = re.compile(r"[-+]?[0-9]+")
_SIMPLE = re.compile(r"\s*([0-9]{1,15})\s*([-+*/])\s*([0-9]{1,15})\s*")


@cache
def _tokenizer(comma: bool) -> re.Pattern[str]:
    digits = digits_pattern("pt" if comma else "en")
    return re.compile(
        rf"(?P<mixed>[0-9]{{1,60}}[ {SPACES}]+[0-9]{{1,60}}/[0-9]{{1,60}}(?![0-9]))"
        rf"|(?P<vulgar>[0-9]{{0,60}}[{''.join(VULGAR)}])"
        rf"|(?P<number>{digits})"
        r"|(?P<frac>\\[dt]?frac)(?P<short>\s*[0-9]{2}(?![0-9]))?"
        r"|(?P<sqrt>\\sqrt(?![\[])|√)"
        r"|(?P<operator>\*\*|//|\\times|\\cdot|\\div|\\left[(\[]|\\right[)\]]|\\[%{}]|[-+*/^()\[\]{}×·∙⋅✕xX÷:−–%])"
        r"|(?P<blank>[\s\u200b]+|\\[,;!: ]|\\\$|[$€£])"
    )


class _Unreadable(Exception):
    """The text is no arithmetic expression, or one beyond the bounds."""


def evaluate(expression: str, language: str = "en") -> Fraction | None:
    """The exact value of an arithmetic expression in digits; None where it has none or is beyond the bounds."""
    if _SUM.fullmatch(expression):  # most steps are this simple, and traces are parsed while training
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
        return Fraction(_Parser(_tokens(expression, decimal_comma(language))).whole())
    except _Unreadable:
        return None


_evaluate_short = lru_cache(maxsize=4096)(_evaluate)
"""Reading a step, its verdict, its check and its rendering all ask for the same value."""


def operands(expression: str, language: str = "en") -> list[Number]:
    """The numbers of an expression with their positions, signs and per cent signs included; [] if unreadable."""
    return list(_operands_short(expression, language) if len(expression) <= 200 else _operands(expression, language))


def _operands(expression: str, language: str) -> list[Number]:
    try:
        tokens = _tokens(expression[:MAX_LENGTH], decimal_comma(language))
    except _Unreadable:
        return []
    found: list[Number] = []
    for i, (kind, value, start, end) in enumerate(tokens):
        if kind != "number":
            continue
        value = Fraction(value)
        if i and tokens[i - 1][0] == "-" and (i == 1 or tokens[i - 2][0] in ("+", "-", "*", "/", "(", "^")):
            value, start = -value, tokens[i - 1][2]
        if i + 1 < len(tokens) and tokens[i + 1][0] == "%":
            found.append(Number(value / 100, start, tokens[i + 1][3], expression[start : tokens[i + 1][3]], "percent"))
        else:
            found.append(Number(value, start, end, expression[start:end]))
    return found


_operands_short = lru_cache(maxsize=4096)(_operands)

_Token = tuple[str, int | Fraction, int, int]


def _tokens(text: str, comma: bool) -> list[_Token]:
    tokens: list[_Token] = []
    scan, position = _tokenizer(comma).match, 0
    while position < len(text):
        match = scan(text, position)
        if match is None or len(tokens) > MAX_TOKENS:
            raise _Unreadable
        kind, token, start = match.lastgroup, match[0], position
        position = match.end()
        if kind == "operator":
            tokens.append((_OPERATORS.get(token, token), 0, start, position))
        elif kind == "number":
            value = int(token) if token.isdigit() and len(token) <= 60 else to_fraction(token, "pt" if comma else "en")
            if value is None:
                raise _Unreadable
            tokens.append(("number", value, start, position))
        elif kind == "short":
            digits = match["short"].strip()
            tokens.append(("number", _ratio(int(digits[0]), int(digits[1])), start, position))
        elif kind == "mixed":
            whole, above, below = (int(part) for part in re.findall("[0-9]+", token))
            tokens.append(("number", whole + _ratio(above, below), start, position))
        elif kind == "vulgar":
            tokens.append(("number", int(token[:-1] or 0) + Fraction(*VULGAR[token[-1]]), start, position))
        elif kind != "blank":
            assert kind is not None
            tokens.append((kind, 0, start, position))
    return tokens


def _ratio(above: int, below: int) -> Fraction:
    if below == 0:
        raise _Unreadable
    return Fraction(above, below)


def _bounded(value: int | Fraction) -> int | Fraction:
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise _Unreadable
    return value


class _Parser:
    """Recursive descent over sum, product, power, atom; juxtaposition of a number and a bracket multiplies."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def whole(self) -> int | Fraction:
        value = self.sum()
        if self.at < len(self.tokens):
            raise _Unreadable
        return value

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def sum(self) -> int | Fraction:
        value = self.product()
        while (kind := self.peek()) in ("+", "-"):
            self.at += 1
            right = self.product()
            value = _bounded(value + right if kind == "+" else value - right)
        return value

    def product(self) -> int | Fraction:
        value = self.signed()
        while True:
            kind = self.peek()
            if kind in ("*", "/"):
                self.at += 1
                right = self.signed()
                if kind == "*":
                    value = _bounded(value * right)
                elif right == 0:
                    raise _Unreadable
                else:
                    value = _bounded(Fraction(value) / right)
            elif kind in ("(", "frac", "sqrt") or (kind == "number" and self.tokens[self.at - 1][0] == ")"):
                value = _bounded(value * self.power())
            else:
                return value

    def signed(self) -> int | Fraction:
        negative = False
        while (kind := self.peek()) in ("+", "-"):
            negative ^= kind == "-"
            self.at += 1
        value = self.power()
        return -value if negative else value

    def power(self) -> int | Fraction:
        base = self.atom()
        while self.peek() == "%":
            self.at += 1
            base = Fraction(base) / 100
        if self.peek() != "^":
            return base
        self.at += 1
        self.enter()
        exponent = self.signed()  # to the right: 2^3^2 is 2^9
        self.depth -= 1
        if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT or (base == 0 and exponent < 0):
            raise _Unreadable
        if max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent) > MAX_BITS:
            raise _Unreadable
        return _bounded(Fraction(base) ** int(exponent))

    def atom(self) -> int | Fraction:
        kind = self.peek()
        if kind == "number":
            self.at += 1
            return self.tokens[self.at - 1][1]
        if kind == "(":
            self.at += 1
            self.enter()
            value = self.sum()
            self.depth -= 1
            if self.peek() != ")":
                raise _Unreadable
            self.at += 1
            return value
        if kind in ("frac", "sqrt"):
            self.at += 1
            self.enter()
            above = self.atom()
            value = _square_root(above) if kind == "sqrt" else _divide(above, self.atom())
            self.depth -= 1
            return value
        raise _Unreadable

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Unreadable


def _divide(above: int | Fraction, below: int | Fraction) -> Fraction:
    if below == 0:
        raise _Unreadable
    return Fraction(above) / below


def _square_root(value: int | Fraction) -> Fraction:
    from math import isqrt

    if value < 0:
        raise _Unreadable
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    if root * root != value:
        raise _Unreadable
    return root
