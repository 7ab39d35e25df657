"""Chooses the next token, greedily or by sampling, with the settings and names of transformers.

    Decoding(temperature=0.7, top_k=40, repetition_penalty=1.1)

The arithmetic is that of transformers' own logits processors, in its order: repetition, minimum length, temperature,
top k, top p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import (
    LogitsProcessor,
    MinNewTokensLengthLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

Choose = Callable[[Tensor, Tensor], Tensor]
"""(tokens so far (B, T), logits (B, V)) to the next tokens (B, 1)."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """The best token if `temperature` is 0, else a draw. `top_k` 0 and `top_p` 1 exclude no token.

    `repetition_penalty` above 1 makes tokens of prompt and output less likely (arXiv 1909.05858). No row ends before
    `min_new_tokens`.

    Raises:
        ValueError: a number is out of range.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    min_new_tokens: int = 0

    def __post_init__(self) -> None:
        problems = {
            "temperature >= 0 and finite": 0 <= self.temperature < math.inf,
            "top_k >= 0": self.top_k >= 0,
            "0 < top_p <= 1": 0 < self.top_p <= 1,
            "repetition_penalty > 0 and finite": 0 < self.repetition_penalty < math.inf,
            "min_new_tokens >= 0": self.min_new_tokens >= 0,
        }
        if not all(problems.values()):
            raise ValueError("need " + " and ".join(rule for rule, holds in problems.items() if not holds))

    def chooser(self, width: int, ends: Tensor, generator: torch.Generator) -> Choose:
        """How to choose after prompts of this width, padding included; `ends` are the tokens that end a row."""
        processors: list[LogitsProcessor] = []
        if self.repetition_penalty != 1:
            processors.append(RepetitionPenaltyLogitsProcessor(self.repetition_penalty))
        if self.min_new_tokens:
            processors.append(
                MinNewTokensLengthLogitsProcessor(width, self.min_new_tokens, ends.tolist(), device=str(ends.device))
            )

        def processed(ids: Tensor, logits: Tensor) -> Tensor:  # LogitsProcessorList inspects signatures at every token
            for processor in processors:
                logits = processor(ids, logits)  # type: ignore[arg-type]
            return logits

        if self.temperature == 0:
            return lambda ids, logits: processed(ids, logits).argmax(-1, keepdim=True)
        if self.temperature != 1:
            processors.append(TemperatureLogitsWarper(float(self.temperature)))
        if self.top_k:
            processors.append(TopKLogitsWarper(self.top_k))
        if self.top_p < 1:
            processors.append(TopPLogitsWarper(self.top_p))

        def draw(ids: Tensor, logits: Tensor) -> Tensor:
            return drawn(processed(ids, logits.float()).softmax(-1), generator)

        return draw


BLOCK = 128
"""Probabilities that are summed before one of them is looked for."""


def drawn(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """An index (B, 1) for each row of probabilities (B, V), by one random number a row.

    `torch.multinomial` draws one for every token: 6 ms a row for 152,000 tokens on a CPU core, as long as all else in a
    small model's step. Here the number is looked up in the sums of blocks, then within its block.
    """
    blocks = F.pad(probabilities, (0, -probabilities.shape[-1] % BLOCK)).unflatten(-1, (-1, BLOCK))
    sums = blocks.sum(-1).double()
    ends = sums.cumsum(-1)
    level = torch.rand(len(ends), 1, dtype=torch.float64, device=ends.device, generator=generator) * ends[:, -1:]
    block = torch.searchsorted(ends, level, right=True).clamp_max(ends.shape[-1] - 1)
    inside = blocks.gather(1, block[..., None].expand(-1, 1, BLOCK))[:, 0].cumsum(-1, dtype=torch.float64)
    rest = (level - ends.gather(1, block) + sums.gather(1, block)).clamp_min(0)
    rest = torch.minimum(rest, inside[:, -1:] * (1 - 1e-12))  # whatever was rounded, a token with a share is found
    return block * BLOCK + torch.searchsorted(inside, rest, right=True)


def fill_padding(prompts: Tensor, mask: Tensor) -> Tensor:
    """The prompts (B, T) with padding replaced by their last token, so that padding is not penalised as a token."""
    return prompts.where(mask.bool(), prompts[:, -1:])
