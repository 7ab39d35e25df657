"""Files of questions: `{"question": "Is 7 even or odd?", "answer": "odd", "task": "even_odd"}` a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distill.errors import UserError
from parsers.language import LANGUAGES
from teachers.problems import Problem

SHOWN_PROBLEMS = 5
"""Broken lines that an error lists; a file of the wrong kind is broken on every line."""


def load_problems(path: str | Path) -> list[Problem]:
    """The questions of a file, in its order; blank lines are skipped.

    Raises:
        UserError: the file is missing, empty, or a line is not JSON or lacks a field; the first such lines are named.
    """
    path = Path(path)
    found: list[Problem] = []
    problems: list[str] = []
    for number, row in read_rows(path):
        finding = row if isinstance(row, str) else _finding(row)
        if finding:
            problems.append(f"line {number}: {finding}")
            continue
        assert isinstance(row, dict)
        task, language = row.get("task") or "", row.get("language") or "en"
        found.append(Problem(row["question"], str(row["answer"]), task, language, str(row.get("id", number))))
    refuse_lines(path, problems)
    if not found:
        raise UserError(f'{path}: empty; one {{"question": …, "answer": …}} a line is due')
    return found


def refuse_lines(path: Path, problems: Sequence[str]) -> None:
    """Raise a UserError with the first findings on the lines of a file, and how many more there are, if any."""
    if problems:
        more = [f"and {len(problems) - SHOWN_PROBLEMS} more lines"] if len(problems) > SHOWN_PROBLEMS else []
        raise UserError(*problems[:SHOWN_PROBLEMS], *more, heading=str(path))


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(line number, object) of each line that is not blank; (line number, finding) where it is no JSON object.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
                json.dumps(row, ensure_ascii=False).encode()
            except (ValueError, RecursionError) as error:
                yield number, unreadable(error)
                continue
            yield number, row if isinstance(row, dict) else "a JSON object is due"


def unreadable(error: ValueError | RecursionError) -> str:
    """Why `json.loads` could not read something, or its text cannot be written to a file."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg})"
    if isinstance(error, UnicodeDecodeError):
        return "not JSON (not UTF-8 text)"
    if isinstance(error, UnicodeEncodeError):
        return f"holds half of a character, {error.object[error.start]!a}, which no file can"
    cause = "nested too deeply" if isinstance(error, RecursionError) else "a number of thousands of digits"
    return f"not JSON ({cause})"


def _finding(row: dict[str, Any]) -> str:
    """What is wrong with a row, empty if nothing."""
    for name in ("question", "answer"):
        if name not in row:
            return f'the field "{name}" is missing (it has {", ".join(row) or "none"})'
    if not isinstance(row["question"], str) or not row["question"].strip():
        return "the question is not text or is blank"
    if isinstance(row["answer"], bool) or not isinstance(row["answer"], str | int | float):
        return "the answer is neither text nor a number"
    if isinstance(row["answer"], float) and not math.isfinite(row["answer"]):
        return f"the answer is {row['answer']}, which is no number in JSON"
    language = row.get("language") or ""
    if not isinstance(row.get("task") or "", str) or not isinstance(language, str):
        return "task and language are text"
    if language not in ("", "auto", *LANGUAGES):
        return f"language is one of auto, {', '.join(LANGUAGES)}"
    return ""
