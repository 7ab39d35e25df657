"""`loss.skip_perplexity`: tokens that the base finds very improbable are not learnt (arXiv 2501.14315).

    text     Sum  total  =  <<48+24=72>>72  clips          p of the base   0.31  0.02  0.9 …
    learnt   Sum    –    =  <<48+24=72>>72  clips          with skip_perplexity 2.5: p ≥ 0.4, or part of the form

Token t is learnt if 1 / p(y_t | y_<t) ≤ skip_perplexity. p is the probability under the base without adapters, from one
forward pass over the whole text. Tokens that the base cannot know are always learnt: the stage markers, the end token,
and calculator marks from `<<` to `>>`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from distill.training.batches import collate
from distill.training.loss import shifted
from losses import IGNORE_INDEX, token_nll
from parsers.text.markers import STAGED_MARKERS
from students.encoding import Example, compact
from students.heads import split_head

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BATCH_TOKENS = 4096
"""Tokens of a forward pass, padding included."""


def skip_surprises(
    examples: Sequence[Example], model: Any, tokenizer: PreTrainedTokenizerBase, *, perplexity: float
) -> tuple[list[Example], dict[str, int]]:
    """The examples without labels of more than this perplexity, in their order, and counts for run.json."""
    markers: Any = tokenizer.convert_tokens_to_ids(list(STAGED_MARKERS))
    end, pad_token_id = cast(int, tokenizer.eos_token_id), cast(int, tokenizer.pad_token_id)
    form = {*markers, end}
    kept: list[Example] = list(examples)
    skipped = 0
    for places in _batches(examples):
        surprises = token_surprises(model, [examples[place] for place in places], pad_token_id)
        for place, row in zip(places, surprises, strict=True):
            example = examples[place]
            is_form = _form_tokens(example, tokenizer, form)
            labels = [
                IGNORE_INDEX if surprise > math.log(perplexity) and not exempt else label
                for label, surprise, exempt in zip(example.labels, row, is_form, strict=True)
            ]
            skipped += sum(new != old for new, old in zip(labels, example.labels, strict=True))
            kept[place] = compact(replace(example, labels=labels))
    learnt = sum(label != IGNORE_INDEX for example in kept for label in example.labels)
    return kept, {"tokens_learnt": learnt, "tokens_skipped": skipped}


@torch.no_grad()
def token_surprises(model: Any, examples: Sequence[Example], pad_token_id: int) -> list[list[float]]:
    """−ln p of each label of each example under the model without its adapters; 0 where there is no label."""
    batch = collate([[example] for example in examples], pad_token_id=pad_token_id)
    device = next(model.parameters()).device
    backbone, head = split_head(model)
    was_training = model.training
    model.eval()
    with model.disable_adapter() if hasattr(model, "disable_adapter") else nullcontext():
        hidden = backbone(
            input_ids=batch["input_ids"].to(device),
            attention_mask=None,
            position_ids=batch["position_ids"].to(device),
            is_plain_causal=True,
        )
        labels, _ = shifted(batch)
        found = torch.zeros(labels.shape)
        for row, place in enumerate(labels != IGNORE_INDEX):  # logits of one row at a time
            found[row, place] = token_nll(head(hidden[row, place.to(device)]), labels[row, place].to(device)).cpu()
    model.train(was_training)
    return [
        [0.0, *found[row, : len(example.input_ids) - 1].tolist()]  # place t holds what the hidden state at t predicts
        for row, example in enumerate(examples)
    ]


def _batches(examples: Sequence[Example]) -> Iterator[list[int]]:
    """Places of examples of similar length, at most BATCH_TOKENS together."""
    batch: list[int] = []
    for place in sorted(range(len(examples)), key=lambda place: len(examples[place].input_ids)):
        if batch and (len(batch) + 1) * len(examples[place].input_ids) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _form_tokens(example: Example, tokenizer: PreTrainedTokenizerBase, form: set[int]) -> Iterator[bool]:
    """For each token, whether it belongs to the form: markers, the end token, calculator marks."""
    is_open = False
    for token in example.input_ids:
        piece = str(tokenizer.decode([token]))
        opens, closes = piece.rfind("<<"), piece.rfind(">>")
        yield token in form or is_open or opens >= 0
        if opens >= 0 or closes >= 0:
            is_open = opens > closes
