"""Masks the formulas of a text: a copy of equal length in which placeholders replace every formula.

    "so \\(2 + 2.5 = 4.5\\) dollars. Next"   ->   "so ················· dollars. Next"

A search for sentence ends, headings and list marks then ignores the points, brackets and line feeds inside formulas.
The delimiters are those of chat models and LaTeX sources: inline, display, environments and fences of code.
"""

from __future__ import annotations

import re

INLINE = "\x02"
"""Placeholder for one character of a formula inside a line."""
DISPLAY = "\x01"
"""Placeholder for one character of a displayed formula."""
CODE = "\x03"
"""Placeholder for one character of a fenced code block; its line feeds stay."""

_MAX_FORMULA = 6000
_OPENER = re.compile(r"(?<!\\)(\\\[|\\\(|\$\$|\$|\\begin\{([a-zA-Z]+\*?)\})|\[asy\]|(?:^|(?<=\n))[ \t]*```")
_CLOSERS = {"\\[": "\\]", "\\(": "\\)", "$$": "$$", "[asy]": "[/asy]", "```": "```"}
_DISPLAY_ENVIRONMENTS = {
    "align",
    "align*",
    "equation",
    "equation*",
    "gather",
    "gather*",
    "eqnarray",
    "eqnarray*",
    "aligned",
}
_LATEX_INSIDE = re.compile(r"\\[a-zA-Z]|[\^_=]")
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMAND = re.compile(
    r"\\(?:text|mathrm|textbf|mathbf|operatorname)\s*\{[^{}\n]*\}|\\[a-zA-Z]+|\b(?:sin|cos|tan|log|lim|max|min)\b"
)


def mask(text: str, *, dollars: bool) -> str:
    """The text with every formula replaced by INLINE or DISPLAY; its length and offsets do not change.

    If a formula ends in a full stop, the full stop stays, so that the sentence ends there.

    Args:
        text: any text.
        dollars: whether every unescaped `$` opens a formula, as in LaTeX sources. Otherwise a `$` opens a formula only
            if it cannot be a price: `$5 and $6` stays, `$x^2$` is replaced.
    """
    pieces: list[str] = []
    finder = _Finder(text)
    position = 0
    while (opener := _OPENER.search(text, position)) is not None:
        end = _formula_end(text, opener, finder, dollars)
        if end is None:
            pieces.append(text[position : opener.end()])
            position = opener.end()
            continue
        pieces += text[position : opener.start()], _blot(text, opener, end)
        position = end
    pieces.append(text[position:])
    return _blot_formula_lines("".join(pieces))


class _Finder:
    """`str.find` that caches its last result for each needle, so that repeated failed searches stay fast."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, int] = {}

    def find(self, needle: str, position: int) -> int:
        known = self.found.get(needle, -2)
        if known != -1 and known < position:
            known = self.found[needle] = self.text.find(needle, position)
        return known


def _formula_end(text: str, opener: re.Match[str], finder: _Finder, dollars: bool) -> int | None:
    """The end of the formula that opens here; None if it is not a formula."""
    mark, start = opener.group().lstrip(), opener.end()
    if mark == "$":
        return _dollar_end(text, start, finder, dollars)
    environment = opener.group(2)
    closer = f"\\end{{{environment}}}" if environment else _CLOSERS[mark]
    end = finder.find(closer, start)
    reopened = -1 if mark in ("$$", "```") else finder.find(mark, start)
    if end >= 0 and end - start <= _MAX_FORMULA and not (0 <= reopened < end and environment is None):
        return end + len(closer)
    if mark == "\\(" or environment or mark == "```":
        return None
    stop = finder.find("\n\n", start)  # no closing mark: the formula ends with its paragraph
    stop = len(text) if stop < 0 else stop
    return min(stop, start + _MAX_FORMULA)


def _dollar_end(text: str, start: int, finder: _Finder, dollars: bool) -> int | None:
    end = finder.find("$", start)
    while end > 0 and text[end - 1] == "\\":
        end = text.find("$", end + 1)
    stop = finder.find("\n\n", start)
    if end <= start or end - start > _MAX_FORMULA or 0 <= stop < end:
        return None
    if dollars:
        return end + 1
    inside = text[start:end]
    if "\n" in inside or len(inside) > 300:
        return None
    priced = (
        text[end + 1 : end + 2].isdigit()
        or inside[-1].isspace()
        or (inside[0].isspace() and inside.strip()[:1].isdigit())
    )
    if priced and not re.search(r"\\[a-zA-Z]|\^", inside):
        return None
    return end + 1 if _LATEX_INSIDE.search(inside) or not re.search(r"[^\W\d_]{2,}", inside) else None


def _blot(text: str, opener: re.Match[str], end: int) -> str:
    mark, environment = opener.group().lstrip(), opener.group(2)
    if mark == "```":
        return re.sub(r"[^\n]", CODE, text[opener.start() : end])
    if mark == "[asy]":
        return re.sub(r"[^\n]", " ", text[opener.start() : end])  # a drawing has no text
    is_display = mark in ("\\[", "$$") or environment in _DISPLAY_ENVIRONMENTS
    tail = text[max(opener.end(), end - 40) : end].rstrip("$)]\\ \n")
    stop = "." if tail.endswith((".", "!", "?")) and not tail.endswith("..") else ""
    fill = DISPLAY if is_display else INLINE
    return fill * (end - opener.start() - len(stop)) + stop


def _blot_formula_lines(masked: str) -> str:
    """Masks lines with only a formula as displays, with or without delimiters."""

    def blot(line: str) -> str:
        bare = line.strip(" \t\r")
        if not bare or DISPLAY in bare or CODE in bare:
            return line
        only_math = INLINE in bare and not bare.strip(INLINE + " .,;")
        if not only_math and not _is_formula(bare):
            return line
        indent = line.index(bare)
        stop = "." if bare.endswith(".") else ""
        return line[:indent] + DISPLAY * (len(bare) - len(stop)) + stop + line[indent + len(bare) :]

    return "\n".join(blot(line) for line in masked.split("\n"))


_RELATION_OR_SIGN = re.compile(r"[=+*/×÷≈<>≤≥⇔⇒→]")
_LISTED = re.compile(r"[-*+•]\s|\d{1,3}[.)]\s|\*\*|#")


def _is_formula(line: str) -> bool:
    if len(line) > 400 or not _RELATION_OR_SIGN.search(line):
        return False
    if _LISTED.match(line):
        return False
    return not _WORD.search(_COMMAND.sub(" ", line).replace(INLINE, " "))
