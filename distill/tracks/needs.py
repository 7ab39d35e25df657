"""Inputs of a forecast for one student: token lengths of its texts, and its layers and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from students.encoding import Example


PLAIN_ROWS = "plain_rows"
"""Name of an attention function that is called without a mask."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the texts that a student learns from, under its tokenizer."""

    lengths: Sequence[float]
    """Tokens of each example, prompt included; one assumed mean where the texts are not on this machine."""
    num_texts: int | None = None
    """Texts to learn from; None for an endless stream."""
    example: Example | None = None
    """The first example; None where the texts or the tokenizer are not on this machine."""
    tokenizer: PreTrainedTokenizerBase | None = None

    @property
    def mean_length(self) -> float:
        """Tokens of an example."""
        return mean(self.lengths)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Layers and weights of a student. No weight is loaded for it."""

    model: PreTrainedModel
    """The student, or its base, on the device `meta`."""
    trained: int
    """Parameters that are trained, in float32."""
    frozen_bytes: float
    """Bytes of the weights that are not trained, as they are held."""
    multiplied: int
    """Weights that every token is multiplied by."""
    passes: int
    """Operations of training for each token and weight: 2 forward, 2 for the gradient of the inputs, 2 for that of the
    weights, 2 where the forward pass is repeated."""
    build: Callable[[int | None], nn.Module]
    """The student with that many layers, or with all, to be traced under FakeTensorMode."""
    longest: int | None = None
    """Tokens that each row is assumed to have at the peak of memory; those of the sample where None."""
    num_equal_layers: int | None = None
    """Layers, where all are alike: two of them are traced then. None: the student is traced whole."""
    recomputes_layers: bool = False
    """Whether only the inputs of the layers are kept for the backward pass."""


def without_masks(model: PreTrainedModel, attention: Callable[..., Any]) -> PreTrainedModel:
    """The model with this attention function. With any other, transformers would build masks, which needs values.

    The name is registered here and not at import, because only tracing uses it.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(PLAIN_ROWS, attention)
    AttentionMaskInterface.register(PLAIN_ROWS, lambda *_, **__: None)
    model.set_attn_implementation(PLAIN_ROWS)
    return model
