"""Wrong steps put into a student's own prefix, with students that are plain functions."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.data.mistakes import plausible_error
from distill.evaluation.evaluate import teacher_steps
from distill.evaluation.outputs import score_output
from distill.evaluation.perturb import change_one_step, perturbed
from distill.evaluation.scored import Output
from teachers.nano_tasks import draw_problem
from teachers.problems import Problem
from teachers.symbolic import executed_with, solve

TEXT = "[UNDERSTAND]<STEP>48, half[PLAN]<STEP>divide[EXECUTE]<STEP>48/2=24<STEP>48+24=72[VERIFY]<STEP>72-24=48 ok</THINK><ANS>72</ANS>"
QUESTION = "48 clips in April and half as many in May. How many?"


def scored(text: str = TEXT, gold: str = "72"):
    return score_output(Output(QUESTION, text, gold, "word_problem", "en"))


def first_value(prefix: str) -> int:
    return int(re.findall(r"48/2=(-?\d+)", prefix)[0])


def finish(prefix: str, *, uses_prefix: bool, verifies: bool) -> str:
    """A student that computes on from what it wrote, or knows its answer by heart; one that checks, or does not."""
    if "48+24" in prefix:  # the second step was changed
        may, total = 24, int(prefix.rpartition("=")[2])
    else:
        may = first_value(prefix) if uses_prefix else 24
        total = 48 + may
        prefix += f"<STEP>48+{may}={total}"
    if total == 72 and first_value(prefix) == 24:
        return prefix + "[VERIFY]<STEP>72-24=48 ok</THINK><ANS>72</ANS>"
    if verifies:
        return prefix + "[VERIFY]<STEP>48/2=24, 25 wrong<STEP>48+24=72</THINK><ANS>72</ANS>"
    return prefix + f"[VERIFY]<STEP>{total}-{may}=48 ok</THINK><ANS>{total}</ANS>"


def student(**how):
    return lambda outputs: [replace(output, text=finish(output.text, **how)) for output in outputs]


def test_a_student_that_uses_its_steps_and_verifies():
    found = perturbed([scored()] * 10, student(uses_prefix=True, verifies=True), count=10)
    assert found["perturbation"]["share"] == 1.0
    assert found["perturbation"]["n"] == 10
    assert found["injected"]["rate"] == 1.0
    assert found["injected"]["wrong"] == 10


def test_a_student_that_uses_its_steps_and_verifies_nothing():
    found = perturbed([scored()] * 10, student(uses_prefix=True, verifies=False), count=10)
    assert found["perturbation"]["share"] == 1.0
    assert (found["injected"]["rate"], found["injected"]["detection_rate"]) == (0.0, 0.0)


def test_a_student_whose_steps_are_decoration():
    found = perturbed([scored()] * 10, student(uses_prefix=False, verifies=False), count=10)
    assert found["perturbation"]["share"] == 0.0


def test_the_prefix_ends_with_the_changed_step():
    change = change_one_step(scored(), Random(0))
    assert change is not None
    assert change.expected is not None, "the step whose consequence can be computed is preferred"
    wrong = first_value(change.prefix)
    assert wrong != 24
    assert change.prefix == TEXT[: TEXT.index("24<STEP>48+24")] + str(wrong)
    assert change.expected == 48 + wrong


def test_marked_steps_are_changed_everywhere():
    text = "[UNDERSTAND]\n48\n[PLAN]\n1. a\n[EXECUTE]\n1. 48 / 2 = <<48/2=24>>24\n2. 48 + 24 = <<48+24=72>>72\n[VERIFY]\nCorrect.\n[ANSWER] 72"
    change = change_one_step(scored(text), Random(1))
    assert change is not None
    assert re.search(r"48 / 2 = <<48/2=(\d+)>>\1$", change.prefix)


def test_only_right_unflagged_outputs_are_changed_and_no_more_than_asked():
    seen: list[int] = []

    def count(outputs):
        seen.append(len(outputs))
        return student(uses_prefix=True, verifies=True)(outputs)

    wrong = scored(TEXT.replace("<ANS>72", "<ANS>71"))
    flagged = scored(TEXT.replace("72-24=48 ok", "72-24!=48"))
    perturbed([wrong, flagged] + [scored()] * 5, count, count=3)
    assert seen == [3]


def test_nothing_to_change():
    found = perturbed([scored("no steps here, 72")], lambda outputs: list(outputs), count=5)
    assert found == {"injected": None, "perturbation": {"n": 0, "followed": 0, "share": None, "interval": None}}


@pytest.mark.parametrize("value", [0, 1, 9, 24, 100])
def test_slips_are_plausible(value):
    slips = {plausible_error(Fraction(value), Random(seed)) for seed in range(60)}
    assert value not in slips
    assert all(slip is not None and slip >= 0 and abs(slip - value) <= 10 for slip in slips)
    assert len(slips) > 1


def test_fractions_and_words_are_left_alone():
    assert plausible_error(Fraction(1, 2), Random(0)) is None
    assert plausible_error("even", Random(0)) is None
    assert plausible_error(None, Random(0)) is None


PROBLEMS = [
    draw_problem(task, seed=3, index=i, split="test", language="en")
    for task in ("arithmetic", "two_step", "pattern", "word_problem")
    for i in range(25)
]


def column_student(*, uses_prefix: bool):
    """Goes on as the teacher would from the values in its prefix, or as if nothing had changed."""

    def write(outputs):
        by_question = {problem.question: problem for problem in PROBLEMS}
        written = []
        for output in outputs:
            problem = by_question[output.question]
            begun = output.text[output.text.index("[EXECUTE]<STEP>") + 15 :].split("<STEP>")
            taught = executed_with(problem, {})
            place = len(begun) - 1
            value = int(begun[place].rpartition("=")[2])
            steps = executed_with(problem, {place: value} if uses_prefix else {})
            assert steps[:place] == taught[:place]
            text = output.text + "".join(f"<STEP>{step}" for step in steps[place + 1 :])
            written.append(replace(output, text=f"{text}[VERIFY]<STEP>ok</THINK><ANS>0</ANS>"))
        return written

    return write


@pytest.mark.parametrize("uses_prefix", [True, False])
def test_consequences_in_column_arithmetic_are_the_teachers(uses_prefix):
    outputs = [
        score_output(Output(p.question, solve(p).text.partition("<THINK>")[2], p.answer, p.task, "en"))
        for p in PROBLEMS
    ]
    found = perturbed(outputs, column_student(uses_prefix=uses_prefix), count=100, redo=teacher_steps(PROBLEMS))[
        "perturbation"
    ]
    assert found["n"] > 60
    assert found["share"] == float(uses_prefix)


def test_a_changed_digit_shows_where_the_number_is_used():
    problem = Problem("What is 59 + 84 - 69?", "74", "two_step", expression="59+84-69")
    steps = executed_with(problem, {1: 13})
    assert steps[:3] == ["9+4=13", "5+8+1=13", "133-069"]
    output = solve(problem).text.partition("<THINK>")[2]
    one = score_output(Output(problem.question, output, "74", "two_step", "en"))
    redo = teacher_steps([replace(problem, id="two_step-0")])
    changes = [change_one_step(one, Random(seed), redo) for seed in range(40)]
    found = {(c.prefix.rpartition("<STEP>")[2], c.expected) for c in changes if c}
    assert {expected for changed, expected in found if changed == "5+8+1=13"} == {"133-069"}
    assert {expected for changed, expected in found if changed == "9+4=3"} == {"5+8+0=13"}


def test_steps_that_are_not_the_teachers_have_no_known_consequence():
    problem = Problem("What is 59 + 84 - 69?", "74", "two_step", "en", "two_step-0", expression="59+84-69")
    output = solve(problem).text.partition("<THINK>")[2].replace("<STEP>143-069", "<STEP>143-69")
    one = score_output(Output(problem.question, output, "74", "two_step", "en"))
    change = change_one_step(one, Random(0), teacher_steps([problem]))
    assert change is not None
    assert change.expected is None


@given(place=st.integers(0, 12), value=st.integers(0, 40), index=st.integers(0, len(PROBLEMS) - 1))
def test_any_value_can_be_computed_on_with(place, value, index):
    steps, taught = executed_with(PROBLEMS[index], {place: value}), executed_with(PROBLEMS[index], {})
    assert steps[:place] == taught[:place]
    if place < min(len(steps), len(taught)) and "=" in taught[place] and steps[place] != taught[place]:
        assert steps[place].endswith(f"={value}")


def test_a_changed_step_keeps_its_tags():
    problem = Problem("What is 59 + 84 - 69?", "74", "two_step", "en", "two_step-0", expression="59+84-69")
    output = solve(problem, notation="tags").text.partition("<THINK>")[2]
    one = score_output(Output(problem.question, output, "74", "two_step", "en"))
    redo = teacher_steps([problem], "tags")
    changes = [change_one_step(one, Random(seed), redo) for seed in range(60)]
    found = {(c.prefix.rpartition("<STEP>")[2], c.expected) for c in changes if c}
    assert {("ⓚ9+ⓗ4=⒨⒩3", "5+8+0=13"), ("ⓚ9+ⓗ4=1⒨⒩4", "144-69")} <= found
    assert all(output.startswith(c.prefix.rpartition("<STEP>")[0]) for c in changes if c)


def test_without_the_teachers_steps_no_tagged_step_is_changed():
    output = "[UNDERSTAND]<STEP>ⓛ7+ⓘ5[PLAN]<STEP>add[EXECUTE]<STEP>ⓛ7+ⓘ5=1ⓝ2[VERIFY]<STEP>ok</THINK><ANS>1ⓝ2</ANS>"
    one = score_output(Output("What is 7 + 5?", output, "12", "arithmetic", "en"))
    assert change_one_step(one, Random(0)) is None
