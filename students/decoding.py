"""How the next token is chosen: greedily or drawn, with the settings and the names that transformers has for them.

    Decoding(temperature=0.7, top_k=40, repetition_penalty=1.1)

The arithmetic is that of transformers' own logits processors, in its order: repetition, minimum length, temperature,
top k, top p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
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
    """The best token where `temperature` is 0, else a draw. `top_k` 0 and `top_p` 1 leave no token out.

    `repetition_penalty` above 1 lowers tokens that stand in prompt or output (arXiv 1909.05858); before
    `min_new_tokens` no row ends.

    Raises:
        ValueError: a number makes no sense.
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
            probabilities = processed(ids, logits.float()).softmax(-1)
            return torch.multinomial(probabilities, 1, generator=generator)

        return draw


def fill_padding(prompts: Tensor, mask: Tensor) -> Tensor:
    """The prompts (B, T) with their padding replaced by their last token, so that it stands for nothing new."""
    return prompts.where(mask.bool(), prompts[:, -1:])
