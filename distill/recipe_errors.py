"""Pydantic's findings in the words of a recipe: place, finding, cure.

train.lerning_rate (my.yaml:12): unknown key, did you mean "learning_rate"? (max_steps, learning_rate, …)
"""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from distill.errors import unknown_name
from distill.recipe_io import Key, RecipeText

SENTENCES = {
    "missing": "missing, and it has no default",
    "string_type": "text is due here, this is {input}",
    "bool_type": "true or false is due here, this is {input}",
    "int_from_float": "a whole number is due here, this is {input}",
    "int_type": "a whole number is due here, this is {input}",
    "float_type": "a number is due here, this is {input}",
    "finite_number": "{input} is not a finite number",
    "greater_than": "{input} is too small, more than {gt} is due",
    "greater_than_equal": "{input} is too small, {ge} at least",
    "less_than": "{input} is too large, less than {lt} is due",
    "less_than_equal": "{input} is too large, {le} at most",
    "literal_error": "{input} is not one of {expected}",
    "model_type": "a section (key: value lines) is due here, this is {input}",
    "dict_type": "a section (key: value lines) is due here, this is {input}",
    "string_pattern_mismatch": "{input} holds more than letters, digits, dot, dash and underscore, or is too long",
    "tuple_type": "a list is due here, this is {input}",
    "too_short": "the list is empty",
}
"""Error type of pydantic to our sentence; another type keeps pydantic's own."""


def describe(error: ValidationError, text: RecipeText, schema: type[BaseModel]) -> list[str]:
    """One line a problem, in the order of the recipe's keys."""
    lines: dict[str, None] = {}
    for details in error.errors():
        if not details["loc"]:
            lines.update(dict.fromkeys(details["msg"].removeprefix("Value error, ").split("\n")))
        else:
            key, section = _locate(details["loc"], schema)
            if details["type"] == "union_tag_invalid":
                key = (*key, details["ctx"]["discriminator"].strip("_()").rpartition("_")[2])  # type: ignore[typeddict-item]
            place = text.place(key)
            lines[f"{'.'.join(key)}{f' ({place})' if place else ''}: {_sentence(details, key, section)}"] = None
    return list(lines)


def _locate(loc: tuple[int | str, ...], schema: type[BaseModel]) -> tuple[Key, type[BaseModel] | None]:
    """The key path of an error, without pydantic's own marks in it, and the section that it stands in."""
    key: list[str] = []
    section: type[BaseModel] | None = schema
    branches: list[type[BaseModel]] = []
    holder = section
    is_mapping = False
    for part in map(str, loc):
        tagged = [branch for branch in branches if part in _tags(branch)]
        if tagged and len(branches) > 1:
            holder, branches = tagged[0], []
            continue
        if part == "[key]" or part.startswith(("function-", "tuple[", "lax-or-strict")):
            continue
        if is_mapping and branches:  # a name of the mapping's own, then the keys of its sections
            key.append(part)
            is_mapping = False
            continue
        if branches:
            holder = branches[0]
        section = holder
        key.append(part)
        field = holder.model_fields.get(part) if holder else None
        branches = _sections(field.annotation) if field else []
        is_mapping = field is not None and get_origin(field.annotation) is dict
        if not branches:
            holder = None
    return tuple(key), section


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The section classes that an annotation names, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]


def _tags(section: type[BaseModel]) -> tuple[Any, ...]:
    fields = (section.model_fields.get(name) for name in ("kind", "policy"))
    return tuple(tag for field in fields if field for tag in get_args(field.annotation))


def _sentence(details: ErrorDetails, key: Key, section: type[BaseModel] | None) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_name("key", key[-1], list(section.model_fields) if section else [])
    if kind == "literal_error":
        allowed = [word.strip(" '") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        if details["loc"][-1] == "[key]":
            return unknown_name("key", key[-1], allowed)
        if isinstance(details["input"], str):
            return unknown_name(f'value "{details["input"]}"', details["input"], allowed)
        return f"{_show(details['input'])} is not one of {', '.join(allowed)}"
    if kind == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        return unknown_name(f'value "{context["tag"]}"', str(context["tag"]), tags)
    if kind == "value_error":
        return str(context["error"])
    sentence = SENTENCES.get(kind)
    return sentence.format(input=_show(details["input"]), **context) if sentence else details["msg"]


def _show(value: Any) -> str:
    """A value as it stands in YAML, short."""
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = f'"{text}"' if isinstance(value, str) else text
    return text if len(text) <= 60 else text[:57] + "..."
