"""A student and its loss as one module: batch in, loss out; what data-parallel training wraps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from losses import IGNORE_INDEX, TOKEN_LOSSES, chunked_stage_weighted_nll, stage_totals, token_weights
from losses.chunked import CHUNK_SIZE
from parsers.graph import NO_STAGE
from students.heads import head_parameters, split_head

Batch = dict[str, Tensor]
MAX_CHUNK_LOGITS = 2**25
"""Logits held at a time, 134 MB in float32; with a vocabulary of 152,000 that is 220 tokens."""


def shifted(batch: Batch) -> tuple[Tensor, Tensor]:
    """Labels and stage ids (B, T) moved one to the left, so that place t holds what the hidden state at t predicts."""
    labels = F.pad(batch["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)
    return labels, F.pad(batch["stage_ids"][:, 1:], (0, 1), value=NO_STAGE)


def weight_sum(batches: Iterable[Batch], stage_weights: Tensor) -> Tensor:
    """Σ w over all supervised tokens of the batches, float32: the denominator of their common loss."""
    return torch.stack([token_weights(*shifted(batch), stage_weights).sum() for batch in batches]).sum()


class TokenLoss(nn.Module):
    """An entry of losses.TOKEN_LOSSES as a module, which can be compiled and be plain again as a layer can."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.function = TOKEN_LOSSES[kind]

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (N, V) and labels (N,) to nats (N,)."""
        return self.function(logits, labels)


class StudentLoss(nn.Module):
    """A batch with its stage weights and denominator to its loss, and to the sums that `losses.stage_totals` gives.

    `kind` is a recipe's `loss.kind`.
    """

    def __init__(self, student: nn.Module, *, is_packed: bool, kind: str = "nll") -> None:
        super().__init__()
        self.student = student
        self.is_packed = is_packed
        self.token_loss = TokenLoss(kind)
        # In a tuple, so that the parts are not registered a second time.
        self._parts = split_head(student)
        vocabulary: Any = getattr(student, "config", None)
        self.chunk_size = min(CHUNK_SIZE, max(1, MAX_CHUNK_LOGITS // getattr(vocabulary, "vocab_size", 1)))
        self._head_parameters = head_parameters(student, self._parts[1])

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor,
        stage_ids: Tensor,
        position_ids: Tensor,
        stage_weights: Tensor,
        denominator: Tensor,
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Loss, scalar, and (2, 5) summed nll and token count of each stage, detached."""
        backbone, head = self._parts
        # Packed: models tell examples apart by positions that start again. Padded on the right: plain causal.
        hidden = backbone(
            input_ids=input_ids, attention_mask=None, position_ids=position_ids, is_plain_causal=not self.is_packed
        )
        labels, stage_ids = shifted({"labels": labels, "stage_ids": stage_ids})
        loss, nll = chunked_stage_weighted_nll(
            hidden,
            labels,
            stage_ids,
            stage_weights,
            head=head,
            parameters=self._head_parameters,
            denominator=denominator,
            token_loss=self.token_loss,
            chunk_size=self.chunk_size,
        )
        return loss, stage_totals(nll, labels, stage_ids)
