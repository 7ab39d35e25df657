"""Divergences between a teacher's and a student's next-token distribution, weighted by stage.

forward_kl   Σ p log(p / q)      p teacher, q student: the student covers all that the teacher may write
reverse_kl   Σ q log(q / p)      the student keeps to the teacher's most probable tokens
generalized_jsd(beta)            between the two (arXiv 2306.13649, eq. 1)
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from losses.nll import token_weights

LOG_FLOOR = -1e4
"""Lower bound of log-probabilities; smaller ones are raised to it."""

TAIL_FLOOR = 1e-9
"""Lower bound of the tail probability of a stored top-k distribution, so that its logarithm is finite."""


def forward_kl(
    *,
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    stage_ids: Tensor,
    stage_weights: Tensor,
    teacher_token_ids: Tensor | None = None,
    tail: Literal["renormalize", "bucket"] = "renormalize",
    temperature: float = 1.0,
    denominator: Tensor | None = None,
) -> Tensor:
    """KL(teacher ‖ student) in nats, weighted mean over the supervised positions: `generalized_jsd` with beta 0."""
    return generalized_jsd(
        student_logits=student_logits,
        teacher_logits=teacher_logits,
        labels=labels,
        stage_ids=stage_ids,
        stage_weights=stage_weights,
        beta=0.0,
        teacher_token_ids=teacher_token_ids,
        tail=tail,
        temperature=temperature,
        denominator=denominator,
    )


def reverse_kl(
    *,
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    stage_ids: Tensor,
    stage_weights: Tensor,
    teacher_token_ids: Tensor | None = None,
    tail: Literal["renormalize", "bucket"] = "renormalize",
    temperature: float = 1.0,
    denominator: Tensor | None = None,
) -> Tensor:
    """KL(student ‖ teacher) in nats, weighted mean over the supervised positions: `generalized_jsd` with beta 1."""
    return generalized_jsd(
        student_logits=student_logits,
        teacher_logits=teacher_logits,
        labels=labels,
        stage_ids=stage_ids,
        stage_weights=stage_weights,
        beta=1.0,
        teacher_token_ids=teacher_token_ids,
        tail=tail,
        temperature=temperature,
        denominator=denominator,
    )


def generalized_jsd(
    *,
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    stage_ids: Tensor,
    stage_weights: Tensor,
    beta: float = 0.5,
    teacher_token_ids: Tensor | None = None,
    tail: Literal["renormalize", "bucket"] = "renormalize",
    temperature: float = 1.0,
    denominator: Tensor | None = None,
) -> Tensor:
    """JSD_β = β KL(p ‖ m) + (1 − β) KL(q ‖ m), m = β p + (1 − β) q, in nats, weighted mean over supervised positions.

    At β = 0 and 1 the formula is 0; there the limits JSD_β / β = KL(p ‖ q) and JSD_β / (1 − β) = KL(q ‖ p) are used.

    Args:
        student_logits: (B, T, V), already shifted as in `stage_weighted_nll`.
        teacher_logits: (B, T, V); with `teacher_token_ids`, (B, T, K) of those tokens. No gradient flows to them.
        labels: (B, T); only used to find unsupervised positions (IGNORE_INDEX).
        stage_ids: (B, T) Stage value of each label, −1 outside.
        stage_weights: (S,) as in `stage_weighted_nll`.
        beta: in [0, 1].
        teacher_token_ids: (B, T, K) the tokens of a stored top-k distribution, distinct in each position.
        tail: how to treat tokens outside a top-k distribution. `renormalize` compares both sides given that the token
            is among the K. `bucket` adds one outcome "any other token"; then `teacher_logits` must be
            log-probabilities, as endpoints return them.
        temperature: divides the logits of both sides; the loss is not multiplied by its square.
        denominator: Σ w over all micro-batches of the optimizer step, as in `stage_weighted_nll`.

    Raises:
        ValueError: shapes disagree, beta or temperature out of range, `bucket` without log-probabilities.
    """
    if student_logits.shape[:-1] != labels.shape or teacher_logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"student {tuple(student_logits.shape)}, teacher {tuple(teacher_logits.shape)}, "
            f"labels {tuple(labels.shape)}"
        )
    weights = token_weights(labels, stage_ids, stage_weights).to(student_logits.device)
    kept = (weights > 0).flatten().nonzero().squeeze(1)
    losses = token_divergence(
        student_logits.flatten(0, -2)[kept],
        teacher_logits.flatten(0, -2)[kept],
        None if teacher_token_ids is None else teacher_token_ids.flatten(0, -2)[kept],
        beta=beta,
        tail=tail,
        temperature=temperature,
    )
    total = (weights.flatten()[kept] * losses).sum()
    bottom = weights.sum() if denominator is None else denominator.to(total.device)
    return total / torch.where(bottom > 0, bottom, 1.0)


def token_divergence(
    student_logits: Tensor,
    teacher_logits: Tensor,
    teacher_token_ids: Tensor | None = None,
    *,
    beta: float = 0.5,
    tail: Literal["renormalize", "bucket"] = "renormalize",
    temperature: float = 1.0,
) -> Tensor:
    """(N,) divergences in nats of student (N, V) and teacher (N, V), or (N, K) with ids; see `generalized_jsd`.

    It is a `token_loss` for `losses.chunked`, which does not keep the logits of a full batch in memory.
    """
    if not 0 <= beta <= 1 or not temperature > 0:
        raise ValueError(f"beta {beta} must be in [0, 1] and temperature {temperature} above 0")
    q = (student_logits.float() / temperature).log_softmax(-1)
    if teacher_token_ids is None:
        if teacher_logits.shape != student_logits.shape:
            raise ValueError(
                f"teacher {tuple(teacher_logits.shape)} does not match student {tuple(student_logits.shape)}"
            )
        p = (teacher_logits.detach().float() / temperature).log_softmax(-1)
    else:
        q, p = _over_top_k(q, teacher_logits.detach().float(), teacher_token_ids, tail=tail, temperature=temperature)
    # Finite, so that 0 · log 0 is 0 and has a gradient; an outcome that one side excludes costs up to 10,000 nats.
    p, q = p.clamp_min(LOG_FLOOR), q.clamp_min(LOG_FLOOR)
    if beta == 0:
        return _kl(p, q)
    if beta == 1:
        return _kl(q, p)
    m = torch.logaddexp(p + math.log(beta), q + math.log(1 - beta))
    return beta * _kl(p, m) + (1 - beta) * _kl(q, m)


def _over_top_k(q: Tensor, teacher: Tensor, ids: Tensor, *, tail: str, temperature: float) -> tuple[Tensor, Tensor]:
    """Student and teacher log-probabilities over the same outcomes: (N, K), or (N, K + 1) with the bucket."""
    if ids.shape != teacher.shape:
        raise ValueError(f"teacher ids {tuple(ids.shape)} do not match teacher logits {tuple(teacher.shape)}")
    q = q.gather(-1, ids)
    if tail == "renormalize":
        return q.log_softmax(-1), (teacher / temperature).log_softmax(-1)
    if temperature != 1:
        raise ValueError("a bucket for the tail needs temperature 1: the softened tail is not known")
    if teacher.numel() and float(teacher.logsumexp(-1).max()) > 1e-3:
        raise ValueError("a bucket for the tail needs the teacher's log-probabilities, these sum to more than one")
    return _with_bucket(q), _with_bucket(teacher)


def _with_bucket(log_probabilities: Tensor) -> Tensor:
    rest = (1 - log_probabilities.exp().sum(-1, keepdim=True)).clamp_min(TAIL_FLOOR)
    return torch.cat([log_probabilities, rest.log()], dim=-1)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Σ p log(p / q) of log-probabilities."""
    return (p.exp() * (p - q)).sum(-1)
