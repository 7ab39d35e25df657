"""The head of every recipe that ships says what it needs and whether it was run, and what it says is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.recipe.files import SHIPPED, shipped_recipes
from distill.recipe.schema import load_recipe
from distill.recipe.shipped import ShippedRecipe, describe_shipped

ROOT = Path(__file__).parents[3]
RECIPES = describe_shipped()


def test_every_recipe_is_described_once():
    assert sorted(recipe.name for recipe in RECIPES) == sorted(path.stem for path in SHIPPED.rglob("*.yaml"))
    assert {recipe.name: recipe.path for recipe in RECIPES} == shipped_recipes()
    assert RECIPES[0].name == "miniaxion_tiny"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_the_head_says_is_true(recipe: ShippedRecipe):
    assert len(recipe.summary) <= 110 and recipe.summary.endswith(".")
    train = load_recipe(recipe.name).train
    if train.max_minutes is not None and train.max_steps is None:
        refined = load_recipe(recipe.name).refine is not None
        assert recipe.minutes is not None and recipe.minutes >= train.max_minutes
        assert refined or recipe.minutes == train.max_minutes
    if recipe.status == "measured":
        assert recipe.name in (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8").replace(
            "benchmarks/ablation.py", "ablation_stage_weights"
        )


def test_a_recipe_without_network_reads_nothing_from_outside():
    for recipe in RECIPES:
        assert ("no network" in recipe.machine) == (load_recipe(recipe.name).teacher.kind == "symbolic"), recipe.name


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_head_is_a_comment_with_its_four_facts_in_order(name: str):
    lines = shipped_recipes()[name].read_text(encoding="utf-8").splitlines()
    assert [line.partition(":")[0] for line in lines[1:6]] == ["#", "# group", "# machine", "# minutes", "# status"]
