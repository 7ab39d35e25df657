"""What a token costs: products counted by hand."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from students.cost import even_length, multiplied_weights
from students.sizes import SIZES


def meta(size: str):
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(SIZES[size])


def test_a_loop_multiplies_its_layers_as_often_as_they_run() -> None:
    """miniaxion1-0.9m: 256·2048 in the head; 8 layers run, 6 are stored, of 66,048 weights each."""
    model = meta("miniaxion1-0.9m")
    layer = sum(p.numel() for p in model.model.layers[0].parameters())
    assert multiplied_weights(model) == 256 * 2048 + 8 * layer
    assert even_length(model) == pytest.approx(multiplied_weights(model) / (8 * 8 * (32 + 32)))


def test_experts_that_are_not_chosen_cost_nothing() -> None:
    """axion1-350k: 344,736 parameters less two of four experts in each layer of 3·64·64; the tied table is the head."""
    model = meta("axion1-350k")
    assert multiplied_weights(model) == 344_736 - 4 * 2 * 3 * 64 * 64
    assert even_length(model) == pytest.approx(multiplied_weights(model) / (4 * 4 * (16 + 16)))


def test_attention_of_a_stock_llama() -> None:
    model = meta("miniaxion1.5-3m")
    config = model.config
    width = 2 * config.num_attention_heads * (config.head_dim or config.hidden_size // config.num_attention_heads)
    assert even_length(model) == pytest.approx(model.num_parameters() / (config.num_hidden_layers * width))
