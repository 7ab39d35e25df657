"""Every nano student by name: its architecture and its sizes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from students.axion import AXION_SIZES, run_fast, size_problems
from students.dense import DENSE_SIZES, start_training
from students.miniaxion import MiniAxionConfig

SIZES: dict[str, PretrainedConfig] = {
    "miniaxion1-0.9m": MiniAxionConfig(),
    "miniaxion1-tiny": MiniAxionConfig(
        hidden_size=64, intermediate_size=128, num_attention_heads=2, num_key_value_heads=1, rank=8,
        num_entry_layers=1, num_shared_layers=1, num_exit_layers=1,
    ),
    "miniaxion1-0.9m-nope": MiniAxionConfig(use_rope=False),
    **DENSE_SIZES,
    **AXION_SIZES,
}  # fmt: skip


def student_config(name: str, *, vocab_size: int, max_length: int, **sizes: Any) -> PretrainedConfig:
    """The configuration of a student of that name for this vocabulary and context.

    Args:
        sizes: changes to the named student, by keys of its transformers configuration.

    Raises:
        ValueError: no student has that name, it has no such sizes, or they do not divide.
    """
    if name not in SIZES:
        raise ValueError(f"unknown student {name!r}; there are {', '.join(SIZES)}")
    config = copy.deepcopy(SIZES[name])
    whole_numbers = [key for key, value in config.to_dict().items() if type(value) is int and "token_id" not in key]
    if unknown := sorted(sizes.keys() - set(whole_numbers)):
        raise ValueError(f"{name} has no {', '.join(unknown)}; it has {', '.join(sorted(whole_numbers))}")
    if small := [f"{key} is {value}" for key, value in sizes.items() if value < 1]:
        raise ValueError(f"{', '.join(small)}; 1 at least")
    values = config.to_dict() | sizes | {"vocab_size": vocab_size, "max_position_embeddings": max_length}
    config = type(config).from_dict(values)
    if derived := [key for key, value in sizes.items() if getattr(config, key, value) != value]:
        raise ValueError(f"{', '.join(derived)}: follows from the other sizes of {name}; set those")
    if isinstance(config, DeepseekV3Config) and (problems := size_problems(config)):
        raise ValueError(f"{name}: {'; '.join(problems)}")
    return config


def build_student(
    name: str, tokenizer: PreTrainedTokenizerBase, *, vocab_size: int, max_length: int, seed: int, **sizes: Any
) -> PreTrainedModel:
    """An untrained student, the same for the same seed, that ends an output at the tokenizer's EOS."""
    config = student_config(name, vocab_size=vocab_size, max_length=max_length, **sizes)
    config.pad_token_id, config.bos_token_id = tokenizer.pad_token_id, tokenizer.bos_token_id
    config.eos_token_id = tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return untrained(name, config)


def untrained(name: str, config: PretrainedConfig) -> PreTrainedModel:
    """A student with initial weights, set to the fastest training code on this machine."""
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    if name in DENSE_SIZES:
        start_training(model)
    if name in AXION_SIZES:
        run_fast(model)
    return model
