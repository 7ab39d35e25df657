"""Checkpoint folders: written atomically, and checked for damage when they are read.

    checkpoints/checkpoint-400/   model.safetensors  optimizer.pt  scheduler.pt  rng_state.pth
                                  trainer_state.json  stage_trainer.json  checksums.json

checksums.json holds the size and the SHA-256 of every other file. The .pt and .pth files are read with
`weights_only=True`, so that no code in them can run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from distill.errors import UserError
from distill.runs.files import follow_umask

STATE_NAME = "stage_trainer.json"
CHECKSUMS_NAME = "checksums.json"
WRITING = ".writing"
"""Folder in which a checkpoint is written, before it is moved to its place."""
KEPT = 2
"""Checkpoints that stay; the older ones are deleted when a new one is whole."""


class StageState(TypedDict):
    """What `StageTrainer` adds to the state that transformers keeps; JSON."""

    steps_done: int
    plan: dict[str, Any]
    policy: dict[str, Any]
    log: dict[str, Any]
    balance: list[list[float]]


def last_sound_checkpoint(folder: Path, say: Callable[[str], None] = lambda text: None) -> Path | None:
    """The newest undamaged checkpoint in a folder, or None if it has no checkpoint; `say` reports damaged ones.

    Raises:
        UserError: every checkpoint is damaged.
    """
    damages: list[str] = []
    for checkpoint in reversed(_checkpoints(folder)):
        if (damage := find_damage(checkpoint)) is None:
            if damages:
                say(f"{'; '.join(damages)}; resuming from {checkpoint.name}")
            return checkpoint
        damages.append(f"{checkpoint.name} is damaged ({damage})")
    if damages:
        raise UserError(f"{'; '.join(damages)}; delete {folder} to train from the first step again")
    return None


def find_damage(checkpoint: Path) -> str | None:
    """The first damage found in the files of a checkpoint; None if all are as they were written."""
    try:
        checksums = json.loads((checkpoint / CHECKSUMS_NAME).read_text(encoding="utf-8"))
        expected = {name: (entry["bytes"], entry["sha256"]) for name, entry in checksums.items()}
    except FileNotFoundError:
        return f"{CHECKSUMS_NAME}: missing"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{CHECKSUMS_NAME}: cannot be read"
    if STATE_NAME not in expected:
        return f"{CHECKSUMS_NAME}: names no {STATE_NAME}"
    for name, (size, digest) in expected.items():
        file = checkpoint / name
        if not file.is_file():
            return f"{name}: missing"
        if file.stat().st_size != size:
            return f"{name}: {file.stat().st_size:,} bytes instead of {size:,}"
        if _digest(file) != digest:
            return f"{name}: not what was written"
    return None


def write_state(checkpoint: Path, state: StageState) -> None:
    """Write the state; `read_state` gives it back, floats to the last bit."""
    (checkpoint / STATE_NAME).write_text(json.dumps(state), encoding="utf-8")


def read_state(checkpoint: Path) -> StageState:
    """The state of the stage trainer: steps done, plan, policy, running sums."""
    return json.loads((checkpoint / STATE_NAME).read_text(encoding="utf-8"))


def publish(source: Path, folder: Path) -> None:
    """Write the checksums of a finished checkpoint, flush it to disk, move it into `folder`, delete what it replaces.

    Its files get the permissions of the user's umask. Checkpoints of later steps are deleted too: training has resumed
    before them because they were damaged.
    """
    files = sorted(path for path in source.rglob("*") if path.is_file())
    checksums = {
        path.relative_to(source).as_posix(): {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in files
    }
    (source / CHECKSUMS_NAME).write_text(json.dumps(checksums, indent=2), encoding="utf-8")
    follow_umask(source)
    for path in [*source.rglob("*"), source]:
        _flush(path)
    target = folder / source.name
    shutil.rmtree(target, ignore_errors=True)
    source.rename(target)
    _flush(folder)
    found = _checkpoints(folder)
    newest = found.index(target)
    for old in [*found[: max(newest + 1 - KEPT, 0)], *found[newest + 1 :]]:
        shutil.rmtree(old, ignore_errors=True)


def _checkpoints(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and path.name.split("-")[1].isdigit()]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
