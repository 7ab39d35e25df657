"""Axion students: exact sizes, stock classes, a compressed cache, and experts that compute the same however they run."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM, DeepseekV3ForCausalLM

from students.axion import (
    AXION_SIZES,
    DENSE,
    SHORT_ROWS,
    active_parameters,
    axion_config,
    cache_bytes_per_token,
    choose_experts_implementation,
)
from students.heads import split_head
from students.sizes import SIZES, build_student, student_config

TOKENIZER = SimpleNamespace(pad_token_id=0, bos_token_id=1, eos_token_id=2)
SIZE = {  # total, active
    "axion1-350k": (344_736, 180_896),
    "axion1-v0.2": (1_426_336, 852_896),
    "axion1-v0.3": (5_944_320, 3_650_560),
    "axion1-v0.4": (23_767_040, 9_873_408),
    "axion1-v0.5": (99_137_664, 39_762_048),
}
NOMINAL = {"axion1-v0.2": 1.5e6, "axion1-v0.3": 6e6, "axion1-v0.4": 24e6, "axion1-v0.5": 100e6}
SAME = 1e-5
"""float32 outputs of order one, summed in another order."""


def on_meta(name: str, **sizes: int):
    """The student of a name at the vocabulary of its table, without memory for its weights."""
    vocab_size = SIZES[name].vocab_size
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(student_config(name, vocab_size=vocab_size, max_length=512, **sizes))


def tiny(seed: int = 0, **sizes: int) -> DeepseekV3ForCausalLM:
    """A student of two layers with weights large enough for experts to differ."""
    values = {"num_hidden_layers": 2, "moe_intermediate_size": 16, **sizes}
    model = build_student("axion1-350k", TOKENIZER, vocab_size=64, max_length=64, seed=seed, **values)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8)
    return model.eval()


def ids(rows: int = 3, length: int = 12) -> torch.Tensor:
    return torch.randint(3, 64, (rows, length), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", list(AXION_SIZES))
def test_exact_parameters(name):
    # axion1-350k: table 65,536 + last norm 64 + 4 layers of 69,784; of these 2 of 4 experts of 12,288 each stay idle
    model = on_meta(name)
    assert type(model) is DeepseekV3ForCausalLM
    assert (model.num_parameters(), active_parameters(model)) == SIZE[name]  # the tied table counts once


@pytest.mark.parametrize("name", list(NOMINAL))
@pytest.mark.parametrize("vocab_size", [1024, None])
def test_nominal_parameters(name, vocab_size):
    total, _ = SIZE[name]
    config = SIZES[name]
    total -= (config.vocab_size - (vocab_size or config.vocab_size)) * config.hidden_size
    assert abs(total / NOMINAL[name] - 1) <= 0.10


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match=r"unknown student 'axion9'; there are .*axion1-350k"):
        student_config("axion9", vocab_size=64, max_length=64)


@pytest.mark.parametrize(
    ("sizes", "finding"),
    [
        ({"n_routed_experts": 1}, "leave less than 2"),
        ({"n_routed_experts": 9, "n_group": 2}, "9 experts do not divide into 2 groups"),
        ({"num_experts_per_tok": 5}, "num_experts_per_tok 5 is more than the 4 experts"),
        ({"topk_group": 2}, "topk_group 2 is more than n_group 1"),
        ({"num_key_value_heads": 2}, "num_key_value_heads is 2"),
        ({"qk_rope_head_dim": 7}, "must be even"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hiden_size": 96}, "has no hiden_size; it has .*hidden_size"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, finding):
    with pytest.raises(ValueError, match=finding):
        student_config("axion1-350k", vocab_size=64, max_length=64, **sizes)


def test_same_seed_same_student():
    a, b, c = (tiny(seed) for seed in (0, 0, 1))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.lm_head.weight, c.lm_head.weight)


@torch.no_grad()
def test_dense_experts_compute_what_the_stock_ones_do():
    model = tiny()
    assert (
        model.config._experts_implementation
        == DENSE
        == choose_experts_implementation(model.config, torch.device("cpu"))
    )
    found = model(ids()).logits
    model.set_experts_implementation("eager")
    torch.testing.assert_close(found, model(ids()).logits, atol=SAME, rtol=SAME)


def test_dense_experts_have_the_same_gradients():
    gradients = []
    for implementation in (DENSE, "eager"):
        model = tiny()
        model.set_experts_implementation(implementation)
        model(ids(), labels=ids()).loss.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], gradient, atol=SAME, rtol=1e-4, msg=name)


@torch.no_grad()
def test_the_bias_chooses_and_does_not_weigh():
    model = tiny()
    router, x = model.model.layers[0].mlp.gate, torch.randn(50, 64, generator=torch.Generator().manual_seed(0))
    scores = router(x)[0].sigmoid()
    router.e_score_correction_bias[:] = torch.tensor([10.0, 10.0, 0.0, 0.0])
    _, weights, chosen = router(x)
    assert {tuple(sorted(row)) for row in chosen.tolist()} == {(0, 1)}
    expected = scores.gather(1, chosen)
    torch.testing.assert_close(weights, expected / expected.sum(1, keepdim=True), atol=SAME, rtol=SAME)


@torch.no_grad()
def test_the_cache_holds_one_latent_a_token():
    model = tiny()
    cache = model(ids(2, 10), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    latent, ordinary = cache_bytes_per_token(model.config)
    assert held == 2 * 10 * latent
    assert ordinary == 8 * latent  # 4 heads of 16 + 16 numbers against 8 + 8


@torch.no_grad()
def test_attention_multiplied_out_is_the_same_attention():
    model, bound = tiny(), 0.03
    model.set_attn_implementation("sdpa")
    with torch.autocast("cpu", torch.bfloat16):
        expected = model.model(ids()).last_hidden_state
        model.set_attn_implementation(SHORT_ROWS)
        found = model.model(ids()).last_hidden_state
    assert (found - expected).abs().max() < bound * expected.abs().max()  # bfloat16 has 8 bits
    assert not torch.equal(found, expected)  # else the other path was not taken


@torch.no_grad()
def test_packed_rows_do_not_see_each_other():
    model = tiny()
    backbone, head = split_head(model)
    row = ids(1, 12)
    positions = torch.cat([torch.arange(5), torch.arange(7)])[None]
    packed = head(backbone(input_ids=row, position_ids=positions))
    alone = torch.cat(
        [head(backbone(input_ids=part, is_plain_causal=True)) for part in (row[:, :5], row[:, 5:])], dim=1
    )
    torch.testing.assert_close(packed, alone, atol=SAME, rtol=1e-4)


LOAD = """
import sys, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
assert not {"students", "distill"} & sys.modules.keys()
out = model.generate(torch.tensor([[5, 6, 7]]), attention_mask=torch.ones(1, 3), max_new_tokens=12, do_sample=False)
print(type(model).__name__, out[0].tolist())
"""


def test_a_saved_student_loads_and_writes_the_same_with_transformers_alone(tmp_path):
    model = tiny()
    model.model.layers[1].mlp.gate.e_score_correction_bias.uniform_(-0.2, 0.2)
    model.save_pretrained(tmp_path)
    prompt = torch.tensor([[5, 6, 7]])
    own = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False)
    found = subprocess.run([sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.strip() == f"DeepseekV3ForCausalLM {own[0].tolist()}", found.stderr[-500:]
    assert DENSE not in (tmp_path / "config.json").read_text()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name > "axion1-v0.3" else name for name in AXION_SIZES]
)
def test_one_step_and_one_round_trip(name, tmp_path):
    size = SIZES[name].vocab_size
    model = build_student(name, TOKENIZER, vocab_size=size, max_length=64, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    before = model(ids(2, 8), labels=ids(2, 8)).loss
    before.backward()
    optimizer.step()
    assert model(ids(2, 8), labels=ids(2, 8)).loss < before
    model.eval().save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(again(ids(1, 8)).logits, model(ids(1, 8)).logits, atol=1e-4, rtol=1e-4)
    options = {"attention_mask": torch.ones(1, 8), "max_new_tokens": 4, "do_sample": False}
    assert torch.equal(again.generate(ids(1, 8), **options), model.generate(ids(1, 8), **options))


def test_other_families_are_built_as_before():
    from students.miniaxion import MiniAxionForCausalLM

    config = student_config("miniaxion1-tiny", vocab_size=320, max_length=64)
    config.pad_token_id, config.bos_token_id, config.eos_token_id = 0, 1, 2
    torch.manual_seed(3)
    expected = MiniAxionForCausalLM(config)
    built = build_student("miniaxion1-tiny", TOKENIZER, vocab_size=320, max_length=64, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(expected.parameters(), built.parameters(), strict=True))


def test_an_axion_of_ones_own():
    assert axion_config(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, kv_lora_rank=4, q_lora_rank=8, head_dim=8,
        n_routed_experts=2, moe_intermediate_size=8,
    ).qk_rope_head_dim == 4  # fmt: skip
