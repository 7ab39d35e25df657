"""A causal language model in two parts: what runs on every token, and the head that turns hidden states into logits.

The head of a small model is half of its work, and a large vocabulary times a whole batch does not fit in memory; so
training computes logits at supervised positions only. A model may say itself where to cut with `split_head()`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Backbone = Callable[..., Tensor]
Head = Callable[[Tensor], Tensor]

LOGIT_CHANGES = ("final_logit_softcapping", "logits_scaling", "logit_scale")
"""Configuration keys of stock models that change logits after the output embeddings."""


def split_head(model: nn.Module) -> tuple[Backbone, Head]:
    """`backbone(input_ids=, attention_mask=, position_ids=, is_plain_causal=)` to (B, T, D), `head((N, D))` to (N, V).

    `head(backbone(...))` is what the model's own forward gives as logits. `is_plain_causal=True` promises rows that
    are padded on the right and hold one example each: then causal attention alone is exact, masks and positions are
    not needed, and the fastest attention kernel can run.

    Raises:
        ValueError: the model changes its logits after the output embeddings and does not define `split_head()`.
    """
    base: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    if hasattr(base, "split_head"):
        return base.split_head()
    changed = [key for key in LOGIT_CHANGES if getattr(base.config, key, None) not in (None, 1, 1.0)]
    if changed:
        raise ValueError(f"{type(base).__name__} changes its logits ({', '.join(changed)}); give it a split_head()")
    decoder, output = base.get_decoder(), base.get_output_embeddings()
    if decoder is None or output is None:
        raise ValueError(f"{type(base).__name__} has no decoder or no output embeddings; give it a split_head()")

    def backbone(
        *,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        is_plain_causal: bool = False,
    ) -> Tensor:
        if is_plain_causal:
            attention_mask = position_ids = None
        hidden = decoder(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, use_cache=False)
        return hidden.last_hidden_state

    return backbone, output


def head_parameters(model: nn.Module, head: Head) -> list[nn.Parameter]:
    """The trained parameters of `model` that `head` multiplies by, found by differentiating one token."""
    trained = [p for p in model.parameters() if p.requires_grad]
    reference: Tensor = next(model.parameters())
    config: Any = model.config
    dtype = reference.dtype if reference.is_floating_point() else torch.float32
    with torch.enable_grad():
        logits = head(torch.ones(1, config.hidden_size, device=reference.device, dtype=dtype))
        if not logits.requires_grad:
            return []
        gradients = torch.autograd.grad(logits.float().sum(), trained, allow_unused=True)
    return [p for p, gradient in zip(trained, gradients, strict=True) if gradient is not None]
