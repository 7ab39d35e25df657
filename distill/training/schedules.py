"""Length of training and learning-rate schedule: warm-up, stable, decay.

learning rate   ╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾╲         warm-up and stable phase do not depend on the total,
               ╱                    ╲        so a time budget need not know it before the decay begins
step           0  warmup      decay_start  total
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Shape = Literal["warmup_stable_decay", "cosine", "linear", "constant", "constant_with_warmup"]

OVERRUN = 1.02
"""Share of the time budget after which training stops even if the decay has not ended."""


@dataclass
class TrainingPlan:
    """Steps taken and to take, seconds of training spent, and the learning-rate multiplier of each step.

    With `max_steps` the total is known from the start. With a budget alone, training is in its stable phase until
    (1 − decay_fraction) of the seconds are spent; then `total_steps` becomes steps_done / (1 − decay_fraction),
    rounded. A run with that `max_steps` takes the same steps with the same learning rates:
    round(total · (1 − decay_fraction)) gives the same steps_done back.

    `elapsed_seconds` counts training only: no set-up, compilation, checkpoint or evaluation.
    """

    max_steps: int | None = None
    budget_seconds: float | None = None
    warmup_steps: int = 0
    decay_fraction: float = 0.3
    shape: Shape = "warmup_stable_decay"
    total_steps: int | None = None
    elapsed_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.max_steps is None and self.budget_seconds is None:
            raise ValueError("a plan needs max_steps or budget_seconds")
        if not 0 <= self.decay_fraction < 1:
            raise ValueError(f"decay_fraction is {self.decay_fraction}, not in [0, 1)")
        if self.max_steps is None and self.shape in ("cosine", "linear"):
            raise ValueError(f"a {self.shape} schedule needs max_steps: it depends on the total from the first step")
        if self.max_steps is not None:
            self.budget_seconds, self.total_steps = None, self.max_steps
        if self.shape.startswith("constant"):
            self.decay_fraction = 0.0
        if self.shape == "constant":
            self.warmup_steps = 0

    def advance(self, steps_done: int, elapsed_seconds: float) -> None:
        """Count a step and its time; fixes the total when the decay has to begin."""
        self.elapsed_seconds = elapsed_seconds
        if self.total_steps is None and self.budget_seconds is not None:
            stable = 1 - self.decay_fraction
            if elapsed_seconds >= stable * self.budget_seconds:
                self.total_steps = max(round(steps_done / stable), steps_done)

    def is_over(self, steps_done: int) -> bool:
        """Whether the last step has been taken, or the budget is overrun."""
        if self.total_steps is not None and steps_done >= self.total_steps:
            return True
        return self.budget_seconds is not None and self.elapsed_seconds > OVERRUN * self.budget_seconds

    def multiplier(self, step: int) -> float:
        """Share of the full learning rate at the step with this index, 0 for the first."""
        warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
        if self.total_steps is None:
            return warmup
        if self.shape == "cosine":
            return warmup * 0.5 * (1 + math.cos(math.pi * self._after_warmup(step, self.total_steps)))
        if self.shape == "linear":
            return warmup * (1 - self._after_warmup(step, self.total_steps))
        decay_start = round(self.total_steps * (1 - self.decay_fraction))
        if step < decay_start:
            return warmup
        return warmup * max(0.0, (self.total_steps - step) / max(self.total_steps - decay_start, 1))

    def progress(self, steps_done: int) -> float:
        """Share of training done, 0 to 1; by time while the total is unknown."""
        if self.total_steps is not None:
            return min(1.0, steps_done / self.total_steps)
        assert self.budget_seconds is not None
        return min(1.0, self.elapsed_seconds / self.budget_seconds)

    def seconds_left(self, steps_done: int) -> float | None:
        """Training seconds to go at the speed so far; None before the first step."""
        if steps_done == 0 or self.elapsed_seconds == 0:
            return None
        if self.total_steps is not None:
            return self.elapsed_seconds / steps_done * max(self.total_steps - steps_done, 0)
        assert self.budget_seconds is not None
        return max(self.budget_seconds - self.elapsed_seconds, 0.0)

    def state_dict(self) -> dict[str, Any]:
        """Everything, for a checkpoint; JSON keeps it exactly."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the time spent and the total. Limits given now stay, so a longer run may continue a shorter one."""
        self.elapsed_seconds = state["elapsed_seconds"]
        if self.total_steps is None and state["budget_seconds"] == self.budget_seconds:
            self.total_steps = state["total_steps"]

    def _after_warmup(self, step: int, total: int) -> float:
        return min(1.0, max(0, step - self.warmup_steps) / max(1, total - self.warmup_steps))
