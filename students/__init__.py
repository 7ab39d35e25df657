"""Students: what maps input ids to logits, and how they are loaded and decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from students.generation import load_student

if TYPE_CHECKING:
    from students.dual_lora import add_dual_lora

__all__ = ["add_dual_lora", "load_student"]


def __getattr__(name: str) -> Any:
    """`add_dual_lora` on first use: it needs PEFT, which nano students do not."""
    if name == "add_dual_lora":
        from students.dual_lora import add_dual_lora

        return add_dual_lora
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
