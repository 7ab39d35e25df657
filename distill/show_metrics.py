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
        console.print(_task_table(metrics))
    for line in _lines(metrics):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _task_table(metrics: Mapping[str, Any]) -> Table:
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
    return table


def _lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The measures, each in a line, then the notes."""
    if metrics["accuracy"]:
        strict, lenient = metrics["accuracy"]["strict"], metrics["accuracy"]["lenient"]
        low, high = (100 * bound for bound in strict["interval"])
        yield (
            f"accuracy   strict {percent(strict['accuracy'])} ({low:.1f} – {high:.1f}), lenient "
            f"{percent(lenient['accuracy'])}, n {strict['n']}, time-outs {strict['timeouts']}"
        )
    shares = metrics["format"]
    named = ("well_formed", "thinking_rate", "step_format", "answer_completion")
    yield "format     " + ", ".join(f"{name.replace('_', ' ')} {percent(shares[name])}" for name in named)
    if metrics["rfs"] is not None:
        yield f"RFS        {metrics['rfs']:.3f}, strict {metrics['rfs_strict']:.3f}, over {metrics['num_rfs']} outputs"
    yield from _verification_lines(metrics["svr"])
    perturbation = metrics["perturbation"]
    if perturbation and perturbation["n"]:
        yield f"perturbed  {percent(perturbation['share'])} of {perturbation['n']} changed steps were computed on with"
    if metrics.get("paired"):
        yield from _paired_lines(metrics["paired"])
    yield from (f"note: {note}" for note in metrics["notes"])


def _verification_lines(svr: Mapping[str, Any]) -> Iterator[str]:
    own, injected = svr["own"], svr["injected"]
    if own:
        yield (
            f"SVR        {percent(own['rate'])} of {own['wrong']} wrong results flagged and corrected; false alarms "
            f"{percent(own['false_alarm_rate'])}, right answers broken {percent(own['broken_rate'])}"
        )
    if injected:
        yield (
            f"           of {injected['wrong']} injected errors {percent(injected['detection_rate'])} flagged, "
            f"{percent(injected['rate'])} corrected"
        )


def _paired_lines(paired: Mapping[str, Any]) -> Iterator[str]:
    yield f"against {paired['against']}, {paired['joined']} joined questions"
    for name in MEASURES:
        found = paired[name]
        if found:
            low, high = (100 * bound for bound in found["interval"])
            yield (
                f"  {name.replace('_', ' '):<12} {percent(found['share'])} against {percent(found['against'])}: "
                f"{100 * found['difference']:+.1f} points ({low:+.1f} to {high:+.1f}), right only here "
                f"{found['only_here']}, only there {found['only_there']}, McNemar p {found['p_value']:.2g}"
            )
