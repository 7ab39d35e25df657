"""The traces phase and `distill trace`: write the teacher's traces and their parsed graphs.

traces.jsonl    {"problem": {"question": "…", "answer": "72", …}, "text": "…", "format": "gsm8k", …}
graphs.jsonl    a Row for each trace (distill/data/rows.py)
errors.jsonl    of a teacher that is a model: rejected solutions, with the reason
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console
from rich.progress import track as shown

from distill.data.bases import licence_of
from distill.data.rows import Row
from distill.errors import UserError
from distill.recipe.schema import ModelTeacher, Recipe
from distill.report.yields import show_yield
from distill.runs.files import write_jsonl
from distill.runs.folder import Run
from distill.runs.quiet import quiet_libraries
from distill.runs.terminal import PlainConsole, say
from distill.traces.collect import Solutions, collect
from distill.traces.mixture import by_weight, describe_teachers, reference_rows, teachers_of, weights_of
from distill.traces.rows import errors, traces_and_rows
from distill.traces.writers import teacher_name
from distill.tracks.choose import track_of
from distill.verbs.options import console_of, print_json
from teachers.problems import Trace


def write_graphs(run: Run, console: Console | None = None) -> dict[str, Any]:
    """Write traces.jsonl and graphs.jsonl; returns the counts for run.json.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    if isinstance(run.recipe.teacher, ModelTeacher):
        return write_kept(run, console or PlainConsole())
    is_silent = console is None or not console.is_terminal
    track = track_of(run.recipe)
    read = track.reader()
    traces: list[Trace] = []
    rows: list[Row] = []
    for source, limit in track.sources():
        num_used = 0
        for trace in shown(source, "parsing", console=console, transient=True, disable=is_silent):
            if limit is not None and num_used >= limit:
                break
            row = read(trace)
            num_used += row.unused is None and row.side == "training"
            rows.append(row)
            traces.append(trace)
    write_jsonl(run.path / "traces.jsonl", map(asdict, traces))
    write_jsonl(run.graphs, (row.to_json() for row in rows))
    return count_rows(rows)


def write_kept(run: Run, console: Console) -> dict[str, Any]:
    """Write traces.jsonl, graphs.jsonl and errors.jsonl of teachers that are models, which are asked first.

    Raises:
        UserError: as in `collect`, or no solution of a teacher is verified.
    """
    alone, found = teachers_of(run.recipe), solve(run.recipe, console)
    read = {
        name: traces_and_rows(one, found[name]) if name in found else reference_rows(one) for name, one in alone.items()
    }
    rows = by_weight({name: given for name, (_, given) in read.items()}, weights_of(run.recipe))
    learnt = [
        replace(row, dataset=_label(row.dataset, name, len(rows))) for name, given in rows.items() for row in given
    ]
    write_jsonl(run.path / "errors.jsonl", (line for solutions in found.values() for line in errors(solutions)))
    write_jsonl(run.path / "traces.jsonl", (asdict(trace) for traces, _ in read.values() for trace in traces))
    write_jsonl(run.graphs, (row.to_json() for row in learnt))
    names = "; ".join(describe_teachers(run.recipe))
    return {**count_rows(learnt), "teacher": names, "yield": counts_of(found, len(alone))}


def show_trace(recipe: Recipe, console: Console, *, as_json: bool) -> None:
    """Fill the trace store of a recipe and print the yield on stdout.

    Raises:
        UserError: as in `trace_recipe`.
    """
    counts = trace_recipe(recipe, console)
    if as_json:
        print_json(counts)
    else:
        show_yield(counts, console_of(stderr=False))


def trace_recipe(recipe: Recipe, console: Console) -> dict[str, Any]:
    """Fill the trace store of a recipe; the counts by data set.

    Raises:
        UserError: its teacher is no model, or as in `collect`.
    """
    if not isinstance(recipe.teacher, ModelTeacher):
        kind = recipe.teacher.kind
        raise UserError(f"teacher.kind: {kind} needs no store of traces; this is for self, local and endpoint")
    quiet_libraries()
    return counts_of(solve(recipe, console), len(teachers_of(recipe)))


def solve(recipe: Recipe, console: Console) -> dict[str, dict[str, Solutions]]:
    """Name of each teacher that is a model to its solutions by data set; what the store lacks is asked for."""
    found = {}
    for teacher, alone in teachers_of(recipe).items():
        if isinstance(alone.teacher, ModelTeacher):
            name = teacher_name(alone)
            say(console, f"teacher: {name} ({licence_of(name)})")
            found[teacher] = collect(alone, console)
    return found


def counts_of(found: Mapping[str, Mapping[str, Solutions]], num_teachers: int) -> dict[str, Any]:
    """Data set to its counts; of several teachers, data set and teacher."""
    return {
        _label(dataset, name, num_teachers): solutions.counts
        for name, datasets in found.items()
        for dataset, solutions in datasets.items()
    }


def _label(dataset: str, teacher: str, num_teachers: int) -> str:
    return dataset if num_teachers == 1 else f"{dataset}, {teacher}"


def count_rows(rows: Sequence[Row]) -> dict[str, Any]:
    """How many rows were read, used on each side, left out and why; learnt from and changed on purpose by data set."""
    used = [row for row in rows if row.unused is None]
    training = [row for row in used if row.side == "training"]
    return {
        "read": len(rows),
        **Counter(row.side for row in used),
        "datasets": dict(Counter(row.dataset for row in training)),
        "injected_errors": dict(Counter(row.dataset for row in training if row.injected)),
        "unused": dict(Counter(row.unused for row in rows if row.unused)),
    }
