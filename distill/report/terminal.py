"""Metrics and progress on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from distill.evaluation.paired import MEASURES
from distill.report.against_base import below_base
from distill.report.card import percent
from distill.runs.terminal import say

LINE_SECONDS = 5.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def asking_progress(parts: Sequence[tuple[str, int]], console: Console) -> Iterator[Callable[[int], None]]:
    """Shows how many questions are answered; yields a function to call with each number of new answers.

    A bar on a terminal; in a notebook or a log file, one line every LINE_SECONDS.

    Args:
        parts: name and number of questions of each part, in the order in which they are asked.
    """
    columns = (
        TextColumn("asking {task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    parts = [part for part in parts if part[1]] or [("questions", 0)]
    total, started = sum(size for _, size in parts), time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = [progress.add_task(name, total=size, visible=not i) for i, (name, size) in enumerate(parts)]
        done, here, shown = 0, 0, started

        def advance(count: int) -> None:
            nonlocal done, here, shown
            done += count
            before = sum(size for _, size in parts[:here])
            while here + 1 < len(parts) and done - before >= parts[here][1]:
                progress.update(tasks[here], completed=parts[here][1], visible=False)
                before += parts[here][1]
                here += 1
            name, size = parts[here]
            progress.update(tasks[here], completed=done - before, visible=True)
            now = time.monotonic()
            if not console.is_terminal and done and now - shown >= LINE_SECONDS:
                shown = now
                left = (now - started) * (total - done) / done / 60
                console.print(f"asking {name}: {done - before:,} of {size:,}, about {left:.1f} minutes left")

        yield advance


def show_metrics(metrics: Mapping[str, Any], console: Console) -> None:
    """A table of the tasks, then one line for each other measure, and the notes."""
    if metrics["tasks"]:
        console.print(_task_table(metrics))
    for line in _lines(metrics):
        say(console, line)
    if metrics.get("paired"):
        show_paired(metrics["paired"], console)
    if warning := below_base(metrics):
        say(console, warning, style="bold red")
    for line in _terms(metrics):
        say(console, line, style="dim")


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
    """One line per measure, then the notes."""
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
    if found := metrics.get("validation"):
        nats, bits = found["loss"], found["bits_per_byte"]
        yield f"validation loss {nats:.3f} nats per token, {bits:.3f} bits per byte, n {found['n']}"
    perturbation = metrics["perturbation"]
    if perturbation and perturbation["n"]:
        yield f"perturbed  {percent(perturbation['share'])} of {perturbation['n']} changed values were used later"
    if (votes := metrics.get("votes")) and votes["n"]:
        yield from _vote_lines(votes)
    yield from (f"note: {note}" for note in metrics["notes"])


def _terms(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Explanations of the terms above."""
    if metrics["accuracy"]:
        yield "strict: the answer field alone counts; lenient: else the last number"
    if metrics["rfs"] is not None:
        yield "RFS: do the values depend on each other as the teacher's do? 1 is best"
    if metrics["svr"]["own"]:
        yield "SVR: share of the wrong results that VERIFY finds and corrects"
    if metrics.get("paired"):
        yield "p: probability of such a difference by chance alone"
    yield "every word and measure: docs/glossary.md, docs/measures.md"


def _vote_lines(votes: Mapping[str, Any]) -> Iterator[str]:
    low, high = (100 * bound for bound in votes["interval"])
    count, greedy, voted, passed = votes["samples"], votes["greedy"], votes["maj_at_k"], votes["pass_at_k"]
    yield (
        f"votes      greedy {percent(greedy['accuracy'])}, maj@{count} ({votes['how']}) {percent(voted['accuracy'])}, "
        f"difference {100 * votes['difference']:+.1f} ({low:+.1f} to {high:+.1f}), pass@{count} "
        f"{percent(passed['accuracy'])}, n {votes['n']}"
    )
    yield (
        f"           tokens: greedy {votes['tokens_greedy']:,}, {count} samples {votes['tokens_samples']:,}, of which "
        f"{votes['tokens_needed']:,} decide the votes"
    )


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


LONGEST_NAME = 12
"""Characters of a name that still leave the table of a comparison narrower than 80 columns."""


def columns_of(paired: Mapping[str, Any]) -> tuple[str, str]:
    """Titles of the two columns of a comparison: the names of the two, or A and B if the names are long."""
    other, this = paired.get("names", ("before", "after"))
    return (other, this) if max(len(other), len(this)) <= LONGEST_NAME and other != this else ("A", "B")


def show_paired(paired: Mapping[str, Any], console: Console) -> None:
    """Show two sets of outputs on the same questions: each measure of both, and the difference with its interval."""
    title = f"against {paired['against']}, {paired['joined']:,} joined questions"
    say(console, title)
    other, this = columns_of(paired)
    if (other, this) != tuple(paired.get("names", (other, this))):
        for short, name in zip((other, this), paired["names"], strict=True):
            say(console, f"{short}: {name}")
    names = ("", other, this, "points", "95 % interval", f"only {other}/{this}", "p")
    table = Table(*(Column(Text(name)) for name in names), box=None, pad_edge=False)
    for name in MEASURES:
        found = paired[name]
        if found:
            low, high = (100 * bound for bound in found["interval"])
            table.add_row(
                name.replace("_", " "),
                percent(found["against"]),
                percent(found["share"]),
                f"{100 * found['difference']:+.1f}",
                f"{low:+.1f} to {high:+.1f}",
                f"{found['only_there']} / {found['only_here']}",
                f"{found['p_value']:.2g}",
            )
    console.print(table)
