"""Turns a nano student into a stock transformers model: a MiniAxion into an equal Llama; others already are stock."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def stock_student(student: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a nano student, in a class of transformers.

    Raises:
        UserError: it cannot be loaded.
    """
    from distill.runs.students import loaded
    from students.llama import to_llama
    from students.miniaxion import MiniAxionForCausalLM

    model, tokenizer = loaded(str(student))
    model = model.cpu()
    if isinstance(model, MiniAxionForCausalLM):
        model = to_llama(model.float())
    return model, tokenizer


def write_stock(student: Path, out: Path) -> str:
    """Write the student as a stock model with its tokenizer; returns the text for the card."""
    model, tokenizer = stock_student(student)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return f"A stock `{type(model).__name__}`: `AutoModelForCausalLM` loads it without foreign code."
