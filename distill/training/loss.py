"""A student and its loss as one module: batch in, loss out; what data-parallel training wraps."""

from __future__ import annotations

from collections.abc import Iterable

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
    """An entry of losses.TOKEN_LOSSES as a module, so that it can be compiled and uncompiled like a layer."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.function = TOKEN_LOSSES[kind]

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (N, V) and labels (N,) to nats (N,)."""
        return self.function(logits, labels)


class StudentLoss(nn.Module):
    """Maps a batch, its stage weights and its denominator to the loss and to the sums of `losses.stage_totals`.

    `kind` is a recipe's `loss.kind`. Its state dict holds trained parameters, each once, and buffers, but no frozen
    weights of a base.
    """

    accepts_loss_kwargs = True
    """Tells transformers.Trainer that the loss is divided by the whole step's denominator, not by micro-batches."""

    def __init__(self, student: nn.Module, *, is_packed: bool, kind: str = "nll") -> None:
        super().__init__()
        self.student = student
        self.is_packed = is_packed
        self.token_loss = TokenLoss(kind)
        # In a tuple, so that the parts are not registered a second time.
        self._parts = split_head(student)
        vocabulary = getattr(getattr(student, "config", None), "vocab_size", 1)
        self.chunk_size = min(CHUNK_SIZE, max(1, MAX_CHUNK_LOGITS // vocabulary))
        self._head_parameters = head_parameters(student, self._parts[1])
        self.register_state_dict_post_hook(_keep_trained)
        self.register_load_state_dict_post_hook(_expect_trained)

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


def _trained_names(module: nn.Module, prefix: str = "") -> set[str]:
    """Names of trained parameters and buffers; tied parameters have one name."""
    parameters = module.named_parameters(prefix.rstrip("."))
    return {name for name, p in parameters if p.requires_grad} | {
        n for n, _ in module.named_buffers(prefix.rstrip("."))
    }


def _keep_trained(module: nn.Module, state: dict[str, Tensor], prefix: str, _metadata: object) -> None:
    for name in state.keys() - _trained_names(module, prefix):
        del state[name]


def _expect_trained(module: nn.Module, keys: tuple[list[str], list[str]]) -> None:
    """Accept missing frozen weights, which `_keep_trained` leaves out; refuse missing trained weights."""
    missing, _unexpected = keys
    missing[:] = sorted(_trained_names(module) & set(missing))
    if missing:
        raise ValueError(f"trained weights are missing: {', '.join(missing[:3])} (of {len(missing)})")
