"""Prompts that begin alike: the beginning is read once, and every row reads as if it were written alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig
from torch import nn
from transformers.cache_utils import DynamicCache

from students.cache import RoomyLayer, roomy_cache, shared_length
from students.dual_lora import add_dual_lora
from students.generation import generate
from tests.students.test_continuous import STUDENTS, llama, words

BEGINNING = " ".join(f"w{4 + i % 30}" for i in range(20))
PROMPTS = [f"{BEGINNING} {rest}" for rest in ("w5", "w9 w7 w30", "w11 w12", "w5 w6 w8 w9 w10")]


def tokens_read(model: nn.Module) -> list[tuple[int, int]]:
    """Shapes of the input ids of every forward pass, as they come."""
    shapes: list[tuple[int, int]] = []

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        shapes.append(tuple(ids.shape))

    model.register_forward_pre_hook(note, with_kwargs=True)
    return shapes


@pytest.mark.parametrize("name", STUDENTS)
def test_rows_with_a_shared_beginning_read_as_alone(name: str) -> None:
    tokenizer = words()
    model = STUDENTS[name](tokenizer).eval()
    alone = [generate(model, tokenizer, [prompt], max_new_tokens=12)[0] for prompt in PROMPTS]
    assert generate(model, tokenizer, PROMPTS, max_new_tokens=12) == alone


def test_a_shared_beginning_is_read_once() -> None:
    tokenizer = words()
    model = llama(tokenizer).eval()
    shapes = tokens_read(model)
    generate(model, tokenizer, PROMPTS, max_new_tokens=3)
    assert shapes[:3] == [(1, 20), (4, 5), (4, 1)]


def test_the_gate_of_a_shared_beginning_is_that_of_every_row() -> None:
    tokenizer = words()
    model = add_dual_lora(
        llama(tokenizer),
        tokenizer,
        reasoning=LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"),
        verification=LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM"),
    ).eval()
    for beginning in (BEGINNING, f"{BEGINNING} [VERIFY]"):
        prompts = [f"{beginning} {rest}" for rest in ("w5", "w9 w7", "w5 [VERIFY] w8")]
        alone = [generate(model, tokenizer, [prompt], max_new_tokens=8)[0] for prompt in prompts]
        assert generate(model, tokenizer, prompts, max_new_tokens=8) == alone


@pytest.mark.parametrize(
    ("prompts", "length"),
    [
        ([[*range(30)]], 0),  # alone it is read once anyway
        ([[*range(30), 1], [*range(30), 2]], 30),
        ([[*range(30)], [*range(30)]], 29),  # each keeps a token to go on from
        ([[*range(8), 1], [*range(8), 2]], 0),  # too short
        ([[*range(30), 1], [*range(20), 99], [*range(30), 2]], 20),
        ([[*range(30)], [5]], 0),
    ],
)
def test_shared_length(prompts: list[list[int]], length: int) -> None:
    assert shared_length(prompts) == length


def test_the_roomy_layer_holds_what_the_stock_cache_holds() -> None:
    torch.manual_seed(0)
    stock, layer = DynamicCache(), RoomyLayer()
    for tokens in (3, 1, 70, 1, 1):
        keys, values = torch.rand(4, 2, tokens, 8), torch.rand(4, 2, tokens, 8)
        expected, found = stock.update(keys, values, 0), layer.update(keys, values)
        assert all(map(torch.equal, expected, found))
    rows = torch.tensor([2, 0, 2])
    stock.batch_select_indices(rows)
    layer.batch_select_indices(rows)
    one = torch.rand(3, 2, 1, 8)
    assert all(map(torch.equal, stock.update(one, one, 0), layer.update(one, one)))


def test_a_token_is_written_in_place() -> None:
    layer, one = RoomyLayer(), torch.rand(2, 2, 1, 8)
    layer.update(one, one)
    layer.update(one, one)  # makes room
    place = layer.room[0].data_ptr()
    for _ in range(60):
        layer.update(one, one)
    assert layer.room[0].data_ptr() == place


def test_models_with_other_states_or_windows_make_their_own_cache() -> None:
    from transformers import FalconMambaConfig, MistralConfig

    class Model(nn.Module):
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.config = config

    assert roomy_cache(Model(FalconMambaConfig(num_hidden_layers=1))) is None
    assert roomy_cache(Model(MistralConfig(num_hidden_layers=1, sliding_window=8))) is None
    assert roomy_cache(Model(MistralConfig(num_hidden_layers=1, sliding_window=None))) is not None


def test_a_sliding_window_holds_no_padding() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=96, sliding_window=6, initializer_range=0.3, pad_token_id=1, bos_token_id=None, eos_token_id=2,
    )  # fmt: skip
    model: Any = MistralForCausalLM(config).eval()
    tokenizer = words()
    ids = torch.tensor([tokenizer(PROMPTS[1])["input_ids"]])
    stock = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
    expected = tokenizer.decode([token for token in stock[0, ids.shape[1] :].tolist() if token > 2])
    assert generate(model, tokenizer, PROMPTS, max_new_tokens=12, stop=None)[1].text == expected
