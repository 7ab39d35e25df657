"""MiniAxion: its exact size, its cache, its masks, and the stock Llama that it equals."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, DynamicCache, LlamaForCausalLM

from students.llama import to_llama
from students.miniaxion import FactoredLinear, MiniAxionConfig, MiniAxionForCausalLM, attention
from students.sizes import SIZES

FLOAT32_MODEL = 1e-4  # largest gap of logits between two orders of the same float32 sums


def trained_looking(config: MiniAxionConfig) -> MiniAxionForCausalLM:
    """A student whose every part matters: outputs that start at zero would hide whole layers."""
    torch.manual_seed(0)
    student = MiniAxionForCausalLM(config)
    with torch.no_grad():
        for module in student.modules():
            if isinstance(module, FactoredLinear) and module.starts_at_zero:
                module.b.normal_(std=0.1)
        for name, parameter in student.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
        student.logit_scale.fill_(1.7)
        student.model.embed_tokens.weight.normal_(std=0.5)
    return student.eval()


@pytest.fixture(scope="module", params=["miniaxion1-0.9m", "miniaxion1-0.9m-nope"])
def student(request: pytest.FixtureRequest) -> MiniAxionForCausalLM:
    return trained_looking(SIZES[request.param])


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(0, 2048, (2, 24), generator=torch.Generator().manual_seed(1))


def test_number_of_parameters_is_exact() -> None:
    student = MiniAxionForCausalLM(MiniAxionConfig())
    assert sum(p.numel() for p in student.parameters()) == 920_833
    assert student.config.layer_order() == [0, 1, 2, 3, 2, 3, 4, 5]
    assert student.config.num_hidden_layers == 8


def test_untrained_layers_are_the_identity(ids: torch.Tensor) -> None:
    student = MiniAxionForCausalLM(MiniAxionConfig())
    expected = student.model.norm(student.model.embed_tokens(ids))
    torch.testing.assert_close(student.model(ids), expected)


@torch.no_grad()
def test_equals_stock_llama(student: MiniAxionForCausalLM, ids: torch.Tensor) -> None:
    llama = to_llama(student)
    assert isinstance(llama, LlamaForCausalLM)
    gap = (llama(ids).logits - student(ids).logits).abs().max()
    assert gap < FLOAT32_MODEL
    prompt = ids[:, :6]
    assert torch.equal(
        llama.generate(prompt, max_new_tokens=12, do_sample=False, eos_token_id=None),
        student.generate(prompt, max_new_tokens=12, do_sample=False, eos_token_id=None),
    )


@torch.no_grad()
def test_cached_decoding_equals_one_pass(student: MiniAxionForCausalLM, ids: torch.Tensor) -> None:
    cache = DynamicCache(config=student.config)
    pieces = [student(part, past_key_values=cache, use_cache=True).logits for part in ids.split([5, 1, 1, 17], dim=1)]
    assert (torch.cat(pieces, dim=1) - student(ids).logits).abs().max() < FLOAT32_MODEL
    assert len(cache) == 8  # every pass of a shared layer has entries of its own


@torch.no_grad()
def test_without_positions_only_the_order_counts(ids: torch.Tensor) -> None:
    student, positions = trained_looking(SIZES["miniaxion1-0.9m-nope"]), torch.arange(24)
    expected = student(ids, position_ids=positions[None]).logits
    assert torch.equal(student(ids, position_ids=5 * positions[None]).logits, expected)
    turned = trained_looking(SIZES["miniaxion1-0.9m"])
    assert not torch.allclose(turned(ids, position_ids=5 * positions[None]).logits, expected)


@torch.no_grad()
def test_later_tokens_do_not_change_earlier_logits(student: MiniAxionForCausalLM, ids: torch.Tensor) -> None:
    changed = ids.clone()
    changed[:, 12:] = (changed[:, 12:] + 1) % 2048
    before, after = student(ids).logits, student(changed).logits
    assert torch.equal(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])


@torch.no_grad()
def test_padding_on_either_side_changes_nothing(student: MiniAxionForCausalLM, ids: torch.Tensor) -> None:
    row, pad = ids[:1, :10], torch.zeros(1, 6, dtype=torch.long)
    alone = student(row).logits
    ones, zeros = torch.ones_like(row), torch.zeros_like(pad)
    right = student(torch.cat([row, pad], 1), attention_mask=torch.cat([ones, zeros], 1)).logits[:, :10]
    positions = torch.cat([zeros, torch.arange(10)[None]], 1)
    left = student(torch.cat([pad, row], 1), attention_mask=torch.cat([zeros, ones], 1), position_ids=positions).logits[
        :, 6:
    ]
    assert (right - alone).abs().max() < FLOAT32_MODEL
    assert (left - alone).abs().max() < FLOAT32_MODEL


@torch.no_grad()
def test_packed_rows_do_not_see_each_other(student: MiniAxionForCausalLM, ids: torch.Tensor) -> None:
    first, second = ids[:1, :9], ids[1:, :7]
    packed = torch.cat([first, second], 1)
    positions = torch.cat([torch.arange(9), torch.arange(7)])[None]
    logits = student(packed, position_ids=positions).logits
    assert (logits[:, :9] - student(first).logits).abs().max() < FLOAT32_MODEL
    assert (logits[:, 9:] - student(second).logits).abs().max() < FLOAT32_MODEL


def test_plain_causal_path_equals_the_masked_one(student: MiniAxionForCausalLM, ids: torch.Tensor) -> None:
    masked = student.model(ids, torch.ones_like(ids))
    plain = student.model(ids, is_plain_causal=True)
    assert (masked - plain).abs().max() < FLOAT32_MODEL


@torch.no_grad()
def test_saved_student_gives_equal_logits(
    student: MiniAxionForCausalLM, ids: torch.Tensor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("student")
    student.save_pretrained(folder)
    assert [f.name for f in folder.glob("*.safetensors")] == ["model.safetensors"]
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    assert torch.equal(loaded.eval()(ids).logits, student(ids).logits)


def test_eight_rows_can_be_memorised() -> None:
    torch.manual_seed(0)
    student = MiniAxionForCausalLM(MiniAxionConfig(**{**SIZES["miniaxion1-tiny"].to_dict(), "vocab_size": 64}))
    rows = torch.randint(0, 64, (8, 12))
    optimizer = torch.optim.AdamW(student.parameters(), lr=5e-3, weight_decay=0)
    for _ in range(400):
        loss = student(rows, labels=rows).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # the first token after the shared start cannot be known: 8 rows have up to 8 second tokens
    assert loss.item() < 0.3


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
def test_attention_in_halves_is_torchs(length):
    """Values and gradients in float64; queries of two heads share a key."""
    torch.manual_seed(length)
    q, k, v = (torch.randn(2, heads, length, 4, dtype=torch.float64, requires_grad=True) for heads in (4, 2, 2))
    shared = (x.repeat_interleave(2, dim=1) for x in (k, v))
    expected = F.scaled_dot_product_attention(q, *shared, is_causal=True)
    found = attention(q, k, v, None)
    torch.testing.assert_close(found, expected)
    by_hand, by_torch = (torch.autograd.grad(y.sin().sum(), (q, k, v), retain_graph=True) for y in (found, expected))
    torch.testing.assert_close(by_hand, by_torch)


def test_a_new_token_sees_all_keys_without_a_mask():
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 4, 1, 4), torch.randn(2, 2, 9, 4), torch.randn(2, 2, 9, 4)
    shared = (x.repeat_interleave(2, dim=1) for x in (k, v))
    torch.testing.assert_close(attention(q, k, v, None), F.scaled_dot_product_attention(q, *shared))
