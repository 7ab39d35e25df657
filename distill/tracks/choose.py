"""Chooses the track of a recipe: the only code that asks for the kind of student."""

from __future__ import annotations

from distill.recipe.schema import AdapterStudent, Recipe
from distill.tracks.adapter import adapter_track
from distill.tracks.nano import nano_track
from distill.tracks.track import Track


def track_of(recipe: Recipe) -> Track:
    """The track of a recipe: the functions for its kind of student."""
    student = recipe.student
    return adapter_track(recipe, student) if isinstance(student, AdapterStudent) else nano_track(recipe, student)
