"""`distill runs`, `distill compare A B`, `distill report RUN`: lists runs, compares two, opens a report.

distill runs                      every run below runs/, with its accuracy and how far it got
distill compare runs/a runs/b     their measures, the questions that only one got right, the keys that differ
distill report runs/a --open      rewrites the page and opens it in a browser
"""

from __future__ import annotations

import shlex
import webbrowser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from distill.errors import UserError
from distill.report.card import percent
from distill.report.page import write_report
from distill.report.terminal import columns_of, show_paired
from distill.runs.files import read_json
from distill.runs.folder import differences, is_at_work

PHASES = (
    ("report.html", "done"),
    ("metrics.json", "evaluated"),
    ("student", "trained"),
    ("checkpoints", "training"),
    ("tokenizer", "tokenizer"),
    ("graphs.jsonl", "traces"),
)
"""An output of a run, and how far the run is once it is there; the last phase first."""
HEADS = ("run", "state", "accuracy", "training", "changed")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run folder as a line of the list."""

    path: str
    recipe: str
    state: str
    accuracy: float | None
    minutes: float | None
    """Of training."""
    changed: str
    """When the folder was last written to, as ISO 8601 to the minute."""
    resume: str | None
    """The command that continues it; None where it is done, or a process is at work in it."""


def list_runs(folder: Path) -> list[RunSummary]:
    """Every run below a folder, the newest first.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name the one that holds your runs, or start one with distill run")
    found = [path.parent for path in folder.glob("*/recipe.yaml")]
    return [_summary(path) for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def show_runs(folder: Path, console: Console) -> None:
    """Print the runs below a folder as a table."""
    runs = list_runs(folder)
    if not runs:
        console.print(Text(f"no runs in {folder}; start one with: distill run RECIPE"))
        return
    rows = [(one.path, *_facts(one)) for one in runs]
    widths = [max(len(row[i]) for row in (*rows, HEADS)) for i in range(len(HEADS))]
    if sum(widths) + 2 * len(widths) <= console.width:
        table = Table(*HEADS, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:  # a path that is broken cannot be copied
        for path, *facts in rows:
            console.print(Text(path), soft_wrap=True)
            console.print(Text(f"  {', '.join(facts)}"))
    if commands := [one.resume for one in runs if one.resume]:
        lines = ["to continue what was interrupted:", *(f"  {command}" for command in commands)]
        console.print("\n".join(lines), soft_wrap=True)


def _facts(one: RunSummary) -> tuple[str, str, str, str]:
    """State, accuracy, time of training and of the last change, in words."""
    minutes = "–" if one.minutes is None else f"{one.minutes:.1f} min"
    state = one.state if one.resume is None else f"interrupted, {one.state}"
    return state, percent(one.accuracy), minutes, one.changed.replace("T", " ")


def compare_runs(first: Path, second: Path, console: Console, *, as_json: bool = False) -> dict[str, Any]:
    """Compare two finished runs: measures, questions that only one got right, recipe keys that differ.

    Raises:
        UserError: one of them is no run, or has not been evaluated.
    """
    from distill.evaluation.output_files import load_outputs
    from distill.evaluation.outputs import score_output
    from distill.evaluation.paired import compare_outputs

    ours, theirs = _finished(first), _finished(second)
    here, there = ([score_output(output) for output in load_outputs(path)] for path in (first, second))
    paired = {"against": str(first), "names": [first.name, second.name], **compare_outputs(there, here)}
    changed = differences(_recipe(first), _recipe(second))
    if not as_json:
        show_paired(paired, console)
        table = Table("", *(Column(Text(name)) for name in columns_of(paired)), box=None, pad_edge=False)
        for name, a, b in _rows(ours, theirs):
            table.add_row(name, a, b)
        console.print(table)
        keys = [f"  {line}" for line in changed] or ["  none"]
        console.print(Text("\n".join(["recipe keys that differ", *keys])))
    return {"metrics": [ours, theirs], "paired": paired, "recipe": changed}


def rebuild_report(run: Path, *, open_it: bool) -> Path:
    """Rewrite report.html of a run, and optionally open it in a browser.

    Raises:
        UserError: it is no run, or has not been evaluated.
    """
    _finished(run)
    page = write_report(run)
    if open_it and not webbrowser.open(page.resolve().as_uri()):
        raise UserError(f"--open: no browser was found; open {page} yourself")
    return page


def _summary(path: Path) -> RunSummary:
    metrics, facts = _readable(path / "metrics.json"), _readable(path / "run.json")
    state = next((name for output, name in PHASES if (path / output).exists()), "begun")
    strict = ((metrics.get("accuracy") or {}).get("strict") or {}).get("accuracy")
    average = (metrics.get("average") or {}).get("accuracy")
    seconds = (facts.get("training") or {}).get("elapsed_seconds")
    newest = max(entry.stat().st_mtime for entry in [path, *path.iterdir()] if entry.exists())
    return RunSummary(
        path=str(path),
        recipe=str(facts.get("recipe", "")),
        state=state,
        accuracy=strict if average is None else average,
        minutes=None if seconds is None else seconds / 60,
        changed=datetime.fromtimestamp(newest).isoformat(timespec="minutes"),
        resume=None if state == "done" or is_at_work(path) else resume_command(path),
    )


def resume_command(path: Path) -> str:
    """The command that continues a run, by the recipe in its folder."""
    return f"distill run {shlex.quote(str(path / 'recipe.yaml'))} --out {shlex.quote(str(path))} --resume"


def _readable(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty if the file is missing or damaged, so that a list of runs still shows the rest."""
    try:
        found = read_json(path)
    except UserError:
        return {}
    return found if isinstance(found, dict) else {}


def _finished(run: Path) -> dict[str, Any]:
    if not (run / "recipe.yaml").is_file():
        raise UserError(f"{run}: not a run folder (no recipe.yaml in it); list yours with distill runs")
    if not (run / "metrics.json").is_file():
        raise UserError(f"{run}: not evaluated yet; finish it with {resume_command(run)}")
    return read_json(run / "metrics.json")


def _recipe(run: Path) -> Mapping[str, Any]:
    return yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))


def _rows(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "questions", f"{ours['n']:,}", f"{theirs['n']:,}"
    for kind in ("strict", "lenient"):
        values = [percent(((m.get("accuracy") or {}).get(kind) or {}).get("accuracy")) for m in (ours, theirs)]
        yield f"accuracy, {kind}", values[0], values[1]
    yield "well formed", percent(ours["format"]["well_formed"]), percent(theirs["format"]["well_formed"])
    for name in ("rfs", "rfs_strict"):
        yield name.replace("_", " "), _score(ours.get(name)), _score(theirs.get(name))
    for task in dict.fromkeys([*ours["tasks"], *theirs["tasks"]]):
        values = [percent((m["tasks"].get(task) or {}).get("accuracy")) for m in (ours, theirs)]
        yield task, values[0], values[1]


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
