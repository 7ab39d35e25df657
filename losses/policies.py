"""Policies for the stage weights: constant, drawn once, a function of progress, or a function of the running losses.

A policy has `weights(progress)`, five numbers: UNDERSTAND, PLAN, EXECUTE, VERIFY, and tokens outside every stage
(the answer line). After each optimizer step it receives the loss of every stage, summed over all processes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch
from torch import Tensor

from losses.nll import NUM_ROWS

ONES = (1.0,) * NUM_ROWS


@dataclass
class ConstantPolicy:
    """The same weights during the entire training."""

    values: Sequence[float] = ONES

    def __post_init__(self) -> None:
        _check(self.values)

    def weights(self, progress: float) -> Tensor:
        """(5,) float32, the same for every progress."""
        return torch.tensor(self.values, dtype=torch.float32)

    def update(self, totals: Tensor) -> None:
        """Nothing to learn."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


@dataclass
class SchedulePolicy:
    """Weights as piecewise-linear functions of training progress in [0, 1], constant before and after their points."""

    points: Sequence[Sequence[tuple[float, float]]]
    """The (progress, weight) points of each of the five rows, with increasing progress."""

    def __post_init__(self) -> None:
        if len(self.points) != NUM_ROWS or not all(self.points):
            raise ValueError(f"a schedule needs points for {NUM_ROWS} rows")
        for row in self.points:
            progress = [p for p, _ in row]
            if progress != sorted(set(progress)):
                raise ValueError(f"the progress of the points must rise, this is {progress}")
            _check([w for _, w in row], rows=len(row))

    def weights(self, progress: float) -> Tensor:
        """(5,) float32 at this progress."""
        return torch.tensor([_interpolate(row, progress) for row in self.points], dtype=torch.float32)

    def update(self, totals: Tensor) -> None:
        """Nothing to learn."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


@dataclass
class AdaptivePolicy:
    """Stages whose running loss is high relative to the others gain weight.

    w_s = clip(λ · base_s · (L_s / mean L), minimum, maximum), with λ such that the mean weight of the four stages is
    one. L_s is the exponential moving average of the stage's loss per token, corrected for its start at zero as in Adam
    (arXiv 1412.6980). For a stage that has not occurred, L_s is the mean. Tokens outside every stage keep their base
    weight.
    """

    base: Sequence[float] = ONES
    minimum: float = 0.5
    maximum: float = 2.0
    smoothing: float = 0.98
    sums: list[float] = field(default_factory=lambda: [0.0] * (NUM_ROWS - 1))
    norms: list[float] = field(default_factory=lambda: [0.0] * (NUM_ROWS - 1))

    def __post_init__(self) -> None:
        _check(self.base)
        if not 0 <= self.minimum <= 1 <= self.maximum:
            raise ValueError(f"a mean weight of one is not between {self.minimum} and {self.maximum}")
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing is {self.smoothing}, not in [0, 1)")

    def weights(self, progress: float) -> Tensor:
        """(5,) float32; the first four between the bounds, with mean one."""
        running = [s / n if n > 0 else None for s, n in zip(self.sums, self.norms, strict=True)]
        seen = [r for r in running if r is not None]
        mean = sum(seen) / len(seen) if seen else 0.0
        relative = [1.0 if r is None or mean == 0 else r / mean for r in running]
        raw = [b * r for b, r in zip(self.base[:-1], relative, strict=True)]
        return torch.tensor([*_bounded_mean_one(raw, self.minimum, self.maximum), self.base[-1]], dtype=torch.float32)

    def update(self, totals: Tensor) -> None:
        """Takes (2, 5): summed losses and token counts of the optimizer step, over all processes."""
        sums, counts = totals[:, :-1].tolist()
        for stage, (total, count) in enumerate(zip(sums, counts, strict=True)):
            if count > 0:
                self.sums[stage] = self.smoothing * self.sums[stage] + (1 - self.smoothing) * total / count
                self.norms[stage] = self.smoothing * self.norms[stage] + 1 - self.smoothing

    def state_dict(self) -> dict[str, Any]:
        """The running losses; JSON keeps them exactly."""
        return {"sums": list(self.sums), "norms": list(self.norms)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self.sums, self.norms = list(state["sums"]), list(state["norms"])


def random_weights(seed: int, *, minimum: float = 0.5, maximum: float = 2.0) -> list[float]:
    """Five weights drawn once from the seed, for `ConstantPolicy`: a baseline for chosen weights.

    The weights of the four stages are uniform between the bounds, then scaled within the bounds to a mean of one.
    Tokens outside every stage have weight one.

    Raises:
        ValueError: one is not between the bounds.
    """
    if not 0 <= minimum <= 1 <= maximum:
        raise ValueError(f"a mean weight of one is not between {minimum} and {maximum}")
    random = Random(f"stage weights/{seed}")
    drawn = [random.uniform(minimum, maximum) for _ in range(NUM_ROWS - 1)]
    return [*_bounded_mean_one(drawn, minimum, maximum), 1.0]


WeightPolicy = ConstantPolicy | SchedulePolicy | AdaptivePolicy


def _interpolate(points: Sequence[tuple[float, float]], progress: float) -> float:
    at = bisect_right([p for p, _ in points], progress)
    if at == 0 or at == len(points):
        return points[max(at - 1, 0)][1]
    (p0, w0), (p1, w1) = points[at - 1], points[at]
    return w0 + (w1 - w0) * (progress - p0) / (p1 - p0)


def _bounded_mean_one(raw: Sequence[float], minimum: float, maximum: float) -> list[float]:
    """λ·raw clipped to the bounds, with a mean of one. The mean increases with λ, so bisection finds λ."""
    if not any(raw):
        return [1.0] * len(raw)
    raw = [max(r, 1e-9 * max(raw)) for r in raw]  # a stage with zero loss gets the minimum

    def clipped(scale: float) -> list[float]:
        return [min(max(scale * r, minimum), maximum) for r in raw]

    low, high = 0.0, (maximum + 1) / min(raw)
    for _ in range(200):
        middle = (low + high) / 2
        if sum(clipped(middle)) < len(raw):
            low = middle
        else:
            high = middle
    return clipped(high)


def _check(values: Sequence[float], rows: int = NUM_ROWS) -> None:
    if len(values) != rows or not all(v >= 0 for v in values):
        raise ValueError(f"{rows} weights ≥ 0 are needed, these are {list(values)}")
