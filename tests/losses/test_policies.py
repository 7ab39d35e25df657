"""Weight policies: constant, schedule, adaptive, random."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from losses import AdaptivePolicy, ConstantPolicy, SchedulePolicy, random_weights

positive = st.just(0.0) | st.floats(1e-6, 50)


def totals(losses: list[float], counts: list[float] | None = None) -> torch.Tensor:
    counts = counts or [10.0] * 5
    return torch.tensor([[loss * n for loss, n in zip(losses, counts, strict=True)], counts], dtype=torch.float64)


def test_constant_stays() -> None:
    policy = ConstantPolicy([0.5, 1, 2, 3, 1])
    policy.update(totals([9, 1, 1, 1, 1]))
    assert policy.weights(0.7).tolist() == [0.5, 1, 2, 3, 1]
    with pytest.raises(ValueError, match="≥ 0"):
        ConstantPolicy([1, 1, -1, 1, 1])


def test_schedule_is_piecewise_linear() -> None:
    one = [(0.0, 1.0)]
    policy = SchedulePolicy([one, one, [(0.2, 1.0), (0.6, 3.0), (0.8, 0.0)], one, one])
    for progress, expected in [(0, 1), (0.2, 1), (0.3, 1.5), (0.6, 3), (0.7, 1.5), (0.8, 0), (1, 0)]:
        assert policy.weights(progress)[2].item() == pytest.approx(expected)
    with pytest.raises(ValueError, match="must rise"):
        SchedulePolicy([one, one, [(0.5, 1.0), (0.5, 2.0)], one, one])


@given(
    st.lists(st.lists(positive, min_size=5, max_size=5), min_size=1, max_size=8),
    st.lists(positive, min_size=5, max_size=5),
)
@settings(max_examples=100)
def test_adaptive_is_bounded_with_mean_one(history: list[list[float]], base: list[float]) -> None:
    policy = AdaptivePolicy(base, minimum=0.4, maximum=1.7, smoothing=0.8)
    for losses in history:
        policy.update(totals(losses))
    weights = policy.weights(0.5)[:4]
    assert weights.min() >= 0.4 - 1e-6
    assert weights.max() <= 1.7 + 1e-6
    assert weights.mean().item() == pytest.approx(1, abs=1e-6)


def test_adaptive_follows_the_losses_by_hand() -> None:
    policy = AdaptivePolicy(smoothing=0.9, minimum=0.1, maximum=3.0)
    assert policy.weights(0).tolist() == [1, 1, 1, 1, 1]
    policy.update(totals([1, 2, 3, 2, 99]))  # relative to their mean 2: within the bounds and of mean one as they are
    assert policy.weights(0).tolist() == pytest.approx([0.5, 1, 1.5, 1, 1])
    policy.update(totals([3, 2, 1, 2, 0]))  # 0.9·0.1·old + 0.1·new over 0.19: (0.39, 0.38, 0.37, 0.38) / 0.19
    assert policy.weights(0).tolist() == pytest.approx([0.39 / 0.38, 1, 0.37 / 0.38, 1, 1])


def test_a_stage_without_tokens_keeps_its_running_loss() -> None:
    policy = AdaptivePolicy()
    policy.update(totals([1, 2, 3, 2, 1]))
    before = policy.weights(0).tolist()
    policy.update(totals([0, 0, 0, 0, 0], [0, 0, 0, 0, 0]))
    assert policy.weights(0).tolist() == before


def test_adaptive_state_survives_json_exactly() -> None:
    policy, other = AdaptivePolicy(), AdaptivePolicy()
    for losses in ([1 / 3, 2, 3, 2, 1], [0.1, 0.7, 0.9, 5, 1]):
        policy.update(totals(losses))
    other.load_state_dict(json.loads(json.dumps(policy.state_dict())))
    assert other == policy
    assert other.weights(0).tolist() == policy.weights(0).tolist()


def test_adaptive_refuses_bounds_without_one() -> None:
    with pytest.raises(ValueError, match="not between"):
        AdaptivePolicy(minimum=1.2, maximum=2.0)


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(1, 4))
@settings(max_examples=50)
def test_random_weights_are_bounded_with_mean_one(seed: int, minimum: float, maximum: float) -> None:
    weights = random_weights(seed, minimum=minimum, maximum=maximum)
    assert all(minimum - 1e-9 <= w <= maximum + 1e-9 for w in weights)
    assert sum(weights[:4]) == pytest.approx(4)
    assert weights[4] == 1


def test_random_weights_differ_by_seed_and_only_by_seed() -> None:
    drawn = [random_weights(seed) for seed in range(20)]
    assert drawn == [random_weights(seed) for seed in range(20)]
    assert len({tuple(weights) for weights in drawn}) == 20
    assert max(max(w) for w in drawn) > 1.4  # not all near one
    with pytest.raises(ValueError, match="not between"):
        random_weights(0, minimum=1.5)
