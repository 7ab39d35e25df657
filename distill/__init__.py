"""Step-aware distillation: from traces to a student that writes its reasoning in stages.

`distill run RECIPE` on the command line; from Python:

    from distill import load_recipe, run

    run(load_recipe("miniaxion_from_teacher", ["train.max_minutes=5"]))
"""

from __future__ import annotations

from distill.errors import UserError
from distill.pipeline import run
from distill.recipe import Recipe, load_recipe
from distill.runs import Run

__all__ = ["Recipe", "Run", "UserError", "load_recipe", "run"]
