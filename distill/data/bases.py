"""What ships about the bases of the recipes: sizes and licence, so that a forecast needs no download.

    find_base("Qwen/Qwen2.5-3B-Instruct").config["hidden_size"]  ->  2048

One file a base in recipes/bases/; a local folder's own config.json serves as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import UserError
from distill.recipe.files import SHIPPED
from distill.recipe.schema import AdapterStudent
from distill.runs.files import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from students.adapter import Base


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """A base's configuration, as in its config.json, and the licence that applies to models made from it."""

    name: str
    config: dict[str, Any]
    licence: str = "not recorded here; see the base's own card"
    licence_id: str = "other"


def find_base(name: str) -> BaseFacts | None:
    """The facts of a base by its name on the Hub or its folder; None if it is unknown."""
    folder = Path(name)
    if (folder / "config.json").is_file():
        return BaseFacts(name, read_json(folder / "config.json"))
    for path in sorted((SHIPPED / "bases").glob("*.json")):
        facts = read_json(path)
        if facts["name"] == name:
            return BaseFacts(**facts)
    return None


def licence_of(model: str) -> str:
    """The licence of a model by its name; the name may end in its quantisation."""
    name = model.partition(" (")[0].partition(",")[0]
    return (find_base(name) or BaseFacts(name, {})).licence


@contextmanager
def base_errors(section: str = "student") -> Iterator[None]:
    """Report a base that cannot be loaded as a mistake in this section of the recipe."""
    from students.adapter import BaseError

    try:
        yield
    except BaseError as error:
        raise UserError(str(error), heading=section) from error


def base_of(student: AdapterStudent) -> Base:
    """The base of the `student` section of a recipe."""
    from students.adapter import Base

    return Base(student.base, student.gguf_file, student.load_in_4bit)


def base_tokenizer(student: AdapterStudent) -> PreTrainedTokenizerBase:
    """The unchanged tokenizer of the base; loads no weights.

    Raises:
        UserError: the base is not on this machine and cannot be downloaded.
    """
    from students.adapter import load_tokenizer

    with base_errors():
        return load_tokenizer(base_of(student))
