"""`parser.format`: the solutions of a data set are read in the named format, or the recipe is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from distill.data.adapter import HeldOut, learnable
from distill.data.sources import load_traces, row_of
from distill.errors import UserError
from distill.recipe.schema import Recipe, load_recipe
from distill.recipe.teacher import READABLE, Dataset
from teachers.datasets import CARDS

SOCRATIC = "How many pens are there? ** There are 3+4=<<3+4=7>>7 pens.\n#### 7"


@pytest.fixture
def solutions(tmp_path: Path) -> Path:
    row = {"question": "Rui has 3 red pens and 4 blue pens. How many pens?", "answer": SOCRATIC}
    (tmp_path / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    return tmp_path / "train.jsonl"


def recipe_of(solutions: Path, format: str) -> Recipe:
    return load_recipe("miniaxion_gsm8k", [f"data.path={solutions}", f"parser.format={format}"])


@pytest.mark.parametrize(("format", "read_as"), [("auto", "gsm8k"), ("socratic", "socratic"), ("freeform", "freeform")])
def test_solutions_are_read_in_the_format_of_the_recipe(solutions, format, read_as):
    (trace,) = load_traces(recipe_of(solutions, format))
    row = row_of(trace)
    assert row.graph is not None and row.graph.format == read_as
    assert row.graph.answer == "7" and row.unused is None


def test_another_format_gives_other_training_texts(solutions):
    texts = {format: row_of(*load_traces(recipe_of(solutions, format))).text for format in ("auto", "socratic")}
    assert texts["auto"] != texts["socratic"]


def test_the_format_does_not_change_which_data_set_a_row_is_counted_for(solutions):
    recipe = load_recipe("nanoreason135m_cpu", [f"data.path={solutions}", "parser.format=freeform"])
    assert learnable(*load_traces(recipe), recipe, HeldOut([])).dataset == "gsm8k"


@pytest.mark.parametrize(
    ("overrides", "finding"),
    [
        (
            ["parser.format=vnhsge"],
            r"parser\.format: gsm8k cannot be read as vnhsge \(auto, gsm8k, socratic, freeform\)",
        ),
        (["teacher.dataset=math", "parser.format=gsm8k"], r"math cannot be read as gsm8k"),
        (["teacher.datasets={gsm8k: {}, math: {}}", "parser.format=socratic"], r"math cannot be read as socratic"),
    ],
)
def test_a_format_that_the_data_cannot_be_in_is_refused(overrides, finding):
    with pytest.raises(UserError, match=finding):
        load_recipe("miniaxion_gsm8k", overrides)


def test_the_format_of_each_card_comes_first():
    assert {name: formats[0] for name, formats in READABLE.items()} == {n: c.format for n, c in CARDS.items()}
    assert set(READABLE) == set(get_args(Dataset))
