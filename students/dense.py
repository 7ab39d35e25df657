"""MiniAxion1.5 and its larger sizes: dense decoders as stock `LlamaForCausalLM` configurations.

    miniaxion1.5-3m    6 layers of width 192, 6 heads of 32, SwiGLU 416, vocabulary 2048, tied: 2,718,144 parameters

A saved student does not need this module: `AutoModelForCausalLM` loads it. Besides sizes, the module sets initial
weights and the attention for training on a CPU; neither is written into a saved configuration.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from transformers import LlamaConfig, PreTrainedModel

HEAD_DIM = 32

RESIDUAL_OUTPUTS = ("o_proj", "down_proj")
"""The projections that write to the residual stream."""


def dense_config(
    *, hidden_size: int, num_hidden_layers: int, intermediate_size: int, vocab_size: int = 2048
) -> LlamaConfig:
    """A Llama with heads of width 32, no grouped queries, and a tied head."""
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        intermediate_size=intermediate_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=hidden_size // HEAD_DIM,
        num_key_value_heads=hidden_size // HEAD_DIM,
        head_dim=HEAD_DIM,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )


DENSE_SIZES: dict[str, LlamaConfig] = {
    "miniaxion1.5-3m": dense_config(hidden_size=192, num_hidden_layers=6, intermediate_size=416),
    "miniaxion-5m": dense_config(hidden_size=256, num_hidden_layers=6, intermediate_size=640),
    "miniaxion-10m": dense_config(hidden_size=320, num_hidden_layers=8, intermediate_size=768),
    "miniaxion-20m": dense_config(hidden_size=448, num_hidden_layers=8, intermediate_size=1152),
    "miniaxion1.5-tiny": dense_config(hidden_size=64, num_hidden_layers=2, intermediate_size=128),
}


@torch.no_grad()
def start_training(model: PreTrainedModel) -> None:
    """Set initial weights as in MiniAxion1, and the fastest attention for training on short rows.

    Projections keep the variance of their input. Those that write to the residual stream start at zero, so that
    arithmetic is learnt far sooner. On a CPU, a training step with plain matrix products for attention takes 0.6 of the
    time with the fused kernel (docs/log.md has both).
    """
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and module is not head:
            starts_at_zero = name.endswith(RESIDUAL_OUTPUTS)
            nn.init.normal_(module.weight, std=0.0 if starts_at_zero else 1 / math.sqrt(module.in_features))
    if not torch.cuda.is_available():
        model.set_attn_implementation("eager")
