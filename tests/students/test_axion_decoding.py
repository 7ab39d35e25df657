"""The folded weights against the stock model that they were folded from."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from transformers import DeepseekV3ForCausalLM

from students.axion import AXION_SIZES
from students.axion_decoding import AxionDecoder, decoding_forward
from students.generation import generate, stream
from students.tokenizer import train_tokenizer

TEXTS = ["Rosa has 12 pens and buys 5 more.", "Then she gives 3 away.", "How many pens are left? 14"]


def student(vocab_size: int = 300, **changes) -> DeepseekV3ForCausalLM:
    torch.manual_seed(0)
    config = deepcopy(AXION_SIZES["axion1-350k"])
    config.vocab_size = vocab_size
    for name, value in changes.items():
        setattr(config, name, value)
    model = DeepseekV3ForCausalLM(config).eval()
    for name, parameter in model.named_parameters():  # norms that are not one, weights that matter
        parameter.data = torch.rand_like(parameter) + 0.5 if "norm" in name else torch.randn_like(parameter) * 0.3
    for layer in model.model.layers:
        layer.mlp.gate.e_score_correction_bias = torch.randn(config.n_routed_experts)
    return model


@torch.inference_mode()
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rope_interleave": False},
        {"norm_topk_prob": False, "routed_scaling_factor": 2.5},
        {"tie_word_embeddings": False},
    ],
)
def test_logits_and_cache_are_the_stock_models(changes) -> None:
    model = student(**changes)
    ids = torch.randint(3, 300, (2, 9))
    mask = torch.tensor([[1] * 9, [0, 0] + [1] * 7])
    positions = (mask.cumsum(-1) - 1).clamp_min(0)
    caches = []
    for forward in (model, AxionDecoder(model)):
        out = forward(
            input_ids=ids[:, :4],
            attention_mask=mask[:, :4],
            position_ids=positions[:, :4],
            past_key_values=None,
            use_cache=True,
            logits_to_keep=1,
        )
        logits = [out.logits]
        for end in range(5, 10):
            out = forward(
                input_ids=ids[:, end - 1 : end],
                attention_mask=mask[:, :end],
                position_ids=positions[:, end - 1 : end],
                past_key_values=out.past_key_values,
                use_cache=True,
            )
            logits.append(out.logits)
        caches.append((torch.cat(logits, dim=1), [(x.keys, x.values) for x in out.past_key_values.layers]))
    (expected, stock), (found, own) = caches
    assert expected.std() > 0.5
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close([k[0] for k, _ in own], [k[0] for k, _ in stock], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close([v[0] for _, v in own], [v[0] for _, v in stock], atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_text_is_that_of_transformers_generate() -> None:
    tokenizer = train_tokenizer(TEXTS * 20, vocab_size=400)
    model = student(len(tokenizer))
    assert isinstance(decoding_forward(model), AxionDecoder)
    vocabulary = tokenizer.get_vocab()
    never = [index for token, index in vocabulary.items() if token in tokenizer.all_special_tokens or "<0x" in token]
    model.get_input_embeddings().weight.data[never] = 0  # a logit of zero is never the best
    tokenizer.padding_side = "left"
    prompts = tokenizer(TEXTS, add_special_tokens=False, padding=True, return_tensors="pt")
    length = {"max_new_tokens": 30, "min_new_tokens": 30}
    out = model.generate(**prompts, **length, do_sample=False, eos_token_id=tokenizer.eos_token_id)
    expected = tokenizer.batch_decode(out[:, prompts["input_ids"].shape[1] :])
    assert [x.text for x in generate(model, tokenizer, TEXTS, stop=None, **length)] == expected
    assert ["".join(stream(model, tokenizer, text, stop=None, **length)) for text in TEXTS] == expected


@pytest.mark.parametrize(
    "changes", [{"n_group": 2}, {"num_experts_per_tok": 1}, {"first_k_dense_replace": 1}, {"attention_bias": True}]
)
def test_others_are_left_to_the_model(changes) -> None:
    model = student()
    for name, value in changes.items():
        setattr(model.config, name, value)
    assert decoding_forward(model) is model
    assert decoding_forward(student().to(torch.bfloat16)).dtype == torch.bfloat16
