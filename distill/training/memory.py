"""Keeps memory between the steps of a student trained from scratch on a CPU, up to a share of the machine's."""

from __future__ import annotations

import os

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from students.freed_memory import keep_freed_memory, release_memory, resident_bytes

SHARE = 0.6
"""Of the machine's memory, what all training processes may keep together."""
STEPS = 10
"""Optimizer steps between two looks at the memory."""


def kept_memory(model: nn.Module, processes: int) -> KeptMemory | None:
    """Keep freed memory from now on, and the callback that limits it; None on a GPU, and for the adapters of a base.

    A base with its adapters fills the memory as it is.
    """
    if torch.cuda.is_available() or not all(parameter.requires_grad for parameter in model.parameters()):
        return None
    return KeptMemory(processes) if keep_freed_memory() else None


class KeptMemory(TrainerCallback):
    """Gives freed memory back as soon as a process takes more than its share."""

    def __init__(self, processes: int) -> None:
        self.most = SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / processes

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Look at the memory, and release it if it is too much."""
        if state.global_step % STEPS == 0 and resident_bytes() > self.most:
            release_memory()
