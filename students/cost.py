"""Counts the multiplications per token of a student: those with its weights, and those of attention."""

from __future__ import annotations

from transformers import PreTrainedModel

from students.axion import active_parameters


def multiplied_weights(model: PreTrainedModel) -> int:
    """Number of weights that every token is multiplied with: shared ones once per use, the tied head once."""
    order = getattr(model.config, "layer_order", None)
    if getattr(model.config, "n_routed_experts", None):
        return model.get_input_embeddings().get_parameter("weight").numel() + active_parameters(model)
    if order is None:
        return model.num_parameters()
    layers = [sum(p.numel() for p in layer.parameters()) for layer in model.model.layers]
    return model.get_input_embeddings().get_parameter("weight").numel() + sum(layers[index] for index in order())


def even_length(model: PreTrainedModel) -> float:
    """Length T of a row, in tokens, at which attention needs as many multiplications as all weights.

    A token with T keys needs T·(width of keys + width of values) multiplications per head and layer. T is 480 for
    Axion v0.1 (measured on a CPU: about 450), and tens of thousands for 3B students.
    """
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    if getattr(config, "kv_lora_rank", None):
        width = config.qk_nope_head_dim + config.qk_rope_head_dim + config.v_head_dim
    else:
        width = 2 * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return multiplied_weights(model) / (config.num_hidden_layers * heads * width)
