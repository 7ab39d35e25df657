"""A logits processor that holds an adapter student to its form: four stages in order, none left out, and no loops.

    [PLAN]
    1. Find the number of apples.
    2. Find the number of pears.
    3. Find the number of apples.
    4. Find the number of apples.
    [EXECUTE]                              <- forced, as PLAN repeats itself
    1. 3 + 4 = <<3+4=7>>7
    [VERIFY]                               <- written in place of [ANSWER]

A small student sometimes leaves out a stage. Greedy decoding also falls into loops and fills a whole answer with one
line (arXiv 1904.09751, section 4.4). A penalty on repeated tokens would punish the copying of numbers, too, which
correct reasoning needs.
"""

from __future__ import annotations

import functools
import re
from collections import Counter

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from parsers.text.markers import STAGED_MARKERS
from students.calculator import LIST_MARK
from students.encoding import token_ids

MAX_EQUAL_LINES = 3
"""As often as this a stage may write one line; the next stage begins after it."""
MIN_CHARACTERS = 12
"""Shorter lines, such as "x = 3", may stand in a stage more often."""
MAX_ALIKE_LINES = 8
"""As often as this a stage may write lines that differ in their numbers only: "the height of girl 16", 17, 18, …"""
LINE_EVERY = 16
"""A line is searched for a loop within it whenever this many tokens were added."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LOOP = re.compile(r"([^\d\n]{4,60}?)\1{5}$")
_LINE_BREAKS = ("\n", "\u010a", "<0x0A>")
"""A line break in the tokens of sentencepiece, byte-level BPE, and sentencepiece with byte fallback."""


class StageGuide(LogitsProcessor):
    """For `model.generate(logits_processor=[StageGuide(tokenizer)])` and for `students.generation.generate`.

    The markers are [UNDERSTAND], [PLAN], [EXECUTE], [VERIFY] and [ANSWER]. Where the student would skip one or end its
    answer early, the next marker takes the logit of what it would write. It writes no marker twice. At the end of a
    line that `repeats_lines` finds, the next marker is forced; in a line that `repeats_itself` finds, a line break is.
    All other logits are as before.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.markers = torch.tensor(token_ids(tokenizer, STAGED_MARKERS))
        ends = [tokenizer.eos_token_id] if isinstance(tokenizer.eos_token_id, int) else []
        self.order = torch.tensor([*self.markers.tolist(), *ends])
        tokens = list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
        signs = [token is not None and any(sign in token for sign in _LINE_BREAKS) for token in tokens]
        self.breaks = torch.tensor(signs).nonzero()[:, 0]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """Logits (B, V) after the tokens (B, T) of each row."""
        width, markers = input_ids.shape[1], self.markers.to(input_ids.device)
        places = torch.arange(width, device=input_ids.device)
        starts = torch.where(torch.isin(input_ids, markers), places, -1).amax(1)  # (B,) of the last marker, or -1
        at_marker = input_ids.gather(1, starts.clamp_min(0)[:, None]) == markers  # (B, 5)
        following = torch.where(starts >= 0, at_marker.int().argmax(1) + 1, 0)  # (B,) of the next marker; 5: none
        scores = self._in_order(scores, following)  # a copy, so that rows of it can be set below
        is_break = torch.isin(input_ids[:, -LINE_EVERY:], self.breaks.to(input_ids.device))
        ends_line = is_break[:, -1]
        in_long_line = ~is_break.any(1) & ((width - starts) % LINE_EVERY == 0)
        in_stage = (starts >= 0) & (following < len(markers))
        for row in (in_stage & (ends_line | in_long_line)).nonzero()[:, 0].tolist():
            stage = str(self.tokenizer.decode(input_ids[row, int(starts[row]) + 1 :].tolist()))
            if ends_line[row]:
                token = int(markers[following[row]]) if repeats_lines(stage) else None
            else:
                token = self._line_break if repeats_itself(stage) else None
            if token is not None:
                scores[row] = -torch.inf
                scores[row, token] = 0.0
        return scores

    def _in_order(self, scores: Tensor, following: Tensor) -> Tensor:
        """A copy of the logits; what follows next has the best logit of itself and all that comes after it."""
        order = self.order.to(scores.device)
        place, theirs = torch.arange(len(order), device=scores.device), scores[:, order]
        best = torch.where(place >= following[:, None], theirs, -torch.inf).amax(1, keepdim=True)
        changed = scores.clone()
        changed[:, order] = torch.where(place == following[:, None], best, -torch.inf)
        return changed

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
    lines = [LIST_MARK.sub("", line).strip() for line in stage.splitlines() if line.strip()]
    if not lines:
        return False
    alike = Counter(_NUMBER.sub("0", line) for line in lines)[_NUMBER.sub("0", lines[-1])]
    is_repeated = lines.count(lines[-1]) >= MAX_EQUAL_LINES and len(lines[-1]) >= MIN_CHARACTERS
    return is_repeated or alike >= MAX_ALIKE_LINES or repeats_itself(lines[-1])


def repeats_itself(line: str) -> bool:
    """Whether the end of a text is six times the same words.

    >>> repeats_itself("Find his mother" + "'s mother" * 5), repeats_itself("Find his mother" + "'s mother" * 6)
    (False, True)
    """
    return _LOOP.search(line[-400:]) is not None
