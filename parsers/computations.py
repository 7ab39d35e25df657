"""Computations written in a statement: "3 friends x 8 slices each = 24 slices" -> 3*8, stated value 24, correct.

Units, currency signs and lead-in words are left out of the expression; chains "a = b = c" give one computation a link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from parsers.expressions import evaluate, operands
from parsers.numbers import MINUS, SPACES, VULGAR, decimal_comma, digits_pattern

MARK = re.compile(r"<<([^<>\n]*)>>")
"""A calculator mark, `<<48/2=24>>`; its content is expression, equals sign, value."""


@dataclass(frozen=True, slots=True)
class Computation:
    """`expression` is stated to be worth `value`; `correct` tells whether it is, None where units change or it rounds.

    Offsets are those of expression to value.
    """

    expression: str
    value: Fraction
    correct: bool | None
    start: int
    end: int


_CONVERSIONS = frozenset(Fraction(n) for n in (12, 24, 60, 100, 1000, 3600)) | frozenset(
    Fraction(1, n) for n in (12, 24, 60, 100, 1000, 3600)
)
_ROUNDING = re.compile(
    r"round|about|approx|nearly|almost|roughly|remain|left ?over|whole|full|complete|≈|\.\.\.|…"
    r"|arredond|cerca|aproxim|resto|làm tròn|khoảng|dư",
    re.IGNORECASE,
)


def is_worth(expression: str, value: Fraction, shown: str = "", language: str = "en", context: str = "") -> bool | None:
    """Whether the expression has this value, or rounds to it at the decimals `shown`.

    None if it cannot be evaluated, or if the difference is one of units ("$1 / 2 = 50 cents") or, by the words of
    `context`, of rounding.
    """
    exact = evaluate(expression, language)
    if exact is None:
        return None
    if exact == value:
        return True
    decimals = re.search(r"[.,]([0-9]+)\D*$", shown)
    unit = Fraction(1, 10 ** len(decimals[1][:60])) if decimals else Fraction(0)
    if 2 * abs(exact - value) <= unit:
        return True
    if any(2 * abs(exact * factor - value) <= unit for factor in _CONVERSIONS):
        return None
    return None if abs(exact - value) < 1 and context and _ROUNDING.search(context) else False


@lru_cache(maxsize=2)
def _scanner(comma: bool) -> re.Pattern[str]:
    digits = digits_pattern("pt" if comma else "en")
    return re.compile(
        r"(?P<clock>[0-9]{1,2}:[0-9]{2})"
        rf"|(?P<number>(?:[1-9][0-9]{{0,2}}(?: [0-9]{{3}})+(?![0-9.,/])"
        rf"|[0-9]+[ {SPACES}](?:and )?[0-9]+/[0-9]+(?![0-9])"
        rf"|(?<=[/÷] )[0-9]+/[0-9]+(?![0-9])|[0-9]*[{''.join(VULGAR)}]|{digits}"
        r"|\\[dt]?frac\s*(?:\{\s*[0-9.]+\s*\}|[0-9])\s*(?:\{\s*[0-9.]+\s*\}|[0-9]))(?:\s?\\?%)?)"
        rf"|(?P<operator>\\times|\\cdot|\\div|\*\*|[{MINUS}+*/^×÷·∙⋅]|(?<![^\W\d_])[xX](?=[\s$€£\d(]))"
        r"|(?P<open>\\left\(|[(\[])|(?P<close>\\right\)|[)\]])"
        r"|(?P<equals>=)|(?P<of>\b(?:of|de|của)\b)"
        r"|(?P<unit>\\(?:text|mathrm|textbf|mbox)\s*\{[^{}\n]*\}|[^\W\d_][\w'’]*)"
        r"|(?P<blank>[\s\u200b]+|\\[,;!: ]|\\?\$|[€£&])|(?P<other>.)"
    )


_Token = tuple[str, str, int, int]
_MAX_SIDE = 160
_MAX_CHARACTERS = 20_000
"""Tokens read on either side of an equals sign, characters read of a statement."""


def find_computations(text: str, language: str = "en") -> list[Computation]:
    """All computations of a statement in reading order. Calculator marks must have been taken out."""
    if "=" not in text:
        return []
    tokens: list[_Token] = [
        (
            match.lastgroup or "",
            _written(match[0]) if match.lastgroup == "number" else match[0],
            match.start(),
            match.end(),
        )
        for match in _scanner(decimal_comma(language)).finditer(text[:_MAX_CHARACTERS])
        if match.lastgroup != "blank"
    ]
    found: list[Computation] = []
    for i, token in enumerate(tokens):
        if token[0] != "equals":
            continue
        right, end = _after(tokens[i + 1 : i + 1 + _MAX_SIDE])
        left, start = _before(tokens[max(0, i - _MAX_SIDE) : i]) if right else ("", 0)
        value = evaluate(right, language) if left else None
        if value is None or (exact := evaluate(left, language)) is None:
            continue
        if exact != value and _goes_on(exact, right, language):
            value, right = exact, ""
        found.append(Computation(left, value, is_worth(left, value, right, language, text), start, end))
    return found


def _goes_on(exact: Fraction, right: str, language: str) -> bool:
    """Whether the right side takes up the result and computes on with it: "7 * 60 = 420 + 23 = 443"."""
    numbers = operands(right, language)
    return len(numbers) > 1 and numbers[0].value == exact


def _written(token: str) -> str:
    """A number token as an expression has it: "1 and 1/4" as "1 1/4", a divisor "1/4" in brackets."""
    if " and " in token:
        return token.replace(" and ", " ")
    if token.replace(" ", "").isdigit():
        return token.replace(" ", "")  # 80 000
    return f"({token})" if "/" in token and token.replace("/", "").isdigit() else token


def _before(tokens: list[_Token]) -> tuple[str, int]:
    """The expression that ends at an equals sign and its start: read backwards, over units, up to the lead-in words.

    Empty where it is no computation: a lone number, an unknown ("2x + 3 ="), brackets that do not match.
    """
    pieces: list[str] = []
    start, depth, wants_operand, work, after_unit, named = 0, 0, True, 0, False, False
    for i in range(len(tokens) - 1, -1, -1):
        kind, token, begin, _end = tokens[i]
        if wants_operand:
            if kind == "unit" or (kind == "operator" and token == "/" and after_unit):
                if kind == "unit" and len(token) == 1:
                    return "", 0  # an unknown
                if after_unit := kind == "unit":
                    named = bool(pieces)
                continue
            if named and kind == "operator":
                return "", 0  # a name stands where an operand should
            named = False
            if kind == "number":
                wants_operand, work = False, work + token.startswith("\\")
            elif kind == "close":
                depth, token = depth + 1, ")"
            elif kind == "open" and depth and pieces[-1] in MINUS:
                depth, token, wants_operand, work = depth - 1, "(", False, work - 1  # "(-3)"
            elif not (kind == "operator" and token in MINUS and pieces and pieces[-1] in MINUS):
                break
        elif kind == "operator" or (kind == "of" and i and tokens[i - 1][1].endswith(("%", *VULGAR))):
            wants_operand, work, token = True, work + 1, "*" if kind == "of" else token
        elif kind == "open" and depth:
            depth, token = depth - 1, "("
        elif kind in ("number", "close") and pieces[-1] == "(":
            wants_operand, work = kind == "close", work + 1
            depth, token = (depth + 1, ")") if kind == "close" else (depth, token)
        else:
            break
        pieces.append(token)
        start, after_unit = begin, False
    else:
        i = -1
    if wants_operand:  # the leftmost piece is an operator: a sign, or the rest of something that is no number
        if not pieces or pieces[-1] not in MINUS or (i >= 0 and tokens[i][0] in ("unit", "number", "close")):
            return "", 0
        work -= 1
    return ("", 0) if depth or work < 1 else ("".join(reversed(pieces)), start)


def _after(tokens: list[_Token]) -> tuple[str, int]:
    """The number or expression that follows an equals sign, units left out, and its end; empty if it has an unknown."""
    pieces: list[str] = []
    end, depth, wants_operand = 0, 0, True
    for i, (kind, token, begin, stop) in enumerate(tokens):
        if wants_operand:
            if kind == "number":
                wants_operand = False
            elif kind == "open":
                depth, token = depth + 1, "("
            elif not (kind == "operator" and token in MINUS):
                break
        elif kind == "operator":
            if token == "/" and i + 1 < len(tokens) and tokens[i + 1][0] == "unit":
                continue
            wants_operand = True
        elif kind == "close" and depth:
            depth, token = depth - 1, ")"
        elif kind == "unit":
            if len(token) == 1 and begin == end:
                return "", 0
            continue
        else:
            break
        pieces.append(token)
        end = stop
    if wants_operand and pieces and pieces[-1] in MINUS:
        pieces.pop()
    return ("", 0) if depth else ("".join(pieces), end)
