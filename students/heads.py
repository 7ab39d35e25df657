"""Splits a causal language model into the backbone and the head, which turns hidden states into logits.

The head of a small model is half of its work, and the logits of a whole batch with a large vocabulary do not fit in
memory. So training computes logits at supervised positions only. A model can define the split with `split_head()`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Backbone = Callable[..., Tensor]
Head = Callable[[Tensor], Tensor]


def split_head(model: nn.Module) -> tuple[Backbone, Head]:
    """`backbone(input_ids=, attention_mask=, position_ids=, is_plain_causal=)` to (B, T, D), `head((N, D))` to (N, V).

    `head(backbone(...))` equals the logits of the model's own forward pass. `is_plain_causal=True` promises one example
    per row, padded on the right. Then causal attention needs no mask and no positions, and the fastest kernel can run.

    Raises:
        ValueError: the model has no decoder or no output embeddings, and does not define `split_head()`.
    """
    base: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    if hasattr(base, "split_head"):
        return base.split_head()
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

    return backbone, _final_logits(base.config, output)


def contiguous_inputs(model: nn.Module) -> None:
    """Make the inputs of the output embeddings contiguous.

    Decoding needs the logits of the last position only, so the head gets a slice (B, 1, D) of (B, T, D). With frozen
    weights torch then computes B products and may copy the weights for each row: 24 rows took 72 s in bfloat16 on a
    CPU, and 0.3 s with contiguous inputs.
    """
    head: Any = model.get_output_embeddings()  # type: ignore[operator]
    if head is not None:
        head.register_forward_pre_hook(lambda module, inputs: (inputs[0].contiguous(), *inputs[1:]))


def _final_logits(config: object, output: Head) -> Head:
    """The output embeddings, plus the change of logits after them in some stock models: Cohere, Granite, Gemma 2."""
    factor = (getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    if factor == 1.0 and cap is None:
        return output

    def head(hidden: Tensor) -> Tensor:
        logits = output(hidden) * factor
        return logits if cap is None else cap * torch.tanh(logits / cap)

    return head


def head_parameters(model: nn.Module, head: Head) -> list[nn.Parameter]:
    """The trained parameters of `model` that `head` uses, found by differentiating one token."""
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
