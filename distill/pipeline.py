"""The phases of `distill run`, each skipped where its output is there already.

    traces.jsonl, graphs.jsonl ▶ tokenizer/ ▶ checkpoints/ … student/ ▶ samples.jsonl, metrics.json ▶ report.html

With self-error rounds in the recipe, refine/ comes between student/ and samples.jsonl.

Every output appears whole or not at all, so a run that was killed continues at the first phase without output, and
training at its last checkpoint. What is heavy is imported in the phase that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from distill.errors import UserError, unknown_name
from distill.processes import choose_nproc, train_with
from distill.quiet import quiet_libraries
from distill.recipe import AdapterStudent, NanoStudent, Recipe
from distill.runs import (
    Run,
    begin_run,
    disk_errors,
    find_run,
    only_worker,
    read_json,
    read_jsonl,
    remove_folder,
    whole_folder,
    write_json,
    write_jsonl,
    write_text,
)

Phase = Callable[[Run, Console], None]
EXPORTS = ["llama"]


def run(
    recipe: Recipe,
    *,
    out: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    nproc: int | None = None,
    console: Console | None = None,
) -> Run:
    """Train, evaluate and report; the run whose folder holds it all.

    Args:
        out: folder of the run; `runs/<name>-<fingerprint>` where None.
        resume: continue in an existing folder, which must hold a run of the same recipe.
        overwrite: throw the run in an existing folder away.
        nproc: training processes on this machine; where None, one a GPU or a core (distill/processes.py).

    Raises:
        UserError: data that cannot be read, a folder that must not be touched, a full disk, or a number
            of processes that cannot share the work.
    """
    from distill.forecast import refuse_impossible

    console = console or Console(stderr=True)
    quiet_libraries()
    nproc = choose_nproc(recipe.train.gradient_accumulation_steps, nproc)
    this = find_run(recipe, out, resume=resume, overwrite=overwrite)
    if overwrite or not this.tokenizer.is_dir():  # else it has passed before
        with console.status("checking the recipe and its data"):  # seconds for a large data set
            refuse_impossible(recipe)
    begin_run(this, overwrite=overwrite)
    phases: list[tuple[str, Path, Phase]] = [
        ("traces", this.graphs, traces_phase),
        ("tokenizer", this.tokenizer, tokenizer_phase),
        ("train", this.student, partial(train_phase, nproc=nproc)),
        *([("refine", this.rounds, partial(refine_phase, nproc=nproc))] if recipe.refine else []),
        ("evaluate", this.metrics, evaluate_phase),
        ("report", this.report, report_phase),
    ]
    with only_worker(this), disk_errors(this.path):
        for name, output, phase in phases:
            if output.exists():
                continue
            console.print(f"{name}: {output}", highlight=False, soft_wrap=True)
            with this.timed(name):
                phase(this, console)
        console.print(f"done: {this.report}", highlight=False, soft_wrap=True)
    return this


def traces_phase(run: Run, console: Console) -> None:
    """traces.jsonl and graphs.jsonl: what the teacher wrote, and how it was read."""
    if is_adapter(run.recipe):
        from distill.adapter_data import write_adapter_graphs

        return run.note(traces=write_adapter_graphs(run, console))
    from distill.examples import training_traces
    from distill.reference import write_graphs

    run.note(traces=write_graphs(run, training_traces(run.recipe), console))


def tokenizer_phase(run: Run, console: Console) -> None:
    """tokenizer/: the student's vocabulary, or that of its base."""
    if is_adapter(run.recipe):
        from distill.adapter_training import base_tokenizer

        tokenizer = base_tokenizer(run.recipe)
    else:
        tokenizer = new_tokenizer(run)
    with whole_folder(run.tokenizer) as folder:
        tokenizer.save_pretrained(folder)


def new_tokenizer(run: Run) -> Any:
    """The tokenizer of a nano student, trained on training-side texts only.

    Raises:
        UserError: the texts do not fill its vocabulary.
    """
    from distill.examples import TOKENIZER_TEXTS, training_texts
    from distill.forecast import refuse_unfilled
    from distill.reference import student_format
    from students.tokenizer import train_tokenizer

    assert isinstance(run.recipe.student, NanoStudent)
    texts = training_texts(run.recipe, run.graphs).first(TOKENIZER_TEXTS)
    tokenizer = train_tokenizer(texts, vocab_size=run.recipe.student.vocab_size, form=student_format(run.recipe))
    refuse_unfilled(run.recipe, len(tokenizer))
    return tokenizer


def train_phase(run: Run, console: Console, *, nproc: int = 1) -> None:
    """checkpoints/, history.jsonl and student/."""
    from distill.training import train_run

    train_with(train_run, run, nproc)


def refine_phase(run: Run, console: Console, *, nproc: int = 1) -> None:
    """refine/: the student learns from its own solutions; student/ is then that of the last round."""
    from distill.refine import refine_run

    refine_run(run, console, nproc=nproc)


def evaluate_phase(run: Run, console: Console) -> None:
    """samples.jsonl and metrics.json: the student on questions of the test side."""
    if is_adapter(run.recipe):
        from distill.adapter_evaluation import evaluate_adapter

        return evaluate_adapter(run, console)
    from distill.evaluation import evaluate
    from distill.evaluation.evaluate import teacher_graphs
    from distill.examples import encode_text, problems_to_ask, validation_texts
    from distill.show_metrics import asking_progress, show_metrics
    from distill.snapshots import accuracy_curve
    from distill.validation import validation_loss
    from students.generation import load_student

    settings = run.recipe.eval
    model, tokenizer = load_student(run.student)
    problems, harder = problems_to_ask(run.recipe), problems_to_ask(run.recipe, extra_digits=1)
    with asking_progress(len(problems) + len(harder), console) as on_progress:
        metrics, rows = evaluate(
            model,
            tokenizer,
            problems,
            harder=harder,
            teachers=teacher_graphs(problems, verify=getattr(run.recipe.teacher, "verify", "inverse")),
            max_new_tokens=settings.max_new_tokens,
            repetition_penalty=settings.repetition_penalty,
            batch_size=settings.batch_size,
            on_progress=on_progress,
        )
    if texts := validation_texts(run.recipe, run.graphs):
        examples = [encode_text(text, tokenizer) for text in texts]
        context = run.recipe.student.max_length
        metrics["validation"] = validation_loss(model, tokenizer, examples, max_length=context)
    metrics["training"] = run.record().get("training")
    write_jsonl(run.samples, rows)
    metrics["curve"] = accuracy_curve(run, problems, rows)
    if run.recipe.refine:
        from distill.refine import compare_with_before

        metrics["refine"] = compare_with_before(run)
    write_json(run.metrics, metrics)
    remove_folder(run.snapshots)
    show_metrics(metrics, console)
    if found := metrics.get("validation"):
        nats, bits = found["loss"], found["bits_per_byte"]
        console.print(
            f"validation loss {nats:.3f} nats a token, {bits:.3f} bits a byte, n {found['n']}", highlight=False
        )


def report_phase(run: Run, console: Console) -> None:
    """The model card in student/, and report.html."""
    from distill.report import write_report

    write_text(run.student / "README.md", student_card(run))
    write_report(run.path, history=list(read_jsonl(run.history)))


def is_adapter(recipe: Recipe) -> bool:
    """Whether the student is a pretrained base under adapters."""
    return isinstance(recipe.student, AdapterStudent)


def student_card(run: Run) -> str:
    """The model card of the student of a run whose metrics are there."""
    from distill.adapter_card import adapter_card
    from distill.model_card import model_card

    recipe, metrics, facts = run.recipe, read_json(run.metrics), run.record()
    if isinstance(recipe.student, AdapterStudent):
        return adapter_card(recipe, metrics=metrics, facts=facts)
    languages = getattr(recipe.teacher, "language", ("en",))
    return model_card(name=recipe.student.size, metrics=metrics, facts=facts, languages=languages)


def export_model(model: str, out: Path, *, to: str) -> Path:
    """Write a student in a form that other software loads; the folder written.

    Raises:
        UserError: no student there, no such form, or `out` exists.
    """
    from distill.eval_files import student_path

    if to not in EXPORTS:
        raise UserError(f"--to: {unknown_name('form', to, EXPORTS)}")
    if out.exists():
        raise UserError(f"{out}: exists already; choose another folder")
    student = Path(student_path(model))
    from students.llama import export_llama

    quiet_libraries()
    with disk_errors(out), whole_folder(out) as folder:
        try:
            export_llama(student, folder)
        except ValueError as error:
            raise UserError(str(error)) from None
    return out
