"""The evaluation phase: asks the student the test questions, and its untouched base too if it has one.

metrics["base"]["accuracy"]["strict"]["accuracy"], metrics["base"]["format"], metrics["base"]["tokens_per_answer"]
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from distill.data.examples import validation_examples
from distill.data.nano import problems_beyond, problems_to_ask
from distill.evaluation.curve import accuracy_curve, few
from distill.evaluation.evaluate import decoding_options, evaluate, unwritten, write_on
from distill.evaluation.kept import KeptAnswers, base_answers
from distill.evaluation.output_files import load_outputs
from distill.evaluation.outputs import score_output, score_outputs
from distill.evaluation.paired import compare_outputs
from distill.recipe.schema import Recipe, SymbolicTeacher
from distill.refine.rounds import compare_with_before
from distill.report.terminal import asking_progress, show_metrics
from distill.runs.files import remove_folder, write_json, write_jsonl
from distill.runs.folder import Run
from distill.runs.students import load_saved
from distill.tracks.choose import track_of
from teachers.problems import Problem
from teachers.prompts import ask

if TYPE_CHECKING:
    from distill.tracks.track import Student

COMPARED = ("n", "accuracy", "tasks", "average", "format", "unfinished")
"""What is measured on a base."""
BASE_PROMPTS = {"best": ("best",), "student": ("student",), "both": ("best", "student")}
"""`eval.base_prompt` to the ways in which the base is asked; the student is compared with the first."""


def evaluate_phase(run: Run, console: Console) -> None:
    """samples.jsonl, metrics.json, and base_samples.jsonl where a base is asked as well.

    Raises:
        UserError: a file of questions cannot be read, or the base cannot be loaded.
    """
    recipe, track = run.recipe, track_of(run.recipe)
    problems, harder = problems_to_ask(recipe), problems_beyond(recipe)
    ways = () if track.baseline is None else BASE_PROMPTS[recipe.eval.base_prompt]
    snapshots = len(list(run.snapshots.glob("step-*"))) if track.trains_all_weights else 0
    parts = [("test questions", len(problems)), ("harder questions", sum(map(len, harder.values())))]
    parts += [(f"the base, {way} prompt", len(problems)) for way in ways]
    parts += [("snapshots of training", snapshots * len(few(problems)))]
    kept = KeptAnswers(run.answers)
    with asking_progress(parts, console) as on_progress:
        metrics, rows = evaluate_student(run, problems, harder, kept, on_progress)
        if track.baseline is not None:
            metrics["tokens_per_answer"] = tokens_per_answer(rows)
            base = track.baseline.load()
            known = answers_of_base(run, base, track.baseline.held_as())
            found, base_rows = evaluate_bases(recipe, base, problems, ways, known, on_progress)
            metrics["base"] = {"name": track.baseline.name, **found}
            write_jsonl(run.path / "base_samples.jsonl", base_rows)
        if track.trains_all_weights:
            metrics["curve"] = accuracy_curve(run, problems, rows, on_progress)
    metrics["training"] = run.record().get("training")
    write_jsonl(run.samples, rows)
    if track.baseline is not None:
        metrics["paired"] = compare_with_base(run, metrics["base"])
    if recipe.refine:
        metrics["refine"] = compare_with_before(run)
    write_json(run.metrics, metrics)
    remove_folder(run.snapshots)
    run.answers.unlink(missing_ok=True)
    show_metrics(metrics, console)


def evaluate_student(
    run: Run,
    problems: Sequence[Problem],
    harder: Mapping[int, Sequence[Problem]],
    kept: KeptAnswers,
    on_progress: Callable[[int], None],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics with the validation loss if there are held-out texts, rows of samples) of a run's student."""
    from distill.training.validation import validation_loss

    recipe, track = run.recipe, track_of(run.recipe)
    model, tokenizer = load_saved(run.student)
    metrics, rows = evaluate(
        model,
        tokenizer,
        problems,
        harder=harder,
        teachers=track.reference_graphs(problems),
        notation=recipe.teacher.notation if isinstance(recipe.teacher, SymbolicTeacher) else "columns",
        kept=kept,
        on_progress=on_progress,
        **decoding_options(recipe.eval, tokenizer),
    )
    if examples := validation_examples(recipe, run.graphs, tokenizer, track.validation_size):
        metrics["validation"] = validation_loss(
            model, tokenizer, examples, batch_size=track.validation_batch_size, max_length=recipe.student.max_length
        )
    return metrics, rows


def answers_of_base(run: Run, base: Student, held_as: str) -> KeptAnswers:
    """The answers of this base, with this quantisation, in this run and in others beside it."""
    model, settings = base[0], run.recipe.eval
    how = {
        "held as": (str(model.dtype), model.device.type),
        "writes": (settings.batch_size, settings.repetition_penalty),
        "versions": [importlib.metadata.version(package) for package in ("torch", "transformers")],
    }
    return base_answers(run.path.resolve().parent, held_as, how, settings.max_new_tokens)


def evaluate_bases(
    recipe: Recipe,
    base: Student,
    problems: Sequence[Problem],
    ways: Sequence[str],
    kept: KeptAnswers | None,
    on_progress: Callable[[int], None],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, rows of samples) of the base asked in the first way; `by_student_prompt` holds those of the second."""
    (first, rows), *others = [evaluate_base(recipe, base, problems, way, kept, on_progress) for way in ways]
    return {"prompt": ways[0], **first, "by_student_prompt": others[0][0] if others else None}, rows


def evaluate_base(
    recipe: Recipe,
    base: Student,
    problems: Sequence[Problem],
    way: str,
    kept: KeptAnswers | None,
    on_progress: Callable[[int], None],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, rows of samples) of the untouched base; it computes by itself."""
    model, tokenizer = base
    options = decoding_options(recipe.eval, None)
    asked = unwritten(problems)
    worded = [replace(one, question=ask(one.question, one.language)) for one in asked] if way == "best" else asked
    written = write_on(model, tokenizer, worded, kept=kept, on_progress=on_progress, **options)
    answered = [replace(one, question=output.question) for one, output in zip(written, asked, strict=True)]
    metrics, rows = score_outputs(answered)
    return {**{name: metrics[name] for name in COMPARED}, "tokens_per_answer": tokens_per_answer(rows)}, rows


def compare_with_base(run: Run, base: Mapping[str, Any]) -> dict[str, Any]:
    """For metrics.json: the student paired with the untouched base, question by question."""
    here, there = (
        [score_output(output) for output in load_outputs(path)]
        for path in (run.samples, run.path / "base_samples.jsonl")
    )
    words = "its best prompt" if base["prompt"] == "best" else "the student's prompt"
    against = f"the untouched base {base['name']}, asked by {words}"
    return {"against": against, "names": ["base", "student"], **compare_outputs(here, there)}


def tokens_per_answer(rows: Sequence[dict[str, Any]]) -> float | None:
    """Mean length of the answers; None where it is not known."""
    counts = [row["num_tokens"] for row in rows if row["num_tokens"] is not None]
    return round(sum(counts) / len(counts), 1) if counts else None
