"""Text with stages to an Example: token ids, what is supervised, and the stage of every token.

<INST>2 + 2?</INST><THINK> [EXECUTE] <STEP> 2 + 2 = 4 </THINK> <ANS> 4 </ANS>
labels       -100 …            ids of everything from here on …
stage_ids     -1  …         2         2    2 2 2 2 2     -1      -1   -1  -1
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from parsers.graph import NO_STAGE

IGNORE_INDEX = -100


class StageSpan(Protocol):
    """Characters start … end (exclusive) of a text and the stage they belong to; -1 for none."""

    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def stage(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Example:
    """Three equally long sequences. `labels` and `stage_ids` are aligned with `input_ids`; -100: not supervised."""

    input_ids: Sequence[int]
    labels: Sequence[int]
    stage_ids: Sequence[int]


def compact(example: Example) -> Example:
    """The same example in 12 bytes a token, as many are kept."""
    return Example(*(array("i", values) for values in (example.input_ids, example.labels, example.stage_ids)))


def encode(
    text: str,
    spans: Iterable[StageSpan],
    tokenizer: Any,
    *,
    supervised_from: int = 0,
    ignored: Iterable[tuple[int, int]] = (),
    max_length: int | None = None,
) -> Example:
    """The example that a text makes.

    A token belongs to the span that holds its first character. Truncation cuts ids, labels and stages alike.

    Args:
        text: the whole text, prompt included.
        spans: the stages of the text, in order, not overlapping.
        tokenizer: a fast tokenizer (it must give offsets).
        supervised_from: character at which the prompt ends.
        ignored: (start, end) of characters that must not be learnt from, such as a step that is wrong on purpose.
        max_length: longer examples are cut at the right.
    """
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False)
    input_ids, starts = encoded["input_ids"], [start for start, _ in encoded["offset_mapping"]]
    stage_ids = _values_at(starts, [(s.start, s.end, int(s.stage)) for s in spans], default=NO_STAGE)
    is_ignored = _values_at(starts, [(start, end, 1) for start, end in sorted(ignored)], default=0)
    labels = [
        IGNORE_INDEX if start < supervised_from or skip else token
        for token, start, skip in zip(input_ids, starts, is_ignored, strict=True)
    ]
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
