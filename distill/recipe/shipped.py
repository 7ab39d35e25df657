"""Reads the head comment of each recipe that ships: group, machine, minutes, status.

# The main job: MiniAxion1 (920,833 parameters) learns seven English tasks from the exact teacher.
#
# group: MiniAxion
# machine: 2 CPU cores, no network
# minutes: 30
# status: measured
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from distill.recipe.files import shipped_recipes

Group = Literal["first look", "MiniAxion", "Axion", "NanoReason", "baselines"]
Status = Literal["tested", "measured", "partly run", "not run"]
"""`tested`: the test suite runs it. `measured`: run as it stands, results in benchmarks/RESULTS.md. `partly run`: run
shorter, or not in one piece. `not run`: checked only."""


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """A recipe that ships; `minutes` of training on `machine`, None if unknown."""

    name: str
    path: Path
    summary: str
    group: Group
    machine: str
    minutes: int | None
    status: Status


def describe_shipped() -> list[ShippedRecipe]:
    """Every recipe that ships, ordered by group and then by name."""
    groups = get_args(Group)
    recipes = [_describe(name, path) for name, path in shipped_recipes().items()]
    return sorted(recipes, key=lambda recipe: groups.index(recipe.group))


def _describe(name: str, path: Path) -> ShippedRecipe:
    head: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        head.append(line.removeprefix("#").strip())
    facts = {key: value.strip() for key, colon, value in (line.partition(":") for line in head[1:]) if colon}
    group = next(group for group in get_args(Group) if group == facts["group"])
    status = next(status for status in get_args(Status) if status == facts["status"])
    minutes = None if facts["minutes"] == "unknown" else int(facts["minutes"])
    return ShippedRecipe(name, path, head[0], group, facts["machine"], minutes, status)
