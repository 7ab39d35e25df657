"""Fast decoding of an Axion: one new token at a time, in fewer operations than the stock model.

With a few thousand weights in each product, the number of operations determines the time, not their size. So the
weights of norms are folded into the products after them. Latent attention is "absorbed" (DeepSeek-V2, arXiv 2405.04434,
section 2.1.2): queries are multiplied with the cached latents, which are never expanded to keys and values.
With x̂ = x / rms(x), and C, K the latents and rotary keys of the stock cache:

    [q_a, c, k] = enter · x̂                      query latent, key-value latent, rotary key
    [q_c, q_r]  = query · q̂_a                    q_c = (key part of kv_b)ᵀ · q_b
    x           = x + leave · softmax(q_c Cᵀ + q_r Kᵀ) C
    [s, g, u]   = widen · x̂                      router, gates and inputs of all experts, the shared one last
    x           = x + narrow · (w · silu(g) · u) w = 0 for experts that are not chosen, 1 for the shared one

The input of a norm is kept as (x, −x), whose mean is 0. So torch's layer norm, one operation, gives the RMS norm, which
takes six. `both_signs` and `of_both_signs` give products such outputs and inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DeepseekV3Config
from transformers.cache_utils import Cache

from students.axion import DENSE_RATIO

if TYPE_CHECKING:
    from transformers import DeepseekV3ForCausalLM


def decoding_forward(model: nn.Module) -> Callable[..., Any]:
    """The function to call for decoding: an `AxionDecoder` or, if it does not apply, `model` itself.

    It applies on a CPU, in float32, to a DeepSeek-V3 with few experts whose layers are all of the kind that
    `axion_config` makes. Measured on the smallest Axion only (benchmarks/RESULTS.md).
    """
    config = getattr(model, "config", None)
    if not isinstance(config, DeepseekV3Config):
        return model
    from transformers import DeepseekV3ForCausalLM

    if not isinstance(model, DeepseekV3ForCausalLM):
        return model
    is_plain = not config.first_k_dense_replace and config.n_group == 1 and not config.attention_bias
    rope = config.rope_parameters or {}
    is_plain = is_plain and config.q_lora_rank is not None and rope.get("rope_type") == "default"
    is_few = config.n_routed_experts <= DENSE_RATIO * (config.num_experts_per_tok or 1)
    is_on_cpu = model.device.type == "cpu" and model.dtype == torch.float32
    return AxionDecoder(model) if is_plain and is_few and is_on_cpu else model


class AxionDecoder:
    """Called like the model: the model itself reads the prompt, the folded weights compute each further token."""

    def __init__(self, model: DeepseekV3ForCausalLM) -> None:
        self.model = model
        self.layers = [fold(layer, model.config) for layer in model.model.layers]
        self.table = both_signs(model.model.embed_tokens.weight, dim=1)
        self.head = (model.lm_head.weight * model.model.norm.weight).mT.contiguous()
        self.eps = model.model.norm.variance_epsilon
        positions = torch.arange(model.config.max_position_embeddings)[None]
        self.cos, self.sin = (table[0] for table in model.model.rotary_emb(model.lm_head.weight, positions))

    def __call__(
        self,
        input_ids: Tensor,
        position_ids: Tensor,
        past_key_values: Cache | None,
        attention_mask: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """`logits` (B, 1, V) and `past_key_values` after tokens (B, 1) at positions (B, 1); mask (B, past + 1), None if
        nothing is masked."""
        if past_key_values is None or input_ids.shape[1] > 1:
            return self.model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=past_key_values,
                **options,
            )
        x = F.embedding(input_ids[:, 0], self.table)
        rotary = self.cos[position_ids], self.sin[position_ids]  # (B, 1, R) each
        hidden = None if attention_mask is None or bool(attention_mask.all()) else ~attention_mask.bool()[:, None]
        for index, layer in enumerate(self.layers):
            x = layer.attend(x, rotary, hidden, past_key_values, index)
            x = layer.feed(x)
        logits = (F.layer_norm(x, x.shape[-1:], eps=self.eps)[:, : len(self.head)] @ self.head)[:, None]
        return SimpleNamespace(logits=logits, past_key_values=past_key_values)


@dataclass(frozen=True, slots=True)
class FoldedLayer:
    """The folded weights of one layer; D hidden_size, H heads, L kv_lora_rank, R rotary width."""

    enter: Tensor
    """(2D, 2·q_lora_rank + 2L + 2R)"""
    query: Tensor
    """(2·q_lora_rank, H·(L + 2R)), the scale of the scores in it"""
    leave: Tensor
    """(H·L, 2D)"""
    latent_weight: Tensor
    """(2L)"""
    widen: Tensor
    """(D, E + 2N) for E routed experts and N inner units of all experts"""
    narrow: Tensor
    """(N, 2D)"""
    expert_bias: Tensor
    widths: tuple[int, int, int]
    """2·q_lora_rank, L, R"""
    num_heads: int
    eps: tuple[float, float, float, float]
    """of the norms before attention, of the query latent and the key-value latent, before the experts"""
    num_chosen: int
    expert_width: int
    is_normed: bool
    scale: float

    def attend(
        self, x: Tensor, rotary: tuple[Tensor, Tensor], hidden: Tensor | None, cache: Cache, index: int
    ) -> Tensor:
        """x (B, 2D) after latent attention over the cache of layer `index`; `hidden` (B, 1, S) is masked out."""
        rank, latent, width = self.widths
        entered = (F.layer_norm(x, x.shape[-1:], eps=self.eps[0]) @ self.enter)[:, None]
        q_a, c, k, k_turned = entered.split_with_sizes([rank, 2 * latent, width, width], dim=-1)
        c = F.layer_norm(c, c.shape[-1:], self.latent_weight, eps=self.eps[2])[:, None, :, :latent]
        cached, keys = cache.update(c, turn(k, k_turned, rotary)[:, None], index)
        cached, keys = cached[:, 0], keys[:, 0]  # (B, S, L), (B, S, R)
        queries = (F.layer_norm(q_a, (rank,), eps=self.eps[1]) @ self.query).view(x.shape[0], self.num_heads, -1)
        q_c, q_r, q_turned = queries.split_with_sizes([latent, width, width], dim=-1)
        scores = torch.baddbmm(q_c @ cached.mT, turn(q_r, q_turned, rotary), keys.mT)  # (B, H, S)
        if hidden is not None:
            scores = scores.masked_fill(hidden, float("-inf"))
        return torch.addmm(x, (scores.softmax(-1) @ cached).flatten(1), self.leave)

    def feed(self, x: Tensor) -> Tensor:
        """x (B, 2D) after the experts."""
        units, experts = self.narrow.shape[0], self.expert_bias.shape[0]
        widened = F.layer_norm(x, x.shape[-1:], eps=self.eps[3])[:, : len(self.widen)] @ self.widen
        router, gate, up = widened.split_with_sizes([experts, units, units], dim=-1)
        scores = router.sigmoid()
        chosen = (scores + self.expert_bias).topk(self.num_chosen, sorted=False).indices
        weights = scores.gather(1, chosen)
        if self.is_normed:
            weights = weights / weights.sum(-1, keepdim=True)
        inner = F.silu(gate) * up
        routed = inner[:, : experts * self.expert_width].view(x.shape[0], experts, -1)
        routed *= torch.zeros_like(router).scatter(1, chosen, weights * self.scale)[..., None]
        return torch.addmm(x, inner, self.narrow)


def turn(x: Tensor, turned: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """x at its position, given what it is after a quarter turn."""
    return torch.addcmul(x * rotary[0], turned, rotary[1])


def both_signs(weight: Tensor, dim: int) -> Tensor:
    """Double the weights in `dim`, the dimension of outputs, so that a product gives (y, −y) instead of y."""
    return torch.cat([weight, -weight], dim=dim)


def of_both_signs(weight: Tensor) -> Tensor:
    """(out, in) to (out, 2·in), so that a product takes (y, −y) instead of y."""
    return torch.cat([weight, -weight], dim=1) / 2


def fold(layer: Any, config: DeepseekV3Config) -> FoldedLayer:
    """The weights of a stock DeepSeek-V3 layer as a `FoldedLayer`."""
    attention, experts, shared = layer.self_attn, layer.mlp.experts, layer.mlp.shared_experts
    heads, latent, width = config.num_attention_heads, config.kv_lora_rank, config.qk_rope_head_dim
    straight = config.qk_nope_head_dim
    c, k = attention.kv_a_proj_with_mqa.weight.split([latent, width])
    enter = torch.cat([both_signs(attention.q_a_proj.weight, dim=0), both_signs(c, dim=0), *_turning(k, config)])
    q_b = attention.q_b_proj.weight.view(heads, straight + width, -1) * attention.q_a_layernorm.weight
    q_pass, q_rot = (q_b * attention.scaling).split([straight, width], dim=1)
    key, value = attention.kv_b_proj.weight.view(heads, -1, latent).split([straight, config.v_head_dim], dim=1)
    out = attention.o_proj.weight.view(-1, heads, config.v_head_dim)
    gate, up = experts.gate_up_proj.chunk(2, dim=1)
    widen = torch.cat(
        [
            layer.mlp.gate.weight,
            *(gate.flatten(0, 1), shared.gate_proj.weight),
            *(up.flatten(0, 1), shared.up_proj.weight),
        ]
    )
    return FoldedLayer(
        enter=of_both_signs(enter * layer.input_layernorm.weight).mT.contiguous(),
        query=of_both_signs(
            torch.cat([key.mT @ q_pass, *_turning(q_rot, config)], dim=1).flatten(0, 1)
        ).mT.contiguous(),
        leave=both_signs(torch.einsum("dhv,hvl->hld", out, value).flatten(0, 1), dim=1),
        latent_weight=attention.kv_a_layernorm.weight.repeat(2),
        widen=(widen * layer.post_attention_layernorm.weight).mT.contiguous(),
        narrow=both_signs(torch.cat([experts.down_proj.mT.flatten(0, 1), shared.down_proj.weight.mT]), dim=1),
        expert_bias=layer.mlp.gate.e_score_correction_bias,
        widths=(2 * attention.q_a_proj.weight.shape[0], latent, width),
        num_heads=heads,
        eps=(
            layer.input_layernorm.variance_epsilon,
            attention.q_a_layernorm.variance_epsilon,
            attention.kv_a_layernorm.variance_epsilon,
            layer.post_attention_layernorm.variance_epsilon,
        ),
        num_chosen=config.num_experts_per_tok or 1,
        expert_width=config.moe_intermediate_size,
        is_normed=bool(config.norm_topk_prob),
        scale=config.routed_scaling_factor,
    )


def _turning(weight: Tensor, config: DeepseekV3Config) -> tuple[Tensor, Tensor]:
    """Rows (…, R, in) that give a rotary part as the stock cache holds it, and those that give it a quarter turned."""
    if config.rope_interleave:
        weight = torch.cat([weight[..., 0::2, :], weight[..., 1::2, :]], dim=-2)
    first, second = weight.chunk(2, dim=-2)
    return weight, torch.cat([-second, first], dim=-2)
