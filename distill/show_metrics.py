"""Metrics and progress on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from distill.evaluation.paired import MEASURES
from distill.model_card import percent


@contextmanager
def asking_progress(total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Shows how many questions are answered, on a terminal; gives the function to call with each further number."""
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)


def show_metrics(metrics: Mapping[str, Any], console: Console) -> None:
    """A table of the tasks, then one line for each other measure, and the notes."""
    if metrics["tasks"]:
        table = Table("task", "published", "ours", "95 % interval", "n", box=None, pad_edge=False)
        for name, task in metrics["tasks"].items():
            low, high = task["interval"]
            table.add_row(
                name,
                percent(task["published"]),
                percent(task["accuracy"]),
                f"{100 * low:.1f} – {100 * high:.1f}",
                str(task["n"]),
            )
        average = metrics["average"]
        table.add_row("average", percent(average["published"]), percent(average["accuracy"]), "", "")
        console.print(table)
    if metrics["accuracy"]:
        strict, lenient = metrics["accuracy"]["strict"], metrics["accuracy"]["lenient"]
        low, high = (100 * bound for bound in strict["interval"])
        console.print(
            f"accuracy   strict {percent(strict['accuracy'])} ({low:.1f} – {high:.1f}), lenient "
            f"{percent(lenient['accuracy'])}, n {strict['n']}, time-outs {strict['timeouts']}",
            highlight=False,
        )
    shares = metrics["format"]
    named = ("well_formed", "thinking_rate", "step_format", "answer_completion")
    console.print(
        "format     " + ", ".join(f"{n.replace('_', ' ')} {percent(shares[n])}" for n in named), highlight=False
    )
    if metrics["rfs"] is not None:
        console.print(
            f"RFS        {metrics['rfs']:.3f}, strict {metrics['rfs_strict']:.3f}, over {metrics['num_rfs']} outputs",
            highlight=False,
        )
    own = metrics["svr"]["own"]
    if own:
        console.print(
            f"SVR        {percent(own['rate'])} of {own['wrong']} wrong results flagged and corrected; false alarms "
            f"{percent(own['false_alarm_rate'])}, right answers broken {percent(own['broken_rate'])}",
            highlight=False,
        )
    injected, perturbation = metrics["svr"]["injected"], metrics["perturbation"]
    if injected:
        console.print(
            f"           of {injected['wrong']} injected errors {percent(injected['detection_rate'])} flagged, "
            f"{percent(injected['rate'])} corrected",
            highlight=False,
        )
    if perturbation and perturbation["n"]:
        console.print(
            f"perturbed  {percent(perturbation['share'])} of {perturbation['n']} changed steps were computed on with",
            highlight=False,
        )
    if metrics.get("paired"):
        _show_paired(metrics["paired"], console)
    for note in metrics["notes"]:
        console.print(f"note: {note}", highlight=False)


def _show_paired(paired: Mapping[str, Any], console: Console) -> None:
    console.print(f"against {paired['against']}, {paired['joined']} joined questions", highlight=False, soft_wrap=True)
    for name in MEASURES:
        found = paired[name]
        if found:
            low, high = (100 * bound for bound in found["interval"])
            console.print(
                f"  {name.replace('_', ' '):<12} {percent(found['share'])} against {percent(found['against'])}: "
                f"{100 * found['difference']:+.1f} points ({low:+.1f} to {high:+.1f}), right only here "
                f"{found['only_here']}, only there {found['only_there']}, McNemar p {found['p_value']:.2g}",
                highlight=False,
                soft_wrap=True,
            )
