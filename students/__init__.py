"""Students: what maps input ids to logits, and how they are loaded and decoded."""

from __future__ import annotations

from students.generation import load_student

__all__ = ["load_student"]
