"""`distill recipes`: lists the recipes that ship, with time and machine; prints or copies one."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from distill.errors import UserError, unknown_name
from distill.recipe.files import shipped_recipes
from distill.recipe.shipped import describe_shipped
from distill.runs.files import disk_errors, make_folder, write_bytes

STYLES = {"tested": "green", "measured": "green", "partly run": "yellow", "not run": "red"}


def show_recipes(console: Console) -> None:
    """Print for each group a table of name, time, machine and status, with a description of each recipe."""
    described = describe_shipped()
    width = max(len(one.name) for one in described)
    for group, recipes in groupby(described, key=lambda recipe: recipe.group):
        console.print(Text(f"{group}", style="bold"))
        for one in recipes:
            time = "time unknown" if one.minutes is None else f"{one.minutes} min"
            line = Text(f"  {one.name:<{width}}  {time:>12}  {one.machine.partition(',')[0]}  ")
            console.print(line.append(one.status, style=STYLES[one.status]), soft_wrap=True)
            console.print(Padding(Text(one.summary, style="dim"), (0, 0, 0, 6)))
        console.print()
    console.print(Text("distill recipes show NAME prints one in full; distill check NAME forecasts what it needs"))


def recipe_text(name: str) -> str:
    """The file of a recipe that ships.

    Raises:
        UserError: no recipe ships under this name.
    """
    return _path(name).read_text(encoding="utf-8")


def copy_recipe(name: str, file: Path) -> Path:
    """Copy a recipe that ships to a file or into a folder; returns the file.

    Raises:
        UserError: no recipe ships under this name, the file exists, or it cannot be written.
    """
    source = _path(name)
    if file.is_dir():
        file = file / source.name
    if file.exists():
        raise UserError(f"{file}: exists already; choose another name")
    with disk_errors(file.parent):
        make_folder(file.parent)
        write_bytes(file, source.read_bytes())
    return file


def _path(name: str) -> Path:
    paths = shipped_recipes()
    if name not in paths:
        raise UserError(unknown_name(f'recipe "{name}"', name, list(paths)))
    return paths[name]
