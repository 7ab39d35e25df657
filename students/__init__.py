"""Students: models, and how they are loaded and decoded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from students.dual_lora import add_dual_lora
    from students.generation import load_student

__all__ = ["add_dual_lora", "load_student"]

_HOMES = {"add_dual_lora": "students.dual_lora", "load_student": "students.generation"}


def __getattr__(name: str) -> object:
    """A public name on first use: torch takes seconds to import, and PEFT is needed by adapter students only."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
