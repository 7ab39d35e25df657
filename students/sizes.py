"""Every nano student by name: its architecture and its sizes."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from students.miniaxion import MiniAxionConfig, MiniAxionForCausalLM

SIZES: dict[str, MiniAxionConfig] = {
    "miniaxion1-0.9m": MiniAxionConfig(),
    "miniaxion1-tiny": MiniAxionConfig(
        hidden_size=64, intermediate_size=128, num_attention_heads=2, num_key_value_heads=1, rank=8,
        num_entry_layers=1, num_shared_layers=1, num_exit_layers=1,
    ),
}  # fmt: skip


def student_config(name: str, *, vocab_size: int, max_length: int) -> MiniAxionConfig:
    """The configuration of a student of that name for this vocabulary and context.

    Raises:
        ValueError: no student has that name.
    """
    if name not in SIZES:
        raise ValueError(f"unknown student {name!r}; there are {', '.join(SIZES)}")
    sizes = SIZES[name].to_dict() | {"vocab_size": vocab_size, "max_position_embeddings": max_length}
    return MiniAxionConfig(**sizes)


def build_student(name: str, tokenizer: Any, *, vocab_size: int, max_length: int, seed: int) -> PreTrainedModel:
    """An untrained student, the same for the same seed, that ends an output at the tokenizer's EOS."""
    config = student_config(name, vocab_size=vocab_size, max_length=max_length)
    config.pad_token_id, config.bos_token_id = tokenizer.pad_token_id, tokenizer.bos_token_id
    config.eos_token_id = tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MiniAxionForCausalLM(config)
