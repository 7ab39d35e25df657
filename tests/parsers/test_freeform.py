"""Graphs of what chat models write: values, what each step uses, verdicts on computations. Sentences of our own."""

from __future__ import annotations

from fractions import Fraction

import pytest

from parsers import ReasoningGraph, Stage, Step, parse

QUESTION = "Ann runs 3 laps 5 days a week. Each lap is 400 meters. A quarter of it is uphill. How many meters does she run a week?"


def free(text: str, question: str = QUESTION, language: str = "en") -> ReasoningGraph:
    return parse(text, question=question, format="freeform", language=language)


def only(text: str, **options: str) -> Step:
    (step,) = free(text, **options).steps
    return step


@pytest.mark.parametrize(
    ("text", "value", "expression"),
    [
        ("She runs 3 laps * 400 meters/lap = 1,200 meters.", 1200, "3*400"),
        ("\\[ 3 \\text{ laps} \\times 400 \\text{ m/lap} = 1{,}200 \\text{ m} \\]", 1200, "3*400"),
        ("So \\(\\frac{1200 \\text{ m}}{4 \\text{ parts}} = 300 \\text{ m}\\).", 300, "\\frac{1200}{4}"),
        ("Total = 36 (today) + 30 (tomorrow) = 66 laps.", 66, "36+30"),
        ("Paid: $3 - $1.50 = $1.50.", Fraction(3, 2), "3-1.5"),
        ("25% of 80 = 20", 20, "25%*80"),
        ("8 x 1 1/2 = 12 rolls", 12, "8*1.5"),
        ("Cost:80(.95)=76", 76, "80(0.95)"),
        ("Difference = 48 - 64 = -16", -16, "48-64"),
        ("= \\$480 - \\$520 = -\\$40", -40, "480-520"),
    ],
)
def test_the_value_is_the_last_member_whatever_the_units(text: str, value: int | Fraction, expression: str) -> None:
    step = only(text)
    assert step.value == value
    assert step.expression == expression
    assert step.correct is True
    assert isinstance(step.value, Fraction)


@pytest.mark.parametrize(
    ("text", "correct"),
    [
        ("3 * 400 = 1300", False),
        ("100 / 3 ≈ 33.33", True),
        ("100 / 3 = 33.4", False),
        ("3 * 400 = 1200 = 600 + 500", False),
        ("x + 5 = 12", None),
        ("She runs 1200 meters.", None),
        ("\\[ 20\\% \\text{ of } 20 = 0.20 \\times 20 = 4 \\]", True),
        ("25% of the total = 0.25 * 80 = 20", True),
        ("\\( (12/20) \\times 100 = 60\\% \\)", True),
        ("24 minutes = 24/60 hours = 0.4 hours", True),
        ("Growth over 10 years = 8 trees * 10 years = 80 trees", True),
        ("Multiply by 20: 1.30 * 20 = 26", True),
        ("\\( \\log_{5^2} 5^4 = 2 \\)", None),
        ("1 * 4! = 24", True),
        ("The sum \\(a + b = 1 + 1 = 2\\) and the product \\(ab = 1 \\cdot 1 = 1\\)", True),
    ],
)
def test_computations_are_done_again(text: str, correct: bool | None) -> None:
    assert only(text).correct is correct


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\[ 367 + x = 558 \\]", "367+x = 558"),
        ("\\[ x = 558 - 367 \\]", "558-367"),
        ("\\[ (a - 1)^2 = a^2 - 2a + 1 \\]", "a^2-2a+1"),
    ],
)
def test_an_unsolved_equation_is_its_own_value_and_an_identity_has_its_right_side(text: str, value: str) -> None:
    found = only(text).value
    assert isinstance(found, str)
    assert found.replace(" ", "") == value.replace(" ", "")


def test_numbers_lead_to_givens_and_to_the_steps_that_computed_them() -> None:
    graph = free(
        "In a day she runs 3 * 400 = 1200 meters.\nIn a week she runs 1200 * 5 = 6000 meters.\nThe answer is 6000."
    )
    assert [step.depends_on for step in graph.steps] == [("3", "400"), (0, "5"), (1,)]
    assert graph.answer == "6000"


def test_a_conclusion_uses_the_statement_that_restates_the_given_a_plain_computation_the_given() -> None:
    restated = "- Each lap is 400 meters.\n- "
    assert free(restated + "Therefore a day is 400 * 3 = 1200 meters.").steps[1].depends_on == (0, "3")
    assert free(restated + "A day is 400 * 3 = 1200 meters.").steps[1].depends_on == ("400", "3")


def test_a_restated_number_called_by_its_name_is_used_through_its_statement() -> None:
    question = "A sofa costs $1,350 at once and 6 rates of $350."
    text = "The first payment is $1,350.\nThe rates are 6 * 350 = 2100.\nAll in all it is the first payment and the rates: 1350 + 2100 = 3450"
    assert free(text, question=question).steps[2].depends_on == (0, 1)


def test_words_and_per_cents_are_the_givens_they_name() -> None:
    question = "Half of the 48 cups and 25% of the 80 plates broke."
    graph = free("Cups: 48 / 2 = 24\nPlates: 0.25 * 80 = 20", question=question)
    assert graph.steps[0].depends_on == ("48", "Half")
    assert graph.steps[1].depends_on == ("25%", "80")


def test_a_solution_of_an_equation_goes_on_from_the_equation() -> None:
    text = "Let \\(x\\) be the score.\n\\[ 367 + x = 558 \\]\n\\[ x = 558 - 367 \\]\n\\[ x = 191 \\]"
    graph = free(text, question="What score is needed?")
    assert [step.depends_on for step in graph.steps] == [(), (0,), (1,), (2,)]
    assert next(step.stage for step in graph.steps) is Stage.UNDERSTAND


def test_understand_uses_the_givens_it_names_and_plan_nothing() -> None:
    graph = free("First, let's calculate the meters of 3 laps.\nShe runs 3 laps, and each lap is 400 meters.")
    assert [(step.stage, step.depends_on) for step in graph.steps] == [
        (Stage.PLAN, ()),
        (Stage.UNDERSTAND, ("3", "400")),
    ]


def test_the_answer_is_boxed_or_the_last_number_with_a_note() -> None:
    assert free("It is \\boxed{-3}. Or 5.").answer == "-3"
    noted = free("She runs 6 of them.")
    assert noted.answer == "6"
    assert any("last number" in problem for problem in noted.problems)


def test_decimal_commas_in_vietnamese_and_portuguese() -> None:
    assert only("Tổng là 1.500,5 + 0,5 = 1.501 đồng.", language="vi").value == 1501
    assert only("O total é 2,5 * 4 = 10 reais.", language="pt").value == 10


def test_a_long_text_is_cut_with_a_note_and_a_loop_ends() -> None:
    graph = free("So 1 + 1 = 2. " * 30_000)
    assert len(graph.steps) <= 4000
    assert any("only the first" in problem for problem in graph.problems)


def test_a_number_that_is_a_result_and_a_given_is_told_by_its_unit() -> None:
    question = "A mill makes 100 sacks in 2 hours. A shop takes 50 pallets. How many sacks are made in 48 hours?"
    text = (
        "It makes 100 / 2 = 50 sacks per hour.\nIn 48 hours the mill makes 50 sacks per hour * 48 hours = 2400 sacks."
    )
    assert free(text, question).steps[1].depends_on == (0, "48")
    text = "It makes 100 / 2 = 50 sacks per hour.\nThe shop pays 50 pallets * 48 dollars = 2400 dollars."
    assert free(text, question).steps[1].depends_on == ("50", "48")
