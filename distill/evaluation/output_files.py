"""Reads files of outputs and of traces; errors name every broken line.

{"question": "…", "output": "…", "gold": "72", "task": "…"}    an output; gold, task and language may be missing
{"question": "…", "trace": "…"}                                a teacher's trace

Other field names: data/row_fields.py. Other kinds of files: data/row_files.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from distill.data.row_fields import golds_of, question_of, reply_of_row, solution_of
from distill.data.row_files import convert_rows
from distill.errors import UserError
from distill.evaluation.scored import Output
from parsers.text.language import LANGUAGES

_OUTPUT_FIELDS = ("output", "trace")


def load_outputs(path: Path) -> list[Output]:
    """The outputs of a file, or of samples.jsonl in a run folder.

    Raises:
        UserError: the file cannot be read, is empty, or has bad lines; the first are named.
    """
    if path.is_dir():
        if not (path / "samples.jsonl").is_file():
            raise UserError(f"{path}: no samples.jsonl in this folder; a run writes it when its student is evaluated")
        path = path / "samples.jsonl"
    return convert_rows(path, _output, example="JSON object")


def load_trace_texts(path: Path) -> list[tuple[str, str]]:
    """(question, text) of each trace of a file.

    Raises:
        UserError: as in `load_outputs`.
    """
    return convert_rows(path, _trace, example="JSON object")


def _output(row: dict[str, Any], _number: int) -> Output:
    """One row of a file of outputs; ValueError says what is wrong with it."""
    question = _question(row)
    text = reply_of_row(row)
    if text is None:
        name = next((name for name in _OUTPUT_FIELDS if name in row), None)
        if name is not None:
            raise ValueError(f'"{name}" is not text')
        raise ValueError(f'the field "output" or "trace" is missing (it has {_held(row)})')
    golds = golds_of(row)
    task, language = row.get("task") or "", row.get("language") or "auto"
    if not isinstance(task, str) or language not in ("auto", *LANGUAGES):
        raise ValueError(f"task must be text, and language one of auto, {', '.join(LANGUAGES)}")
    gold = None if not golds else golds if len(golds) > 1 else golds[0] or None
    return Output(question, text, gold, task, language)


def _trace(row: dict[str, Any], _number: int) -> tuple[str, str]:
    """(question, text) of one row of a file of traces; ValueError says what is wrong with it."""
    question, text = _question(row), solution_of(row)
    if text is None:
        raise ValueError(f'the field "trace" is missing (it has {_held(row)})')
    if not text.strip():
        raise ValueError("the trace is blank")
    return question, text


def _question(row: dict[str, Any]) -> str:
    question = question_of(row)
    if question is None:
        if "question" in row:
            raise ValueError('"question" is not text')
        raise ValueError(f'the field "question" is missing (it has {_held(row)})')
    if not question.strip():
        raise ValueError('"question" is blank')
    return question


def _held(row: dict[str, Any]) -> str:
    return ", ".join(row) or "none"


def duplicates(questions: list[str], what: str = "questions") -> str:
    """A note about repeated questions; empty if there are none."""
    repeated = sum(count - 1 for count in Counter(questions).values())
    return f"{repeated} of {len(questions)} {what} repeat an earlier question" if repeated else ""
