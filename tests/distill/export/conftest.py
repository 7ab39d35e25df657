"""A real llama.cpp (package xllamacpp) to load exports with; tests that need it are skipped where it is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.llama_cpp_server import Post, llama_cpp_server
from benchmarks.tiny_recipes import chat_tokenizer


@pytest.fixture
def llama_cpp() -> Iterator[Callable[..., Post]]:
    """Start a server on a GGUF file; what it gives back posts JSON to a path."""
    pytest.importorskip("xllamacpp", reason="needs llama.cpp: pip install xllamacpp")
    with contextlib.ExitStack() as servers:
        yield lambda model, adapters=(): servers.enter_context(llama_cpp_server(model, adapters))


@pytest.fixture
def chat_base(tmp_path: Path) -> Path:
    """A pretrained base in small: an untrained Llama with a chat tokenizer of byte pairs, which llama.cpp reads."""
    import torch
    from tokenizers import models
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = chat_tokenizer(models.BPE(), ["there are there"] * 5)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"
