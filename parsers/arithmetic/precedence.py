r"""The only precedence parser: it turns arithmetic tokens into their value, within limits and without eval.

`Parser` is exact and rejects irrational values. `NearParser` evaluates the same grammar, and π, in floating point.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, factorial, floor, log, pi
from typing import Any

from parsers.arithmetic.lexer import Token

MAX_DEPTH = 40
MAX_EXPONENT = 200
MAX_BITS = 4000
MAX_FACTORIAL = 100
"""Limits on nesting, exponents, factorials and the size of every intermediate value."""

Number = int | Fraction
_ROUND: dict[str, Callable[[Number], Number]] = {
    "⌊": floor, "⌈": ceil, "floor": floor, "ceil": ceil, "|": abs, "abs": abs,
}  # fmt: skip
_ROUND_TEX = {"\\lfloor": "⌊", "\\Lfloor": "⌊", "\\lceil": "⌈", "\\Lceil": "⌈", "\\left|": "|", "\\lvert": "|"}
PI = frozenset(("π", "\\pi"))

_SUM_LEVEL, _PRODUCT_LEVEL, _SIGN_LEVEL, _POWER_LEVEL = 1, 2, 3, 4
_LEVELS = {
    "+": _SUM_LEVEL, "-": _SUM_LEVEL, "*": _PRODUCT_LEVEL, "/": _PRODUCT_LEVEL, "mod": _PRODUCT_LEVEL,
    "^": _POWER_LEVEL,
}  # fmt: skip
_END = Token("end", "", 0, 0)
_OF_DIGITS = ["open", "number", "close", "open", "number", "close"]


class Unreadable(Exception):
    """The text is not an arithmetic expression, or it exceeds the limits."""


def bounded(value: Number) -> Number:
    """The value; raises if it is too large."""
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise Unreadable
    return value


def _exact_power(left: Number, right: Number) -> Number:
    if right.denominator != 1:  # 8^{2/3}
        return _exact_power(_exact_root(left, right.denominator), right.numerator)
    if abs(right) > MAX_EXPONENT or (left == 0 and right < 0):
        raise Unreadable
    if max(left.numerator.bit_length(), left.denominator.bit_length()) * abs(right) > MAX_BITS:
        raise Unreadable
    return bounded(Fraction(left) ** int(right))


def _exact_root(value: Number, degree: int) -> Fraction:
    """The exact root; raises if it is irrational."""
    if value < 0 or not 2 <= degree <= MAX_EXPONENT:
        raise Unreadable
    root = Fraction(_whole_root(value.numerator, degree), _whole_root(value.denominator, degree))
    if root**degree != value:
        raise Unreadable
    return root


def _whole_root(value: int, degree: int) -> int:
    if value < 2:
        return value
    root = 1 << -(-value.bit_length() // degree)
    while (lower := ((degree - 1) * root + value // root ** (degree - 1)) // degree) < root:
        root = lower
    return root


def _exact_logarithm(value: Number, base: int | None) -> int:
    """The logarithm as an integer; raises if it is not an integer, and for a natural logarithm."""
    if base is None or base < 2 or value <= 0:
        raise Unreadable
    exponent = round(log(value.numerator, base) - log(value.denominator, base))
    if abs(exponent) > MAX_EXPONENT * 20 or Fraction(base) ** exponent != value:
        raise Unreadable
    return exponent


def _factorial(value: Number) -> int:
    if isinstance(value, float) or value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        raise Unreadable
    return factorial(int(value))


class Parser:
    """A precedence-climbing parser. A number next to a bracket multiplies; a number next to a fraction of digits adds.

    An unknown with a substituted number is read as that number in brackets.
    """

    power = staticmethod(_exact_power)
    root = staticmethod(_exact_root)
    log_of = staticmethod(_exact_logarithm)

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def whole(self) -> Number:
        """The value of all the tokens.

        Raises:
            Unreadable: they are not an expression, or the expression has no such value.
        """
        value = self.level(_SUM_LEVEL)
        if self.at < len(self.tokens):
            raise Unreadable
        return value

    def peek(self) -> Token:
        """The next token."""
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def level(self, least: int) -> Number:
        """The value of the operators that have at least this precedence level."""
        self.enter()
        value = self.prefix(least)
        while True:
            token = self.peek()
            if token.kind == "operator":
                level = _LEVELS.get(token.text, 0)
                if level < least or not level:
                    break
                self.at += 1
                right = self.level(_SIGN_LEVEL if level == _POWER_LEVEL else level + 1)  # from the right: 2^3^2 is 2^9
                value = self.apply(token.text, value, right)
            elif token.kind == "power" and least <= _POWER_LEVEL:
                self.at += 1
                value = self.power(value, token.value or 0)
            elif token.kind == "percent":
                self.at += 1
                value = Fraction(value) / 100
            elif token.kind == "factorial":
                self.at += 1
                if self.peek().kind == "factorial":
                    raise Unreadable  # a double factorial
                value = _factorial(value)
                if self.peek().kind == "number":
                    value = self.apply("*", value, self.level(_POWER_LEVEL))  # 6!/3!3!
            elif least <= _PRODUCT_LEVEL and self.is_product(token):
                value = self.apply("*", value, self.level(_SIGN_LEVEL))
            else:
                break
        self.depth -= 1
        return value

    def apply(self, sign: str, left: Number, right: Number) -> Number:
        """The value of one operation."""
        if sign == "+":
            return bounded(left + right)
        if sign == "-":
            return bounded(left - right)
        if sign == "*":
            return bounded(left * right)
        if sign == "^":
            return self.power(left, right)
        if right == 0:
            raise Unreadable
        if sign == "/":
            return bounded(Fraction(left) / right)
        if left.denominator != 1 or right.denominator != 1:
            raise Unreadable
        return left % right

    def is_product(self, token: Token) -> bool:
        """Whether the token begins a factor without a sign before it."""
        if token.kind in ("number", "chosen"):
            return self.tokens[self.at - 1].kind in ("close", "factorial", "symbol", "chosen")
        return token.kind in ("open", "function", "symbol")

    def prefix(self, least: int) -> Number:
        """An operand with its sign."""
        token = self.peek()
        if token.kind == "operator" and token.text in "+-":
            self.at += 1
            value = self.level(max(least, _SIGN_LEVEL))
            return -value if token.text == "-" else value
        return self.atom()

    def atom(self) -> Number:
        """A number, a bracket or a function."""
        token = self.peek()
        self.at += 1
        if token.kind in ("number", "chosen") and token.value is not None:
            return token.value + self.fraction_behind(token)
        if token.kind == "symbol" and token.value is not None:
            return token.value
        if token.kind == "open":
            value = self.level(_SUM_LEVEL)
            opened = _ROUND_TEX.get(token.text, token.text)
            if self.peek().kind != "close":
                raise Unreadable
            self.at += 1
            return _ROUND[opened](value) if opened in _ROUND else value
        if token.kind == "function":
            return self.function(token.text)
        raise Unreadable

    def fraction_behind(self, token: Token) -> Number:
        r"""The fraction of a mixed number, 2\frac{1}{2}: two numbers in digits, the numerator smaller."""
        behind = self.tokens[self.at : self.at + 7]
        if not isinstance(token.value, int) or not behind:
            return 0
        if "frac" in behind[0].text and behind[0].value is not None:
            self.at += 1
            return behind[0].value
        if len(behind) < 7 or "frac" not in behind[0].text or [t.kind for t in behind[1:]] != _OF_DIGITS:
            return 0
        above, below = behind[2].value, behind[5].value
        if not isinstance(above, int) or not isinstance(below, int) or not above < below:
            return 0
        if "frac" in (self.tokens[self.at + 7].text if len(self.tokens) > self.at + 7 else ""):
            return 0  # 80\frac{1}{2}\frac{1}{5} is a product
        self.at += 7
        return Fraction(above, below)

    def function(self, name: str) -> Number:
        """The value of a function applied to the tokens that follow."""
        if "frac" in name:
            above = self.argument()
            return self.apply("/", above, self.argument())
        if name in _ROUND:
            return _ROUND[name](self.argument())
        if name.startswith(("\\l", "l")):
            return self.logarithm(name)
        return self.root(self.argument(), 3 if name == "∛" else int(name[6:-1]) if name.endswith("]") else 2)

    def logarithm(self, name: str) -> Number:
        r"""The value of \log_2 8; raises if the end of the argument is unclear: \log_2 4 \cdot 8."""
        value = self.level(_POWER_LEVEL)
        behind = self.peek()
        if self.tokens[self.at - 1].kind != "close" and (behind.text in ("*", "/") or self.is_product(behind)):
            raise Unreadable
        digits = re.findall("[0-9]+", name)
        return self.log_of(value, int(digits[0]) if digits else None)

    def argument(self) -> Number:
        """One bracketed argument, or one digit of LaTeX without braces."""
        self.enter()
        value = self.atom()
        self.depth -= 1
        return value

    def enter(self) -> None:
        """Goes one level deeper; raises if the nesting is too deep."""
        self.depth += 1
        if self.depth > MAX_DEPTH * 3:
            raise Unreadable


def _near_power(left: float, right: float) -> float:
    if (left < 0 and right != int(right)) or abs(right) > MAX_EXPONENT or (not left and right < 0):
        raise Unreadable
    return float(left) ** right


def _near_root(value: float, degree: int) -> float:
    if value < 0 or degree < 2:
        raise Unreadable
    return float(value) ** (1 / degree)


def _near_logarithm(value: float, base: int | None) -> float:
    if value <= 0 or base == 1:
        raise Unreadable
    return log(value, base) if base else log(value)


_NEAR: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


class NearParser(Parser):
    """The same grammar for irrational values: roots, logarithms and fractional powers in floating point."""

    power = staticmethod(_near_power)  # type: ignore[assignment]
    root = staticmethod(_near_root)  # type: ignore[assignment]
    log_of = staticmethod(_near_logarithm)  # type: ignore[assignment]

    def apply(self, sign: str, left: Number, right: Number) -> Number:
        """The value of one operation."""
        if not isinstance(left, float) and not isinstance(right, float):
            return super().apply(sign, left, right)
        if sign == "^":
            return self.power(left, right)  # type: ignore[arg-type, return-value]
        if sign not in _NEAR or (sign == "/" and not right):
            raise Unreadable
        return _NEAR[sign](float(left), float(right))

    def atom(self) -> Number:
        """A number, a bracket, a function or π."""
        if self.peek().kind == "symbol" and self.peek().text in PI:
            self.at += 1
            return pi  # type: ignore[return-value]
        return super().atom()
