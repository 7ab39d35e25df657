"""Converts Markdown and common LaTeX to plain characters: "\\[ 2 \\times 3 \\]" becomes "2 × 3"."""

from __future__ import annotations

import re

_NAMES = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
GREEK = dict(zip(_NAMES.split(), "αβγδεζηθικλμνξπρστφχψω", strict=True))
SYMBOLS = {
    "times": "×", "cdot": "·", "div": "÷", "pm": "±", "approx": "≈", "ne": "≠", "neq": "≠", "le": "≤", "leq": "≤",
    "ge": "≥", "geq": "≥", "infty": "∞", "circ": "°", "degree": "°", "angle": "∠", "triangle": "△", "cup": "∪",
    "cap": "∩", "in": "∈", "to": "→", "rightarrow": "→", "Rightarrow": "⇒", "implies": "⇒", "iff": "⇔",
    "Leftrightarrow": "⇔", "ldots": "…", "dots": "…", "cdots": "…", "quad": " ", "qquad": " ", "left": "",
    "right": "", "displaystyle": "", "limits": "",
}  # fmt: skip
"""Maps the name of a macro without arguments to its character."""


def _ratio(fraction: re.Match[str]) -> str:
    """A fraction on one line; a numerator or denominator with several terms gets brackets."""
    sides = (side.strip() for side in fraction.groups())
    return "/".join(f"({side})" if re.search(r"[^\w.,$%\\]", side.lstrip("-")) else side for side in sides)


_MACROS = {**GREEK, **{name.capitalize(): letter.upper() for name, letter in GREEK.items()}, **SYMBOLS}
_RULES = tuple(
    (re.compile(pattern, re.DOTALL), to)
    for pattern, to in (
        (r"\[asy\].*?(?:\[/asy\]|$)", "[figure]"),
        (r"<<[^<>\n]*>>", ""),
        (r"(?<!\\)\$([^$\n]*\\[a-z][^$\n]*)(?<!\\)\$", r"\1"),
        (r"\*\*|__(?=\S)|^#+\s*|\\[()\[\]]|\\[,;!:]|(?<!\\)\$(?=[^\d])|(?<!\\)\$$", ""),
        (r"\\(?:text|mathrm|textbf|mathbf|mbox|boxed|operatorname|overline)\s*\{([^{}]*)\}", r"\1"),
        (r"\\boxed\s*\{", ""),
        (r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", _ratio),
        (r"\\[dtc]?frac\s*(\d)\s*(\d)", r"\1/\2"),
        (r"\\sqrt\s*\{([^{}]*)\}", r"√(\1)"),
        (r"\\sqrt\s*(\w)", r"√\1"),
        (r"\^\s*\{?\s*\\circ\s*\}?", "°"),
        (r"([\^_])\{(\w)\}", r"\1\2"),
        (r"\\(?:begin|end)\{[a-z]+\*?\}|\\\\|(?<!\\)&", " "),
    )
)
_MACRO = re.compile(r"\\([a-zA-Z]+)(?![a-zA-Z])")
_ESCAPED = re.compile(r"\\([%$&#{}])")
MAX_READ = 1500
_PLAIN = str.maketrans({"\u200b": "", "\t": " ", "\r": " ", "\n": " "})


def without_markup(text: str) -> str:
    """The first 1,500 characters of the text, without markup; unknown macros stay unchanged."""
    text = text[:MAX_READ]
    for pattern, to in _RULES:
        text = pattern.sub(to, text)
    text = _MACRO.sub(lambda match: _MACROS.get(match[1], match[0]), text)
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def in_one_line(text: str) -> str:
    """The text in one line that every font can show, without control characters and rare Unicode characters."""
    kept = "".join(c if c.isprintable() and ord(c) < 0x10000 else " " if c.isspace() else "□" for c in text[:2000])
    return kept.translate(_PLAIN)
