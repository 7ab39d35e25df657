"""The phrases with which a text presents its answer, compiled from phrases.toml; each rule there has an example."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

TABLE: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8")
)
_SHORT = {"{gap}": r"[^\n.:=?!]{0,60}?", "{marks}": r"[ \t*_`]{0,8}"}


def _any_of(rows: Iterable[dict[str, Any]]) -> str:
    joined = "|".join(f"(?:{row['pattern']})" for row in rows)
    for name, pattern in _SHORT.items():
        joined = joined.replace(name, pattern)
    return joined


_LETTER = re.compile(r"[^\W\d_]")


def find_phrases(text: str) -> list[re.Match[str]]:
    """The phrases of a text in order; the answer follows each phrase.

    Only phrases whose stems occur in the text are tried, because trying every phrase takes ten times as long.
    """
    if not _LETTER.search(text):
        return []  # most answer lines: a number
    lowered = text.lower()
    rows = (i for i, row in enumerate(TABLE["phrase"]) if any(stem in lowered for stem in row["stems"]))
    return list(_finder(tuple(rows)).finditer(text))


@lru_cache(maxsize=256)
def _finder(rows: tuple[int, ...]) -> re.Pattern[str]:
    """A pattern that matches any phrase in these rows of the table."""
    named = (f"(?P<{TABLE['phrase'][i]['language']}_{i}>{_any_of([TABLE['phrase'][i]])})" for i in rows)
    pattern = "|".join(named) or r"(?!)"
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def language_of(phrase: re.Match[str]) -> str:
    """The language of a phrase that `find_phrases` found."""
    return str(phrase.lastgroup).partition("_")[0]


DENIED = re.compile(rf"\s*(?:{_any_of(TABLE['denied'])})(?![^\W\d_]|(?<=[^\W\d_])')", re.IGNORECASE)
"""Words after a phrase that gives no answer: "the answer is not 8", "the answer is correct"."""

SUPPOSED = re.compile(rf"(?:{_any_of(TABLE['supposed'])})[^\n.,;:!?]{{0,25}}$", re.IGNORECASE)
"""Words before a phrase that only assumes an answer: "if the answer is 8"."""

CLAUSE = re.compile(rf"(?:{_any_of(TABLE['clause'])}).*$", re.IGNORECASE | re.DOTALL)
"""An explanation after an answer: ", because …"."""
