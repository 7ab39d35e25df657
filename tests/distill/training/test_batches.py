"""Batches: a pure function of (seed, k), nothing lost, nothing mixed."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import combinations_with_replacement, islice, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM

from distill.errors import UserError
from distill.training.batches import Batches, BatchStream, collate, pack, split_evenly, spread_positions
from distill.training.loss import StudentLoss, weight_sum
from students.encoding import Example, compact

LAYOUTS = ["length_grouped", "packed", "padded"]
SAME = 1e-5
"""float32 through two small layers, summed in another order."""


def example(index: int) -> Example:
    """Ids that tell the example: 1 + index, then random ones; the first two are the question."""
    draw = random.Random(index)
    ids = [1 + index % 1000] + [draw.randrange(1, 1000) for _ in range(draw.randrange(4, 40))]
    stages = [-1, -1] + [draw.randrange(-1, 4) for _ in ids[2:]]
    return Example(ids, [-100, -100, *ids[2:]], stages)


def batches(**changes: Any) -> Batches:
    return Batches(**{"examples": example, "pad_token_id": 0, "batch_size": 4, "batches_per_step": 3} | changes)


def contents(batch: dict[str, torch.Tensor]) -> list[tuple[int, ...]]:
    """The examples of a batch, read back: positions start again at each."""
    found = []
    for ids, mask, positions in zip(batch["input_ids"], batch["attention_mask"], batch["position_ids"], strict=True):
        for token, position in zip(ids[mask == 1].tolist(), positions[mask == 1].tolist(), strict=True):
            if position == 0:
                found.append(())
            found[-1] = (*found[-1], token)
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_step_holds_exactly_its_examples(layout: Any) -> None:
    source = batches(layout=layout)
    for step in range(3):
        seen = [c for place in range(3) for c in contents(source.batch(3 * step + place))]
        assert Counter(seen) == Counter(tuple(example(12 * step + i).input_ids) for i in range(12))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_compact_examples_make_the_same_batches(layout: Any) -> None:
    kept = [compact(example(index)) for index in range(24)]  # type: ignore[arg-type]
    lists, arrays = (
        Batches(examples, pad_token_id=0, batch_size=4, num_examples=24, batches_per_step=2, layout=layout)
        for examples in (example, kept.__getitem__)
    )
    for k in range(6):
        for name, values in lists.batch(k).items():
            assert torch.equal(values, arrays.batch(k)[name])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_batch_is_a_pure_function_of_its_number(layout: Any) -> None:
    forwards = [batches(layout=layout, num_examples=17).batch(k) for k in range(9)]
    backwards = [batches(layout=layout, num_examples=17).batch(k) for k in reversed(range(9))][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_finite_examples_all_come_once_an_epoch_in_a_new_order() -> None:
    source = batches(num_examples=6, batches_per_step=1, batch_size=3)
    order = [index for step in range(8) for index in source.indices(step)]
    epochs = [order[i : i + 6] for i in range(0, 24, 6)]
    assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    other = batches(num_examples=6, batches_per_step=1, batch_size=3, seed=1)
    assert [index for step in range(8) for index in other.indices(step)] != order


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_two_processes_see_disjoint_batches_that_make_one_run(workers: int) -> None:
    source = batches(batches_per_step=4)
    whole = [source.batch(k) for k in range(8, 16)]
    halves = [
        islice(
            DataLoader(BatchStream(source, first_batch=8, rank=r, world_size=2), batch_size=None, num_workers=workers),
            4,
        )
        for r in range(2)
    ]
    merged = [batch for pair in zip(*halves, strict=True) for batch in pair]
    for a, b in zip(whole, merged, strict=True):
        assert torch.equal(a["input_ids"], b["input_ids"])


def test_labels_and_stages_stay_with_their_tokens() -> None:
    one, two = Example([5, 6, 7], [-100, 6, 7], [-1, 0, 2]), Example([8, 9], [8, 9], [1, 3])
    batch = collate([[one, two], [two]], pad_token_id=99, multiple=4)
    assert {name: values.tolist() for name, values in batch.items()} == {
        "input_ids": [[5, 6, 7, 8, 9, 99, 99, 99], [8, 9, 99, 99, 99, 99, 99, 99]],
        "labels": [[-100, 6, 7, -100, 9, -100, -100, -100], [-100, 9, -100, -100, -100, -100, -100, -100]],
        "stage_ids": [[-1, 0, 2, 1, 3, -1, -1, -1], [1, 3, -1, -1, -1, -1, -1, -1]],
        "attention_mask": [[1, 1, 1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0]],
        "position_ids": [[0, 1, 2, 0, 1, 0, 1, 2], [0, 1, 0, 1, 2, 3, 4, 5]],
    }


def test_positions_are_left_out_between_tokens() -> None:
    one = Example(list(range(7)), list(range(7)), [-1, -1, 0, 0, 2, 2, 2])
    plain = collate([[one, one]] * 200, pad_token_id=99, multiple=16)
    spread = {name: values.clone() for name, values in plain.items()}
    spread_positions(spread, 3, np.random.default_rng(0))
    steps = spread["position_ids"].diff(dim=1)
    within = torch.cat([steps[:, :6], steps[:, 7:13]], dim=1)
    assert set(within.flatten().tolist()) == {1, 2, 3, 4}
    shares = (within > 1).float().mean(dim=1)
    assert shares.min() < 0.1, "some rows are hardly spread"
    assert shares.max() > 0.9, "some rows are spread everywhere"
    assert torch.equal(spread["position_ids"] == 0, plain["position_ids"] == 0), "packed examples still begin at 0"
    assert all(torch.equal(spread[name], plain[name]) for name in plain if name != "position_ids")


def test_the_gaps_of_a_batch_are_repeatable() -> None:
    source = batches(position_gap=9)
    assert torch.equal(source.batch(5)["position_ids"], source.batch(5)["position_ids"])
    assert any(not torch.equal(source.batch(k)["position_ids"], batches().batch(k)["position_ids"]) for k in range(9))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
@settings(max_examples=50)
def test_packing_loses_nothing(lengths: list[int]) -> None:
    examples = [Example([i + 1] * n, [0] * n, [0] * n) for i, n in enumerate(sorted(lengths, reverse=True))]
    rows = pack(examples, capacity=max(lengths))
    assert sorted(e.input_ids[0] for row in rows for e in row) == list(range(1, len(lengths) + 1))
    assert all(sum(len(e.input_ids) for e in row) <= max(lengths) for row in rows)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8).map(sorted),
    st.integers(1, 4),
    st.sampled_from([1, 8]),
    st.sampled_from([5.0, math.inf]),
)
def test_no_other_cuts_have_a_cheaper_dearest_part(
    lengths: list[int], parts: int, multiple: int, even_length: float
) -> None:
    def dearest(cuts: list[int]) -> float:
        widths = [math.ceil(length / multiple) * multiple for length in lengths]
        return max((b - a) * widths[b - 1] * (1 + widths[b - 1] / even_length) for a, b in pairwise(cuts) if b > a)

    cuts = split_evenly(lengths, parts, multiple=multiple, even_length=even_length)
    assert (cuts[0], cuts[-1], len(cuts)) == (0, len(lengths), parts + 1)
    assert sum(b > a for a, b in pairwise(cuts)) == min(parts, len(lengths))
    others = combinations_with_replacement(range(len(lengths) + 1), parts - 1)
    assert dearest(cuts) == pytest.approx(min(dearest([0, *inner, len(lengths)]) for inner in others))


def test_cuts_worked_out_by_hand() -> None:
    assert split_evenly([2, 2, 2, 5], 2) == [0, 3, 4]  # 3·2 against 5; 2·2 against 2·5 is worse
    assert split_evenly([4, 4, 4, 4, 6, 6], 2) == [0, 4, 6]  # 4·4 against 2·6; 3·4 against 3·6 is worse
    assert split_evenly([4, 5, 6, 7, 8, 9], 2) == [0, 3, 6]  # 3·6 against 3·9; 4·7 = 28 is more than 27
    # Attention as dear as products at one token: 3·6·7 against 3·9·10 = 270; 4·7·8 = 224 against 2·9·10 = 180
    assert split_evenly([4, 5, 6, 7, 8, 9], 2, even_length=1) == [0, 4, 6]


def test_grouping_by_length_saves_padding_and_balances_the_rest() -> None:
    def padding(layout: Any) -> float:
        source = batches(layout=layout, batch_size=16, batches_per_step=8, pad_to_multiple_of=1)
        made = [source.batch(k) for k in range(16)]
        return 1 - sum(b["attention_mask"].sum() for b in made) / sum(b["attention_mask"].numel() for b in made)

    assert padding("padded") > 0.35
    assert padding("length_grouped") < 0.15
    assert padding("packed") < 0.15
    sizes = [batches(batch_size=16, batches_per_step=8).batch(k)["attention_mask"].numel() for k in range(8)]
    assert max(sizes) < 1.2 * sum(sizes) / len(sizes)


def test_too_long_examples_are_left_out_and_all_too_long_is_an_error() -> None:
    kept = [c for k in range(3) for c in contents(batches(max_length=20).batch(k))]
    assert 0 < len(kept) < 12
    assert all(len(c) <= 20 for c in kept)
    with pytest.raises(UserError, match="max_length 3"):
        batches(max_length=3).batch(0)


def test_too_few_examples_leave_batches_without_labels() -> None:
    source = batches(examples=lambda i: example(i) if i == 0 else None)
    made = [source.batch(k) for k in range(3)]
    assert sum(int((b["labels"] != -100).sum()) for b in made) == sum(label != -100 for label in example(0).labels)
    assert all(b["input_ids"].shape[1] > 0 for b in made)


@pytest.mark.parametrize("layout", ["packed", "length_grouped"])
def test_packed_and_grouped_losses_equal_the_padded_one(layout: Any) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 1001, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, max_position_embeddings=64))
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0, 0.7])

    def step(layout: Any) -> tuple[float, torch.Tensor]:
        made = [batches(layout=layout).batch(k) for k in range(3)]
        module, denominator = StudentLoss(model, is_packed=layout == "packed"), weight_sum(made, weights)
        model.zero_grad()
        losses = [module(**batch, stage_weights=weights, denominator=denominator)[0] for batch in made]
        torch.stack(losses).sum().backward()
        gradient = model.model.embed_tokens.weight.grad
        assert gradient is not None
        return sum(loss.item() for loss in losses), gradient.clone()

    (plain_loss, plain), (loss, gradient) = step("padded"), step(layout)
    assert loss == pytest.approx(plain_loss, abs=SAME)
    torch.testing.assert_close(gradient, plain, rtol=1e-4, atol=SAME)
