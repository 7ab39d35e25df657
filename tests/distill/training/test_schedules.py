"""The training plan: learning rates, the end by steps or by time, and that one repeats the other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.training.schedules import OVERRUN, TrainingPlan


def run(plan: TrainingPlan, seconds_of_step: Any, limit: int = 10_000) -> list[float]:
    """Multipliers of all steps until the plan is over."""
    multipliers, elapsed = [], 0.0
    while not plan.is_over(len(multipliers)) and len(multipliers) < limit:
        multipliers.append(plan.multiplier(len(multipliers)))
        elapsed += seconds_of_step(len(multipliers))
        plan.advance(len(multipliers), elapsed)
    return multipliers


def test_warmup_stable_decay_by_hand() -> None:
    plan = TrainingPlan(max_steps=10, warmup_steps=2, decay_fraction=0.4)
    expected = [1 / 3, 2 / 3, 1, 1, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4]
    assert run(plan, lambda _: 1.0) == pytest.approx(expected)


@given(st.floats(0.05, 0.5), st.floats(0, 0.6), st.integers(0, 50))
def test_max_steps_repeats_what_a_budget_took(seconds: float, decay: float, warmup: int) -> None:
    budgeted = TrainingPlan(budget_seconds=100.0, decay_fraction=decay, warmup_steps=warmup)
    multipliers = run(budgeted, lambda _: seconds)
    assert budgeted.total_steps is not None
    assert len(multipliers) == budgeted.total_steps  # a steady machine never overruns
    repeated = run(
        TrainingPlan(max_steps=budgeted.total_steps, decay_fraction=decay, warmup_steps=warmup), lambda _: 7.0
    )
    assert repeated == multipliers
    assert len(multipliers) * seconds == pytest.approx(100, abs=2 * seconds / (1 - decay))


def test_a_machine_that_slows_down_in_the_decay_is_cut_short() -> None:
    plan = TrainingPlan(budget_seconds=100.0, decay_fraction=0.3)
    multipliers = run(plan, lambda step: 1.0 if step <= 70 else 2.0)
    assert plan.total_steps == 100
    assert len(multipliers) < 100
    assert 100 * OVERRUN < plan.elapsed_seconds <= 100 * OVERRUN + 2


def test_warmup_and_stable_phase_do_not_know_the_total() -> None:
    short, long = (TrainingPlan(max_steps=n, warmup_steps=5, decay_fraction=0.25) for n in (40, 4000))
    assert [short.multiplier(i) for i in range(30)] == [long.multiplier(i) for i in range(30)]


def test_other_shapes() -> None:
    cosine = TrainingPlan(max_steps=100, shape="cosine")
    assert [cosine.multiplier(i) for i in (0, 50, 100)] == pytest.approx([1, 0.5, 0])
    linear = TrainingPlan(max_steps=100, shape="linear", warmup_steps=50)
    assert [linear.multiplier(i) for i in (50, 75, 100)] == pytest.approx([1, 0.5, 0])
    assert set(run(TrainingPlan(max_steps=9, shape="constant", warmup_steps=3), lambda _: 1.0)) == {1.0}
    assert len(run(TrainingPlan(budget_seconds=9.5, shape="constant"), lambda _: 1.0)) == 10
    with pytest.raises(ValueError, match="needs max_steps"):
        TrainingPlan(budget_seconds=9.5, shape="cosine")


def test_state_survives_json_exactly_and_a_resumed_plan_goes_on() -> None:
    whole = TrainingPlan(budget_seconds=10.0, decay_fraction=0.5)
    expected = run(whole, lambda step: 0.1 + step / 300)
    half = TrainingPlan(budget_seconds=10.0, decay_fraction=0.5)
    first = run(half, lambda step: 0.1 + step / 300, limit=40)
    resumed = TrainingPlan(budget_seconds=10.0, decay_fraction=0.5)
    resumed.load_state_dict(json.loads(json.dumps(half.state_dict())))
    elapsed, done = resumed.elapsed_seconds, len(first)
    while not resumed.is_over(done):
        first.append(resumed.multiplier(done))
        done += 1
        elapsed += 0.1 + done / 300
        resumed.advance(done, elapsed)
    assert first == expected
    assert resumed == whole


def test_time_left() -> None:
    plan = TrainingPlan(budget_seconds=100.0)
    assert plan.seconds_left(0) is None
    plan.advance(10, 20.0)
    assert plan.seconds_left(10) == 80
    assert plan.progress(10) == pytest.approx(0.2)
    plan.advance(35, 70.0)
    assert plan.total_steps == 50
    assert plan.seconds_left(35) == pytest.approx(30)
    assert plan.progress(35) == pytest.approx(0.7)
