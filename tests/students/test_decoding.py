"""Decoding settings: the same tokens as transformers' generate, whatever the padding; streams are what generate gives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from students.decoding import Decoding, drawn
from students.generation import generate, stream
from students.sizes import build_student

PROMPTS = ["5 6 7 8 9 10 11 12 13", "20 21", "30 9 4", "17"]
GREEDY = [{}, {"repetition_penalty": 1.4}, {"min_new_tokens": 9}, {"min_new_tokens": 5, "repetition_penalty": 1.2}]


class NumberTokenizer:
    """Token ids written as numbers; 0 pads, 1 is unknown, 2 ends."""

    pad_token_id, unk_token_id, bos_token_id, eos_token_id = 0, 1, None, 2

    def __call__(self, text, add_special_tokens=False):
        return {"input_ids": [int(word) for word in text.split()]}

    def convert_tokens_to_ids(self, token):
        return self.unk_token_id

    def decode(self, ids, skip_special_tokens=False):
        return " ".join(map(str, ids))


@pytest.fixture(scope="module")
def model():
    tokenizer = SimpleNamespace(pad_token_id=0, bos_token_id=None, eos_token_id=2)
    model = build_student("axion1-350k", tokenizer, vocab_size=40, max_length=64, seed=4, num_hidden_layers=2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(12)
        model.lm_head.weight[2] *= 1.5  # so that rows end
    return model.eval()


def by_transformers(model, prompt: str, **options) -> str:
    ids = torch.tensor([[int(word) for word in prompt.split()]])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, **options)
    return " ".join(str(token) for token in out[0, ids.shape[1] :].tolist() if token not in (0, 2))


@pytest.mark.parametrize("options", GREEDY)
def test_greedy_equals_transformers(model, options):
    found = generate(model, NumberTokenizer(), PROMPTS, max_new_tokens=12, stop=None, **options)
    assert [g.text for g in found] == [by_transformers(model, prompt, **options) for prompt in PROMPTS]
    assert all(g.num_tokens >= options.get("min_new_tokens", 0) for g in found)


def test_some_row_would_end_early_without_the_minimum(model):
    assert any(g.num_tokens < 9 for g in generate(model, NumberTokenizer(), PROMPTS, max_new_tokens=12, stop=None))


@pytest.mark.parametrize("options", [*GREEDY, {"temperature": 0.8, "top_k": 5}])
def test_a_stream_is_what_generate_gives(model, options):
    for prompt in PROMPTS:
        whole = generate(model, NumberTokenizer(), [prompt], max_new_tokens=12, stop=None, seed=3, **options)[0].text
        pieces = list(stream(model, NumberTokenizer(), prompt, max_new_tokens=12, stop=None, seed=3, **options))
        assert "".join(pieces) == whole


def test_top_k_leaves_out_all_but_the_best(model):
    with torch.no_grad():
        best = model(torch.tensor([[9, 10]])).logits[0, -1].topk(3).indices.tolist()
    drawn = generate(
        model, NumberTokenizer(), ["9 10"] * 500, max_new_tokens=1, temperature=3.0, top_k=3, batch_size=500, stop=None
    )
    assert {int(g.text or 2) for g in drawn} == set(best)


@pytest.mark.parametrize(
    "options", [{"top_k": -1}, {"repetition_penalty": 0.0}, {"min_new_tokens": -1}, {"top_p": 1.5}]
)
def test_senseless_settings_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Decoding(**options)


def test_draws_follow_the_probabilities_and_never_take_what_has_none() -> None:
    shares = torch.tensor([0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
    found = drawn(shares.expand(20_000, 6), torch.Generator().manual_seed(0))[:, 0]
    counts = torch.bincount(found, minlength=6) / 20_000
    assert counts[shares == 0].sum() == 0
    torch.testing.assert_close(counts, shares, atol=0.012, rtol=0)  # more than three standard deviations
    again = drawn(shares.expand(20_000, 6), torch.Generator().manual_seed(0))[:, 0]
    assert torch.equal(found, again)


def test_a_large_vocabulary_is_drawn_from_as_a_whole() -> None:
    vocabulary = 150_000
    flat = torch.full((64, vocabulary), 1 / vocabulary)
    found = torch.cat([drawn(flat, torch.Generator().manual_seed(seed)) for seed in range(8)]) / vocabulary
    assert found.min() < 0.02 and found.max() > 0.98 and abs(float(found.float().mean()) - 0.5) < 0.05
