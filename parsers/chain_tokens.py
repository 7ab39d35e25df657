"""The tokens of equations in prose: numbers, signs, LaTeX commands, words.

A file of patterns: their rows read better unbroken.
"""
# ruff: noqa: E501

from __future__ import annotations

import re
from functools import cache

from parsers.numbers import digits_pattern

OPERATORS = {
    "\\times": "*", "\\cdot": "*", "\\div": "/", "\\ast": "*", "×": "*", "·": "*", "∙": "*", "÷": "/", "−": "-", "–": "-",
    "**": "^", ":": "/", "x": "*",
}  # fmt: skip
WORD_OPERATORS = {
    "times": "*",
    "multiplied": "*",
    "plus": "+",
    "minus": "-",
    "divided": "/",
    "vezes": "*",
    "mais": "+",
    "menos": "-",
}
OF = frozenset(("of", "de", "do", "da", "của"))
UNITS = frozenset(
    [
        "km",
        "cm",
        "mm",
        "dm",
        "kg",
        "mg",
        "ml",
        "cl",
        "dl",
        "lb",
        "lbs",
        "oz",
        "ft",
        "in",
        "yd",
        "mi",
        "hr",
        "hrs",
        "min",
        "sec",
        "th",
        "st",
        "nd",
        "rd",
        "am",
        "pm",
        "mph",
        "kmh",
        "kb",
        "mb",
        "gb",
        "tb",
        "cal",
    ]
)


@cache
def tokenizer(comma: bool) -> re.Pattern[str]:
    """One alternative a kind of token, by group name; `comma` for languages with a decimal comma."""
    digits = digits_pattern("pt" if comma else "en")
    colon = r"(?<=[\d)]):(?=\s?\d)|(?<=\d ):(?=\s?\d)" if comma else r"(?<=\d ):(?= \d)"
    return re.compile(
        r"(?P<formula>\\[(\[](?!\d+(?:pt|em|ex|cm|mm)\]))"
        r"|(?P<skip>\\(?:left|right|big|Big|bigg|quad|qquad|displaystyle|boxed|fbox|hspace\{[^}]*\})(?![a-zA-Z])|\\[,!;: ()\[\]{}]|\\?\$+|€|£|&"
        r"|\\begin\{[a-z]+\*?\}(?:\{[^}]*\})?|\\end\{[a-z]+\*?\}|<<[^>\n]{0,200}>>|(?<=\s)\*\*(?=\s*\w)|\*\*(?=[\s:.,]|$))"
        r"|(?P<text>\\(?:text|mathrm|textbf|mbox|textit|operatorname|mathbf|mathit)\s*\{[^{}]{0,300}\})"
        r"|(?P<line>\\\\(?:\[[^\]\n]{0,12}\])?|\n)"
        r"|(?P<frac>\\[dt]?frac)(?P<short>\s*[0-9]{2}(?![0-9]))?"
        r"|(?P<sqrt>\\sqrt|√)"
        r"|(?P<arrow>\\(?:implies|Rightarrow|Leftrightarrow|iff|to|rightarrow|Longrightarrow|Longleftrightarrow)(?![a-zA-Z])|⇔|⇒|→|=>|->)"
        r"|(?P<compare>\\(?:leq?|geq?|neq?|lt|gt|in|leqslant|geqslant)(?![a-zA-Z])|[<>≤≥≠∈≡]=?|!=|\\equiv(?![a-zA-Z]))"
        r"|(?P<equal>=+|\\approx(?![a-zA-Z])|\\simeq|≈)"
        r"|(?P<operator>\\(?:times|cdot|div|ast)(?![a-zA-Z])|\*\*|[-+*/^×·∙÷−–]|(?<=[\d)%\s])[xX](?=\s*[\d($.])"
        rf"|{colon})"
        rf"|(?P<mixed>[0-9]{{1,9}}\s[0-9]{{1,9}}/[0-9]{{1,9}}(?![0-9/]))"
        rf"|(?P<number>{digits})(?P<percent>\s?\\?%)?"
        r"|(?P<word>[^\W\d_]{2,}(?:['’.-](?=[^\W\d_]{2})[^\W\d_]+)*(?:['’]s?)?)(?P<words>(?: [^\W\d_]{2,}(?:['’]s?)?)+(?= ))?"
        r"|(?P<symbol>[^\W\d_](?:_\{[^{}]{1,12}\}|_\w)?[′']*|\\(?:pi|theta|alpha|beta|gamma|lambda|omega|mu|phi|sigma|Delta|ell)(?![a-zA-Z]))"
        r"|(?P<command>\\[a-zA-Z]+|\\[&|])"
        r"|(?P<open>[({\[])|(?P<close>[)}\]])"
        r"|(?P<stop>[.,;:?!…|])"
        r"|(?P<space>\s+)|(?P<other>.)"
    )


WORTH = re.compile(
    r"[=≈+*/×÷·^−]|\\(?:times|cdot|div|frac|approx|sqrt)|\d\s?[-–:x(]\s?[\d$(]|\d[A-Za-z]\b|\b(?:of|times|plus|minus|divided|de|vezes|mais|menos|của)\b"
)
"""A text without a match holds no equation and no expression."""
