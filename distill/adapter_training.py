"""The training phase of an adapter student: the base as the recipe says, LoRA parameters trained and saved alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.adapter_bases import find_base
from distill.errors import UserError
from distill.recipe import AdapterStudent, Recipe
from distill.runs import Run


def train_adapter(run: Run) -> None:
    """Train the adapters of a run, from its last checkpoint if it has one; writes history.jsonl and student/.

    Raises:
        UserError: the base cannot be loaded, nothing is left to learn from, or memory does not suffice.
    """
    from distill.training import keep_result
    from students.adapter import save_adapter_student

    recipe, student = run.recipe, run.recipe.student
    assert isinstance(student, AdapterStudent)
    model, tokenizer = build_student(recipe)
    examples, counts = learnable_examples(run, tokenizer)
    facts = find_base(student.base)
    licence = {"licence": facts.licence} if facts else {}
    run.note(examples=counts, base={"name": student.base, "source": base_of(student).source, **licence})
    result = fit_adapters(
        recipe,
        model,
        tokenizer,
        examples.__getitem__,
        settings=recipe.train,
        run_dir=run.path,
        seed=recipe.seed,
        num_examples=len(examples),
        resume=True,
    )

    def save(folder: Path) -> None:
        save_adapter_student(model, tokenizer, base_of(student), folder)

    keep_result(run, result, model, save, trained_parameters=num_trained(model))


def fit_adapters(
    recipe: Recipe, model: Any, tokenizer: Any, examples: Callable[[int], Any], *, settings: Any, **options: Any
) -> Any:
    """Train the adapters of `build_student` with the loss of the recipe; arguments and result of `trainer.train`.

    Raises:
        UserError: memory does not suffice, or as in `trainer.train`.
    """
    from distill.trainer import train

    student = recipe.student
    assert isinstance(student, AdapterStudent)
    if student.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    with memory_errors(recipe):
        return train(
            model,
            tokenizer,
            examples,
            settings=settings.model_copy(update={"compile": "off"}),
            weights=recipe.loss.weights,
            loss_kind=recipe.loss.kind,
            max_length=student.max_length,
            **options,
        )


def build_student(recipe: Recipe) -> tuple[Any, Any]:
    """(model, tokenizer) of an adapter recipe before training, on this process's device in the recipe's dtype.

    Raises:
        UserError: the base cannot be loaded, or has no modules of the names in `target_modules`.
    """
    import torch

    from distill.train_settings import choose_dtype
    from students.adapter import build_adapter_student

    student = recipe.student
    assert isinstance(student, AdapterStudent)
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if torch.cuda.is_available() else "cpu"
    with base_errors():
        return build_adapter_student(
            base_of(student),
            reasoning=student.reasoning.model_dump(mode="json"),
            verification=student.verification and student.verification.model_dump(mode="json"),
            seed=recipe.seed,
            dtype=choose_dtype(torch.device(device), recipe.train.dtype),
            device=device,
        )


def base_tokenizer(recipe: Recipe) -> Any:
    """The tokenizer of the base, as it is; found without loading the base.

    Raises:
        UserError: it is neither here nor to be had.
    """
    from students.adapter import load_tokenizer

    assert isinstance(recipe.student, AdapterStudent)
    with base_errors():
        return load_tokenizer(base_of(recipe.student))


@contextmanager
def base_errors() -> Iterator[None]:
    """Show a base that cannot be loaded as a mistake of the recipe."""
    from students.adapter import BaseError

    try:
        yield
    except BaseError as error:
        raise UserError(str(error), heading="student") from error


def base_of(student: AdapterStudent) -> Any:
    """The base of the `student` section of a recipe."""
    from students.adapter import Base

    return Base(student.base, student.gguf_file, student.load_in_4bit)


def learnable_examples(run: Run, tokenizer: Any) -> tuple[list[Any], dict[str, Any]]:
    """The examples that fit and teach something, and how many were left out and why.

    Raises:
        UserError: none is left.
    """
    from distill.adapter_data import read_examples

    student = run.recipe.student
    found = list(read_examples(run.graphs, "training", tokenizer))
    kept = [example for example in found if is_learnable(example, student.max_length)]
    too_long = sum(len(example.input_ids) > student.max_length for example in found)
    counts = {
        "kept": len(kept),
        "too_long": too_long,
        "nothing_supervised": len(found) - too_long - len(kept),
        "longest": max((len(e.input_ids) for e in found), default=0),
        "mean_length": round(sum(len(e.input_ids) for e in kept) / max(len(kept), 1), 1),
    }
    if not kept:
        raise UserError(
            f"no example is left to learn from: of {len(found)}, {too_long} are longer than "
            f"student.max_length {student.max_length} and {counts['nothing_supervised']} have no supervised token; "
            f"the longest has {counts['longest']} tokens",
            heading="data",
        )
    return kept, counts


def is_learnable(example: Any, max_length: int) -> bool:
    """Whether an example fits and has a token to learn."""
    return len(example.input_ids) <= max_length and any(label >= 0 for label in example.labels[1:])


def num_trained(model: Any) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@contextmanager
def memory_errors(recipe: Recipe) -> Iterator[None]:
    """Say which setting to change where the GPU's memory does not suffice."""
    import torch

    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise UserError(cure_for_memory(recipe)) from error


def cure_for_memory(recipe: Recipe) -> str:
    """One line on what to make smaller, the cheapest first."""
    student, train = recipe.student, recipe.train
    assert isinstance(student, AdapterStudent)
    cures = []
    if not student.load_in_4bit:
        cures.append("set student.load_in_4bit to true")
    if not student.gradient_checkpointing:
        cures.append("set student.gradient_checkpointing to true")
    rows = train.per_device_train_batch_size
    if rows > 1:
        more = train.gradient_accumulation_steps * rows // (rows // 2)
        cures.append(f"set train.per_device_train_batch_size to {rows // 2} and gradient_accumulation_steps to {more}")
    cures.append(f"lower student.max_length (now {student.max_length})")
    return f"the GPU's memory does not suffice; {', or '.join(cures)}"
