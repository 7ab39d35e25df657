"""The memory forecast: bytes counted by hand, and the same with values as without."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from distill.forecast.forecast import forecast
from distill.forecast.memory import LiveBytes, largest_batch, traced_bytes
from distill.recipe.schema import NanoStudent, Recipe, load_recipe
from distill.tracks.nano_needs import sizes, to_trace
from distill.tracks.needs import Sample, Sizes
from students.cost import even_length
from students.heads import split_head
from students.sizes import student_config, untrained


def sizes_of(recipe: Recipe) -> Sizes:
    assert isinstance(recipe.student, NanoStudent)
    return sizes(recipe.student)


@pytest.mark.parametrize("is_fake", [False, True])
def test_bytes_that_are_held_counted_by_hand(is_fake):
    """x (5, 3) to ReLU(x Aᵀ) (5, 7): ReLU keeps its output, the product keeps x, which was there before."""
    with FakeTensorMode() if is_fake else torch.enable_grad(), LiveBytes() as live:
        layer, x = nn.Sequential(nn.Linear(3, 7, bias=False), nn.ReLU()), torch.zeros(5, 3)
        assert live.bytes == 4 * (3 * 7 + 5 * 3)
        before = live.bytes
        y = layer(x)
        assert live.bytes - before == 4 * 5 * 7  # what the product gave is gone
        y = y[:2]  # a view holds all of it
        assert live.bytes - before == 4 * 5 * 7
        del y
        assert live.bytes == before


@pytest.mark.parametrize("size", ["miniaxion1-tiny", "miniaxion1.5-tiny", "axion1-350k"])
def test_a_trace_without_values_holds_what_training_holds(size):
    config = student_config(size, vocab_size=300, max_length=64)
    with LiveBytes() as live:
        model = untrained(size, config).train()
        before = live.bytes
        backbone, _ = split_head(model)
        ids, positions = torch.zeros(3, 16, dtype=torch.long), torch.arange(16).expand(3, 16)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = backbone(input_ids=ids, position_ids=positions, is_plain_causal=True)
        held = live.bytes - before
    assert traced_bytes(lambda: to_trace(size, config), 3, 16) == pytest.approx(held, rel=0.02)
    assert hidden.requires_grad


def test_twice_the_rows_hold_twice_as_much_and_experts_not_computed_hold_nothing():
    config = student_config("axion1-350k", vocab_size=300, max_length=512)
    one, two = (traced_bytes(lambda: to_trace("axion1-350k", config), rows, 64) for rows in (8, 16))
    assert two == pytest.approx(2 * one, rel=0.05)
    many = [student_config("axion1-350k", vocab_size=300, max_length=512, n_routed_experts=n) for n in (2, 4, 8, 16)]
    held = [traced_bytes(partial(to_trace, "axion1-350k", config), 8, 64) for config in many]
    assert held[1] > held[0]  # four are all computed, where two are chosen
    assert held[0] == held[2] == held[3]


def test_the_dearest_micro_batch_of_all_steps():
    """Steps of four: 3·8 and 1·16, then 2·8 and 2·24."""
    model = untrained("axion1-350k", student_config("axion1-350k", vocab_size=300, max_length=64))
    lengths = [5, 14, 5, 5, 8, 24, 20, 8]
    assert largest_batch(lengths, model, batch_size=2, parts=2) == (2, 24)
    assert even_length(model) > 300


def test_longer_examples_and_larger_students_are_forecast_to_take_more():
    def megabytes(lengths, name="miniaxion_from_teacher"):
        recipe = load_recipe(name)
        return forecast(recipe, Sample(lengths), sizes_of(recipe)).memory_bytes / 1e6

    assert megabytes([50] * 32) < megabytes([100] * 32) < megabytes([400] * 32)
    assert megabytes([100] * 32) < megabytes([100] * 32, "miniaxion_20m")
