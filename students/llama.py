"""Turns MiniAxion into an equal stock Llama: loop unrolled, factors multiplied out, logit scale in the last norm.

A student without positions becomes a Llama whose rotation is so slow that it has no effect.
"""

from __future__ import annotations

from typing import Any

from transformers import LlamaConfig, LlamaForCausalLM

from students.miniaxion import FactoredLinear, MiniAxionForCausalLM

NO_ROTATION = 1e12
"""Divisor of every frequency: a million tokens then turn by a millionth of a degree."""


def to_llama(student: MiniAxionForCausalLM) -> LlamaForCausalLM:
    """A `LlamaForCausalLM` with the same logits (to float32 rounding) and more parameters."""

    config = student.config
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_key_value_heads,
            head_dim=config.head_dim,
            max_position_embeddings=config.max_position_embeddings,
            rms_norm_eps=config.rms_norm_eps,
            rope_parameters=_rope(config),
            tie_word_embeddings=True,
            pad_token_id=config.pad_token_id,
            bos_token_id=config.bos_token_id,
            eos_token_id=config.eos_token_id,
        )
    )
    weights = {
        "model.embed_tokens.weight": student.model.embed_tokens.weight,
        "lm_head.weight": student.model.embed_tokens.weight,
        "model.norm.weight": student.model.norm.weight * student.logit_scale,
    }
    for depth, index in enumerate(student.model.layer_order):
        layer: Any = student.model.layers[index]
        prefix = f"model.layers.{depth}"
        weights[f"{prefix}.input_layernorm.weight"] = layer.attention_norm.weight
        weights[f"{prefix}.post_attention_layernorm.weight"] = layer.mlp_norm.weight
        for name, part in layer.named_children():
            if isinstance(part, FactoredLinear):
                block = "mlp" if name in ("gate_proj", "up_proj", "down_proj") else "self_attn"
                weights[f"{prefix}.{block}.{name}.weight"] = part.b @ part.a
    llama.load_state_dict({name: weight.detach().clone() for name, weight in weights.items()})
    llama.generation_config.eos_token_id = config.eos_token_id
    llama.generation_config.pad_token_id = config.pad_token_id
    return llama.eval()


def _rope(config: Any) -> dict[str, Any]:
    """`rope_parameters` of transformers for a MiniAxionConfig."""
    if config.use_rope:
        return {"rope_type": "default", "rope_theta": config.rope_theta}
    return {"rope_type": "linear", "rope_theta": config.rope_theta, "factor": NO_ROTATION}
