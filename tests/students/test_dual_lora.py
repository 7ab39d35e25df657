"""The gate of the verification adapter: bit equality before the marker, one rule for every way of running the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from parsers.text.markers import VERIFY_MARKER
from students.dual_lora import REASONING, VERIFICATION, add_dual_lora, install_gate, marker_gate

FLOAT32_MODEL = 1e-4


def tiny_base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({"<unk>": 0, "<pad>": 1, **{f"w{i}": i + 2 for i in range(30)}}, "<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", pad_token="<pad>")


def lora(r: int) -> LoraConfig:
    return LoraConfig(r=r, lora_alpha=2 * r, target_modules=["q_proj", "v_proj", "down_proj"], lora_dropout=0.0)


@pytest.fixture
def dual() -> tuple[PeftModel, Any, int]:
    tokenizer = tiny_tokenizer()
    model = add_dual_lora(tiny_base(), tokenizer, reasoning=lora(4), verification=lora(2))
    with torch.no_grad():  # an adapter starts as the identity, which would hide the gate
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    return model.eval(), tokenizer, tokenizer.convert_tokens_to_ids(VERIFY_MARKER)


def ids_with_marker(marker: int, *places: int, length: int = 12) -> torch.Tensor:
    ids = torch.randint(2, 30, (len(places), length), generator=torch.Generator().manual_seed(3))
    for row, place in enumerate(places):
        if place >= 0:
            ids[row, place] = marker
    return ids


def test_gate_follows_from_ids_and_positions() -> None:
    ids = torch.tensor([[5, 9, 5, 5, 9, 5]])
    assert marker_gate(ids, 9).int().tolist() == [[0, 1, 1, 1, 1, 1]]
    packed = torch.tensor([[0, 1, 2, 0, 1, 2]])
    assert marker_gate(ids, 9, packed).int().tolist() == [[0, 1, 1, 0, 1, 1]]
    assert marker_gate(ids, 7).int().tolist() == [[0] * 6]


@torch.no_grad()
def test_before_the_marker_logits_are_those_of_reasoning_alone(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    ids = ids_with_marker(marker, 7)
    both = model(input_ids=ids).logits
    model.base_model.set_adapter(REASONING)
    alone = model(input_ids=ids).logits
    model.base_model.set_adapter([REASONING, VERIFICATION])
    assert torch.equal(both[:, :7], alone[:, :7])
    assert (both[:, 7:] - alone[:, 7:]).abs().amax() > 1e-3


@torch.no_grad()
def test_decoding_with_a_cache_equals_one_pass(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    ids = ids_with_marker(marker, 2, 8, -1)
    cache = DynamicCache(config=model.config)
    pieces = [
        model(input_ids=part, past_key_values=cache, use_cache=True).logits for part in ids.split([5, 1, 1, 5], 1)
    ]
    assert (torch.cat(pieces, 1) - model(input_ids=ids).logits).abs().max() < FLOAT32_MODEL


@torch.no_grad()
def test_rows_in_different_stages_equal_the_rows_one_by_one(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    ids = ids_with_marker(marker, 0, 6, -1)
    together = model(input_ids=ids).logits
    for row in range(3):
        assert (together[row] - model(input_ids=ids[row : row + 1]).logits[0]).abs().max() < FLOAT32_MODEL


@torch.no_grad()
def test_packed_rows_do_not_pass_the_gate_on(dual: tuple[PeftModel, Any, int]) -> None:
    _, _, marker = dual
    ids = ids_with_marker(marker, 3, -1)
    packed = ids.reshape(1, -1)
    positions = torch.arange(12).repeat(2)[None]
    gate = marker_gate(packed, marker, positions)
    assert gate.int().tolist() == [[0] * 3 + [1] * 9 + [0] * 12]


def test_training_one_adapter_leaves_the_other_unchanged(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    before = {n: p.detach().clone() for n, p in model.named_parameters() if VERIFICATION in n}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    ids = ids_with_marker(marker, -1, -1)  # no row reaches VERIFY
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    after = dict(model.named_parameters())
    assert before
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_gradients_are_the_same_with_checkpointing(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    ids = ids_with_marker(marker, 4, 9)

    def gradients() -> dict[str, torch.Tensor]:
        model.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    plain = gradients()
    model.train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    again = gradients()
    assert plain.keys() == again.keys()
    for name, value in plain.items():
        torch.testing.assert_close(again[name], value, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_adapters_save_as_two_plain_peft_folders(dual: tuple[PeftModel, Any, int], tmp_path: Path) -> None:
    model, tokenizer, marker = dual
    model.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {REASONING, VERIFICATION}
    ids = ids_with_marker(marker, 5)
    expected = model(input_ids=ids).logits
    plain = PeftModel.from_pretrained(tiny_base(), str(tmp_path / REASONING), adapter_name=REASONING)
    model.base_model.set_adapter(REASONING)
    assert (plain(input_ids=ids).logits - model(input_ids=ids).logits).abs().max() < FLOAT32_MODEL
    # Verification first: PEFT 0.21 cannot add an adapter without trained tokens to a model that has some.
    both = PeftModel.from_pretrained(tiny_base(), str(tmp_path / VERIFICATION), adapter_name=VERIFICATION)
    both.load_adapter(str(tmp_path / REASONING), adapter_name=REASONING)
    gated = install_gate(both, tokenizer).eval()
    assert (gated(input_ids=ids).logits - expected).abs().max() < FLOAT32_MODEL


def test_only_markers_of_the_table_are_trained(dual: tuple[PeftModel, Any, int]) -> None:
    model, tokenizer, marker = dual
    table = model.get_base_model().get_input_embeddings().token_adapter.base_layer
    assert not table.weight.requires_grad
    trained = {n: p.shape[0] for n, p in model.named_parameters() if p.requires_grad and "lora" not in n}
    assert list(trained.values()) == [5, 5]  # this base has a head of its own
    assert tokenizer.encode("w1 [VERIFY] w2", add_special_tokens=False)[1] == marker


def test_what_cannot_be_gated_is_refused(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    ids = ids_with_marker(marker, 3)
    with pytest.raises(ValueError, match="beam search"):
        model.generate(input_ids=ids, num_beams=2, max_new_tokens=2)
    with pytest.raises(ValueError, match="prompt_lookup"):
        model.generate(input_ids=ids, prompt_lookup_num_tokens=3, max_new_tokens=2)
    with pytest.raises(ValueError, match="output head"):
        add_dual_lora(
            tiny_base(), tiny_tokenizer(), reasoning=LoraConfig(target_modules=["lm_head"]), verification=lora(2)
        )


@torch.no_grad()
def test_generate_turns_verification_on_by_itself(dual: tuple[PeftModel, Any, int]) -> None:
    model, _, marker = dual
    ids = ids_with_marker(marker, 4)
    written = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False, pad_token_id=1
    )
    for length in range(ids.shape[1], written.shape[1]):
        step = model(input_ids=written[:, :length]).logits[:, -1].argmax(-1)
        assert step.item() == written[0, length].item()
