"""Encodes a text with stages as an Example: token ids, labels, and the stage of every token.

<INST>2 + 2?</INST><THINK> [EXECUTE] <STEP> 2 + 2 = 4 </THINK> <ANS> 4 </ANS>
labels       -100 …            ids of everything from here on …
stage_ids     -1  …         2         2    2 2 2 2 2     -1      -1   -1  -1
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from parsers.graph import NO_STAGE, Span

IGNORE_INDEX = -100


@dataclass(frozen=True, slots=True)
class Example:
    """Three sequences of equal length. `labels` and `stage_ids` are aligned with `input_ids`; -100: not supervised."""

    input_ids: Sequence[int]
    labels: Sequence[int]
    stage_ids: Sequence[int]


def token_ids(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]) -> list[int]:
    """The id of each token; the id of the unknown token if the vocabulary lacks it."""
    ids = tokenizer.convert_tokens_to_ids(list(tokens))
    return ids if isinstance(ids, list) else [ids]


def compact(example: Example) -> Example:
    """The same example in 12 bytes per token, because many are kept in memory."""
    return Example(*(array("i", values) for values in (example.input_ids, example.labels, example.stage_ids)))


def encode(
    text: str,
    spans: Iterable[Span],
    tokenizer: PreTrainedTokenizerBase,
    *,
    ignored: Iterable[tuple[int, int]] = (),
    max_length: int | None = None,
) -> Example:
    """Encode a text as an example.

    A token belongs to the span that holds its first character. Truncation cuts ids, labels and stages alike.

    Args:
        text: the whole text, prompt included.
        spans: the stages of the text, in order, not overlapping.
        tokenizer: a fast tokenizer (it must give offsets).
        ignored: (start, end) of characters that are not learnt, in order: the prompt, wrong steps.
        max_length: longer examples are cut at the end.
    """
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False)
    input_ids, starts = encoded["input_ids"], [start for start, _ in encoded["offset_mapping"]]
    stage_ids = _values_at(starts, [(start, end, stage) for start, end, stage, _ in spans], default=NO_STAGE)
    is_ignored = _values_at(starts, [(start, end, 1) for start, end in ignored], default=0)
    labels = [IGNORE_INDEX if skip else token for token, skip in zip(input_ids, is_ignored, strict=True)]
    return Example(input_ids[:max_length], labels[:max_length], stage_ids[:max_length])


def _values_at(starts: list[int], spans: list[tuple[int, int, int]], default: int) -> list[int]:
    """For each of the ascending characters the value of the span that holds it."""
    values, place = [], 0
    for start in starts:
        while place < len(spans) and spans[place][1] <= start:
            place += 1
        inside = place < len(spans) and spans[place][0] <= start
        values.append(spans[place][2] if inside else default)
    return values
