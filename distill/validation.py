"""Loss on held-out examples, in nats per token and in bits per byte of the text that they stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from distill.data import Example, collate
from losses import IGNORE_INDEX


@torch.inference_mode()
def validation_loss(
    model: Any, tokenizer: Any, examples: Sequence[Example], *, batch_size: int = 32
) -> dict[str, float | int]:
    """Mean loss over the supervised tokens of all examples, every token alike.

    bits per byte = Σ nll / (ln 2 · bytes), over the UTF-8 text of the supervised tokens; unlike nats per token it can
    be compared between tokenizers.
    """
    model.eval()
    nll, num_tokens, num_bytes = 0.0, 0, 0
    by_length = sorted(examples, key=lambda example: len(example.input_ids))
    for start in range(0, len(by_length), batch_size):
        rows = by_length[start : start + batch_size]
        batch = collate([[example] for example in rows], pad_token_id=tokenizer.pad_token_id or 0)
        batch = {name: values.to(model.device) for name, values in batch.items()}
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        labels = batch["labels"][:, 1:]
        losses = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels.flatten(), reduction="sum")
        nll += losses.item()
        num_tokens += int((labels != IGNORE_INDEX).sum())
        for example in rows:
            text = tokenizer.decode([label for label in example.labels if label != IGNORE_INDEX])
            num_bytes += len(text.encode("utf-8"))
    return {
        "n": len(examples),
        "tokens": num_tokens,
        "bytes": num_bytes,
        "loss": nll / max(num_tokens, 1),
        "bits_per_byte": nll / math.log(2) / max(num_bytes, 1),
    }
