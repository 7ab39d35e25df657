"""Folds an adapter student into one stock model in 16 bit, measures the change, and keeps its verification adapter."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from distill.data.prompts import prompt
from distill.errors import UserError
from students.dual_lora import REASONING, VERIFICATION
from students.hub import BaseError
from students.merging import Difference, difference, logits_of, merge_reasoning

ANSWERS = {
    "A box holds 12 eggs. How many eggs are in 7 boxes?": "[UNDERSTAND]\nGiven: 12 a box.\n[PLAN]\n1. Eggs",
    "Lan has 48 clips and gives away half of them. How many are left?": "[UNDERSTAND]\nGiven: 48 clips.",
    "A train covers 90 km in 2 hours. What is its speed?": "",
}
"""Questions with what was written so far, on which the folded model is compared with the student."""


def fold(student: Path, *, dtype: str) -> tuple[Any, Any, Difference]:
    """(model, tokenizer, difference) of an adapter student with its reasoning adapter folded into the base.

    Raises:
        UserError: the base cannot be loaded, or the student's files are damaged.
    """
    import torch

    from students.adapter import load_adapter_student

    try:
        model, tokenizer = load_adapter_student(student, dtype=torch.float32, device="cpu", adapters=[REASONING])
        texts = [prompt(tokenizer, question) + start for question, start in ANSWERS.items()]
        before = logits_of(model, tokenizer, texts)
        del model  # two models of 3B do not fit beside each other
        model, tokenizer = merge_reasoning(student, dtype=getattr(torch, dtype))
    except BaseError as error:
        raise UserError(str(error)) from error
    return model, tokenizer, difference(before, logits_of(model, tokenizer, texts))


def write_merged(student: Path, out: Path, *, dtype: str) -> str:
    """Write the folded model, and the verification adapter as a PEFT folder beside it; the text for the card."""
    model, tokenizer, measured = fold(student, dtype=dtype)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    notes = [describe(measured, dtype)]
    if (student / VERIFICATION).is_dir():
        shutil.copytree(student / VERIFICATION, out / VERIFICATION)
        notes.append(
            "The verification adapter acts from the `[VERIFY]` token on, so it cannot be folded into weights. It is in "
            "`verification/` as a PEFT folder. This model alone writes VERIFY without it."
        )
    return "\n\n".join(notes)


def describe(measured: Difference, dtype: str) -> str:
    """The measured difference as a sentence of the card."""
    return (
        f"The reasoning adapter is folded into the base, in {dtype}. On {measured.num_positions} positions of "
        f"{len(ANSWERS)} texts its logits differ from the student's by {measured.mean:.2g} on average and "
        f"{measured.largest:.2g} at most; the most likely token is the same at {100 * measured.same_choice:.1f} %."
    )
