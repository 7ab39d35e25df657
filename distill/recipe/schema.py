"""The schema of a recipe: one frozen, checked value that says everything about one experiment.

    recipe = load_recipe("miniaxion_from_teacher", ["train.max_minutes=5"])
    recipe.train.learning_rate

Every key with its default and meaning: docs/recipes.md, which distill/recipe/reference.py writes from the docstrings of
these classes. Unknown keys are refused at every depth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, model_validator

from distill.errors import UserError
from distill.recipe.fields import Section, Seed
from distill.recipe.files import find_recipe, read_recipe
from distill.recipe.loss import (
    AdaptiveWeights,
    ConstantWeights,
    Loss,
    RandomWeights,
    ScheduleWeights,
    Weights,
    weight_problems,
)
from distill.recipe.messages import describe
from distill.recipe.student import AdapterStudent, Lora, NanoStudent, Student
from distill.recipe.teacher import (
    TASKS,
    Data,
    FurtherTeacher,
    ModelTeacher,
    Parser,
    ReferenceTeacher,
    Source,
    SymbolicTeacher,
    Teacher,
    teacher_problems,
)
from distill.recipe.train import Evaluation, Refine, Train, train_problems

__all__ = [
    "TASKS", "AdapterStudent", "AdaptiveWeights", "ConstantWeights", "Data", "Evaluation", "FurtherTeacher", "Lora",
    "Loss", "ModelTeacher", "NanoStudent", "Parser", "RandomWeights", "Recipe", "ReferenceTeacher", "Refine",
    "ScheduleWeights", "Section", "Source", "Student", "SymbolicTeacher", "Teacher", "Train", "Weights", "load_recipe",
]  # fmt: skip


class Recipe(Section):
    """One experiment."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Letters, digits, dot, dash, underscore. Names the run folder: `runs/<name>-<fingerprint>/`."""
    seed: Seed = 0
    """Seed of the weights, the order of the data and the symbolic teacher."""
    teacher: Teacher
    """Where the traces come from."""
    data: Data = Data()
    """Local files of the data set."""
    parser: Parser = Parser()
    """How reference solutions are read."""
    student: Student = NanoStudent()
    """What is trained."""
    loss: Loss = Loss()
    """The loss and its stage weights."""
    train: Train
    """Length of training, and the optimizer."""
    refine: Refine | None = None
    """Rounds of learning from the student's own solutions. Unset: none."""
    eval: Evaluation = Evaluation()
    """The test at the end."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Recipe:
        problems = list(_disagreements(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that differ wherever two recipes do."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:8]

    def to_yaml(self) -> str:
        """The resolved recipe with every default written out; `load_recipe` reads it back equal."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_recipe(path_or_name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The checked recipe of a file, or of a name that ships, with `key.path=value` overrides.

    Raises:
        UserError: all problems at once, each with its place, the finding and how to fix it.
    """
    text = read_recipe(find_recipe(path_or_name), overrides)
    try:
        return Recipe.model_validate(text.data)
    except ValidationError as error:
        raise UserError(*describe(error, text, Recipe), heading=text.title) from None


def _disagreements(recipe: Recipe) -> Iterator[str]:
    """Contradictions between sections, each as `key.path: finding`."""
    student, evaluation = recipe.student, recipe.eval
    yield from teacher_problems(recipe.teacher, recipe.data, recipe.parser)
    yield from train_problems(recipe.train)
    if evaluation.max_new_tokens > student.max_length:
        longest = student.max_length
        yield f"eval.max_new_tokens: {evaluation.max_new_tokens} is more than student.max_length {longest}"
    yield from student.problems(recipe.teacher, recipe.loss, recipe.train, evaluation, recipe.refine)
    yield from weight_problems(recipe.loss.weights)
    if recipe.loss.skip_perplexity is not None and recipe.refine is not None:
        yield "loss.skip_perplexity: rounds of refine learn whole texts; leave one of the two out"
