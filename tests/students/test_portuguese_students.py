"""MiniAxion1.5 and its larger sizes: exact counts, how they start, attention that equals the stock one, plain loading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from distill.training.compilation import repeated_layers
from distill.verbs.export import export_model
from students.dense import RESIDUAL_OUTPUTS
from students.generation import generate
from students.heads import split_head
from students.sizes import build_student, student_config
from students.tokenizer import train_tokenizer
from teachers.nano_tasks import draw_problem
from teachers.symbolic import solve

TINY = "miniaxion1.5-tiny"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    texts = [solve(draw_problem("addition", seed=0, index=i, split="train", language="pt")).text for i in range(50)]
    return train_tokenizer(texts, vocab_size=512)


def build(tokenizer: Any, seed: int = 0) -> Any:
    return build_student(TINY, tokenizer, vocab_size=len(tokenizer), max_length=128, seed=seed)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("miniaxion1.5-3m", 2_718_144),
        ("miniaxion-5m", 5_049_600),
        ("miniaxion-10m", 9_835_840),
        ("miniaxion-20m", 19_733_952),
    ],
)
def test_sizes_are_exact(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(student_config(name, vocab_size=2048, max_length=512))
    assert type(model) is LlamaForCausalLM
    assert model.num_parameters() == parameters


def test_a_student_starts_with_the_logits_of_its_embeddings(tokenizer: Any) -> None:
    """All that writes to the residual stream is zero: the hidden state is the normed embedding of the token itself."""
    model = build(tokenizer)
    for name, parameter in model.named_parameters():
        assert bool((parameter == 0).all()) == (name.rpartition(".weight")[0].endswith(RESIDUAL_OUTPUTS)), name
    ids = torch.randint(20, len(tokenizer), (2, 9))
    embedded = model.get_input_embeddings()(ids)
    expected = model.model.norm(embedded) @ model.get_input_embeddings().weight.T
    torch.testing.assert_close(model(input_ids=ids).logits, expected)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), build(tokenizer).parameters(), strict=True))
    other = build(tokenizer, seed=1).state_dict()
    assert not torch.equal(model.state_dict()["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_no_projection_is_saturated(tokenizer: Any) -> None:
    model = build(tokenizer)
    x = torch.randn(400, 64)
    for name in ("q_proj", "k_proj", "v_proj"):
        spread = getattr(model.model.layers[0].self_attn, name)(x).std().item()
        assert 0.8 < spread < 1.2


def disturbed(model: Any) -> Any:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def test_training_attention_equals_the_stock_one(tokenizer: Any, tmp_path: Path) -> None:
    model = disturbed(build(tokenizer))
    model.save_pretrained(tmp_path)
    stock: Any = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    if not torch.cuda.is_available():
        assert stock.config._attn_implementation == "sdpa" != model.config._attn_implementation
    ids = torch.randint(20, len(tokenizer), (3, 17))
    backbone, head = split_head(model)
    plain = head(backbone(input_ids=ids, is_plain_causal=True))
    torch.testing.assert_close(plain, stock(input_ids=ids).logits, atol=1e-4, rtol=1e-4)
    mask = torch.ones_like(ids)
    mask[0, :5] = 0  # padded on the left, as in generation
    places = (mask.cumsum(-1) - 1).clamp_min(0)
    ours = model(input_ids=ids, attention_mask=mask, position_ids=places).logits
    theirs = stock(input_ids=ids, attention_mask=mask, position_ids=places).logits
    torch.testing.assert_close(ours[mask.bool()], theirs[mask.bool()], atol=1e-4, rtol=1e-4)
    packed = torch.arange(17).remainder(9).expand(3, -1)
    ours = head(backbone(input_ids=ids, position_ids=packed, is_plain_causal=False))
    torch.testing.assert_close(ours[:, 9:], stock(input_ids=ids[:, 9:]).logits, atol=1e-4, rtol=1e-4)


def test_it_is_causal_and_its_gradients_reach_every_weight(tokenizer: Any) -> None:
    model = disturbed(build(tokenizer))
    ids = torch.randint(20, len(tokenizer), (1, 12))
    changed = ids.clone()
    changed[0, 8] = ids[0, 8] - 1
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=ids).logits[:, :8], model(input_ids=changed).logits[:, :8])
    model(input_ids=ids, labels=ids).loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_its_layers_are_found_for_compilation(tokenizer: Any) -> None:
    model = build(tokenizer)
    assert repeated_layers(model) == list(model.model.layers)


def test_a_saved_student_is_plain_and_writes_the_same(tokenizer: Any, tmp_path: Path) -> None:
    model = disturbed(build(tokenizer))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert "eager" not in json.dumps(config)
    assert sorted(path.suffix for path in tmp_path.glob("*model*")) == [".safetensors"]
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    prompts = ["<INST>Quanto é 4 + 5?</INST><THINK>", "<INST>Bom dia!</INST><THINK>"]
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert generate(loaded, again, prompts, max_new_tokens=12) == generate(model, tokenizer, prompts, max_new_tokens=12)
    assert loaded.generation_config.eos_token_id == tokenizer.eos_token_id


def test_it_is_exported_as_the_llama_that_it_is(tokenizer: Any, tmp_path: Path) -> None:
    model = disturbed(build(tokenizer))
    save_student(model, tokenizer, tmp_path / "student")
    export_model(str(tmp_path / "student"), tmp_path / "llama", to="llama")
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "llama").state_dict()
    assert all(torch.equal(exported[name], weight) for name, weight in model.state_dict().items())
    axion = build_student("axion1-350k", tokenizer, vocab_size=len(tokenizer), max_length=128, seed=0)
    save_student(axion, tokenizer, tmp_path / "axion")
    export_model(str(tmp_path / "axion"), tmp_path / "out", to="llama")
    assert type(AutoModelForCausalLM.from_pretrained(tmp_path / "out")).__name__ == "DeepseekV3ForCausalLM"


def save_student(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
