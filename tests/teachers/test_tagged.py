"""Traces with tags: the same answers as columns, true steps, and no step that knows how long a number is."""

from __future__ import annotations

import re
from random import Random
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import Stage
from teachers import tagged
from teachers.drawing import Widths
from teachers.nano_tasks import TASKS, draw_problem
from teachers.problems import Problem, parse_trace
from teachers.symbolic import correct, executed_with, solve

DIFFERENCE = Problem("What is 347 - 285?", "62", "arithmetic", expression="347-285")
WIDE = 10**12


def test_a_trace_letter_by_letter() -> None:
    assert str(solve(DIFFERENCE, notation="tags", first_tag="c").text) == (
        "<INST>What is 347 - 285?</INST><THINK>"
        "[UNDERSTAND]<STEP>c3b4a7-Z2Y8X5"
        "[PLAN]<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>a,X:7>5,><STEP>b,Y:4<8,<<STEP>c,Z:3>2,>"
        "<STEP>a,X:7-5=2d<STEP>b,Y:4-8-0+10=6e<STEP>c,Z:3-2-1=0f<STEP>f0e6d2"
        "[VERIFY]<STEP>62+285=347 ok</THINK><ANS>62</ANS>"
    )


def test_a_product_of_two_rows() -> None:
    problem = Problem("What is 47 * 36?", "1692", "arithmetic", expression="47*36")
    execute = [step.text for step in parse_trace(solve(problem, notation="tags", first_tag="e")).steps]
    assert execute[2:-1] == [
        "d,b:7*6=42f", "e,b:4*6=24", "24+4=28g", "2h",
        "0i", "d,c:7*3=21j", "e,c:4*3=12", "12+2=14k", "1l",
        "h2g8f2+l1k4j1i0",
        "f,i:2+0=2m", "g,j:8+1+0=9n", "h,k:2+4+0=6o", "0,l:0+1+0=1p",
        "p1o6n9m2",
    ]  # fmt: skip


@pytest.mark.parametrize("extra", range(3))
@pytest.mark.parametrize("task", TASKS)
def test_every_trace_is_true_and_answers_as_columns_do(task: str, extra: int) -> None:
    for index in range(40):
        problem = draw_problem(task, seed=2, index=index, split="test", extra_digits=extra, max_digits=5)
        graph = parse_trace(solve(problem, notation="tags"))
        assert graph.answer == problem.answer, problem.question
        assert not graph.problems
        assert [step.text for step in graph.steps if step.correct is False] == []


@given(st.integers(0, WIDE), st.integers(0, WIDE), st.sampled_from("+-"), st.sampled_from(ascii_letters))
def test_a_step_looks_its_digits_up_by_their_tags(x: int, y: int, sign: str, first: str) -> None:
    problem = Problem(f"What is {x} {sign} {y}?", str(eval(f"{x}{sign}{y}")), "arithmetic", expression=f"{x}{sign}{y}")
    graph = parse_trace(solve(problem, notation="tags", first_tag=first))
    assert graph.answer == problem.answer
    (understood,) = (step.text for step in graph.steps if step.stage is Stage.UNDERSTAND)
    digits = dict(re.findall("([a-zA-Z])([0-9])", understood))
    assert len(digits) == len(str(x)) + len(str(y)), "no tag stands twice"
    for step in graph.steps:
        if found := re.match("([a-zA-Z0]),([a-zA-Z0]):([0-9])[-+<>=]([0-9])", step.text):
            left, right, a, b = found.groups()
            assert (digits.get(left, "0"), digits.get(right, "0")) == (a, b)


def test_the_shape_of_a_step_does_not_tell_the_width() -> None:
    def shapes(x: int, y: int) -> set[str]:
        steps = executed_with(Problem("", "", "arithmetic", expression=f"{x}+{y}"), {}, notation="tags", first_tag="m")
        return {re.sub("[0-9]", "9", re.sub("[a-zA-Z]", "t", step)) for step in steps if ":" in step}

    assert shapes(12, 34) <= shapes(87654321, 12345678) == {"t,t:9+9=9t", "t,t:9+9+9=9t"}


def test_the_first_letter_is_read_from_what_a_student_wrote() -> None:
    assert tagged.first_tag("c3b4a7-Z2Y8X5") == "c"
    assert tagged.first_tag("last 6") is None
    assert tagged.first_tag("") is None


def test_an_own_error_is_put_right_in_the_letters_of_the_student() -> None:
    execute = executed_with(DIFFERENCE, {4: 7}, notation="tags", first_tag="q")
    assert execute[4] == "p,m:4-8-0+10=7s"
    found = correct(DIFFERENCE, execute, verify="steps", notation="tags", first_tag="q")
    assert found is not None
    text, first = found
    assert first == 4
    assert "p,m:4-8-0+10=6s, 7s wrong" in text
    assert text.endswith("<ANS>62</ANS>")


def test_widths_are_even_and_products_stay_short() -> None:
    drawn = [draw_problem("arithmetic", seed=0, index=i, split="train", max_digits=6) for i in range(600)]
    counts = {sign: [0] * 7 for sign in "+-*"}
    for problem in drawn:
        first, sign, second = problem.question[8:-1].split()
        counts[sign][len(first)] += 1
        counts[sign][len(second)] += 1
    for sign in "+-":
        assert min(counts[sign][1:]) > 0.6 * max(counts[sign][1:])
    assert sum(counts["*"][3:]) == 0
    longer = draw_problem("even_odd", seed=0, index=0, split="test", extra_digits=2, max_digits=6)
    assert len(re.findall(r"\d", longer.question)) == 8


def test_without_widths_a_task_keeps_its_range() -> None:
    assert Widths().digits(Random(0), 3) is None
    assert Widths(extra=1).digits(Random(0), 3) == 4
    assert Widths(widest=2).of(4) == 4
