"""Gives the weights of a stock model names and layouts of llama.cpp, and writes the sizes that a GGUF file needs.

model.layers.0.self_attn.q_proj.weight  ->  blk.0.attn_q.weight, rows in the order of llama.cpp's rotation
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gguf
from torch import Tensor

Named = Iterator[tuple[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture of llama.cpp: its name there, its layout of each weight, and the sizes that only it has."""

    name: gguf.MODEL_ARCH
    layout: Callable[[Any, str, Tensor], Named]
    """(config, name, weight) to the weights that llama.cpp has in its place, still under transformers' names."""
    add_sizes: Callable[[gguf.GGUFWriter, Any], None]


def named_tensors(model: Any, architecture: Architecture) -> Named:
    """Every weight of a model with its name in a GGUF file, without a head that is tied to the embeddings."""
    names = gguf.get_tensor_name_map(architecture.name, model.config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        for part, tensor in architecture.layout(model.config, name, weight):
            found = names.get_name(part, try_suffixes=(".weight", ".bias"))
            if found is None:
                raise ValueError(f"llama.cpp's {gguf.MODEL_ARCH_NAMES[architecture.name]} has no weight {part}")
            yield found, tensor


def add_sizes(writer: gguf.GGUFWriter, config: Any) -> None:
    """Write the sizes that every decoder has."""
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if config.rope_parameters["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config.rope_parameters["factor"])
    writer.add_vocab_size(config.vocab_size)


def _head_dim(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _add_grouped_attention(writer: gguf.GGUFWriter, config: Any) -> None:
    head_dim = _head_dim(config)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(head_dim)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)


def _add_latent_attention(writer: gguf.GGUFWriter, config: Any) -> None:
    """Write the sizes of DeepSeek-V3. llama.cpp folds the second projection into the queries: it sees one wide head."""
    writer.add_head_count_kv(1)
    writer.add_q_lora_rank(config.q_lora_rank)
    writer.add_kv_lora_rank(config.kv_lora_rank)
    writer.add_key_length(config.kv_lora_rank + config.qk_rope_head_dim)
    writer.add_value_length(config.kv_lora_rank)
    writer.add_key_length_mla(config.qk_nope_head_dim + config.qk_rope_head_dim)
    writer.add_value_length_mla(config.v_head_dim)
    writer.add_rope_dimension_count(config.qk_rope_head_dim)
    writer.add_leading_dense_block_count(config.first_k_dense_replace)
    writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    writer.add_expert_count(config.n_routed_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_shared_count(config.n_shared_experts)
    writer.add_expert_group_count(config.n_group)
    writer.add_expert_group_used_count(config.topk_group)
    writer.add_expert_weights_scale(config.routed_scaling_factor)
    writer.add_expert_weights_norm(config.norm_topk_prob)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)


def _as_it_is(_config: Any, name: str, weight: Tensor) -> Named:
    yield name, weight


def _pairs_side_by_side(config: Any, name: str, weight: Tensor) -> Named:
    """llama.cpp turns neighbours (0, 1), (2, 3), …, where transformers turns (0, n/2), (1, n/2 + 1), …"""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads:
        halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
        weight = halves.transpose(1, 2).reshape(weight.shape)
    yield name, weight


def _latent(config: Any, name: str, weight: Tensor) -> Named:
    """One tensor per projection for all experts; separate keys and values of the latent, the keys transposed."""
    if name.endswith("experts.gate_up_proj"):
        gate, up = weight.chunk(2, dim=1)  # (E, F, D) each
        yield name.replace("gate_up_proj", "gate_proj.weight"), gate
        yield name.replace("gate_up_proj", "up_proj.weight"), up
    elif name.endswith("experts.down_proj"):
        yield f"{name}.weight", weight
    elif name.endswith("kv_b_proj.weight"):
        widths = [config.qk_nope_head_dim, config.v_head_dim]
        heads = weight.view(config.num_attention_heads, sum(widths), config.kv_lora_rank)
        keys, values = heads.split(widths, dim=1)
        yield name.replace("kv_b_proj", "k_b_proj"), keys.transpose(1, 2)
        yield name.replace("kv_b_proj", "v_b_proj"), values
    else:
        yield name.replace("e_score_correction_bias", "e_score_correction.bias"), weight


ARCHITECTURES = {
    "LlamaForCausalLM": Architecture(gguf.MODEL_ARCH.LLAMA, _pairs_side_by_side, _add_grouped_attention),
    "SmolLM3ForCausalLM": Architecture(gguf.MODEL_ARCH.SMOLLM3, _pairs_side_by_side, _add_grouped_attention),
    "Qwen2ForCausalLM": Architecture(gguf.MODEL_ARCH.QWEN2, _as_it_is, _add_grouped_attention),
    "Qwen3ForCausalLM": Architecture(gguf.MODEL_ARCH.QWEN3, _as_it_is, _add_grouped_attention),
    "DeepseekV3ForCausalLM": Architecture(gguf.MODEL_ARCH.DEEPSEEK2, _latent, _add_latent_attention),
}
"""By the name of the class in transformers."""
