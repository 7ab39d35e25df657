"""Files of outputs and of traces, every broken line named.

{"question": "…", "output": "…", "gold": "72", "task": "…"}    an output; gold, task and language may be missing
{"question": "…", "trace": "…"}                                a teacher's trace
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.evaluation.outputs import Output
from distill.problem_files import read_rows, refuse_lines
from parsers.language import LANGUAGES

OUTPUT_FIELDS = ("output", "trace")
GOLD_FIELDS = ("gold", "reference")
TRACE_FIELDS = ("trace", "text", "output", "solution", "answer")


def load_outputs(path: Path) -> list[Output]:
    """The outputs of a file, or those that a run folder holds in samples.jsonl.

    Raises:
        UserError: the file cannot be read, is empty, or has bad lines; the first are named.
    """
    if path.is_dir():
        if not (path / "samples.jsonl").is_file():
            raise UserError(f"{path}: holds no samples.jsonl, which a run folder does once its student is evaluated")
        path = path / "samples.jsonl"
    return load_rows(path, read_output)


def load_rows(path: Path, read: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """What `read` makes of each line; it raises ValueError with what is wrong."""
    found, problems = [], []
    for number, row in read_rows(path):
        try:
            if isinstance(row, str):
                raise ValueError(row)
            found.append(read(row))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    refuse_lines(path, problems)
    if not found:
        raise UserError(f"{path}: empty; one JSON object a line is due")
    return found


def read_output(row: dict[str, Any]) -> Output:
    """One line of a file of outputs; ValueError says what is wrong with it."""
    question, text = _text(row, ("question",)), _text(row, OUTPUT_FIELDS, may_be_empty=True)
    gold = next((row[name] for name in GOLD_FIELDS if row.get(name) is not None), None)
    if isinstance(gold, bool) or not isinstance(gold, str | int | float | list | None):
        raise ValueError("gold is neither text, a number nor a list of accepted answers")
    if isinstance(gold, float) and not math.isfinite(gold):
        raise ValueError(f"gold is {gold}, which is no number in JSON")
    if isinstance(gold, list):
        if not gold or not all(isinstance(one, str) for one in gold):
            raise ValueError("gold as a list holds the accepted answers as text")
    elif gold is not None:
        gold = str(gold).rpartition("####")[2].strip() or None
    task, language = row.get("task") or "", row.get("language") or "auto"
    if not isinstance(task, str) or language not in ("auto", *LANGUAGES):
        raise ValueError(f"task is text and language one of auto, {', '.join(LANGUAGES)}")
    return Output(question, text, gold, task, language)


def read_trace(row: dict[str, Any]) -> tuple[str, str]:
    """(question, text) of one line of a file of traces; ValueError says what is wrong with it."""
    return _text(row, ("question",)), _text(row, TRACE_FIELDS)


def _text(row: Mapping[str, Any], names: tuple[str, ...], *, may_be_empty: bool = False) -> str:
    """The first of the fields that is there."""
    name = next((name for name in names if name in row), None)
    if name is None:
        wanted = " or ".join(f'"{name}"' for name in names)
        raise ValueError(f"the field {wanted} is missing (it has {', '.join(row) or 'none'})")
    if not isinstance(row[name], str):
        raise ValueError(f'"{name}" is not text')
    if not may_be_empty and not row[name].strip():
        raise ValueError(f'"{name}" is blank')
    return row[name]


def duplicates(questions: list[str], what: str = "questions") -> str:
    """How many repeat an earlier one, in words; empty if none."""
    repeated = sum(count - 1 for count in Counter(questions).values())
    return f"{repeated} of {len(questions)} {what} repeat an earlier question" if repeated else ""
