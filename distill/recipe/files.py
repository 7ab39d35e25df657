"""Finds and reads recipe files: YAML to a plain mapping that remembers the place of every key.

include: miniaxion_from_teacher.yaml      # one level deep, beside this file
train: {max_minutes: 80}                  # merged over it, key by key
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distill.errors import UserError, near_matches
from distill.recipe.yaml_text import Key, Value, YamlError, read_yaml

SHIPPED = Path(__file__).resolve().parents[2] / "recipes"
"""The recipes that ship: beside the package in a checkout and in an installation alike."""

BRANCH_KEYS = ("kind", "policy")
"""Keys that select what a section means: a section that sets another value replaces what it would be merged over."""

MAX_BYTES = 100_000
"""Bytes of a recipe file; PyYAML needs seconds for as many."""
MAX_DEPTH = 16
"""Levels of `--set a.b.c=value`; a recipe has five."""


@dataclass(slots=True)
class RecipeText:
    """The mapping of a recipe, with the place of each key (`file.yaml:12`, `--set`)."""

    title: str
    data: dict[str, Value]
    places: dict[Key, str] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """Where the key, or the section around it, was written; empty if nowhere."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.places:
                return self.places[key[:end]]
        return ""


def shipped_recipes() -> dict[str, Path]:
    """Name to file of every recipe that ships, sorted by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find_recipe(path_or_name: str) -> Path:
    """The file of a recipe given as a path or as the name of one that ships.

    Raises:
        UserError: no such recipe; the message lists similar names.
    """
    path = Path(path_or_name)
    shipped = shipped_recipes()
    try:
        if path.is_file():
            return path
        if path.is_dir():
            raise UserError(f"{path_or_name}: a folder, not a recipe file")
        if path.exists():
            raise UserError(f"{path_or_name}: a device or a pipe; a recipe is read from a regular file")
    except OSError as error:
        raise UserError(f"{path_or_name[:80]}: cannot be read ({error.strerror})") from None
    if path_or_name in shipped:
        return shipped[path_or_name]
    is_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    found = "no such file" if is_path else "no recipe of this name and no such file"
    names = near_matches(path.stem, shipped)
    cure = f"recipes that ship: {', '.join(names)}" if names else "see distill recipes"
    raise UserError(f"{path_or_name}: {found}; {cure}")


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> RecipeText:
    """The recipe at `path` merged over what it includes, then each `key.path=value` of `overrides`.

    Raises:
        UserError: not readable, not YAML, not a mapping, a missing or nested include, or a bad override.
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


def _include(recipe: RecipeText, include: Value, path: Path) -> RecipeText:
    place = recipe.places.get(("include",), str(path))
    if not isinstance(include, str):
        raise UserError(f"{place} include: expected the name of one recipe file")
    try:
        base_path = next((p for p in (path.parent / include, SHIPPED / include) if p.is_file()), None)
    except OSError as error:
        raise UserError(f"{place} include: {include[:80]} cannot be read ({error.strerror})") from None
    if base_path is None:
        raise UserError(f"{place} include: no file {include} beside {path.name} and none that ships")
    base = _read_file(base_path)
    if "include" in base.data:
        raise UserError(
            f"{place} include: {base_path.name} includes another file; only one level of include is allowed"
        )
    merge(base.data, recipe.data)
    return RecipeText(recipe.title, base.data, base.places | recipe.places)


def merge(base: dict[str, Value], over: dict[str, Value]) -> None:
    """Write `over` into `base`, key by key through the sections; another kind or policy replaces a section."""
    for key, value in over.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _branches_off(old, value):
            merge(old, value)
        else:
            base[key] = value


def _branches_off(old: dict[str, Value], new: dict[str, Value]) -> bool:
    return any(key in new and new[key] != old.get(key) for key in BRANCH_KEYS)


def _override(recipe: RecipeText, override: str) -> str | None:
    """Apply `a.b=value`; returns the problem in words if that is impossible."""
    name, equals, text = override.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or not all(keys):
        return f"{override}: write it as key.path=value, for example train.max_steps=100"
    if len(keys) > MAX_DEPTH:
        return f"{override[:60]}…: no key of a recipe is {len(keys)} levels deep"
    try:
        value, _ = read_yaml(text)
    except YamlError:
        value = text
    section = recipe.data
    for depth, key in enumerate(keys[:-1], start=1):
        if section.get(key) is None:
            section[key] = {}
        inner = section[key]
        if not isinstance(inner, dict):
            return f"{override}: {'.'.join(keys[:depth])} is a value, not a section"
        section = inner
    if keys[-1] in BRANCH_KEYS and section.get(keys[-1]) != value:
        section.clear()
    section[keys[-1]] = value
    for depth in range(1, len(keys)):
        recipe.places.setdefault(keys[:depth], "--set")
    recipe.places[keys] = "--set"
    return None


def _read_file(path: Path) -> RecipeText:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path}: larger than 100 kB, so it is no recipe")
        data, lines = read_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except YamlError as error:
        line = f", line {error.line}, column {error.column}" if error.line else ""
        raise UserError(f"{path}{line}: not YAML: {error}") from None
    if data is None:
        raise UserError(f"{path}: empty; a recipe has at least a name, a teacher and a student")
    if not isinstance(data, dict):
        raise UserError(f"{path}: expected a mapping (key: value) at the top, this is {_kind(data)}")
    return RecipeText(str(path), data, {key: f"{path.name}:{line}" for key, line in lines.items()})


def _kind(value: Value) -> str:
    return {list: "a list", str: "text", bool: "true or false"}.get(type(value), "a number")
