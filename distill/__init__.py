"""Step-aware distillation: from traces to a student that writes its reasoning in stages.

`distill run RECIPE` on the command line; from Python:

    from distill import load_recipe, run

    run(load_recipe("miniaxion_from_teacher", ["train.max_minutes=5"]))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distill.errors import UserError
    from distill.recipe.schema import Recipe, load_recipe
    from distill.runs.folder import Run
    from distill.verbs.run import run

__all__ = ["Recipe", "Run", "UserError", "load_recipe", "run"]

_HOMES = {
    "Recipe": "distill.recipe.schema",
    "Run": "distill.runs.folder",
    "UserError": "distill.errors",
    "load_recipe": "distill.recipe.schema",
    "run": "distill.verbs.run",
}


def __getattr__(name: str) -> object:
    """Import a public name at its first use, so that `distill --help` does not wait for the schema."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
