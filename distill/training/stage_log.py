"""Loss by stage during training: sums for the next log entry, and running means for the display."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from distill.training.settings import ROWS

RECENT = 0.95
"""Share of the running means on display that a step keeps."""


def _zeros() -> Tensor:
    return torch.zeros(2, len(ROWS), dtype=torch.float64)


@dataclass
class StageLog:
    """Sums since the last entry, over all processes; part of every checkpoint, so that a resumed log is the same."""

    totals: Tensor = field(default_factory=_zeros)
    """(2, 5) summed nll and token count of each stage (losses.stage_totals)."""
    loss: float = 0.0
    """Sum of the losses of the steps."""
    steps: int = 0
    since_seconds: float = 0.0
    supervised_tokens: int = 0
    """Of the whole run."""
    recent: dict[str, float] = field(default_factory=dict)
    """Running means: nats per token of all and of each stage, and supervised tokens_per_second."""

    def add(self, totals: Tensor, weights: Tensor, seconds: float) -> None:
        """Add an optimizer step that took so many seconds."""
        sums, counts = totals.tolist()
        weighted = (totals * weights).sum(1).tolist()
        self.totals = self.totals + totals
        self.loss += weighted[0] / weighted[1] if weighted[1] else 0.0
        self.steps += 1
        self.supervised_tokens += int(sum(counts))
        means = {"nll": sum(sums) / max(sum(counts), 1), **_by_stage(sums, counts)}
        for name, value in (means | {"tokens_per_second": sum(counts) / max(seconds, 1e-9)}).items():
            self.recent[name] = value + RECENT * (self.recent.get(name, value) - value)

    def entry(self, weights: Tensor, elapsed_seconds: float) -> dict[str, float]:
        """One entry of the history, for the steps since the last entry; then start the next."""
        sums, counts = self.totals.tolist()
        seconds = elapsed_seconds - self.since_seconds
        entry = {"loss": self.loss / max(self.steps, 1), "nll": sum(sums) / max(sum(counts), 1)}
        entry |= {f"nll_{row}": value for row, value in _by_stage(sums, counts).items()}
        entry |= {f"weight_{row}": float(weight) for row, weight in zip(ROWS, weights, strict=True)}
        entry |= {
            "supervised_tokens": float(self.supervised_tokens),
            "elapsed_seconds": elapsed_seconds,
            "tokens_per_second": sum(counts) / seconds if seconds > 0 else 0.0,
        }
        self.totals, self.loss, self.steps, self.since_seconds = _zeros(), 0.0, 0, elapsed_seconds
        return entry

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint; JSON keeps it exactly."""
        return {**vars(self), "totals": self.totals.tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        vars(self).update(state, totals=torch.tensor(state["totals"], dtype=torch.float64))


def _by_stage(sums: list[float], counts: list[float]) -> dict[str, float]:
    return {row: s / n for row, s, n in zip(ROWS, sums, counts, strict=True) if n}
