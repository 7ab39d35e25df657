"""Splitting a causal language model into backbone and head."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from students.heads import head_parameters, split_head
from students.miniaxion import MiniAxionConfig, MiniAxionForCausalLM

SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def build(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    match name:
        case "llama":
            return LlamaForCausalLM(LlamaConfig(**SIZES, intermediate_size=24, tie_word_embeddings=False))
        case "gpt2":
            return GPT2LMHeadModel(GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2))
        case _:
            return MiniAxionForCausalLM(MiniAxionConfig(vocab_size=40, hidden_size=32, intermediate_size=24, rank=4))


@pytest.mark.parametrize("name", ["llama", "gpt2", "miniaxion"])
@pytest.mark.parametrize("is_plain_causal", [False, True])
def test_head_of_backbone_is_the_model(name: str, is_plain_causal: bool) -> None:
    model = build(name).eval()
    backbone, head = split_head(model)
    ids = torch.randint(40, (2, 7))
    with torch.no_grad():
        expected = model(input_ids=ids).logits
        positions = torch.arange(7).expand(2, 7)
        hidden = backbone(input_ids=ids, attention_mask=None, position_ids=positions, is_plain_causal=is_plain_causal)
        torch.testing.assert_close(head(hidden.flatten(0, 1)), expected.flatten(0, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("llama", {"lm_head.weight"}),
        ("gpt2", {"transformer.wte.weight"}),
        ("miniaxion", {"model.embed_tokens.weight", "logit_scale"}),
    ],
)
def test_head_parameters_are_found(name: str, expected: set[str]) -> None:
    model = build(name)
    found = {id(p) for p in head_parameters(model, split_head(model)[1])}
    assert {name for name, p in model.named_parameters() if id(p) in found} == expected


def test_a_frozen_head_has_none() -> None:
    model = build("llama")
    model.lm_head.requires_grad_(False)  # type: ignore[union-attr, operator]
    assert head_parameters(model, split_head(model)[1]) == []


def changing(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    sizes = {**SIZES, "intermediate_size": 24, "num_key_value_heads": 1}
    match name:
        case "gemma2":
            return Gemma2ForCausalLM(Gemma2Config(**sizes, head_dim=8, final_logit_softcapping=0.1, sliding_window=4))
        case "granite":
            return GraniteForCausalLM(GraniteConfig(**sizes, logits_scaling=8.0, embedding_multiplier=3.0))
        case _:
            return CohereForCausalLM(CohereConfig(**sizes, logit_scale=0.0625))


@pytest.mark.parametrize("name", ["gemma2", "granite", "cohere"])
def test_models_that_change_their_logits_are_followed(name: str) -> None:
    model = changing(name).eval()
    backbone, head = split_head(model)
    ids = torch.randint(40, (2, 7))
    with torch.no_grad():
        expected = model(input_ids=ids).logits
        found = head(backbone(input_ids=ids, is_plain_causal=True).flatten(0, 1))
        plain = model.get_output_embeddings()(backbone(input_ids=ids, is_plain_causal=True)).flatten(0, 1)  # type: ignore[operator]
    torch.testing.assert_close(found, expected.flatten(0, 1))
    assert (plain - found).abs().max() > 1e-3  # or the test could not fail
    assert head_parameters(model, head)
