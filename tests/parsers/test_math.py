"""MATH solutions: LaTeX prose, values of formulas, the boxed answer."""

from __future__ import annotations

from fractions import Fraction

import pytest

from parsers import Stage, parse
from parsers.arithmetic.formulas import equations, formula_numbers, formula_value, formulas_hold


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("so $z = (1+2i)^2 = -3+4i$.", "-3+4i"),
        ("The sum is $2 + 3 = 5$.", Fraction(5)),
        ("Then $m^2 - 64 > 0$", "m^2 - 64 > 0"),
        ("\\begin{align*}\nx &= 3 + 4 \\\\\n&= 7.\n\\end{align*}", Fraction(7)),
        ("We get $2x + 4 = 10.$", "2x + 4 = 10"),
        ("Hence $a+b = 5$.", Fraction(5)),
        ("V=\\left(2a\\right)^3=8a^3.", "8a^3"),
        ("The answer is $\\boxed{-221_3}$.", "-221_3"),
        ("It is $\\begin{pmatrix} 6 \\\\ 0 \\end{pmatrix}$.", "\\begin{pmatrix} 6 \\\\ 0 \\end{pmatrix}"),
        ("no formula here", None),
    ],
)
def test_the_value_of_a_statement_is_its_last_member(text: str, value: object) -> None:
    assert formula_value(text, "en") == value


def test_equations_split_at_the_top_level_only() -> None:
    assert [e.members for e in equations("$f(x=1) = 2 \\implies y = 3$")] == [("f(x=1)", "2"), ("y", "3")]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("$2 + 3 = 5$ and $5 \\cdot 2 = 10$", True),
        ("$2 + 3 = 6$", False),
        ("$3x - 1 = 0$", None),
        ("$2714_{10} = 4 + 10$", None),
        ("$2^{12} \\equiv 1 \\pmod{13}$", None),
        ("$6 \\frac{3}{4} = \\frac{27}{4}$", None),
        ("$1000 \\cdot 1.02^3 = 1061$ to the nearest dollar", True),
        ("\\begin{align*}\n&1 + 2 \\\\\n+&3 = 6\n\\end{align*}", True),
    ],
)
def test_only_arithmetic_from_end_to_end_is_judged(text: str, holds: bool | None) -> None:
    assert formulas_hold(text, "en") is holds


def test_exponents_and_indices_are_no_numbers_and_points_multiply_in_vietnamese() -> None:
    assert formula_numbers("$5x^2 + a_3 = 20$", "en") == {5, 20}
    assert formula_numbers("$2.5 = 10$", "vi") == {2, 5, 10}
    assert formula_numbers("$1.500,5$", "vi") == {Fraction(3001, 2)}


def test_a_solution_reads_into_a_graph() -> None:
    text = "We have $2x + 4 = 10$, so $2x = 6$. Thus $x = 6/2 = 3$. Then $x^2 = \\boxed{9}$."
    graph = parse(text, question="If $2x + 4 = 10$, what is $x^2$?", format="math")
    assert graph.answer == "9"
    assert [step.value for step in graph.steps] == ["2x = 6", 3, 9]
    assert graph.steps[1].depends_on == (0,)
    assert graph.steps[1].correct is True
    assert all(text[step.start : step.end] == step.text for step in graph.steps)


def test_the_last_box_counts_and_a_missing_one_is_noted() -> None:
    assert parse("Either $\\boxed{1}$ or $\\boxed{\\frac{2}{3}}$.", format="math").answer == "\\frac{2}{3}"
    assert parse("It is $2$.", format="math").problems == ("no \\boxed{} was found",)
    assert parse("It is $\\boxed{}$.", format="math").problems == ("the \\boxed{} is empty",)


def test_what_is_asked_is_understand_and_a_theorem_announced_is_plan() -> None:
    graph = parse("We want to find the value of $31^2 - 19^2$. This is $50 \\cdot 12 = \\boxed{600}$.", format="math")
    assert [step.stage for step in graph.steps] == [Stage.UNDERSTAND, Stage.EXECUTE]


def test_numbers_keep_their_base() -> None:
    graph = parse("So $121_3 + 2_3 = \\boxed{200_3}$.", question="Add $121_3$ and $2_3$.", format="math")
    assert {"121_3", "2_3"} <= {given.name for given in graph.givens}


def test_a_boxed_number_is_the_value_and_the_first_step_without_numbers_uses_the_whole_problem() -> None:
    question = "If $3x + 4y = 10$ and $4x + 3y = 11$, what is $x + y$?"
    text = "Adding the equations, we get $7x + 7y = 21$. Dividing by the common factor gives $x + y = \\boxed{3}$."
    first, last = parse(text, question=question, format="math").steps
    assert set(first.depends_on) == {"3", "4", "10", "11"}
    assert last.value == 3 and last.depends_on == (first.id,)


def test_a_drawing_is_no_step() -> None:
    text = (
        "The area is $3 \\cdot 4 = 12$.\n\n[asy]\ndraw((0,0)--(3,4));\nreal x = 5;\n[/asy]\n\nSo it is $\\boxed{12}$."
    )
    assert len(parse(text, question="What is the area?", format="math").steps) == 2
