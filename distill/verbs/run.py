"""The phases of `distill run`; a phase is skipped if its output exists.

    traces.jsonl, graphs.jsonl ▶ tokenizer/ ▶ checkpoints/ … student/ ▶ samples.jsonl, metrics.json ▶ report.html

With self-error rounds in the recipe, refine/ comes between student/ and samples.jsonl.

Every output is written atomically, so an interrupted run continues at the first phase without output, and training at
its last checkpoint. A phase imports heavy modules only when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from distill.errors import RESUME, memory_errors, printable
from distill.recipe.schema import Recipe
from distill.runs.damage import mend
from distill.runs.files import (
    disk_errors,
    read_jsonl,
    whole_folder,
    write_text,
)
from distill.runs.folder import Run, begin_run, find_run, is_run, only_worker
from distill.runs.memory import cure_in_phase
from distill.runs.processes import choose_nproc, train_with
from distill.runs.quiet import quiet_libraries
from distill.runs.signals import stop_at_once
from distill.runs.terminal import PlainConsole, say
from distill.runs.world import follow, is_follower, leading

Phase = Callable[[Run, Console], None]


def run(
    recipe: Recipe,
    *,
    out: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    nproc: int | None = None,
    console: Console | None = None,
) -> Run:
    """Train, evaluate and report; returns the run.

    Args:
        out: folder of the run; by default `runs/<name>-<fingerprint>`.
        resume: continue in an existing folder, which must hold a run of the same recipe.
        overwrite: remove the run in an existing folder.
        nproc: training processes on this machine; where None, one a GPU or a core (distill/runs/processes.py). Under
            torchrun or `accelerate launch` it is left out: the processes are there (distill/runs/world.py).

    Raises:
        UserError: data that cannot be read, a folder that must not be touched, a full disk, or a number
            of processes that cannot share the work.
    """
    from distill.forecast.forecast import processes_that_fit
    from distill.forecast.problems import refuse_impossible

    console = console or PlainConsole()
    quiet_libraries()
    if is_follower():
        follow()
        raise SystemExit(0)
    most = processes_that_fit(recipe) if nproc is None else None
    nproc = choose_nproc(recipe.train.gradient_accumulation_steps, nproc, most=most)
    this = find_run(recipe, out, resume=resume, overwrite=overwrite)
    if overwrite or not this.tokenizer.is_dir():  # else it has passed before
        with console.status("checking the recipe and its data"):  # seconds for a large data set
            refuse_impossible(recipe)
    phases: list[tuple[str, Path, Phase]] = [
        ("traces", this.graphs, traces_phase),
        ("tokenizer", this.tokenizer, tokenizer_phase),
        ("train", this.student, partial(train_phase, nproc=nproc)),
        *([("refine", this.rounds, partial(refine_phase, nproc=nproc))] if recipe.refine else []),
        ("evaluate", this.metrics, evaluate_phase),
        ("report", this.report, report_phase),
    ]
    if resume:
        say(console, resumption(this, [(name, output) for name, output, _ in phases]))
    with leading(), stop_at_once(), only_worker(this), disk_errors(this.path, again=RESUME):
        begin_run(this, resume=resume, overwrite=overwrite)
        mend(this, partial(say, console))
        for name, output, phase in phases:
            if output.exists():
                continue
            console.print(f"{name}: {output}", highlight=False, soft_wrap=True)
            with this.timed(name), memory_errors(cure_in_phase(recipe, name)):
                phase(this, console)
    for line in next_commands(this):
        console.print(line, soft_wrap=True)
    return this


def resumption(run: Run, outputs: Sequence[tuple[str, Path]]) -> str:
    """A sentence that says what `--resume` will do, from the outputs that exist."""
    if not is_run(run.path):
        return f"nothing to resume in {run.path}: a new run starts"
    left = next((name for name, output in outputs if not output.exists()), None)
    return f"resuming {run.path}: {f'continues with phase {left}' if left else 'every phase is done'}"


def next_commands(run: Run) -> list[str]:
    """The report of a finished run, and commands for the next steps."""
    from distill.tracks.choose import track_of

    return [
        f"done: {run.report}",
        f"  look at it:  distill report {run.path} --open",
        f'  ask it:      distill ask {run.path} "{track_of(run.recipe).card().question}"',
        f"  measure it:  distill eval {run.path} --problems FILE.jsonl",
    ]


def traces_phase(run: Run, console: Console) -> None:
    """Write traces.jsonl and graphs.jsonl: the teacher's solutions, and their graphs."""
    from distill.verbs.trace import write_graphs

    run.note(traces=write_graphs(run, console))


def tokenizer_phase(run: Run, console: Console) -> None:
    """tokenizer/: the student's vocabulary, or that of its base."""
    from distill.tracks.choose import track_of

    tokenizer = track_of(run.recipe).tokenizer(run)
    with whole_folder(run.tokenizer) as folder:
        tokenizer.save_pretrained(folder)


def train_phase(run: Run, console: Console, *, nproc: int = 1) -> None:
    """checkpoints/, history.jsonl and student/."""
    from distill.tracks.training import train_run

    train_with(train_run, run, nproc)


def refine_phase(run: Run, console: Console, *, nproc: int = 1) -> None:
    """refine/: the student learns from its own solutions; student/ is then that of the last round."""
    from distill.refine.rounds import refine_run

    refine_run(run, console, nproc=nproc)


def evaluate_phase(run: Run, console: Console) -> None:
    """samples.jsonl and metrics.json: the student on questions of the test side."""
    from distill.verbs.evaluate_ahead import ask_ahead
    from distill.verbs.evaluate_phase import evaluate_phase as evaluate

    ask_ahead(run)
    evaluate(run, console)


def report_phase(run: Run, console: Console) -> None:
    """The model card in student/, and report.html."""
    from distill.report.card import student_card
    from distill.report.page import write_report

    write_text(run.student / "README.md", printable(student_card(run)))
    write_report(run.path, history=list(read_jsonl(run.history)))
