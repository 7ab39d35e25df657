"""Licences of a student's base model, teacher and data."""

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
    base = _base(recipe.get("student") or {})
    return [base, *_teacher_and_data(recipe.get("teacher") or {}, base)]


def _base(student: Mapping[str, Any]) -> Licence:
    if "base" not in student:
        return Licence("base", "none, the weights start from noise", OURS)
    from distill.data.bases import BaseFacts, find_base

    name = str(student.get("base"))
    return Licence("base", name, (find_base(name) or BaseFacts(name, {})).licence)


def _model_teacher(teacher: Mapping[str, Any], base: Licence) -> list[Licence]:
    """A teacher that is a model, and the problems that it solved."""
    from distill.data.bases import licence_of

    found = []
    for one in (teacher, *(teacher.get("mix") or {}).values()):
        if one["kind"] == "reference":
            found.append(Licence("teacher", "reference solutions", "as the data"))
        else:
            name = base.name if one["kind"] == "self" else str(one.get("model"))
            found.append(Licence("teacher", f"{name}, in its own words", licence_of(name)))
    if teacher.get("problems"):
        return [*found, Licence("data", str(teacher["problems"]), "of that file")]
    return [*found, *_data(list(teacher.get("datasets") or {}) or [teacher.get("dataset", "gsm8k")])]


def _data(names: list[str]) -> list[Licence]:
    cards = {name: CARDS.get(name) for name in names}
    return [
        Licence("data", name, card.licence if card else "not known", card.citation if card else "")
        for name, card in cards.items()
    ]


def _teacher_and_data(teacher: Mapping[str, Any], base: Licence) -> list[Licence]:
    if teacher.get("kind") in ("self", "local", "endpoint"):
        return _model_teacher(teacher, base)
    if teacher.get("kind") != "reference":
        solver = Licence("teacher", "embedded exact solver", OURS)
        return [solver, Licence("data", "questions drawn by this project, nothing copied", OURS)]
    names = list(teacher.get("datasets") or {}) or [teacher.get("dataset", "gsm8k")]
    return [Licence("teacher", f"reference solutions of {', '.join(names)}", "as the data"), *_data(names)]
