"""Axion: a family of DeepSeek-V3 students (arXiv 2412.19437) as stock `DeepseekV3ForCausalLM` configurations.

Each layer has latent attention, whose cache keeps one latent and one rotary key per token for all heads. Then come one
shared expert and the best 2 of a few routed ones:

    x ─ norm ─ latent attention ─ + ─ norm ─┬─ shared expert ───────────────────────── + ─ x
                                            └─ sigmoid gate ─ top 2 of 4 experts ──────┘

A saved student does not need this module: `AutoModelForCausalLM` loads it. Besides sizes, the module has faster code
for training: `dense_experts` and `short_rows_attention`. They are never written into a saved configuration.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, DeepseekV3Config, PreTrainedModel
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from students.miniaxion import attention

DENSE = "dense_mm"
"""Name under which transformers knows `dense_experts`."""

SHORT_ROWS = "short_rows"
"""Name under which transformers knows `short_rows_attention`."""

DENSE_RATIO = 2
"""Up to this many times more experts than are chosen, computing all of them is faster on a CPU than sorting tokens."""


def axion_config(
    *,
    hidden_size: int,
    num_hidden_layers: int,
    num_attention_heads: int,
    kv_lora_rank: int,
    q_lora_rank: int,
    head_dim: int,
    n_routed_experts: int,
    moe_intermediate_size: int,
    vocab_size: int = 1024,
) -> DeepseekV3Config:
    """An Axion: every layer has experts, half of each query is rotary, the head is tied.

    `head_dim` is the width of a head's queries, keys and values. The routed experts' weights sum to one; the shared
    expert has weight one. `head_dim` of the configuration itself is the rotary half, as in DeepSeek-V3.
    """
    return DeepseekV3Config(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        num_key_value_heads=num_attention_heads,
        kv_lora_rank=kv_lora_rank,
        q_lora_rank=q_lora_rank,
        qk_nope_head_dim=head_dim - head_dim // 2,
        qk_rope_head_dim=head_dim // 2,
        v_head_dim=head_dim,
        n_shared_experts=1,
        n_routed_experts=n_routed_experts,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        moe_intermediate_size=moe_intermediate_size,
        intermediate_size=moe_intermediate_size,
        first_k_dense_replace=0,
        norm_topk_prob=True,
        routed_scaling_factor=1.0,
        max_position_embeddings=512,
        initializer_range=0.02,
        tie_word_embeddings=True,
        num_mtp_layers=0,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=None,
        eos_token_id=None,
    )


AXION_SIZES: dict[str, DeepseekV3Config] = {
    "axion1-350k": axion_config(
        hidden_size=64, num_hidden_layers=4, num_attention_heads=4, head_dim=16, kv_lora_rank=8, q_lora_rank=16,
        n_routed_experts=4, moe_intermediate_size=64,
    ),
    "axion1-v0.2": axion_config(
        hidden_size=128, num_hidden_layers=6, num_attention_heads=8, head_dim=16, kv_lora_rank=16, q_lora_rank=32,
        n_routed_experts=4, moe_intermediate_size=96,
    ),
    "axion1-v0.3": axion_config(
        hidden_size=256, num_hidden_layers=8, num_attention_heads=8, head_dim=32, kv_lora_rank=32, q_lora_rank=64,
        n_routed_experts=4, moe_intermediate_size=144, vocab_size=2048,
    ),
    "axion1-v0.4": axion_config(
        hidden_size=512, num_hidden_layers=8, num_attention_heads=8, head_dim=64, kv_lora_rank=64, q_lora_rank=128,
        n_routed_experts=8, moe_intermediate_size=160, vocab_size=4096,
    ),
    "axion1-v0.5": axion_config(
        hidden_size=768, num_hidden_layers=12, num_attention_heads=12, head_dim=64, kv_lora_rank=96, q_lora_rank=192,
        n_routed_experts=8, moe_intermediate_size=320, vocab_size=8192,
    ),
}  # fmt: skip
"""v0.1 … v0.5, each with the vocabulary that its parameters are counted at."""


def size_problems(config: DeepseekV3Config) -> list[str]:
    """Reasons why the sizes do not fit together; empty if they fit."""
    problems = [
        f"{name} is {getattr(config, name)}; it must be 1 or more"
        for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "kv_lora_rank", "moe_intermediate_size")
        if getattr(config, name) < 1
    ]
    experts, chosen = config.n_routed_experts, config.num_experts_per_tok or 1
    groups, kept = config.n_group or 1, config.topk_group or 1
    if experts % groups:
        problems.append(f"{experts} experts do not divide into {groups} groups (n_routed_experts, n_group)")
    elif experts // groups < 2:
        problems.append(f"{groups} groups of {experts} experts leave less than 2 a group, by which groups are ranked")
    if kept > groups:
        problems.append(f"topk_group {kept} is more than n_group {groups}")
    elif chosen > experts * kept // groups:
        allowed = experts * kept // groups
        problems.append(f"num_experts_per_tok {chosen} is more than the {allowed} experts that it may choose from")
    if config.num_key_value_heads != config.num_attention_heads:
        problems.append(
            f"latent attention has a key and a value for each of its {config.num_attention_heads} heads; "
            f"num_key_value_heads is {config.num_key_value_heads}"
        )
    if config.qk_rope_head_dim % 2:
        problems.append(f"qk_rope_head_dim is {config.qk_rope_head_dim}; positions turn pairs, so it must be even")
    return problems


def active_parameters(model: PreTrainedModel) -> int:
    """Parameters of the layers for one token: without the tied table and the experts that are not chosen."""
    config = model.config
    layers = sum(p.numel() for p in model.parameters()) - config.vocab_size * config.hidden_size
    expert = 3 * config.hidden_size * config.moe_intermediate_size
    return layers - config.num_hidden_layers * (config.n_routed_experts - config.num_experts_per_tok) * expert


def cache_bytes_per_token(config: DeepseekV3Config, dtype: torch.dtype = torch.float32) -> tuple[int, int]:
    """(latent cache, keys and values of ordinary attention with the same heads), in bytes per token."""
    latent = config.kv_lora_rank + config.qk_rope_head_dim
    ordinary = config.num_attention_heads * (
        config.qk_nope_head_dim + config.qk_rope_head_dim + (config.v_head_dim or 0)
    )
    return latent * config.num_hidden_layers * dtype.itemsize, ordinary * config.num_hidden_layers * dtype.itemsize


def dense_experts(experts: Any, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
    """The output of the routed experts, (N, D): all are computed as two large products; those not chosen weigh 0.

    For 2 of 4 experts this is twice the arithmetic, but there is no sorting, no gathering and no shape that depends on
    the routing. So it compiles into the layer (docs/log.md has the times).

    Args:
        experts: the stock module, `gate_up_proj` (E, 2F, D) and `down_proj` (E, D, F).
        hidden_states: (N, D).
        top_k_index, top_k_weights: (N, K), distinct experts of each token and their weights.
    """
    num_experts, width = experts.gate_up_proj.shape[0], experts.gate_up_proj.shape[2]
    weights = top_k_weights.new_zeros(len(hidden_states), num_experts).scatter(1, top_k_index, top_k_weights)
    both = F.linear(hidden_states, experts.gate_up_proj.reshape(-1, width))  # (N, E·2F)
    gate, up = both.view(len(hidden_states), num_experts, 2, -1).unbind(2)  # (N, E, F)
    inner = experts.act_fn(gate) * up * weights.to(gate.dtype)[:, :, None]
    down = experts.down_proj.transpose(1, 2).reshape(-1, width)  # (E·F, D)
    return (inner.flatten(1) @ down.to(inner.dtype)).to(hidden_states.dtype)


def short_rows_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """(B, T, H, D) of queries (B, H, T, D), as `sdpa`; on a CPU, causal rows in bfloat16 use plain matrix products.

    There the fused kernel is slower; in float32 it is faster (docs/log.md). Rows are computed in two halves, because
    the first half does not see the second.
    """
    is_plain_causal = attention_mask is None and query.shape[2] == key.shape[2] > 1
    if is_plain_causal and value.device.type == "cpu" and value.dtype == torch.bfloat16:
        half = query.shape[2] // 2
        first = attention(query[:, :, :half], key[:, :, :half], value[:, :, :half], None)
        second = attention(query[:, :, half:], key, value, None)
        return torch.cat([first, second], dim=2).transpose(1, 2).contiguous(), None
    found, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    return found, None


def choose_experts_implementation(config: DeepseekV3Config, device: torch.device) -> str:
    """The fastest of `dense_mm` and transformers' own while training, by measurement (docs/log.md)."""
    is_few = config.n_routed_experts <= DENSE_RATIO * (config.num_experts_per_tok or 1)
    return DENSE if device.type == "cpu" and is_few else "grouped_mm"


def run_fast(model: PreTrainedModel) -> None:
    """Select the fastest code for training an Axion on this machine."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.set_experts_implementation(choose_experts_implementation(model.config, device))  # type: ignore[arg-type]
    model.set_attn_implementation(SHORT_ROWS)


AttentionInterface.register(SHORT_ROWS, short_rows_attention)
AttentionMaskInterface.register(SHORT_ROWS, sdpa_mask)
ALL_EXPERTS_FUNCTIONS.register(DENSE, dense_experts)
