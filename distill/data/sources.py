"""Reads reference solutions, parses them into graphs and writes them as texts for a nano student.

    {"question": "…", "answer": "She sold 48/2 = <<48/2=24>>24 …"}   ─parse─ structure─ render▶   <INST>…</ANS>

Questions of the test side (teachers/problems.py) are never trained on; their solutions are kept for validation.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.data.question_files import load_problems
from distill.data.row_files import convert_rows
from distill.data.rows import Form, Row, places, question_place
from distill.errors import UserError
from distill.recipe.schema import ModelTeacher, Recipe, Source, SymbolicTeacher
from parsers import render, structure
from parsers.text.prompts import pergunta_headers, thinking_start, write_pergunta, write_thinkset
from teachers.datasets import CARDS, DatasetError, load_dataset_traces
from teachers.problems import Problem, Trace, is_test_side, parse_trace

END_OF_TEXT = "</s>"
"""Ends a text in the form `pergunta`, which has no marker of its own for it."""


def row_of(trace: Trace, form: Form = "nrm") -> Row:
    """The row of a trace in the `student.format` of a nano student, without the graph.

    A trace that is already in this format stays unchanged.
    """
    row = _written(trace, form)
    return replace(row, side="validation" if is_test_side(row.question) else "training", dataset=trace.source)


def _written(trace: Trace, form: Form) -> Row:
    problem = trace.problem
    if form == "pergunta":
        text = write_pergunta(problem.question, trace.text) + END_OF_TEXT
        return Row(problem.question, text, form, ignored=pergunta_headers(problem.question))
    if form == "thinkset":
        is_record = trace.format == "thinkset"
        text = trace.text if is_record else write_thinkset(problem.question, trace.text, problem.answer)
        return Row(problem.question, text, form, ignored=((0, thinking_start(text)),))
    if trace.format == "nrm":
        ignored = (question_place(trace.spans), *places(trace.spans, trace.wrong))
        return Row(problem.question, trace.text, form, trace.spans, ignored, injected=bool(trace.wrong))
    graph = structure(parse_trace(trace))
    written = render(graph, format="nrm", exact=False)
    unused = "no answer was found" if graph.answer is None else None
    ignored = (question_place(written.spans),)
    return Row(problem.question, str(written), form, written.spans, ignored, unused=unused, graph=graph)


def student_format(recipe: Recipe) -> Form:
    """How the nano student of a recipe writes."""
    return getattr(recipe.student, "format", "nrm")


def is_local(recipe: Recipe) -> bool:
    """Whether all data of the teacher is on this machine."""
    teacher = recipe.teacher
    if isinstance(teacher, SymbolicTeacher) or _problem_file(recipe) is not None:
        return True
    return all(s.path for s in teacher.datasets.values()) if teacher.datasets else recipe.data.path is not None


def load_traces(recipe: Recipe) -> list[Trace]:
    """All training solutions of a recipe's data sets.

    Raises:
        UserError: the file is missing, empty, or a line is not what it should be.
    """
    return [trace for traces, limit in load_sources(recipe) for trace in traces[:limit]]


def load_test_traces(recipe: Recipe) -> list[Trace]:
    """All test solutions of a recipe's data sets.

    Raises:
        UserError: as in `load_traces`.
    """
    return [trace for traces, _ in load_sources(recipe, split="test") for trace in traces]


def load_test_problems(recipe: Recipe, count: int | None = None) -> list[Problem]:
    """The test questions of a recipe's data sets: all, or the first `count` of each.

    Raises:
        UserError: as in `load_traces`.
    """
    return [trace.problem for traces, _ in load_sources(recipe, split="test") for trace in traces[:count]]


def load_sources(recipe: Recipe, *, split: str = "train") -> list[tuple[tuple[Trace, ...], int | None]]:
    """The solutions of one split of each data set of a recipe, and the maximum number to use.

    Raises:
        UserError: as in `load_traces`.
    """
    teacher = recipe.teacher
    assert not isinstance(teacher, SymbolicTeacher)
    if (file := _problem_file(recipe)) is not None:
        return [(_from_questions(file, split), None)]
    alone = Source(path=recipe.data.path, test_path=recipe.data.test_path)
    found = []
    for name, source in (teacher.datasets or {teacher.dataset: alone}).items():
        key = f"teacher.datasets.{name}" if teacher.datasets else "data"
        path = source.path if split == "train" else _test_path(source, key)
        found.append((_in_format(_load(name, split, path), recipe.parser.format), source.limit))
    return found


def _problem_file(recipe: Recipe) -> str | None:
    """The file of questions that a model is asked instead of a data set."""
    return recipe.teacher.problems if isinstance(recipe.teacher, ModelTeacher) else None


@functools.lru_cache(maxsize=2)
def _from_questions(file: str, split: str) -> tuple[Trace, ...]:
    """The questions of a file on one side, as traces without text."""
    traces = [Trace(problem, "", "auto", Path(file).name) for problem in load_problems(file)]
    return tuple(t for t in traces if is_test_side(t.problem.question) == (split == "test"))


def _in_format(traces: tuple[Trace, ...], format: str) -> tuple[Trace, ...]:
    """The traces with `parser.format` as their format; with "auto" they keep that of their data set."""
    return traces if format == "auto" else tuple(replace(trace, format=format) for trace in traces)


def _test_path(source: Source, key: str) -> str | None:
    if source.test_path is not None or source.path is None:
        return source.test_path
    path = Path(source.path)
    if not path.is_file():
        raise UserError(f"{path}: {'cannot be read (Is a directory)' if path.is_dir() else 'no such file'}")
    beside = path.with_name("test.jsonl")
    if not beside.is_file():
        raise UserError(f"{key}.test_path: there is no test.jsonl beside {path}; name the file of questions")
    return str(beside)


@functools.lru_cache(maxsize=6)
def _load(dataset: str, split: str, path: str | None) -> tuple[Trace, ...]:
    """The traces of one split, read once; `path` of a local file, None for the Hub."""
    if path is not None and not path.endswith((".json", ".txt")):
        _check_lines(Path(path), CARDS[dataset].fields)
    try:
        found = tuple(load_dataset_traces(dataset, split=split, path=path))
    except DatasetError as error:
        raise UserError(str(error)) from error
    if not found:
        raise UserError(f"{path or dataset}: holds nothing to use")
    return found


def _check_lines(path: Path, fields: Sequence[str]) -> None:
    """Check that every line is a JSON object with these text fields; name the first bad lines by number."""

    def check(row: dict[str, Any], _number: int) -> None:
        if missing := [name for name in fields if not isinstance(row.get(name), str)]:
            raise ValueError(f"no text in {', '.join(missing)} (it has {', '.join(row) or 'nothing'})")

    convert_rows(path, check, example=f"JSON object with {', '.join(fields)}")
