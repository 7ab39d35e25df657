"""MiniAxion1: a looped low-rank decoder, every projection a product of two factors.

2 entry + 2 shared layers, which run twice, + 2 exit layers:

    tokens ─ embed ─ entry 0 ─ entry 1 ─┬─ shared 0 ─ shared 1 ─┬─ exit 0 ─ exit 1 ─ norm ─ scale · embedᵀ ─ logits
                                        └────── twice ──────────┘

Unrolling the loop and multiplying the factors out gives an equal stock Llama (`students/llama.py`), so everything
here follows Llama's conventions: RMSNorm before each block, rotate-half RoPE, SwiGLU, no biases, tied head.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast


class MiniAxionConfig(PretrainedConfig):
    """Sizes of a MiniAxion. The defaults are miniaxion1-0.9m: 920,833 parameters.

    `num_entry_layers`, `num_shared_layers` and `num_exit_layers` count layers with weights of their own; the shared
    ones run `num_loops` times. `num_hidden_layers` is the unrolled depth, which is what caches are sized by.

    Without `use_rope` only the causal mask shows a token its position (arXiv 2305.19466). Such models generalise better
    to texts longer than in training.
    """

    model_type = "miniaxion"
    keys_to_ignore_at_inference = ("past_key_values",)

    def __init__(
        self,
        vocab_size: int = 2048,
        hidden_size: int = 256,
        intermediate_size: int = 512,
        num_attention_heads: int = 8,
        num_key_value_heads: int = 4,
        head_dim: int = 32,
        rank: int = 16,
        num_entry_layers: int = 2,
        num_shared_layers: int = 2,
        num_exit_layers: int = 2,
        num_loops: int = 2,
        max_position_embeddings: int = 512,
        rope_theta: float = 10000.0,
        use_rope: bool = True,
        rms_norm_eps: float = 1e-5,
        initializer_range: float = 0.02,
        tie_word_embeddings: bool = True,
        pad_token_id: int | None = None,
        bos_token_id: int | None = None,
        eos_token_id: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.head_dim = head_dim
        self.rank = rank
        self.num_entry_layers = num_entry_layers
        self.num_shared_layers = num_shared_layers
        self.num_exit_layers = num_exit_layers
        self.num_loops = num_loops
        self.num_hidden_layers = num_entry_layers + num_loops * num_shared_layers + num_exit_layers
        self.max_position_embeddings = max_position_embeddings
        self.rope_theta = rope_theta
        self.use_rope = use_rope
        self.rms_norm_eps = rms_norm_eps
        self.initializer_range = initializer_range
        kwargs.pop("num_hidden_layers", None)
        self.tie_word_embeddings = tie_word_embeddings
        self.pad_token_id, self.bos_token_id, self.eos_token_id = pad_token_id, bos_token_id, eos_token_id
        super().__init__(**kwargs)

    def layer_order(self) -> list[int]:
        """Index of the weights that each unrolled layer uses: [0, 1, 2, 3, 2, 3, 4, 5] for the defaults."""
        entry = list(range(self.num_entry_layers))
        shared = [self.num_entry_layers + i for i in range(self.num_shared_layers)]
        first_exit = self.num_entry_layers + self.num_shared_layers
        return entry + shared * self.num_loops + [first_exit + i for i in range(self.num_exit_layers)]


class FactoredLinear(nn.Module):
    """y = B A x, with A (rank, in) and B (out, rank): rank·(in + out) weights in place of in·out."""

    def __init__(self, in_features: int, out_features: int, rank: int, starts_at_zero: bool = False) -> None:
        super().__init__()
        self.starts_at_zero = starts_at_zero
        self.a = nn.Parameter(torch.empty(rank, in_features))
        self.b = nn.Parameter(torch.empty(out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out)."""
        return F.linear(F.linear(x, self.a), self.b)


def joint_linear(x: Tensor, *projections: FactoredLinear) -> list[Tensor]:
    """All projections of the same x; their first factors are one product, which is fastest on a CPU."""
    low = F.linear(x, torch.cat([p.a for p in projections])).split([p.a.shape[0] for p in projections], dim=-1)
    return [F.linear(part, p.b) for part, p in zip(low, projections, strict=True)]


def rotary_table(positions: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """cos and sin (B, 1, T, head_dim) of rotate-half RoPE (arXiv 2104.09864) at positions (B, T)."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32) / head_dim)
    angles = positions[..., None].float() * frequencies
    angles = torch.cat([angles, angles], dim=-1)[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (B, H, T, head_dim) rotated by its position."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention of q (B, H, T, D) over k and v (B, G, S, D), H a multiple of G.

    Causal if mask is None: then the queries are those of the last T places. (T < S and no mask: on a CPU only.)

    On a CPU, short causal rows and single new tokens use plain matrix products, with the queries of one key-value head
    as one matrix. At T = 104 and heads of 32 in bfloat16 this takes 20 ms per layer, the fused kernel 158 ms
    (docs/log.md). Decoding is half again as fast.
    """
    batch, heads, length, width = q.shape
    groups, total = k.shape[1], k.shape[2]
    if q.device.type != "cpu" or (mask is not None and length > 1):
        k, v = (x.repeat_interleave(heads // groups, dim=1) for x in (k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    scores = q.reshape(batch, groups, -1, width) @ k.transpose(-1, -2) * width**-0.5
    if mask is None:
        least = torch.finfo(scores.dtype).min
        mask = torch.full((length, total), least, dtype=scores.dtype, device=q.device).triu(1 + total - length)
    weights = (scores.view(batch, heads, length, total) + mask).softmax(dim=-1).to(v.dtype)
    return (weights.view(batch, groups, -1, total) @ v).view(batch, heads, length, width)


class MiniAxionLayer(nn.Module):
    """One pre-norm block: grouped-query attention, then SwiGLU."""

    def __init__(self, config: MiniAxionConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        width, rank = config.hidden_size, config.rank
        query_width = config.num_attention_heads * config.head_dim
        key_width = config.num_key_value_heads * config.head_dim
        self.attention_norm = nn.RMSNorm(width, eps=config.rms_norm_eps)
        self.q_proj = FactoredLinear(width, query_width, rank)
        self.k_proj = FactoredLinear(width, key_width, rank)
        self.v_proj = FactoredLinear(width, key_width, rank)
        self.o_proj = FactoredLinear(query_width, width, rank, starts_at_zero=True)
        self.mlp_norm = nn.RMSNorm(width, eps=config.rms_norm_eps)
        self.gate_proj = FactoredLinear(width, config.intermediate_size, rank)
        self.up_proj = FactoredLinear(width, config.intermediate_size, rank)
        self.down_proj = FactoredLinear(config.intermediate_size, width, rank, starts_at_zero=True)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor] | None,
        mask: Tensor | None,
        cache: Cache | None,
        layer_index: int,
    ) -> Tensor:
        """x (B, T, hidden_size) to the same; keys and values go to the cache entries of `layer_index`."""
        batch, length, _ = x.shape
        q, k, v = (
            y.view(batch, length, -1, self.head_dim).transpose(1, 2)
            for y in joint_linear(self.attention_norm(x), self.q_proj, self.k_proj, self.v_proj)
        )
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        if cache is not None:
            k, v = cache.update(k, v, layer_index)
        attended = attention(q, k, v, mask)
        x = x + self.o_proj(attended.transpose(1, 2).reshape(batch, length, -1))
        gate, up = joint_linear(self.mlp_norm(x), self.gate_proj, self.up_proj)
        return x + self.down_proj(F.silu(gate) * up)


def attention_bias(
    attention_mask: Tensor | None, position_ids: Tensor, past_length: int, dtype: torch.dtype
) -> Tensor | None:
    """(B, 1, T, past + T) additive mask, or None if plain causal attention is enough.

    Packed rows are recognised by positions that restart: a token sees its own example only.
    """
    batch, length = position_ids.shape
    total = past_length + length
    rows = torch.arange(past_length, total, device=position_ids.device)
    visible = rows[:, None] >= torch.arange(total, device=position_ids.device)  # (T, past + T)
    visible = visible.expand(batch, length, total)
    if attention_mask is not None:
        visible = visible & attention_mask[:, None, :total].bool()
    if past_length == 0:
        example = (position_ids == 0).cumsum(-1)
        visible = visible & (example[:, :, None] == example[:, None, :])
    # A padding row that sees nothing would be NaN; it may see itself, nothing reads it.
    own = torch.zeros(length, total, dtype=torch.bool, device=position_ids.device)
    own[:, past_length:] = torch.eye(length, dtype=torch.bool, device=position_ids.device)
    visible = visible | own
    return torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill_(
        ~visible, torch.finfo(dtype).min
    )[:, None]


class MiniAxionModel(nn.Module):
    """Token ids to hidden states (B, T, hidden_size), after the last norm."""

    def __init__(self, config: MiniAxionConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        num_layers = config.num_entry_layers + config.num_shared_layers + config.num_exit_layers
        self.layers = nn.ModuleList(MiniAxionLayer(config) for _ in range(num_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.layer_order = config.layer_order()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        is_plain_causal: bool = False,
    ) -> Tensor:
        """`is_plain_causal` promises right-padded, unpacked rows: then the causal mask alone is exact."""
        past_length = past_key_values.get_seq_length() if past_key_values is not None else 0
        batch, length = input_ids.shape
        x = self.embed_tokens(input_ids)
        if position_ids is None:
            position_ids = torch.arange(past_length, past_length + length, device=input_ids.device)[None]
        position_ids = position_ids.expand(batch, length)
        compute_dtype = torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
        mask = None
        if not is_plain_causal:
            mask = attention_bias(attention_mask, position_ids, past_length, compute_dtype)
        rotary = None
        if self.config.use_rope:
            rotary = rotary_table(position_ids, self.config.head_dim, self.config.rope_theta, compute_dtype)
        for layer_index, weights in enumerate(self.layer_order):
            x = self.layers[weights](x, rotary, mask, past_key_values, layer_index)
        return self.norm(x)


class MiniAxionForCausalLM(PreTrainedModel, GenerationMixin):
    """MiniAxion with its tied head: logits = logit_scale · hidden · embedᵀ."""

    config_class = MiniAxionConfig
    base_model_prefix = "model"
    _tied_weights_keys = {  # noqa: RUF012 - the name and type that transformers reads
        "lm_head.weight": "model.embed_tokens.weight"
    }
    _supports_cache_class = True

    def __init__(self, config: MiniAxionConfig) -> None:
        super().__init__(config)
        self.model = MiniAxionModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.logit_scale = nn.Parameter(torch.ones(()))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Factors keep the variance of their input; projections that write to the residual stream start at zero.

        With unit variance there, the form is learnt, but arithmetic far later (docs/log.md).
        """
        if isinstance(module, FactoredLinear):
            nn.init.normal_(module.a, std=1 / math.sqrt(module.a.shape[1]))
            nn.init.normal_(module.b, std=0.0 if module.starts_at_zero else 1 / math.sqrt(module.b.shape[1]))
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        elif isinstance(module, nn.RMSNorm):
            nn.init.ones_(module.weight)
        elif isinstance(module, MiniAxionForCausalLM):
            nn.init.ones_(module.logit_scale)

    def get_input_embeddings(self) -> nn.Module:
        """The table of token embeddings."""
        return self.model.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Exchange the table of token embeddings."""
        self.model.embed_tokens = value  # type: ignore[assignment]

    def get_output_embeddings(self) -> nn.Module:
        """The head, whose weight is that table."""
        return self.lm_head

    def head(self, hidden: Tensor) -> Tensor:
        """Hidden states (…, hidden_size) to logits (…, vocab_size)."""
        return self.lm_head(hidden * self.logit_scale)

    def split_head(self) -> tuple[nn.Module, Any]:
        """The backbone, which runs on every token, and the head, which is needed at supervised positions only."""
        return self.model, self.head

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Logits (B, T, vocab_size); with labels (B, T) also the mean next-token loss in nats."""
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        hidden = self.model(input_ids, attention_mask, position_ids, past_key_values)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.head(hidden[:, kept])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=past_key_values)


AutoConfig.register(MiniAxionConfig.model_type, MiniAxionConfig)
AutoModelForCausalLM.register(MiniAxionConfig, MiniAxionForCausalLM)
