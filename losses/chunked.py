"""Weighted sums of token losses that never keep the logits of a full batch in memory.

Each chunk of hidden states goes through the head and the loss, forward and backward, before the next. Only the
gradients of the hidden states and of the head's parameters are kept. So logits exist for `chunk_size` tokens at a time,
and each is computed once. Recomputing them in the backward pass would make the head a third more expensive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

CHUNK_SIZE = 1024
"""Tokens whose logits are in memory at a time: in float32, 8 MB for 2048 words, 620 MB for 152,000."""

Head = Callable[[Tensor], Tensor]
TokenLoss = Callable[..., Tensor]


def chunked_weighted_sum(
    hidden: Tensor,
    weights: Tensor,
    aligned: Sequence[Tensor],
    *,
    head: Head,
    token_loss: TokenLoss,
    parameters: Sequence[Tensor] = (),
    chunk_size: int = CHUNK_SIZE,
) -> tuple[Tensor, Tensor]:
    """Σ weights · token_loss(head(hidden), *aligned), float32, and the token losses (N,), detached.

    The sum is not divided, so that gradients in half precision do not become too small. The caller divides in float32.

    Args:
        hidden: (N, D).
        weights: (N,) ≥ 0. A token of weight 0 is computed, and has no gradient.
        aligned: tensors (N, …) cut into the same chunks and passed to `token_loss` after the logits.
        head: (n, D) to logits (n, V).
        token_loss: (logits, *aligned chunks) to (n,) losses.
        parameters: the weights of `head`; those that require a gradient get one. A weight that is not listed gets none.
    """
    if hidden.shape[0] != weights.shape[0]:
        raise ValueError(f"{hidden.shape[0]} hidden states, {weights.shape[0]} weights")
    if chunk_size < 1:
        raise ValueError(f"chunk_size is {chunk_size}")
    trained = [p for p in parameters if p.requires_grad]
    return _ChunkedWeightedSum.apply(hidden, weights, tuple(aligned), head, token_loss, chunk_size, *trained)


class _ChunkedWeightedSum(torch.autograd.Function):
    """Computes the gradient during the forward pass; the backward pass only scales it."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weights: Tensor,
        aligned: tuple[Tensor, ...],
        head: Head,
        token_loss: TokenLoss,
        chunk_size: int,
        *parameters: Tensor,
    ) -> tuple[Tensor, Tensor]:
        hidden_wanted = ctx.needs_input_grad[0]
        wanted = hidden_wanted or any(ctx.needs_input_grad[6:])
        hidden_gradient = torch.zeros_like(hidden) if hidden_wanted else None
        gradients = [torch.zeros_like(p) for p in parameters]
        losses = hidden.new_zeros(hidden.shape[0], dtype=torch.float32)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden.shape[0], chunk_size):
            rows = slice(start, start + chunk_size)
            with torch.set_grad_enabled(wanted):
                chunk = hidden[rows].detach().requires_grad_(hidden_wanted)
                losses_chunk = token_loss(head(chunk), *(a[rows] for a in aligned)).float()
                # Not a plain product: 0 · inf would be NaN.
                weighted = torch.where(weights[rows] > 0, weights[rows] * losses_chunk, 0.0).sum()
            losses[rows] = losses_chunk.detach()
            total += weighted.detach()
            if wanted:
                inputs = ([chunk] if hidden_wanted else []) + list(parameters)
                found = list(torch.autograd.grad(weighted, inputs, allow_unused=True))
                if hidden_gradient is not None and (gradient := found.pop(0)) is not None:
                    hidden_gradient[rows] = gradient
                for gradient, sum_so_far in zip(found, gradients, strict=True):
                    if gradient is not None:
                        sum_so_far += gradient
        ctx.save_for_backward(hidden_gradient, *gradients)
        ctx.mark_non_differentiable(losses)
        return total, losses

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Tensor | None, ...]:
        scale = outer[0]
        hidden_gradient, *gradients = ctx.saved_tensors
        scaled_hidden = None if hidden_gradient is None else hidden_gradient * scale.to(hidden_gradient.dtype)
        return (scaled_hidden, *[None] * 5, *(g * scale.to(g.dtype) for g in gradients))
