"""Traces to graphs to texts that a nano student can learn from; the phase of a run that writes them down.

    {"question": "…", "answer": "She sold 48/2 = <<48/2=24>>24 …\n#### 72"}   ─parse─ structure─ render▶   <INST>…</ANS>

Questions of the test side (teachers/problems.py) are never trained on; their solutions are kept for validation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distill.problem_files import load_problems
from distill.recipe import Recipe, ReferenceTeacher
from distill.runs import Run, write_jsonl
from parsers import ReasoningGraph, parse, render, structure
from teachers.problems import Problem, Trace, is_test_side


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


def prepare(trace: Trace) -> Prepared:
    """One trace as a nano student is to write it; a trace in the nrm format stays as it is."""
    problem = trace.problem
    graph = parse(trace.text, question=problem.question, format=trace.format, language=problem.language)  # type: ignore[arg-type]
    if trace.format == "nrm":
        return Prepared(trace, graph, trace.text, None)
    graph = structure(graph)
    unused = "no answer was found" if graph.answer is None else None
    return Prepared(trace, graph, str(render(graph, format="nrm", exact=False)), unused)


def write_graphs(run: Run, traces: Iterable[Trace]) -> dict[str, Any]:
    """Write traces.jsonl and graphs.jsonl; how many traces were read and used, for run.json."""
    prepared = [prepare(trace) for trace in traces]
    write_jsonl(run.path / "traces.jsonl", (asdict(p.trace) for p in prepared))
    rows = ({"side": p.side, "unused": p.unused, "text": p.text, "graph": p.graph.to_json()} for p in prepared)
    write_jsonl(run.graphs, rows)
    unused = Counter(p.unused for p in prepared if p.unused)
    sides = Counter(p.side for p in prepared if not p.unused)
    return {"read": len(prepared), **sides, "unused": dict(unused)}


def read_texts(graphs: Path, side: str) -> list[str]:
    """The texts of one side that `write_graphs` wrote and that are used, in order."""
    with graphs.open(encoding="utf-8", newline="\n") as file:
        rows = map(json.loads, file)
        return [row["text"] for row in rows if row["side"] == side and not row["unused"]]


def load_traces(recipe: Recipe) -> list[Trace]:
    """The training file of a reference teacher, whole.

    Raises:
        UserError: the file is missing, empty, or a line is not what it should be.
    """
    teacher = recipe.teacher
    assert isinstance(teacher, ReferenceTeacher)
    assert recipe.data.path is not None
    rows = load_problems(recipe.data.path)
    return [
        Trace(Problem(row.question, _gold(row.answer), teacher.dataset, row.language, row.id), row.answer, "gsm8k", "x")
        for row in rows
    ]


def load_test_problems(recipe: Recipe) -> list[Problem]:
    """The test questions of a reference teacher, whole."""
    path = recipe.data.test_path
    if path is None and recipe.data.path is not None:
        path = str(Path(recipe.data.path).with_name("test.jsonl"))
    assert path is not None
    return [Problem(row.question, _gold(row.answer), "gsm8k", row.language, row.id) for row in load_problems(path)]


def _gold(answer: str) -> str:
    return answer.rpartition("####")[2].strip()
