"""Loss on held-out examples, in nats per token and in bits per byte of their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from distill.training.batches import collate
from losses import IGNORE_INDEX
from students.encoding import Example, token_ids

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def windows(example: Example, length: int | None) -> Sequence[Example]:
    """The example in overlapping pieces of at most `length` tokens, each half a window after the last.

    Every supervised token counts in one piece: the first that reaches it, with at least half a window before it.
    """
    if length is None or len(example.input_ids) <= length:
        return [example]
    step, done = max(1, length // 2), 0
    pieces: list[Example] = []
    for start in range(0, len(example.input_ids), step):
        place = slice(start, start + length)
        labels = example.labels[place]
        seen = done - start
        learnt = [*[IGNORE_INDEX] * seen, *labels[seen:]]
        pieces.append(Example(example.input_ids[place], learnt, example.stage_ids[place]))
        done = start + len(labels)
        if done == len(example.input_ids):
            break
    return pieces


@torch.inference_mode()
def validation_loss(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    *,
    batch_size: int = 32,
    max_length: int | None = None,
) -> dict[str, float | int]:
    """Mean loss over the supervised tokens of all examples, every token alike.

    bits per byte = Σ nll / (ln 2 · bytes), over the UTF-8 text of the supervised tokens; unlike nats per token it can
    be compared between tokenizers. Tokens without text, such as `</s>`, count as tokens but not as bytes.
    Examples longer than `max_length` are read through a window of that many tokens, so every token counts once.
    """
    model.eval()
    nll, num_tokens, num_bytes = 0.0, 0, 0
    control = set(token_ids(tokenizer, ["<pad>", "<s>", "</s>"]))
    pad = tokenizer.pad_token_id
    pieces = [piece for example in examples for piece in windows(example, max_length)]
    by_length = sorted(pieces, key=lambda example: len(example.input_ids))
    for start in range(0, len(by_length), batch_size):
        rows = by_length[start : start + batch_size]
        batch = collate([[example] for example in rows], pad_token_id=pad if isinstance(pad, int) else 0)
        batch = {name: values.to(model.device) for name, values in batch.items()}
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        labels = batch["labels"][:, 1:]
        losses = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels.flatten(), reduction="sum")
        nll += losses.item()
        num_tokens += int((labels != IGNORE_INDEX).sum())
        for example in rows:
            learnt = [label for label in example.labels if label != IGNORE_INDEX and label not in control]
            text = str(tokenizer.decode(learnt))
            num_bytes += len(text.encode("utf-8"))
    return {
        "n": len(examples),
        "tokens": num_tokens,
        "bytes": num_bytes,
        "loss": nll / max(num_tokens, 1),
        "bits_per_byte": nll / math.log(2) / max(num_bytes, 1),
    }
