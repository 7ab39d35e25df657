"""Folds the reasoning adapter and the trained markers into the base's weights, which gives a plain model.

The verification adapter cannot be folded: it is on only from the [VERIFY] token, but a weight acts at every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from students.adapter import load_adapter_student
from students.dual_lora import REASONING


@dataclass(frozen=True, slots=True)
class Difference:
    """The differences of two models' next-token logits, over every position of some texts."""

    largest: float
    mean: float
    same_choice: float
    """Share of the positions where both have the same most likely token."""
    num_positions: int


def merge_reasoning(folder: Path, *, dtype: torch.dtype) -> tuple[Any, Any]:
    """(model, tokenizer) of the base in `dtype` (never 4 bit), with the reasoning adapter folded in.

    Raises:
        BaseError: the base cannot be loaded, or the student's files are damaged.
    """
    student, tokenizer = load_adapter_student(
        folder, dtype=dtype, device="cpu", adapters=[REASONING], load_in_4bit=False
    )
    merged: Any = student.merge_and_unload()
    merged.config.dtype = dtype
    return merged.eval(), tokenizer


@torch.no_grad()
def logits_of(model: Any, tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """(T, V) next-token logits in float32 at every position of some texts, one text after the other."""
    rows = [tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"] for text in texts]
    found = [model(input_ids=ids.to(model.device)).logits[0, :, : len(tokenizer)] for ids in rows]
    return torch.cat(found).float().cpu()


def difference(first: Tensor, second: Tensor) -> Difference:
    """The difference of two models by their logits (T, V) on the same texts."""
    gap = (first - second).abs()
    same = (first.argmax(-1) == second.argmax(-1)).float().mean()
    return Difference(float(gap.max()), float(gap.mean()), float(same), len(first))
