"""Reads files of questions: one `{"question": "Is 7 even or odd?", "answer": "odd", "task": "even_odd"}` per line.

Other field names: row_fields.py. Other kinds of files: row_files.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.data.row_fields import golds_of, question_of
from distill.data.row_files import convert_rows
from parsers.text.language import LANGUAGES
from teachers.problems import Problem


def load_problems(path: str | Path) -> list[Problem]:
    """The questions of a file, in its order; blank lines are skipped.

    Raises:
        UserError: the file is missing, empty, or a line is not JSON or lacks a field; the first such lines are named.
    """
    return convert_rows(Path(path), _problem, example='{"question": …, "answer": …}')


def _problem(row: dict[str, Any], number: int) -> Problem:
    """The question of a row; ValueError says what is wrong with it."""
    question = question_of(row)
    if question is None or not question.strip():
        missing = question is None and "question" not in row
        held = ", ".join(row) or "none"
        raise ValueError(
            f'the field "question" is missing (it has {held})' if missing else "the question is not text or is blank"
        )
    if "answer" in row and row["answer"] is None:
        raise ValueError("the answer is neither text nor a number")
    golds = golds_of(row)
    if not golds:
        raise ValueError(f'the field "answer" is missing (it has {", ".join(row)})')
    task, language = row.get("task") or "", row.get("language") or ""
    if not isinstance(task, str) or not isinstance(language, str):
        raise ValueError("task and language must be text")
    if language not in ("", "auto", *LANGUAGES):
        raise ValueError(f"language must be one of auto, {', '.join(LANGUAGES)}")
    accepted = tuple(golds) if len(golds) > 1 else ()
    return Problem(question, golds[0], task, language or "en", str(row.get("id", number)), accepted=accepted)
