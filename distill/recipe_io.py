"""Recipe files: YAML in, a plain mapping out that remembers the line of every key.

YAML as in version 1.2: only `true` and `false` are booleans (so `compile: off` is text), `2e-4` is a number.

    include: miniaxion_from_teacher.yaml      # one level deep, beside this file
    train: {max_minutes: 80}                  # merged over it, key by key
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from distill.errors import UserError, near_matches

SHIPPED = Path(__file__).resolve().parent.parent / "recipes"
"""The recipes that ship: beside the package in a checkout and in an installation alike."""

BRANCH_KEYS = ("kind", "policy")
"""Keys that select what a section means: a section that sets another value replaces what it would be merged over."""

Key = tuple[str, ...]


@dataclass(slots=True)
class RecipeText:
    """The mapping of a recipe with the place (`file.yaml:12`, `--set`) that each key came from."""

    title: str
    data: dict[str, Any]
    places: dict[Key, str] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """Where the key, or the section around it, was written; empty if nowhere."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.places:
                return self.places[key[:end]]
        return ""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars, no aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(None, None, "aliases are not read here, write the value out", event.start_mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf)|\.(nan|NaN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def shipped_recipes() -> dict[str, Path]:
    """Name to file of every recipe that ships, sorted by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find_recipe(path_or_name: str) -> Path:
    """The file of a recipe given as a path or as the name of one that ships.

    Raises:
        UserError: there is none; near matches are listed.
    """
    path = Path(path_or_name)
    shipped = shipped_recipes()
    if path.is_file():
        return path
    if path.is_dir():
        raise UserError(f"{path_or_name}: a folder, not a recipe file")
    if path_or_name in shipped:
        return shipped[path_or_name]
    is_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    names = near_matches(path.stem, shipped) or list(shipped)
    found = "no such file" if is_path else "no recipe of this name and no such file"
    raise UserError(f"{path_or_name}: {found}; recipes that ship: {', '.join(names)}")


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> RecipeText:
    """The recipe at `path` merged over what it includes, then each `key.path=value` of `overrides`.

    Raises:
        UserError: not readable, not YAML, not a mapping, an include that is missing or includes again, a bad override.
    """
    recipe = _read_file(path)
    include = recipe.data.pop("include", None)
    if include is not None:
        recipe = _include(recipe, include, path)
    branches_first = sorted(
        overrides, key=lambda override: override.partition("=")[0].split(".")[-1] not in BRANCH_KEYS
    )
    problems = [problem for override in branches_first if (problem := _override(recipe, override))]
    if problems:
        raise UserError(*(f"--set {problem}" for problem in problems))
    return recipe


def _include(recipe: RecipeText, include: Any, path: Path) -> RecipeText:
    place = recipe.places.get(("include",), str(path))
    if not isinstance(include, str):
        raise UserError(f"{place} include: the name of one recipe file is due here")
    base_path = next((p for p in (path.parent / include, SHIPPED / include) if p.is_file()), None)
    if base_path is None:
        raise UserError(f"{place} include: no file {include} beside {path.name} and none that ships")
    base = _read_file(base_path)
    if "include" in base.data:
        raise UserError(f"{place} include: {base_path.name} includes another file itself; one level is read")
    _merge(base.data, recipe.data)
    return RecipeText(recipe.title, base.data, base.places | recipe.places)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Write `over` into `base`, key by key through the sections."""
    for key, value in over.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _branches_off(old, value):
            _merge(old, value)
        else:
            base[key] = value


def _branches_off(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(key in new and new[key] != old.get(key) for key in BRANCH_KEYS)


def _override(recipe: RecipeText, override: str) -> str | None:
    """Apply `a.b=value`; the problem in words if that cannot be done."""
    name, equals, text = override.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or not all(keys):
        return f"{override}: write it as key.path=value, for example train.max_steps=100"
    try:
        value = _construct(yaml.compose(text, _Loader), (), {}, "--set")
    except (yaml.YAMLError, RecursionError, ValueError):
        value = text
    section = recipe.data
    for depth, key in enumerate(keys[:-1], start=1):
        if section.get(key) is None:
            section[key] = {}
        section = section[key]
        if not isinstance(section, dict):
            return f"{override}: {'.'.join(keys[:depth])} is a value, not a section"
    if keys[-1] in BRANCH_KEYS and section.get(keys[-1]) != value:
        section.clear()
    section[keys[-1]] = value
    for depth in range(1, len(keys)):
        recipe.places.setdefault(keys[:depth], "--set")
    recipe.places[keys] = "--set"
    return None


def _read_file(path: Path) -> RecipeText:
    places: dict[Key, str] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = _construct(yaml.compose(text, _Loader), (), places, path.name)
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{path}{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except (RecursionError, ValueError):
        raise UserError(f"{path}: nested too deeply, or a number of thousands of digits") from None
    if data is None:
        raise UserError(f"{path}: empty; a recipe has at least a name, a teacher and a student")
    if not isinstance(data, dict):
        raise UserError(f"{path}: a mapping (key: value) is due at the top, this is {_kind(data)}")
    return RecipeText(str(path), data, places)


def _construct(node: yaml.Node | None, key: Key, places: dict[Key, str], file: str) -> Any:
    """The value of a node; the line of every key goes into `places`."""
    if node is None:
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*key, str(i)), places, file) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if not isinstance(key_node, yaml.ScalarNode):
                raise _unreadable("a key must be a plain word", key_node)
            if name in mapping:
                raise _unreadable(f'the key "{name}" stands here twice', key_node)
            places[(*key, name)] = f"{file}:{key_node.start_mark.line + 1}"
            mapping[name] = _construct(value_node, (*key, name), places, file)
        return mapping
    if node.tag == "tag:yaml.org,2002:int":
        return int(node.value)
    if node.tag == "tag:yaml.org,2002:float":
        return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if node.tag == "tag:yaml.org,2002:bool":
        return node.value.lower() == "true"
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if node.tag != "tag:yaml.org,2002:str":
        raise _unreadable(f"the tag {node.tag} is not read here", node)
    return node.value


def _unreadable(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, node.start_mark)


def _kind(value: Any) -> str:
    return {list: "a list", str: "text", bool: "true or false"}.get(type(value), "a number")
