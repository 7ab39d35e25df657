"""Several teachers for the same problems, and the number of texts to learn from each.

teachers_of(recipe)     {"self": recipe, "larger": the recipe with that teacher alone}
by_weight(rows, ...)    three texts of one teacher for each of the other, where the weights are 3 and 1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from distill.data.adapter import HeldOut, learnable, shuffled_sources
from distill.data.rows import Row
from distill.data.sources import load_test_problems
from distill.recipe.schema import FurtherTeacher, ModelTeacher, Recipe, ReferenceTeacher
from distill.traces.writers import teacher_name
from teachers.problems import Trace

SURPLUS = "beyond the share of its teacher (teacher.weight)"


def teachers_of(recipe: Recipe) -> dict[str, Recipe]:
    """Name of each teacher, the first by its kind, to the recipe with that teacher alone."""
    first = recipe.teacher
    assert isinstance(first, ModelTeacher)
    alone = {first.kind: first.model_copy(update={"mix": {}})}
    found = alone | {name: _alone(first, further) for name, further in first.mix.items()}
    return {name: recipe.model_copy(update={"teacher": teacher}) for name, teacher in found.items()}


def describe_teachers(recipe: Recipe) -> list[str]:
    """Names of the teachers: those of models, and `reference` for published solutions."""
    alone = teachers_of(recipe).values()
    return [teacher_name(one) if isinstance(one.teacher, ModelTeacher) else "reference" for one in alone]


def weights_of(recipe: Recipe) -> dict[str, float]:
    """Name of each teacher to its weight."""
    first = recipe.teacher
    assert isinstance(first, ModelTeacher)
    return {first.kind: first.weight, **{name: further.weight for name, further in first.mix.items()}}


def _alone(first: ModelTeacher, further: FurtherTeacher) -> ModelTeacher | ReferenceTeacher:
    if further.kind == "reference":
        return ReferenceTeacher(kind="reference", dataset=first.dataset, datasets={**first.datasets})
    return first.model_copy(update={**further.model_dump(), "mix": {}})


def reference_rows(recipe: Recipe) -> tuple[list[Trace], list[Row]]:
    """The reference solutions of a recipe, and the row of each.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    test = HeldOut(problem.question for problem in load_test_problems(recipe))
    traces = [trace for source, limit in shuffled_sources(recipe) for trace in source[:limit]]
    return traces, [learnable(trace, recipe, test) for trace in traces]


def by_weight(rows: Mapping[str, Sequence[Row]], weights: Mapping[str, float]) -> dict[str, list[Row]]:
    """The rows; those beyond their teacher's share of the training texts are marked as unused.

    As many texts as possible are used: the teacher with the fewest texts for its weight gives all of them.
    """
    usable = {name: sum(_is_learnt(row) for row in given) for name, given in rows.items()}
    most = min(usable[name] / weights[name] for name in rows)
    return {name: _first(given, int(most * weights[name] + 1e-9)) for name, given in rows.items()}


def _is_learnt(row: Row) -> bool:
    return row.unused is None and row.side == "training"


def _first(rows: Sequence[Row], count: int) -> list[Row]:
    """The rows; after the first `count` learnable ones, the others are marked as unused."""
    found = []
    for row in rows:
        is_surplus = _is_learnt(row) and count == 0
        count -= _is_learnt(row) and not is_surplus
        found.append(replace(row, unused=SURPLUS) if is_surplus else row)
    return found
