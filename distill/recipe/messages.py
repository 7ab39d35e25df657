"""Pydantic's errors as messages for a user: place, finding, cure.

train.lerning_rate (my.yaml:12): unknown key, did you mean "learning_rate"? (max_steps, learning_rate, …)
"""

from __future__ import annotations

from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from distill.errors import unknown_name
from distill.recipe.files import RecipeText
from distill.recipe.yaml_text import Key

SENTENCES = {
    "missing": "missing, and it has no default",
    "string_type": "expected text, this is {input}",
    "bool_type": "expected true or false, this is {input}",
    "int_from_float": "expected a whole number, this is {input}",
    "int_type": "expected a whole number, this is {input}",
    "float_type": "expected a number, this is {input}",
    "finite_number": "{input} is not a finite number",
    "greater_than": "{input} is too small, it must be more than {gt}",
    "greater_than_equal": "{input} is too small, {ge} at least",
    "less_than": "{input} is too large, it must be less than {lt}",
    "less_than_equal": "{input} is too large, {le} at most",
    "model_type": "expected a section (key: value lines), this is {input}",
    "model_attributes_type": "expected a section (key: value lines), this is {input}",
    "dict_type": "expected a section (key: value lines), this is {input}",
    "string_pattern_mismatch": "{input} holds more than letters, digits, dot, dash and underscore, or is too long",
    "tuple_type": "expected a list, this is {input}",
    "too_short": "the list is empty",
}
"""Error type of pydantic to our sentence; another type keeps pydantic's own."""

MAX_PROBLEMS = 50


def describe(error: ValidationError, text: RecipeText, schema: type[BaseModel]) -> list[str]:
    """One line per problem, in the order of the recipe's keys; many are cut short."""
    lines: dict[str, None] = {}
    for details in error.errors():
        if not details["loc"]:
            lines.update(dict.fromkeys(details["msg"].removeprefix("Value error, ").split("\n")))
            continue
        key, section = _locate(details["loc"], schema)
        if details["type"] == "union_tag_invalid":
            key = (*key, details["ctx"]["discriminator"].strip("'"))  # type: ignore[typeddict-item]
        place = text.place(key)
        lines[f"{'.'.join(key)}{f' ({place})' if place else ''}: {_sentence(details, key, section)}"] = None
    more = len(lines) - MAX_PROBLEMS
    return [*list(lines)[:MAX_PROBLEMS], *([f"… and {more:,} more problems"] if more > 0 else [])]


def _locate(loc: tuple[int | str, ...], schema: type[BaseModel]) -> tuple[Key, type[BaseModel] | None]:
    """The key path of an error, without pydantic's tags, and the section of the last key."""
    key: list[str] = []
    holder: type[BaseModel] | None = None
    section: type[BaseModel] | None = schema
    is_name = False  # the next part is a name in a mapping of sections
    parts = iter(map(str, loc))
    for part in parts:
        if part == "[key]":
            continue
        key.append(part)
        if is_name:
            is_name = False
            continue
        holder = section
        field = section.model_fields.get(part) if section else None
        section, is_name = None, False
        if field is not None:
            sections = _sections(field.annotation)
            tag = next(parts, None) if field.discriminator else None
            section = next((s for s in sections if tag is None or tag in _tags(s, field)), None)
            is_name = get_origin(field.annotation) is dict
    return tuple(key), holder


def _sections(annotation: object) -> list[type[BaseModel]]:
    """The section classes in an annotation, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]


def _tags(section: type[BaseModel], field: FieldInfo) -> tuple[str, ...]:
    """The values of the discriminator that select a section of a union."""
    return get_args(section.model_fields[str(field.discriminator)].annotation)


def _sentence(details: ErrorDetails, key: Key, section: type[BaseModel] | None) -> str:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "extra_forbidden":
        return unknown_name("key", key[-1], list(section.model_fields) if section else [])
    if kind in ("literal_error", "union_tag_invalid"):
        value = context.get("tag", value)
        listed = str(context.get("expected") or context["expected_tags"]).replace(" or ", ", ")
        allowed = [word.strip(" '") for word in listed.split(",")]
        if not isinstance(value, str):
            return f"{_show(value)} is not one of {', '.join(allowed)}"
        return unknown_name("key" if details["loc"][-1] == "[key]" else f'value "{value}"', value, allowed)
    if kind == "value_error":
        return str(context["error"])
    sentence = SENTENCES.get(kind)
    return sentence.format(input=_show(value), **context) if sentence else details["msg"]


def _show(value: object) -> str:
    """A value as it is written in YAML, short."""
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = f'"{text}"' if isinstance(value, str) else text
    return text if len(text) <= 60 else text[:57] + "..."
