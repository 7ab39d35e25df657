"""Losses: functions from tensors to a tensor, independent of recipes and tokenizers."""

from __future__ import annotations

from losses.chunked import chunked_weighted_sum
from losses.divergences import forward_kl, generalized_jsd, reverse_kl, token_divergence
from losses.nll import (
    IGNORE_INDEX,
    TOKEN_LOSSES,
    chunked_stage_weighted_nll,
    stage_totals,
    stage_weighted_nll,
    token_dft,
    token_eaft,
    token_nll,
    token_weights,
)
from losses.policies import AdaptivePolicy, ConstantPolicy, SchedulePolicy, random_weights

__all__ = [
    "IGNORE_INDEX",
    "TOKEN_LOSSES",
    "AdaptivePolicy",
    "ConstantPolicy",
    "SchedulePolicy",
    "chunked_stage_weighted_nll",
    "chunked_weighted_sum",
    "forward_kl",
    "generalized_jsd",
    "random_weights",
    "reverse_kl",
    "stage_totals",
    "stage_weighted_nll",
    "token_dft",
    "token_divergence",
    "token_eaft",
    "token_nll",
    "token_weights",
]
