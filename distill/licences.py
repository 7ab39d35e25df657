"""Whose work is in a student, and on what terms: its base, its teacher, its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from teachers.datasets import CARDS


@dataclass(frozen=True, slots=True)
class Licence:
    """One line of the table: the base, the teacher or the data."""

    part: str
    name: str
    licence: str
    source: str = ""


OURS = "Apache-2.0, as this project"


def licences(recipe: Mapping[str, Any]) -> list[Licence]:
    """Base, teacher and data of a recipe, as plain values; what is not known is said to be so."""
    return [_base(recipe.get("student") or {}), *_teacher_and_data(recipe.get("teacher") or {})]


def _base(student: Mapping[str, Any]) -> Licence:
    if student.get("kind") != "adapter":
        return Licence("base", "none, the weights start from noise", OURS)
    from distill.adapter_bases import BaseFacts, find_base

    name = str(student.get("base"))
    return Licence("base", name, (find_base(name) or BaseFacts(name, {})).licence)


def _teacher_and_data(teacher: Mapping[str, Any]) -> list[Licence]:
    if teacher.get("kind") != "reference":
        solver = Licence("teacher", "embedded exact solver", OURS)
        return [solver, Licence("data", "questions drawn by this project, nothing copied", OURS)]
    names = list(teacher.get("datasets") or {}) or [teacher.get("dataset", "gsm8k")]
    found = [Licence("teacher", f"reference solutions of {', '.join(names)}", "as the data")]
    for name in names:
        card = CARDS.get(name)
        found.append(Licence("data", name, card.licence if card else "not known", card.citation if card else ""))
    return found
