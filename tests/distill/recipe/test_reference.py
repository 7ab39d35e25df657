"""docs/recipes.md is what the schema's docstrings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.recipe.reference import MARKER, docstrings, write_page
from distill.recipe.schema import Recipe, Section

PAGE = Path(__file__).parents[3] / "docs" / "recipes.md"


def sections() -> list[type[Section]]:
    def below(section: type[Section]) -> list[type[Section]]:
        return [section, *(s for child in section.__subclasses__() for s in below(child))]

    return below(Section)[1:]


def test_the_page_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert MARKER in page
    assert write_page(page) == page, "run `make docs`"


def test_what_is_written_by_hand_stays():
    assert write_page(f"# Mine\n\n{MARKER}\nold").startswith(f"# Mine\n\n{MARKER}\n\n## Keys\n")


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.__name__)
def test_every_key_has_a_docstring(section):
    described = docstrings(section)
    assert set(section.model_fields) == set(described)
    assert all(text.endswith(".") for text in described.values())


def test_the_page_names_every_section_of_a_recipe():
    page = PAGE.read_text(encoding="utf-8")
    for path in (
        "teacher.datasets",
        "student.reasoning",
        "student.verification",
        *set(Recipe.model_fields) - {"name", "seed"},
    ):
        assert f"`{path}`" in page


def test_limits_and_defaults_are_shown():
    page = PAGE.read_text(encoding="utf-8")
    assert "| `max_steps` | whole number ≥ 1 | unset |" in page
    assert "| `error_rate` | number ≥ 0, ≤ 1 | `0.1` |" in page
    assert "| `base` | text | required |" in page
