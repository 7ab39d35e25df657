"""Step-aware distillation: from traces to a student that writes its reasoning in stages.

`distill run RECIPE` on the command line; from Python:

    from distill import load_recipe, run

    run(load_recipe("miniaxion_from_teacher", ["train.max_minutes=5"]))
"""

from __future__ import annotations

from distill.errors import UserError
from distill.recipe import Recipe, load_recipe

__all__ = ["Recipe", "UserError", "load_recipe"]
