"""Reference solutions to graphs to texts that a nano student can learn from, and the files that keep them.

    {"question": "…", "answer": "She sold 48/2 = <<48/2=24>>24 …"}   ─parse─ structure─ render▶   <INST>…</ANS>

Questions of the test side (teachers/problems.py) are never trained on; their solutions are kept for validation.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from distill.errors import UserError
from distill.problem_files import read_rows, refuse_lines
from distill.recipe import Recipe, ReferenceTeacher, Source
from distill.runs import Run, read_jsonl, write_jsonl
from parsers import ReasoningGraph, render, structure
from parsers.prompts import write_pergunta, write_thinkset
from teachers.datasets import CARDS, DatasetError, load_dataset_traces
from teachers.problems import Problem, Trace, is_test_side, parse_trace

END_OF_TEXT = "</s>"
"""Ends a text in the form `pergunta`, which has no marker of its own for it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A trace, its graph with all four stages, and the text that the student learns; `unused` says why not, if so."""

    trace: Trace
    graph: ReasoningGraph
    text: str
    unused: str | None

    @property
    def side(self) -> str:
        """`validation` for a question of the test side, which is never trained on, else `training`."""
        return "validation" if is_test_side(self.trace.problem.question) else "training"


def prepare(trace: Trace, form: str = "nrm") -> Prepared:
    """One trace as a nano student of that `student.format` is to write it; a trace in it already stays as it is."""
    problem = trace.problem
    graph = parse_trace(trace)
    if form == "pergunta":
        return Prepared(trace, graph, write_pergunta(problem.question, trace.text) + END_OF_TEXT, None)
    if form == "thinkset":
        is_record = trace.format == "thinkset"
        text = trace.text if is_record else write_thinkset(problem.question, trace.text, problem.answer)
        return Prepared(trace, graph, text, None)
    if trace.format == "nrm":
        return Prepared(trace, graph, trace.text, None)
    graph = structure(graph)
    unused = "no answer was found" if graph.answer is None else None
    return Prepared(trace, graph, str(render(graph, format="nrm", exact=False)), unused)


def write_graphs(run: Run, traces: Sequence[Trace], console: Console | None = None) -> dict[str, Any]:
    """Write traces.jsonl and graphs.jsonl; how many traces were read and used, for run.json."""
    is_silent = console is None or not console.is_terminal
    form = student_format(run.recipe)
    prepared = [
        prepare(trace, form) for trace in track(traces, "parsing", console=console, transient=True, disable=is_silent)
    ]
    write_jsonl(run.path / "traces.jsonl", (asdict(p.trace) for p in prepared))
    rows = ({"side": p.side, "unused": p.unused, "text": p.text, "graph": p.graph.to_json()} for p in prepared)
    write_jsonl(run.graphs, rows)
    unused = Counter(p.unused for p in prepared if p.unused)
    sides = Counter(p.side for p in prepared if not p.unused)
    return {"read": len(prepared), **sides, "unused": dict(unused)}


def student_format(recipe: Recipe) -> str:
    """How the nano student of a recipe writes."""
    return getattr(recipe.student, "format", "nrm")


def is_local(recipe: Recipe) -> bool:
    """Whether nothing that the teacher reads must be downloaded."""
    teacher = recipe.teacher
    if not isinstance(teacher, ReferenceTeacher):
        return True
    return all(s.path for s in teacher.datasets.values()) if teacher.datasets else recipe.data.path is not None


def read_texts(graphs: Path, side: str) -> list[str]:
    """The texts of one side that `write_graphs` wrote and that are used, in order."""
    return [row["text"] for row in read_jsonl(graphs) if row["side"] == side and not row["unused"]]


def load_traces(recipe: Recipe) -> list[Trace]:
    """The training solutions of a recipe's data sets, whole.

    Raises:
        UserError: the file is missing, empty, or a line is not what it should be.
    """
    return [trace for traces, limit in load_sources(recipe) for trace in traces[:limit]]


def load_test_traces(recipe: Recipe) -> list[Trace]:
    """The test solutions of a recipe's data sets, whole.

    Raises:
        UserError: as in `load_traces`.
    """
    return [trace for traces, _ in load_sources(recipe, split="test") for trace in traces]


def load_test_problems(recipe: Recipe, count: int | None = None) -> list[Problem]:
    """The test questions of a recipe's data sets, whole or the first `count` of each.

    Raises:
        UserError: as in `load_traces`.
    """
    return [trace.problem for traces, _ in load_sources(recipe, split="test") for trace in traces[:count]]


def load_sources(recipe: Recipe, *, split: str = "train") -> list[tuple[tuple[Trace, ...], int | None]]:
    """The solutions of one split of each data set of a recipe, and how many of them are to be used at most.

    Raises:
        UserError: as in `load_traces`.
    """
    teacher = recipe.teacher
    assert isinstance(teacher, ReferenceTeacher)
    alone = Source(path=recipe.data.path, test_path=recipe.data.test_path)
    found = []
    for name, source in (teacher.datasets or {teacher.dataset: alone}).items():
        key = f"teacher.datasets.{name}" if teacher.datasets else "data"
        path = source.path if split == "train" else _test_path(source, key)
        found.append((_load(name, split, path), source.limit))
    return found


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
    """Every line is a JSON object with these fields as text; the first that are not are named by their number."""
    problems, num_rows = [], 0
    for number, row in read_rows(path):
        num_rows += 1
        missing = [] if isinstance(row, str) else [name for name in fields if not isinstance(row.get(name), str)]
        if isinstance(row, str):
            problems.append(f"line {number}: {row}")
        elif missing:
            problems.append(f"line {number}: no text in {', '.join(missing)} (it has {', '.join(row) or 'nothing'})")
    refuse_lines(path, problems)
    if not num_rows:
        raise UserError(f"{path}: empty; one JSON object a line with {', '.join(fields)} is due")
