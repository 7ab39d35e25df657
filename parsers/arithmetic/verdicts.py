"""Judges whether the stated result of a computation is right; it allows for rounding and changes of units.

10/3 = 3.33, 2/6 = 33%        ->  True, rounded to the digits shown
$1 / 2 = 50 cents             ->  None, the unit changes
50/8 = 6 full boxes           ->  None, the words say that it is rounded
10/3 = 3.34                   ->  False
"""

from __future__ import annotations

import re
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate

MARK = re.compile(r"<<([^<>\n]*)>>")
"""A calculator mark, `<<48/2=24>>`: an expression, an equals sign and a value."""

_FACTORS = (12, 24, 60, 100, 1000, 3600)
_CONVERSIONS = frozenset(Fraction(n) for n in _FACTORS) | frozenset(Fraction(1, n) for n in _FACTORS)
_ROUNDING = re.compile(
    r"round|nearest|about|approx|nearly|almost|roughly|remain|left ?over|whole|full|complete|≈|\.\.\.|…"
    r"|arredond|cerca|aproxim|resto|mais próxim|làm tròn|gần nhất|khoảng|dư",
    re.IGNORECASE,
)
_DECIMALS = re.compile(r"[.,](?:\\[,!])?([0-9]+)\D*$")
_RELATIVE = Fraction(1, 100)
"""The relative error that "approximately" allows beyond the digits shown."""


def is_worth(expression: str, value: Fraction, shown: str = "", language: str = "en", context: str = "") -> bool | None:
    """Whether the expression has this value, or rounds to it at the decimals of `shown`.

    None if it cannot be evaluated. Also None if the difference may come from units or, according to the words of
    `context`, from rounding.
    """
    exact = evaluate(expression, language)
    return None if exact is None else agree(exact, value, shown, context=context, units=True)


def agree(
    exact: Fraction, value: Fraction, shown: str, *, rounded: bool = False, context: str = "", units: bool = False
) -> bool | None:
    """Whether the stated value agrees with the exact one; None if units or words of rounding may explain a difference.

    Args:
        exact: the value of the computation.
        value: the stated value.
        shown: the stated value as written; its decimals give the precision.
        rounded: whether the value is stated as approximate.
        context: the statement, whose words may say that the value is rounded.
        units: whether the statement names units, so that a factor such as 60 or 1000 may be a change of units.
    """
    if exact == value:
        return True
    per_cent = shown.rstrip().endswith("%")
    if per_cent and abs(exact) >= 1 and abs(value) < abs(exact):  # 0.6 * 100 = 60%
        return agree(exact, 100 * value, shown.rstrip("% \\"), rounded=rounded, context=context)
    decimals = _DECIMALS.search(shown)
    unit = Fraction(1, 10 ** len(decimals[1][:60])) if decimals else Fraction(1 if rounded or per_cent else 0)
    unit = unit / 100 if per_cent else unit
    distance = abs(exact - value)
    if 2 * distance <= unit * (2 if rounded else 1) or (rounded and distance <= _RELATIVE * abs(exact)):
        return True
    if units and any(2 * abs(exact * factor - value) <= unit for factor in _CONVERSIONS):
        return None
    return None if distance < 1 and context and _ROUNDING.search(context) else False
