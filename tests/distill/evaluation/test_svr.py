"""Self-verification: the confusion by hand, and what counts as flagging."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluation import VerificationRecord, svr
from distill.evaluation.svr import flags_error, read_verification
from parsers.graph import ReasoningGraph, Stage, Step

QUICK = settings(max_examples=50)


def test_confusion_by_hand():
    records = [
        VerificationRecord(wrong=True, flagged=True, right_at_end=True),  # corrected
        VerificationRecord(wrong=True, flagged=True, right_at_end=True),
        VerificationRecord(wrong=True, flagged=True, right_at_end=False),  # noticed, not mended
        VerificationRecord(wrong=True, flagged=False, right_at_end=False),  # missed
        VerificationRecord(wrong=True, flagged=False, right_at_end=True),  # right by luck: no self-verification
        VerificationRecord(wrong=False, flagged=False, right_at_end=True),
        VerificationRecord(wrong=False, flagged=False, right_at_end=True),
        VerificationRecord(wrong=False, flagged=True, right_at_end=True),  # false alarm without harm
        VerificationRecord(wrong=False, flagged=True, right_at_end=False),  # false alarm that broke it
    ]
    found = svr(records)
    assert (found.n, found.wrong, found.right) == (9, 5, 4)
    assert (found.flagged, found.corrected, found.false_alarms, found.broken) == (3, 2, 2, 1)
    assert found.rate == pytest.approx(2 / 5)
    assert found.detection_rate == pytest.approx(3 / 5)
    assert found.false_alarm_rate == pytest.approx(2 / 4)
    assert found.broken_rate == pytest.approx(1 / 4)
    assert found.to_json()["interval"] == pytest.approx([0.1176, 0.7693], abs=1e-3)  # Wilson, 2 of 5


def test_rates_of_nothing_are_none():
    empty = svr([])
    assert (empty.rate, empty.detection_rate, empty.false_alarm_rate, empty.broken_rate) == (None, None, None, None)
    assert svr([VerificationRecord(False, False, True)]).rate is None
    assert empty.to_json()["interval"] is None


@QUICK
@given(st.lists(st.builds(VerificationRecord, st.booleans(), st.booleans(), st.booleans())))
def test_counts_agree(records):
    found = svr(records)
    assert found.corrected <= found.flagged <= found.wrong
    assert found.wrong + found.right == found.n == len(records)
    assert max(found.false_alarms, found.broken) <= found.right
    assert found == svr(reversed(records))


def output(*verify: str, result: int = 72, answer: str | None = "72", correct: bool | None = True) -> ReasoningGraph:
    steps = [
        Step(0, Stage.EXECUTE, "48 / 2 = 24", value=Fraction(24), correct=True),
        Step(1, Stage.EXECUTE, f"48 + 24 = {result}", value=Fraction(result), depends_on=(0,), correct=correct),
    ]
    steps += [Step(2 + i, Stage.VERIFY, text) for i, text in enumerate(verify)]
    return ReasoningGraph(steps=tuple(steps), answer=answer, language="en")


@pytest.mark.parametrize(
    ("graph", "wrong", "flagged", "right_at_end"),
    [
        (output("72 - 24 = 48. Correct."), False, False, True),
        (output(), False, False, True),
        (output("72 - 24 = 49, wrong.", answer="73"), False, True, False),
        (output("73 - 24 = 49, not 48: step 2 is wrong. 48 + 24 = 72", result=73, correct=False), True, True, True),
        (output("73 - 24 = 49, so there is a mistake.", result=73, answer="73", correct=False), True, True, False),
        (output("73 - 24 = 49. Correct.", result=73, answer="73", correct=False), True, False, False),
        (output("fine", result=73, answer="73", correct=None), True, False, False),
        (output("fine", result=73, correct=False), True, False, True),
        (output("fine", answer=None), False, False, False),
    ],
)
def test_what_happened_in_one_output(graph, wrong, flagged, right_at_end):
    assert read_verification(graph, gold="72") == VerificationRecord(wrong, flagged, right_at_end)


def test_nothing_executed_is_nothing_verified():
    assert read_verification(ReasoningGraph(answer="72"), gold="72") is None
    derived = tuple(replace(step, derived=True) for step in output().steps)
    assert read_verification(replace(output(), steps=derived), gold="72") is None


def digits(*execute: tuple[str, bool], verify: str, answer: str) -> ReasoningGraph:
    """In column arithmetic no single step holds the result."""
    steps = [Step(i, Stage.EXECUTE, text, correct=correct) for i, (text, correct) in enumerate(execute)]
    return ReasoningGraph(steps=(*steps, Step(len(steps), Stage.VERIFY, verify)), answer=answer, language="en")


def test_digit_wise_steps_are_right_if_they_are_the_teachers():
    teacher = digits(("7+5=12", True), ("4+8+1=13", True), verify="132-85=47 ok", answer="132")
    assert read_verification(teacher, gold="132") == VerificationRecord(False, False, True)
    alarm = digits(("7+5=12", True), ("4+8+1=13", True), verify="132-85!=47", answer="142")
    assert read_verification(alarm, gold="132", teacher=teacher) == VerificationRecord(False, True, False)
    slip = digits(("7+5=13", False), ("4+8+1=13", True), verify="133-85!=47", answer="132")
    assert read_verification(slip, gold="132", teacher=teacher) == VerificationRecord(True, True, True)


@pytest.mark.parametrize(
    ("text", "is_flag"),
    [
        ("62+286!=347", True),
        ("7-5=2, 3 wrong", True),
        ("Step 2 is wrong, it should be 24.", True),
        ("That is incorrect.", True),
        ("There is a mistake in step 1.", True),
        ("This does not match.", True),
        ("Há um erro no passo 2.", True),
        ("Kết quả không đúng.", True),
        ("62+285=347 ok", False),
        ("72 - 24 = 48. Correct.", False),
        ("There is no error.", False),
        ("I found no mistakes, all steps are right.", False),
        ("Sem erros, confere.", False),
        ("The terror of step 2", False),
        ("", False),
    ],
)
def test_what_counts_as_flagging(text, is_flag):
    assert flags_error(output(text)) == is_flag


def test_only_verify_flags():
    graph = ReasoningGraph(steps=(Step(0, Stage.EXECUTE, "the wrong change is 5", value=Fraction(5)),), answer="5")
    assert not flags_error(graph)
