"""What a token costs a student, in multiplications: by its weights, and by the tokens that it attends to."""

from __future__ import annotations

from typing import Any

from students.axion import active_parameters


def multiplied_weights(model: Any) -> int:
    """Weights that every token is multiplied by, shared ones as often as they are used; the tied head once."""
    order = getattr(model.config, "layer_order", None)
    if getattr(model.config, "n_routed_experts", None):
        return model.get_output_embeddings().weight.numel() + active_parameters(model)
    if order is None:
        return model.num_parameters()
    layers = [sum(p.numel() for p in layer.parameters()) for layer in model.model.layers]
    return model.get_output_embeddings().weight.numel() + sum(layers[index] for index in order())


def even_length(model: Any) -> float:
    """Length T of a row, in tokens, at which attention multiplies as much as all weights do.

    A token and its T keys: T·(width of keys + width of values) multiplications a head and layer. 480 for Axion v0.1
    (measured on a CPU: about 450), tens of thousands for students of 3B.
    """
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    if getattr(config, "kv_lora_rank", None):
        width = config.qk_nope_head_dim + config.qk_rope_head_dim + config.v_head_dim
    else:
        width = 2 * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return multiplied_weights(model) / (config.num_hidden_layers * heads * width)
