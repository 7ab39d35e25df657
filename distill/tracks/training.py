"""The training phase: from a run folder with graphs and a tokenizer to one with a student. Runs in every process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distill.data.examples import Examples, training_examples
from distill.recipe.schema import Recipe, Train
from distill.runs.folder import Run
from distill.tracks.choose import track_of
from distill.training.result import is_first_process, keep_result, num_processes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from distill.training.trainer import TrainResult
    from students.encoding import Example


def train_run(run: Run) -> None:
    """Train the student of a run, from its last checkpoint if it has one; writes history.jsonl and student/.

    Raises:
        UserError: the base cannot be loaded, or nothing is left to learn from.
    """
    recipe, track = run.recipe, track_of(run.recipe)
    model, tokenizer = track.build(run)
    examples = training_examples(recipe, run.graphs, tokenizer)
    if (perplexity := recipe.loss.skip_perplexity) is not None:
        examples = without_surprises(examples, model, tokenizer, perplexity=perplexity)
    if examples.counts:
        run.note(examples=examples.counts)
    result = fit(
        recipe,
        model,
        tokenizer,
        examples.example,
        settings=recipe.train,
        num_examples=examples.size,
        folder=run.path,
        seed=recipe.seed,
        snapshots=run.snapshots if track.trains_all_weights else None,
    )
    if is_first_process():
        facts = {name: fact for name, fact in asdict(result).items() if name != "history"}
        place = {"device": str(model.device), "processes": num_processes(), "parameters": model.num_parameters()}
        run.note(training={**facts, **place})
        run.note(**track.facts(model))
        keep_result(run.path, result.history, partial(track.save, model, tokenizer))


def without_surprises(
    examples: Examples, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, perplexity: float
) -> Examples:
    """The examples without labels on tokens that the base finds very improbable (distill/training/skipping.py)."""
    from distill.training.skipping import skip_surprises

    assert examples.size is not None
    kept, counts = skip_surprises(
        [examples.example(i) for i in range(examples.size)], model, tokenizer, perplexity=perplexity
    )
    return Examples(kept.__getitem__, len(kept), {**(examples.counts or {}), **counts})


def fit(
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Callable[[int], Example],
    *,
    settings: Train,
    folder: Path,
    seed: int,
    num_examples: int | None = None,
    snapshots: Path | None = None,
) -> TrainResult:
    """Train a student in place with the loss of the recipe, from the last checkpoint under `folder` if there is one.

    Raises:
        UserError: as in `fit.train`.
    """
    from distill.training.fit import train

    if not track_of(recipe).trains_all_weights:
        settings = settings.model_copy(update={"compile": "off"})
    return train(
        model,
        tokenizer,
        examples,
        settings=settings,
        weights=recipe.loss.weights,
        loss_kind=recipe.loss.kind,
        run_dir=folder,
        seed=seed,
        max_length=recipe.student.max_length,
        num_examples=num_examples,
        resume=True,
        snapshots=snapshots,
    )
