"""Linear equations by their coefficients: which say the same, and which follow from two others."""

from __future__ import annotations

import pytest

from parsers import parse
from parsers.arithmetic.equations import read_chains
from parsers.reading.algebra import Form, eliminated, form_of


def form(text: str) -> Form | None:
    (chain,) = read_chains(text)
    return form_of(chain)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("4x + 8 = 40", "4x = 32"),
        ("4x = 32", "x = 8"),
        ("2S + W + 5 = 339", "2S + W = 334"),
        ("3(n + 1) = 18", "3n + 3 = 18"),
        ("x = 558 - 367", "367 + x = 558"),
    ],
)
def test_equations_with_the_same_solutions_have_the_same_form(first: str, second: str) -> None:
    assert form(first) == form(second) is not None


@pytest.mark.parametrize(
    ("first", "second"), [("4x + 8 = 40", "4x = 40"), ("x = 8", "y = 8"), ("x + y = 3", "x - y = 3")]
)
def test_other_equations_have_another_form(first: str, second: str) -> None:
    assert form(first) != form(second)


@pytest.mark.parametrize("text", ["x^2 = 9", "3 + 4 = 7", "x * y = 12"])
def test_what_is_not_linear_or_has_no_unknown_has_no_form(text: str) -> None:
    assert form(text) is None


def test_one_equation_put_into_another() -> None:
    whole, part = form("A + S = 30"), form("A = S + 6")
    assert whole and part
    assert eliminated(whole, part, "a") == form("(S + 6) + S = 30")
    assert eliminated(whole, part, "a") != form("(S + 5) + S = 30")


def test_a_transformed_equation_uses_the_equation_alone_and_a_substitution_both() -> None:
    question = "Ann and Sam have 30 cards together. Ann has 6 more than Sam. How many has Sam?"
    text = (
        "Let \\(A\\) be Ann's cards.\nLet \\(S\\) be Sam's cards.\n\\[ A + S = 30 \\]\n\\[ A = S + 6 \\]\n"
        "\\[ (S + 6) + S = 30 \\]\n\\[ 2S = 24 \\]\n\\[ S = 12 \\]"
    )
    steps = parse(text, question=question, format="freeform").steps
    assert set(steps[2].depends_on) == {0, 1, "30"}
    assert [step.depends_on for step in steps[4:]] == [(2, 3), (4,), (5,)]
