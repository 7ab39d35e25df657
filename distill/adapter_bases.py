"""What ships about the bases of the recipes: sizes and licence, so that a forecast needs no download.

    find_base("Qwen/Qwen2.5-3B-Instruct").config["hidden_size"]  ->  2048

One file a base in recipes/bases/; a local folder's own config.json serves as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.recipe_io import SHIPPED
from distill.runs import read_json


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """A base's configuration, as in its config.json, and whose licence holds for what is made with it."""

    name: str
    config: dict[str, Any]
    licence: str = "not recorded here; see the base's own card"
    licence_id: str = "other"


def find_base(name: str) -> BaseFacts | None:
    """The facts of a base by its name on the Hub or its folder; None where nothing is known of it."""
    folder = Path(name)
    if (folder / "config.json").is_file():
        return BaseFacts(name, read_json(folder / "config.json"))
    for path in sorted((SHIPPED / "bases").glob("*.json")):
        facts = read_json(path)
        if facts["name"] == name:
            return BaseFacts(**facts)
    return None
