"""A logits processor that ends a stage which repeats itself: the next tokens are forced to be the next stage's marker.

    [PLAN]
    1. Find the number of apples.
    2. Find the number of pears.
    3. Find the number of apples.
    4. Find the number of apples.
    [EXECUTE]                              <- forced

Greedy decoding of a small model often falls into such loops and fills its whole answer with one line (arXiv 1904.09751,
section 4.4). A penalty on repeated tokens would also punish the copying of numbers, which correct reasoning needs.
"""

from __future__ import annotations

import functools
import re
from collections import Counter

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from parsers.text.markers import STAGED_MARKERS
from students.encoding import token_ids

MAX_EQUAL_LINES = 3
"""As often as this a stage may write one line; the next stage begins after it."""
MAX_ALIKE_LINES = 8
"""The same for lines that differ only in their numbers: "the height of cheerleader 16", 17, 18, …"""
MIN_CHARACTERS = 12
"""Shorter lines may stand in a stage as often as it likes: "60", "x = 3"."""
LINE_EVERY = 16
"""A line is searched for a loop within it whenever this many tokens were added."""

_LIST_MARK = re.compile(r"^\s*\d{1,3}[.)]\s+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LOOP = re.compile(r"([^\d\n]{4,60}?)\1{5}$")
_LINE_BREAKS = ("\n", "\u010a", "<0x0A>")
"""A line break in the tokens of sentencepiece, byte-level BPE, and sentencepiece with byte fallback."""


class LoopBreaker(LogitsProcessor):
    """For `model.generate(logits_processor=[LoopBreaker(tokenizer)])` and for `students.generation.generate`.

    It forces the marker of the next stage at the end of a line which `repeats_lines` finds, and a line break in a line
    which `repeats_itself` finds. It changes no other logits, nothing before the first marker or after [ANSWER].
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.marker_ids = token_ids(tokenizer, STAGED_MARKERS)
        tokens = list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
        breaks = [
            number for number, token in enumerate(tokens) if token and any(sign in token for sign in _LINE_BREAKS)
        ]
        self._breaks = torch.tensor(breaks, dtype=torch.long)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """Logits (B, V); in rows (B, T) whose stage ends, all tokens but the forced one are at -inf."""
        width = input_ids.shape[1]
        places = torch.arange(width, device=input_ids.device)
        is_marker = torch.isin(input_ids, torch.tensor(self.marker_ids, device=input_ids.device))
        starts = torch.where(is_marker, places, -1).amax(1)  # (B,) of the last marker; -1 if there is none
        is_break = torch.isin(input_ids[:, -LINE_EVERY:], self._breaks.to(input_ids.device))
        ends_line = is_break[:, -1]
        in_long_line = ~is_break.any(1) & ((width - starts) % LINE_EVERY == 0)
        changed = scores
        for row in ((starts >= 0) & (ends_line | in_long_line)).nonzero()[:, 0].tolist():
            token = self._forced(input_ids[row, int(starts[row]) :].tolist(), bool(ends_line[row]))
            if token is not None:
                changed = scores.clone() if changed is scores else changed
                changed[row] = -torch.inf
                changed[row, token] = 0.0
        return changed

    def _forced(self, stage: list[int], ends_line: bool) -> int | None:
        """The token that ends a stage, given from its marker on; None if the stage goes on."""
        following = self.marker_ids.index(stage[0]) + 1
        if following == len(self.marker_ids):
            return None
        text = str(self.tokenizer.decode(stage[1:], skip_special_tokens=False))
        if ends_line:
            return self.marker_ids[following] if repeats_lines(text) else None
        return self._line_break if repeats_itself(text) else None

    @functools.cached_property
    def _line_break(self) -> int:
        return int(self.tokenizer.encode("\n", add_special_tokens=False)[-1])


def repeats_lines(stage: str) -> bool:
    r"""Whether the last complete line of a stage is one repetition too many, or repeats itself.

    >>> repeats_lines("1. Add the pears.\n2. Add the plums.\n3. Add the pears.\n"), repeats_lines("60\n60\n60\n60\n")
    (False, False)
    >>> repeats_lines("1. Add the pears.\n2. Add the pears.\n3. Add the pears.\n")
    True
    """
    lines = [_LIST_MARK.sub("", line).strip() for line in stage.splitlines() if line.strip()]
    if not lines or len(lines[-1]) < MIN_CHARACTERS:
        return False
    alike = Counter(_NUMBER.sub("0", line) for line in lines)[_NUMBER.sub("0", lines[-1])]
    return lines.count(lines[-1]) >= MAX_EQUAL_LINES or alike >= MAX_ALIKE_LINES or repeats_itself(lines[-1])


def repeats_itself(line: str) -> bool:
    """Whether the end of a text is six times the same words.

    >>> repeats_itself("Find his mother" + "'s mother" * 5), repeats_itself("Find his mother" + "'s mother" * 6)
    (False, True)
    """
    return _LOOP.search(line[-400:]) is not None
