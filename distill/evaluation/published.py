"""The published results of the nano students, as shares; every nano report compares with them."""

from __future__ import annotations

MINIAXION1: dict[str, float] = {
    "arithmetic": 0.033,
    "two_step": 0.10,
    "even_odd": 1.0,
    "comparison": 0.05,
    "pattern": 0.0,
    "word_problem": 0.0,
    "sorting": 0.0,
}
MINIAXION15: dict[str, float] = {
    "addition": 0.10,
    "subtraction": 0.10,
    "multiplication": 0.0,
    "even_odd": 1.0,
    "comparison": 0.05,
    "sequence": 0.0,
    "word_addition": 0.10,
    "word_subtraction": 0.0,
    "word_multiplication": 0.10,
    "true_false": 1.0,
    "chat": 1.0,
}
PUBLISHED: dict[str, dict[str, float]] = {"miniaxion1": MINIAXION1, "miniaxion1.5": MINIAXION15}
PUBLISHED_FORMAT: dict[str, dict[str, float]] = {
    "miniaxion1": {"well_formed": 1.0},
    "miniaxion1.5": {"thinking_rate": 1.0, "step_format": 1.0, "answer_completion": 1.0},
}
LANGUAGE = {"miniaxion1": "en", "miniaxion1.5": "pt"}
"""The language that each table was measured in."""

TALK = frozenset({"chat"})
"""Tasks that are talk: no part of an average over answers, and without anything to execute or verify."""


def table_of(tasks: set[str], language: str = "auto") -> str | None:
    """The name of the published table with all of these tasks, preferably in that language; None if there is none."""
    tables = sorted(PUBLISHED, key=lambda name: LANGUAGE[name] != language)
    return next((name for name in tables if tasks and tasks <= set(PUBLISHED[name])), None)
