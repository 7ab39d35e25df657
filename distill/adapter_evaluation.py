"""The evaluation phase of an adapter student: student and untouched base, under the same prompt and the same checker.

metrics["base"]["accuracy"]["strict"]["accuracy"], metrics["base"]["format"], metrics["base"]["tokens_per_answer"]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from rich.console import Console

from distill.adapter_data import read_examples, reference_graphs
from distill.adapter_training import base_errors, base_of, is_learnable
from distill.recipe import AdapterStudent
from distill.runs import Run, write_json, write_jsonl
from teachers.problems import Problem

VALIDATION_EXAMPLES = 200
"""More would hardly narrow the loss down, and on a CPU take longer than asking the questions."""

COMPARED = ("n", "accuracy", "tasks", "average", "format", "unfinished")


def evaluate_adapter(run: Run, console: Console) -> None:
    """samples.jsonl, base_samples.jsonl and metrics.json with the key `base`.

    Raises:
        UserError: a file of questions cannot be read, or the base cannot be loaded.
    """
    from distill.evaluation import evaluate
    from distill.examples import problems_to_ask
    from distill.show_metrics import asking_progress, show_metrics
    from distill.validation import validation_loss
    from students.generation import load_student

    recipe, settings = run.recipe, run.recipe.eval
    problems = problems_to_ask(recipe)
    options: dict[str, Any] = {
        "max_new_tokens": settings.max_new_tokens,
        "batch_size": settings.batch_size,
        "repetition_penalty": settings.repetition_penalty,
    }
    with base_errors():
        model, tokenizer = load_student(run.student)
    if settings.calculator:
        from students.calculator import Calculator

        options["logits_processor"] = Calculator(tokenizer)
    asked = {problem.question for problem in problems}
    teachers = {question: graph for question, graph in reference_graphs(recipe).items() if question in asked}
    with asking_progress(2 * len(problems), console) as on_progress:
        metrics, rows = evaluate(
            model, tokenizer, problems, teachers=teachers or None, on_progress=on_progress, **options
        )
        metrics["tokens_per_answer"] = _tokens_per_answer(rows)
        held_out = read_examples(run.graphs, "validation", tokenizer)
        fitting = (e for e in held_out if is_learnable(e, recipe.student.max_length))
        if examples := list(islice(fitting, VALIDATION_EXAMPLES)):
            metrics["validation"] = validation_loss(model, tokenizer, examples, batch_size=2)
        del model
        options.pop("logits_processor", None)
        metrics["base"], base_rows = evaluate_base(run, problems, on_progress=on_progress, **options)
    metrics["training"] = run.record().get("training")
    write_jsonl(run.path / "base_samples.jsonl", base_rows)
    write_jsonl(run.samples, rows)
    if recipe.refine:
        from distill.refine import compare_with_before

        metrics["refine"] = compare_with_before(run)
    write_json(run.metrics, metrics)
    show_metrics(metrics, console)


def evaluate_base(run: Run, problems: Sequence[Problem], **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, rows of samples) of the untouched base, asked in the same words and held in the same precision."""
    from distill.evaluation.evaluate import unwritten, write_on
    from distill.evaluation.outputs import score_outputs
    from students.adapter import load_base

    student = run.recipe.student
    assert isinstance(student, AdapterStudent)
    with base_errors():
        model, tokenizer = load_base(base_of(student))
    metrics, rows = score_outputs(write_on(model, tokenizer, unwritten(problems), **options))
    kept = {name: metrics[name] for name in COMPARED}
    return {"name": student.base, **kept, "tokens_per_answer": _tokens_per_answer(rows)}, rows


def _tokens_per_answer(rows: Sequence[dict[str, Any]]) -> float | None:
    counts = [row["num_tokens"] for row in rows if row["num_tokens"] is not None]
    return round(sum(counts) / len(counts), 1) if counts else None
