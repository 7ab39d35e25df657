"""Batched decoding: the same text as one-by-one generate, whatever the batch, the padding and the stops."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from students.generation import Generation, generate, load_student

STOP = 7


class NumberTokenizer:
    """Token ids written as numbers: "5 6 7" is [5, 6, 7]. Token 7 is the stop, 0 pads, 1 is unknown, 2 ends."""

    pad_token_id, unk_token_id, eos_token_id = 0, 1, 2

    def __call__(self, text, add_special_tokens=False):
        return {"input_ids": [int(word) for word in text.split()]}

    def convert_tokens_to_ids(self, token):
        return STOP if token == "</ANS>" else self.unk_token_id

    def decode(self, ids, skip_special_tokens=False):
        return " ".join(map(str, ids))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, initializer_range=0.3, pad_token_id=0, bos_token_id=None, eos_token_id=2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def prompts(count: int = 24) -> list[str]:
    random = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 12, (count,), generator=random).tolist()
    return [" ".join(map(str, torch.randint(8, 40, (n,), generator=random).tolist())) for n in lengths]


def one_by_one(model, prompt: str, room: int) -> str:
    ids = torch.tensor([[int(word) for word in prompt.split()]])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=room,
        eos_token_id=[2, STOP],
        pad_token_id=0,
    )
    return " ".join(str(token) for token in out[0, ids.shape[1] :].tolist() if token not in (0, 2))


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_equals_one_by_one_generate_in_the_order_of_the_prompts(model, batch_size):
    found = generate(model, NumberTokenizer(), prompts(), max_new_tokens=30, batch_size=batch_size)
    assert [g.text for g in found] == [one_by_one(model, prompt, 30) for prompt in prompts()]
    assert len({g.num_tokens for g in found}) > 3  # so that rows leave the batch one by one


def test_ends_at_the_stop_and_says_so(model):
    found = generate(model, NumberTokenizer(), prompts(), max_new_tokens=30)
    assert all(g.finished for g in found if g.num_tokens < 30)
    assert {g.finished for g in found} == {True, False}
    assert all(str(STOP) not in g.text.split()[:-1] for g in found)
    assert any(g.text.endswith(f" {STOP}") and g.finished for g in found)


def test_without_a_stop_token_only_eos_ends(model):
    stopped = generate(model, NumberTokenizer(), prompts(), max_new_tokens=30)
    free = generate(model, NumberTokenizer(), prompts(), max_new_tokens=30, stop=None)
    assert any(str(STOP) in g.text.split()[:-1] for g in free)
    assert all(b.text.startswith(a.text) for a, b in zip(stopped, free, strict=True))


def test_never_runs_over_the_context(model):
    full = " ".join(["9"] * 64)
    room_for_one = " ".join(["9"] * 63)
    found = generate(model, NumberTokenizer(), [full, room_for_one, "9"], max_new_tokens=500, stop=None)
    assert found[0] == Generation("", 0, False)
    assert found[1].num_tokens == 1
    assert found[2].finished or found[2].num_tokens == 63


def test_sampling_is_repeatable_and_differs_by_seed(model):
    def draw(seed: int) -> list[str]:
        return [
            g.text for g in generate(model, NumberTokenizer(), prompts(), max_new_tokens=12, temperature=1.0, seed=seed)
        ]

    assert draw(1) == draw(1) != draw(2)


def test_a_tiny_nucleus_is_greedy(model):
    greedy = generate(model, NumberTokenizer(), prompts(), max_new_tokens=12)
    assert generate(model, NumberTokenizer(), prompts(), max_new_tokens=12, temperature=1.0, top_p=1e-6) == greedy


def test_sampling_follows_the_distribution(model):
    ids = torch.tensor([[9, 10]])
    with torch.no_grad():
        expected = model(ids).logits[0, -1].softmax(-1)
    drawn = generate(
        model, NumberTokenizer(), ["9 10"] * 4000, max_new_tokens=1, temperature=1.0, batch_size=4000, stop=None
    )
    first = torch.tensor([int(g.text or NumberTokenizer.eos_token_id) for g in drawn])
    found = torch.bincount(first, minlength=40) / 4000
    top = expected.argmax()
    assert (
        abs(found[top] - expected[top]) < 4 * (expected[top] * (1 - expected[top]) / 4000).sqrt()
    )  # four standard errors


def test_progress_counts_every_prompt(model):
    heard: list[int] = []
    generate(model, NumberTokenizer(), prompts(10), max_new_tokens=2, batch_size=4, on_progress=heard.append)
    assert sum(heard) == 10 and all(count > 0 for count in heard)


def test_training_mode_comes_back(model):
    model.train()
    generate(model, NumberTokenizer(), ["9"], max_new_tokens=1)
    assert model.training
    model.eval()


@pytest.mark.parametrize("options", [{"max_new_tokens": 0}, {"batch_size": 0}, {"temperature": -1.0}, {"top_p": 0.0}])
def test_senseless_numbers_are_refused(model, options):
    with pytest.raises(ValueError, match="need"):
        generate(model, NumberTokenizer(), ["9"], **options)


def test_no_prompts_and_empty_prompt(model):
    assert generate(model, NumberTokenizer(), []) == []
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        generate(model, NumberTokenizer(), ["9", ""])


def test_load_student_refuses_what_is_no_model(tmp_path):
    with pytest.raises((OSError, ValueError)):
        load_student(tmp_path)
