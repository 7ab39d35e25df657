"""Traces with tags: the same answers as columns, true steps, and no step that knows how long a number is."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.tracks.judge_nano import read_sample
from parsers import Stage
from parsers.text.tags import FIRST, GIVEN, RING, tag_digits, untagged
from teachers.drawing import Widths
from teachers.nano_tasks import TASKS, draw_problem
from teachers.problems import Problem, parse_trace
from teachers.symbolic import correct, executed_with, solve

DIFFERENCE = Problem("What is 347 - 285?", "62", "arithmetic", expression="347-285")
WIDE = 10**12
TAGGED_DIGIT = f"([{RING[0]}-{RING[-1]}])([0-9])"


def executed(problem: Problem) -> list[str]:
    return executed_with(problem, {}, notation="tags")


def test_a_trace_letter_by_letter() -> None:
    trace = solve(DIFFERENCE, notation="tags")
    assert trace.text == (
        "<INST>What is ⓜⓛ3ⓚ4ⓙ7 - ⓘⓗ2ⓖ8ⓕ5?</INST><THINK>"
        "[UNDERSTAND]<STEP>ⓜⓛ3ⓚ4ⓙ7-ⓘⓗ2ⓖ8ⓕ5"
        "[PLAN]<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>ⓙ7>ⓕ5,><STEP>ⓚ4<ⓖ8,<<STEP>ⓛ3>ⓗ2,>"
        "<STEP>ⓙ7-ⓕ5=⒨⒩2⒩<STEP>ⓚ4-ⓖ8-0+10=⒪6⒪<STEP>ⓛ3-ⓗ2-1=⒫0⒪<STEP>⒫⒪6⒩2"
        "[VERIFY]<STEP>⒫⒪6⒩2+ⓘⓗ2ⓖ8ⓕ5=ⓜⓛ3ⓚ4ⓙ7 ok</THINK><ANS>⒫⒪6⒩2</ANS>"
    )
    assert untagged(trace.text).endswith(
        "<STEP>7-5=2<STEP>4-8-0+10=6<STEP>3-2-1=0<STEP>62[VERIFY]<STEP>62+285=347 ok</THINK><ANS>62</ANS>"
    )


def test_a_product_of_two_rows() -> None:
    assert executed(Problem("What is 47 * 36?", "1692", "arithmetic", expression="47*36")) == [
        "ⓚ7*ⓗ6=4⒨⒩2", "ⓛ4*ⓗ6=24", "24+4=2⒪8", "⒫2",
        "⒭⒮0", "ⓚ7*ⓘ3=2⒯1", "ⓛ4*ⓘ3=12", "12+2=1⒰4", "⒱1",
        "⒬⒫2⒪8⒩2+⒲⒱1⒰4⒯1⒮0",
        "⒩2+⒮0=⒳⒴2", "⒪8+⒯1+0=⒵9", "⒫2+⒰4+0=⒜6", "0+⒱1+0=⒝1",
        "⒞⒝1⒜6⒵9⒴2",
    ]  # fmt: skip


@pytest.mark.parametrize("extra", range(3))
@pytest.mark.parametrize("task", TASKS)
def test_every_trace_is_true_and_answers_as_columns_do(task: str, extra: int) -> None:
    for index in range(40):
        problem = draw_problem(task, seed=2, index=index, split="test", extra_digits=extra, max_digits=5)
        graph = parse_trace(solve(problem, notation="tags", first_tag=index))
        assert graph.answer == problem.answer, problem.question
        assert not graph.problems
        assert [step.text for step in graph.steps if step.correct is False] == []


@given(st.integers(0, WIDE), st.integers(0, WIDE), st.sampled_from("+-"), st.integers(0, len(GIVEN) - 1))
def test_a_step_looks_its_digits_up_by_their_tags(x: int, y: int, sign: str, first: int) -> None:
    problem = Problem(f"What is {x} {sign} {y}?", str(eval(f"{x}{sign}{y}")), "arithmetic", expression=f"{x}{sign}{y}")
    trace = solve(problem, notation="tags", first_tag=first)
    assert parse_trace(trace).answer == problem.answer
    question, _, written = trace.text.partition("</INST>")
    digits = dict(re.findall(TAGGED_DIGIT, question))
    assert len(digits) == len(str(x)) + len(str(y)), "no tag stands twice"
    for tag, digit in re.findall(TAGGED_DIGIT, written):  # a result has tags of its own
        assert digits.setdefault(tag, digit) == digit


def test_the_shape_of_a_step_does_not_tell_the_width() -> None:
    def shapes(x: int, y: int) -> set[str]:
        steps = executed(Problem(f"{x} + {y}", "", "arithmetic", expression=f"{x}+{y}"))
        return {re.sub("[0-9]", "9", re.sub(f"[{RING}]", "t", step)) for step in steps if "=" in step}

    assert shapes(12, 34) <= shapes(87654321, 12345678) == {"t9+t9=tt9", "t9+t9+9=t9"}


def test_equal_numbers_of_a_question_have_tags_of_their_own() -> None:
    same = Problem("What is 5 + 5?", "10", "arithmetic", expression="5+5")
    assert executed(same)[0] == "ⓛ5+ⓙ5=1⒨⒩0"


def test_a_number_that_the_question_does_not_have_gets_the_next_tags() -> None:
    doubling = Problem("What comes next: 3, 6, 12, 24?", "48", "pattern")
    plan = [step for step in solve(doubling, notation="tags").text.split("<STEP>") if "times" in step]
    assert plan == ["times ⓒⓑ2"]


def test_an_own_error_is_put_right_with_its_tags() -> None:
    execute = executed_with(DIFFERENCE, {4: 7}, notation="tags")
    assert execute[4] == "ⓚ4-ⓖ8-0+10=⒪7⒪"
    found = correct(DIFFERENCE, execute, verify="steps", notation="tags")
    assert found is not None
    text, first = found
    assert first == 4
    assert "ⓚ4-ⓖ8-0+10=⒪6⒪, ⒪7⒪ wrong" in text
    assert untagged(text).endswith("<ANS>62</ANS>")


@pytest.mark.parametrize("task", ["arithmetic", "two_step", "pattern", "word_problem"])
def test_an_output_with_a_wrong_step_is_read_and_corrected(task: str) -> None:
    kinds = set()
    for index in range(20):
        problem = draw_problem(task, seed=4, index=index, split="test", max_digits=5)
        trace = solve(problem, notation="tags", error_rate=1, seed=index)
        own = read_sample(problem, trace.text.partition("<THINK>")[2], "inverse", "tags")
        kinds.add(own.kind)
        assert own.kind == ("corrected" if trace.wrong else "right")
        assert own.row is not None
        assert own.row.text.startswith(f"<INST>{tag_digits(problem.question)}</INST>")
    assert "corrected" in kinds


def test_a_value_out_of_range_keeps_its_sign_before_the_tag() -> None:
    assert executed_with(DIFFERENCE, {3: -2}, notation="tags")[3].startswith("ⓙ7-ⓕ5=-⒨⒩2")


def test_the_stages_of_a_trace_cover_its_tags() -> None:
    trace = solve(DIFFERENCE, notation="tags")
    assert "".join(trace.text[start:end] for start, end, _, _ in trace.spans) == trace.text
    graph = parse_trace(trace)
    understood = next(step for step in graph.steps if step.stage is Stage.UNDERSTAND)
    assert understood.text == "347-285"
    assert trace.text[understood.start : understood.end] == tag_digits("347-285", FIRST)


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
