"""Writes the keys of docs/recipes.md from the docstrings of the schema.

    python -m distill.recipe.reference docs/recipes.md      # or: make docs

The part of the page above MARKER is written by hand and kept.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import to_json

from distill.recipe.fields import Section
from distill.recipe.schema import Recipe

MARKER = "<!-- Everything below is written by `make docs` from the docstrings in distill/recipe/. -->"

KINDS = {
    "integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`",
    "array": "list", "object": "mapping",
}  # fmt: skip
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def write_page(page: str) -> str:
    """The page with regenerated keys."""
    return "\n\n".join([page.partition(MARKER)[0] + MARKER, *reference()]) + "\n"


def reference() -> Iterator[str]:
    """The headings, descriptions and tables of all sections, top down."""
    yield "## Keys"
    yield _table(Recipe)
    for name, field in Recipe.model_fields.items():
        for section in sections_of(field.annotation):
            yield from _section(section, name, field)


def sections_of(annotation: object) -> list[type[Section]]:
    """The section classes that an annotation names, in order."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for argument in get_args(annotation) for section in sections_of(argument)]


def docstrings(section: type[Section]) -> dict[str, str]:
    """Key to the docstring below it, those of inherited keys included.

    >>> docstrings(Recipe)["train"]
    'Length of training, and the optimizer.'
    """
    found: dict[str, str] = {}
    for owner in reversed(section.__mro__):
        if not issubclass(owner, Section) or owner is Section:
            continue
        (body,) = ast.parse(inspect.getsource(owner)).body
        assert isinstance(body, ast.ClassDef)
        for line, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(below, ast.Expr):
                found[line.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def _section(section: type[Section], path: str, field: FieldInfo) -> Iterator[str]:
    """One section and those inside it, each class once at a place."""
    title = f"`{path}`"
    if field.discriminator:
        tag = section.model_fields[str(field.discriminator)]
        title += f" with `{field.discriminator}: {get_args(tag.annotation)[0]}`"
    is_mapping = get_origin(field.annotation) is dict
    yield f"### {title}{': each entry' if is_mapping else ''}"
    yield " ".join((inspect.getdoc(section) or "").split())
    yield _table(section)
    seen: list[type[Section]] = []
    for name, inner in section.model_fields.items():
        for below in sections_of(inner.annotation):
            if below not in seen:
                seen.append(below)
                names = [n for n, f in section.model_fields.items() if below in sections_of(f.annotation)]
                yield from _section(below, f"{path}.{name}" if len(names) == 1 else _joined(path, names), inner)


def _joined(path: str, names: list[str]) -> str:
    return "`, `".join(f"{path}.{name}" for name in names)


def _table(section: type[Section]) -> str:
    meanings = docstrings(section)
    properties = section.model_json_schema()["properties"]
    rows = []
    for name, field in section.model_fields.items():
        values = _values(properties[name], ",".join(_limits(_metadata(field))))
        meaning = meanings[name].replace("|", "&#124;")
        rows.append(f"| `{name}` | {values} | {_default(field)} | {meaning} |")
    return "\n".join(["| key | value | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "unset"
    if isinstance(value, Section):
        changed = value.model_dump(exclude_defaults=True)
        return f"`{_yaml(changed)}`" if changed else "see below"
    return f"`{_yaml(value)}`"


def _yaml(value: object) -> str:
    """A value on one line, as a recipe could hold it."""
    if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    if isinstance(value, str):
        return value
    return to_json(value).decode().replace('"', "").replace(":", ": ").replace(",", ", ")


def _values(schema: dict[str, object], limits: str) -> str:
    """The allowed values of a key, in words."""
    choices = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(choices, list):
        found = [_values(choice, limits) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if "const" in schema:
        return f"`{schema['const']}`"
    if isinstance(words := schema.get("enum"), list):
        return ", ".join(f"`{word}`" for word in words)
    return KINDS.get(str(schema.get("type")), "section") + limits


def _limits(metadata: Iterable[object]) -> Iterator[str]:
    """The bounds of a number from its `Annotated` type."""
    for entry in metadata:
        if isinstance(entry, FieldInfo):
            yield from _limits(entry.metadata)
        for name, sign in SIGNS.items():
            if (bound := getattr(entry, name, None)) is not None:
                yield f" {sign} {bound:,}"


def _metadata(field: FieldInfo) -> Iterator[object]:
    yield from field.metadata
    if isinstance(field.annotation, UnionType) or get_origin(field.annotation) is Union:
        for choice in get_args(field.annotation):
            yield from getattr(choice, "__metadata__", ())


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(write_page(file.read_text(encoding="utf-8")), encoding="utf-8")
