"""Notes: fields that a written graph states explicitly, because its plain text would not read back equal.

    48 + 24 = 72 ⟦{"uses":["48",0]}⟧

A note is JSON between ⟦ and ⟧. Brackets inside strings are escaped, so that a note contains no marker and no line feed.
The fields in a step are `id`, `value` (text, or {"number": "1/2"}), `uses` and `text` (replaces the complete text). The
fields at the start of a text are `givens` and `language`. For the question and the answer, the field is `text`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from parsers.graph import Quantity, Value

OPEN, CLOSE = "⟦", "⟧"
_NOTE = re.compile(r" ?⟦(\{[^⟦⟧\n]*\})⟧$")
_HEAD = re.compile(r"\s*⟦(\{[^⟦⟧\n]*\})⟧\n?")


def write_note(fields: Mapping[str, Any]) -> str:
    """The note with these fields."""
    body = json.dumps(fields, separators=(",", ":"))
    return OPEN + re.sub(r"[<>]", lambda match: f"\\u{ord(match[0]):04x}", _escape_brackets(body)) + CLOSE


def _escape_brackets(body: str) -> str:
    """Writes square brackets inside JSON strings as \\u escapes; the brackets of arrays stay."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: match[0].replace("[", "\\u005b").replace("]", "\\u005d"), body)


def split_note(text: str) -> tuple[str, dict[str, Any] | None]:
    """The text without the note at its end, and the note's fields; a malformed note stays in the text."""
    if not text.endswith(CLOSE):
        return text, None
    match = _NOTE.search(text, text.rfind(OPEN) - 1 if OPEN in text and text.rfind(OPEN) else 0)
    fields = _load(match[1]) if match else None
    if match is None or fields is None:
        return text, None
    return text[: match.start()], fields


def split_head(text: str) -> tuple[int, dict[str, Any] | None]:
    """The start of the text after a note at its beginning, and the note's fields."""
    match = _HEAD.match(text) if OPEN in text[:200] else None
    fields = _load(match[1]) if match else None
    return (match.end(), fields) if match and fields is not None else (0, None)


def _load(body: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def value_to_note(value: Value) -> Any:
    """A value as JSON: a number is {"number": "1/2"}, so that it differs from the text "1/2"."""
    return {"number": str(value)} if isinstance(value, Fraction) else value


def value_from_note(value: Any) -> Value:
    """The value that `value_to_note` wrote; None for anything else."""
    if isinstance(value, dict):
        return _fraction(value.get("number"))
    return value if isinstance(value, str) else None


def givens_to_note(givens: tuple[Quantity, ...]) -> list[list[str]]:
    """Each given as [name, value, text]."""
    return [[given.name, str(given.value), given.text] for given in givens]


def givens_from_note(rows: Any) -> tuple[Quantity, ...] | None:
    """The givens that `givens_to_note` wrote; None if the rows do not have that form."""
    if not isinstance(rows, list):
        return None
    givens: dict[str, Quantity] = {}
    for row in rows:
        if not (isinstance(row, list) and len(row) == 3 and all(isinstance(part, str) for part in row)):
            return None
        value = _fraction(row[1])
        if value is None:
            return None
        givens[row[0]] = Quantity(row[0], value, row[2])
    return tuple(givens.values())


def _fraction(text: Any) -> Fraction | None:
    if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?", text):
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
