"""Loss on held-out examples, in nats per token and in bits per byte of the text that they stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from distill.data import Example, collate
from losses import IGNORE_INDEX


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of an example."""

    input_ids: list[int]
    labels: list[int]
    stage_ids: list[int]


def windows(example: Example, length: int | None) -> Sequence[Example]:
    """The example in overlapping pieces of at most `length` tokens; each half a window further than the last.

    Every supervised token is in one piece, the first that reaches it, with at least half a window before it.
    """
    if length is None or len(example.input_ids) <= length:
        return [example]
    step, done = max(1, length // 2), 0
    pieces: list[Piece] = []
    for start in range(0, len(example.input_ids), step):
        place = slice(start, start + length)
        labels = example.labels[place]
        seen = done - start
        pieces.append(Piece(example.input_ids[place], [IGNORE_INDEX] * seen + labels[seen:], example.stage_ids[place]))
        done = start + len(labels)
        if done == len(example.input_ids):
            break
    return pieces


@torch.inference_mode()
def validation_loss(
    model: Any, tokenizer: Any, examples: Sequence[Example], *, batch_size: int = 32, max_length: int | None = None
) -> dict[str, float | int]:
    """Mean loss over the supervised tokens of all examples, every token alike.

    bits per byte = Σ nll / (ln 2 · bytes), over the UTF-8 text of the supervised tokens; unlike nats per token it can
    be compared between tokenizers. Tokens that stand for no text, such as `</s>`, count as tokens and not as bytes.
    Examples longer than `max_length` are read through a window of that many tokens, so every token counts once.
    """
    model.eval()
    nll, num_tokens, num_bytes = 0.0, 0, 0
    control = set(tokenizer.convert_tokens_to_ids(["<pad>", "<s>", "</s>"]))
    pieces = [piece for example in examples for piece in windows(example, max_length)]
    by_length = sorted(pieces, key=lambda example: len(example.input_ids))
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
            text = tokenizer.decode(
                [label for label in example.labels if label != IGNORE_INDEX and label not in control]
            )
            num_bytes += len(text.encode("utf-8"))
    return {
        "n": len(examples),
        "tokens": num_tokens,
        "bytes": num_bytes,
        "loss": nll / max(num_tokens, 1),
        "bits_per_byte": nll / math.log(2) / max(num_bytes, 1),
    }
