"""Which solutions are learnt from, and why others are not; all sentences are our own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from distill.recipe.schema import ModelTeacher
from distill.traces.equations import contradicted_equation
from distill.traces.problems import Task
from distill.traces.select import choose, judge
from parsers import Stage, parse
from teachers.problems import Problem, Trace
from teachers.store import Answer

QUESTION = "Ana has 12 red pens and twice as many blue pens. How many pens does she have?"
REFERENCE = "Blue pens: 12*2 = <<12*2=24>>24.\nTogether: 12+24 = <<12+24=36>>36.\n#### 36"
TASK = Task(Problem(QUESTION, "36", "gsm8k"), Trace(Problem(QUESTION, "36"), REFERENCE, "gsm8k", "gsm8k"))
GOOD = (
    "Ana has 12 red pens.\n\nFirst, we find the number of blue pens: \\[ 12 \\times 2 = 24 \\]\n"
    "Then we add the red pens and the blue pens: \\[ 12 + 24 = 36 \\]\nSo Ana has \\boxed{36} pens."
)


def answer(text: str, **more: Any) -> Answer:
    return Answer("k", QUESTION, text, **more)


def verdict(text: str, *, task: Task = TASK, teacher: dict[str, Any] | None = None, **more: Any):
    section = ModelTeacher.model_validate({"kind": "self", **(teacher or {})})
    return judge(task, answer(text, **more), section, task.reference_graph())


@pytest.mark.parametrize("form", ["canonical", "light"])
def test_a_right_solution_is_kept_in_four_stages(form: str) -> None:
    found = verdict(GOOD, teacher={"form": form})
    assert found.reason is None and found.graph is not None and found.is_right and found.is_read
    assert [step.stage for step in found.graph.steps] == sorted(step.stage for step in found.graph.steps)
    assert {step.stage for step in found.graph.steps} == set(Stage)
    assert found.score == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("36", "38"), "its answer is not the gold answer"),
        (GOOD.replace("= 24", "= 26"), "a computation does not hold"),
        ("I would say it is a lot of pens.", "no answer was found"),
        ("She has many red and many blue pens, so the answer is \\boxed{36}.", "depends on steps that were not read"),
    ],
)
def test_what_is_wrong_is_told_apart(text: str, reason: str) -> None:
    found = verdict(text)
    assert found.graph is None and reason in str(found.reason)


def test_a_solution_that_was_cut_off_is_not_learnt_even_if_right() -> None:
    found = verdict(GOOD, finished=False)
    assert found.reason == "cut off at teacher.max_new_tokens" and found.is_right


def test_right_by_luck_is_not_right() -> None:
    lucky = "Ana has 40 pens in a box. We subtract 4 from the pens: \\[ 40 - 4 = 36 \\]\nThe answer is \\boxed{36}."
    assert "min_rfs" in str(verdict(lucky).reason)
    assert verdict(lucky, teacher={"min_rfs": 0}).graph is not None
    assert verdict(lucky, task=replace(TASK, reference=None)).score is None


@pytest.mark.parametrize(
    ("text", "equation"),
    [
        ("Let N be the number. 3/4 N = 20. So N = 80.", "3/4"),
        ("Let x be the number. \\[ \\frac{3}{4}x = 20 \\] Therefore x = 80.", "x"),
        ("We have 2(x + 5) = 30. So x = 15.", "x + 5"),
        ("We have 3x + 2 = 20. So x = 6.", None),
        ("Let N be the number. 3/4 N = 60. So N = 80.", None),
        ("Now x = 3 and 2x = 6. Then x = 4 and 2x = 8.", None),  # x has two values
        ("The rate r is 1/3, r = 0.333, and 3r = 1.", None),  # rounded
        ("The total is 5 + 4 = 9.", None),
    ],
)
def test_equations_hold_for_the_values_found(text: str, equation: str | None) -> None:
    found = contradicted_equation(parse(text, question="What is the number?", language="en"))
    assert (found is None) == (equation is None)
    assert equation is None or equation in str(found)


def test_the_best_are_chosen_and_none_twice() -> None:
    longer = GOOD.replace("Ana has 12 red pens.", "Ana has 12 red pens, which she likes very much indeed.")
    other = (
        "Ana has 12 red pens.\n\nFirst, we count a red pen and two blue pens: \\[ 1 + 2 = 3 \\]\n"
        "Then we multiply by the number of red pens: \\[ 12 \\times 3 = 36 \\]\nSo Ana has \\boxed{36} pens."
    )
    wrong = GOOD.replace("36", "38")
    judged = [verdict(text, teacher={"min_rfs": 0}) for text in (other, longer, wrong, GOOD)]
    assert [one.answer.text for one in choose(judged, count=3)] == [GOOD, other]
    assert [one.answer.text for one in choose(judged, count=1)] == [GOOD]
