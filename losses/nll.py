"""Stage-weighted negative log-likelihood: each token counts by the stage of reasoning it belongs to.

    [UNDERSTAND] … weight 0.5    [EXECUTE] 48 / 2 = 24 … weight 2    [ANSWER] 72 … weight 1

Derivation and gradient: docs/loss.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from losses.chunked import CHUNK_SIZE, Head, TokenLoss, chunked_weighted_sum
from parsers.graph import Stage

IGNORE_INDEX = -100
"""Label of positions that are not supervised, as in torch and transformers."""

NUM_ROWS = len(Stage) + 1
"""Rows of a full weight table: one for each stage, the last for tokens outside every stage (stage id −1)."""


def stage_weighted_nll(
    logits: Tensor, labels: Tensor, stage_ids: Tensor, stage_weights: Tensor, *, denominator: Tensor | None = None
) -> Tensor:
    """Mean next-token loss in nats, each token scaled by the weight of its reasoning stage.

    loss = Σ w[s_t]·nll_t / Σ w[s_t], over the positions t whose label is not IGNORE_INDEX (-100).

    Args:
        logits: (B, T, V), any float dtype, already shifted: logits[:, t] predicts labels[:, t]. Upcast inside.
        labels: (B, T) token ids; IGNORE_INDEX marks the prompt and padding.
        stage_ids: (B, T) Stage value of each label, −1 outside every stage; ignored if the label is IGNORE_INDEX.
        stage_weights: (S,) one weight ≥ 0 per stage, indexed by Stage value. A fifth entry is the weight of tokens
            outside every stage; without it their weight is one. All ones is plain cross-entropy.
        denominator: Σ w over all micro-batches of the optimizer step. Pass it with gradient accumulation; without it,
            8 micro-batches of 1 do not give the gradient of 1 batch of 8. A token count is not a weight sum.

    Returns:
        Scalar float32. With no supervised token it is 0 and still differentiable.

    Raises:
        ValueError: shapes disagree, a weight is negative or not a number, or a stage id has no weight.

    Derivation and gradient: docs/loss.md. Plain case checked against torch.nn.functional.cross_entropy.
    """
    if logits.shape[:-1] != labels.shape:
        raise ValueError(f"logits {tuple(logits.shape)} do not match labels {tuple(labels.shape)}")
    weights = token_weights(labels, stage_ids, stage_weights).to(logits.device)
    # A token of weight zero is ignored, not multiplied by zero: 0 · inf would be NaN.
    nll = token_nll(logits, labels.masked_fill(weights == 0, IGNORE_INDEX))
    return (weights * nll).sum() / _safe(weights.sum() if denominator is None else denominator).to(nll.device)


def chunked_stage_weighted_nll(
    hidden: Tensor,
    labels: Tensor,
    stage_ids: Tensor,
    stage_weights: Tensor,
    *,
    head: Head,
    parameters: Sequence[Tensor] = (),
    denominator: Tensor | None = None,
    chunk_size: int = CHUNK_SIZE,
    token_loss: TokenLoss | None = None,
) -> tuple[Tensor, Tensor]:
    """The same loss from hidden states (B, T, D), and its token losses (B, T), detached, 0 where not supervised.

    Logits are computed only for supervised positions, `chunk_size` tokens at a time. `parameters` are the weights of
    `head` (losses.chunked). `token_loss` is one of TOKEN_LOSSES; None means `token_nll`. The other arguments are those
    of `stage_weighted_nll`. The token losses include tokens of weight zero, so that their stage can be monitored.
    """
    if hidden.shape[:-1] != labels.shape:
        raise ValueError(f"hidden states {tuple(hidden.shape)} do not match labels {tuple(labels.shape)}")
    weights = token_weights(labels, stage_ids, stage_weights).to(hidden.device)
    supervised = (labels != IGNORE_INDEX).flatten().nonzero().squeeze(1)
    total, nll = chunked_weighted_sum(
        hidden.flatten(0, -2).index_select(0, supervised),
        weights.flatten()[supervised],
        (labels.flatten()[supervised],),
        head=head,
        token_loss=token_loss or token_nll,
        parameters=parameters,
        chunk_size=chunk_size,
    )
    token_losses = torch.zeros(labels.numel(), device=nll.device).index_copy_(0, supervised, nll).view(labels.shape)
    return total / _safe(weights.sum() if denominator is None else denominator).to(total.device), token_losses


def token_nll(logits: Tensor, labels: Tensor) -> Tensor:
    """−log p(label) in nats, float32, in the shape of `labels`; 0 where the label is IGNORE_INDEX."""
    flat = F.cross_entropy(logits.float().flatten(0, -2), labels.flatten(), ignore_index=IGNORE_INDEX, reduction="none")
    return flat.view(labels.shape)


def token_dft(logits: Tensor, labels: Tensor) -> Tensor:
    """Dynamic fine-tuning (arXiv 2508.05629): the gradient of sg[p(label)] · nll, where sg[] stops the gradient.

    Its *value* is the nll itself, so that the losses of runs with and without it can be compared. Only the gradient is
    scaled, by the student's probability of the label. Shapes as in `token_nll`.
    """
    nll = token_nll(logits, labels)
    probability = torch.exp(-nll.detach())
    pulled = torch.where(probability > 0, probability * nll, 0.0)  # 0 · inf would be NaN
    return pulled + (nll - pulled).detach()


EAFT_TOP = 20
"""Number of most probable tokens whose entropy approximates that of the vocabulary, as in the paper."""


def token_eaft(logits: Tensor, labels: Tensor) -> Tensor:
    """Entropy-adaptive fine-tuning (arXiv 2601.02151): the gradient of sg[H / ln K] · nll; sg[] stops the gradient.

    H = −Σ q·ln q is the entropy in nats of q, the softmax over the K = 20 largest logits (or all, if there are fewer).
    So the gate H / ln K is 0 if the student is sure of one token, and 1 if K tokens are equally likely. Its *value* is
    the nll itself, as in `token_dft`. Shapes as in `token_nll`.
    """
    nll = token_nll(logits, labels)
    size = min(EAFT_TOP, logits.shape[-1])
    top = logits.detach().float().topk(size, dim=-1).values.softmax(-1)
    gate = torch.special.entr(top).sum(-1) / math.log(size)
    pulled = torch.where(gate > 0, gate * nll, 0.0)  # 0 · inf would be NaN
    return pulled + (nll - pulled).detach()


TOKEN_LOSSES: dict[str, TokenLoss] = {"nll": token_nll, "dft": token_dft, "eaft": token_eaft}
"""Maps `loss.kind` of a recipe to the loss of a token, a function from (logits, labels) to nats."""


def token_weights(labels: Tensor, stage_ids: Tensor, stage_weights: Tensor) -> Tensor:
    """The weight of each label, float32, in the shape of `labels`; 0 where the label is IGNORE_INDEX.

    Raises:
        ValueError: shapes disagree, a weight is negative or not a number, or a stage id has no weight.
    """
    if labels.shape != stage_ids.shape:
        raise ValueError(f"labels {tuple(labels.shape)} do not match stage_ids {tuple(stage_ids.shape)}")
    if stage_weights.ndim != 1 or not bool((stage_weights >= 0).all()):
        raise ValueError(f"stage_weights must be one row of numbers ≥ 0, not {stage_weights.tolist()}")
    table = stage_weights.to(device=labels.device, dtype=torch.float32)
    if len(table) != NUM_ROWS:
        table = torch.cat([table, table.new_ones(1)])
    supervised = labels != IGNORE_INDEX
    ids = torch.where(supervised, stage_ids, -1)
    if ids.numel() and not -1 <= int(ids.min()) <= int(ids.max()) < len(table) - 1:
        raise ValueError(f"stage ids from {int(ids.min())} to {int(ids.max())} for {len(table) - 1} stage weights")
    return torch.where(supervised, table[ids], 0.0)


def stage_totals(values: Tensor, labels: Tensor, stage_ids: Tensor) -> Tensor:
    """(2, 5) float64: the sum of `values` and the number of supervised tokens per stage; last, outside every stage."""
    supervised = labels != IGNORE_INDEX
    rows = stage_ids[supervised].long() % NUM_ROWS  # −1 becomes the last row
    totals = torch.zeros(2, NUM_ROWS, dtype=torch.float64, device=values.device)
    totals[0].index_add_(0, rows, values[supervised].double())
    totals[1].index_add_(0, rows, torch.ones_like(rows, dtype=torch.float64))
    return totals


def _safe(denominator: Tensor) -> Tensor:
    """The denominator, or one if nothing is supervised, because then the numerator is zero."""
    return torch.where(denominator > 0, denominator, 1.0)
