"""Writes the result of training, history.jsonl and student/; only the first process writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.runs.files import whole_folder, write_jsonl


def keep_result(folder: Path, history: Sequence[Mapping[str, Any]], save: Callable[[Path], None]) -> None:
    """Write history.jsonl, and then student/, which `save` fills."""
    write_jsonl(folder / "history.jsonl", [{k: finite(v) for k, v in entry.items()} for entry in history])
    with whole_folder(folder / "student") as student:
        save(student)


def finite(value: object) -> object:
    """The value, None where JSON has no such number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def is_first_process() -> bool:
    """Whether this process writes the files; true without several processes."""
    import torch.distributed as dist

    return not dist.is_initialized() or dist.get_rank() == 0


def num_processes() -> int:
    """How many processes train together."""
    import torch.distributed as dist

    return dist.get_world_size() if dist.is_initialized() else 1
