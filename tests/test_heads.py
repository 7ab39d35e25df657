"""Splitting a causal language model into backbone and head."""

from __future__ import annotations

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

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


def test_a_model_that_changes_its_logits_is_refused() -> None:
    config = Gemma2Config(
        **SIZES, intermediate_size=24, num_key_value_heads=1, head_dim=8, final_logit_softcapping=30.0
    )
    with pytest.raises(ValueError, match="final_logit_softcapping"):
        split_head(Gemma2ForCausalLM(config))
