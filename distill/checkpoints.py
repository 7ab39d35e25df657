"""Checkpoint folders that appear whole or not at all.

    checkpoints/checkpoint-400/   model.safetensors  optimizer.pt  scheduler.pt  rng_state.pth
                                  trainer_state.json  stage_trainer.json

The .pt and .pth files are read with `weights_only=True`, so that no code in them can run.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

STATE_NAME = "stage_trainer.json"
KEPT = 2
"""Checkpoints that stay; the older ones are deleted when a new one is whole."""


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in a folder, or None."""
    return found[-1] if (found := _checkpoints(folder)) else None


def write_state(checkpoint: Path, state: dict[str, Any]) -> None:
    """What `read_state` gives back, floats to the last bit."""
    (checkpoint / STATE_NAME).write_text(json.dumps(state), encoding="utf-8")


def read_state(checkpoint: Path) -> dict[str, Any]:
    """The state of the stage trainer: steps done, plan, policy, running sums."""
    return json.loads((checkpoint / STATE_NAME).read_text(encoding="utf-8"))


def publish(source: Path, folder: Path) -> None:
    """Flush a finished checkpoint to disk, move it into `folder`, delete the oldest."""
    for path in [*source.rglob("*"), source]:
        _flush(path)
    target = folder / source.name
    shutil.rmtree(target, ignore_errors=True)
    source.rename(target)
    _flush(folder)
    for old in _checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _checkpoints(folder: Path) -> list[Path]:
    found = [p for p in folder.glob("checkpoint-*") if p.name.split("-")[1].isdigit() and (p / STATE_NAME).exists()]
    return sorted(found, key=lambda p: int(p.name.split("-")[1]))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
