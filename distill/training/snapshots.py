"""Saves the student at a few moments of training, until the accuracy of each is measured (evaluation/curve.py).

snapshots/step-0000710/    weights after a sixth of training
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from distill.runs.files import whole_folder
from distill.training.schedules import TrainingPlan

PARTS = 6
"""Equal parts of training; a snapshot stands at the end of each but the last, which the student itself is."""


class Snapshots(TrainerCallback):
    """Saves the student in `folder` whenever a part of training ends; costs no training time, which counts steps."""

    def __init__(self, folder: Path, plan: TrainingPlan, save: Callable[[Path], None]) -> None:
        self.folder, self.plan, self.save, self.parts_done = folder, plan, save, 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Count the snapshots that a resumed run already has."""
        self.parts_done = self._parts(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Save a snapshot before the checkpoint of this step, so that a resumed run misses none."""
        parts, before = self._parts(state.global_step), self.parts_done
        self.parts_done = parts
        if before < parts < PARTS and args.should_save:
            with whole_folder(self.folder / f"step-{state.global_step:07d}") as folder:
                self.save(folder)

    def _parts(self, steps: int) -> int:
        return int(PARTS * self.plan.progress(steps))
