"""Advice when memory runs out: which recipe settings to change, the least costly first."""

from __future__ import annotations

from distill.recipe.schema import Recipe


def cure_in_phase(recipe: Recipe, phase: str) -> str:
    """Which settings to change if memory runs out in a phase of a run."""
    asking = (
        f"lower eval.batch_size (now {recipe.eval.batch_size}) or eval.max_new_tokens ({recipe.eval.max_new_tokens})"
    )
    cures = {"train": cure_for_memory(recipe), "refine": f"{asking}; {cure_for_memory(recipe)}", "evaluate": asking}
    return cures.get(phase, "use fewer or shorter texts")


def cure_for_memory(recipe: Recipe) -> str:
    """Which settings to change if memory runs out in training."""
    student, train = recipe.student, recipe.train
    savers = ("load_in_4bit", "gradient_checkpointing")  # of students that have these keys
    cures = [f"set student.{key} to true" for key in savers if getattr(student, key, True) is False]
    rows = train.per_device_train_batch_size
    if rows > 1:
        more = train.gradient_accumulation_steps * rows // (rows // 2)
        cures.append(f"set train.per_device_train_batch_size to {rows // 2} and gradient_accumulation_steps to {more}")
    cures.append(f"lower student.max_length (now {student.max_length})")
    return ", or ".join(cures)
