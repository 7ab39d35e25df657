"""Thinking with second thoughts."""

from __future__ import annotations

from parsers import Stage, parse

QUESTION = "A shop sold 48 cups in April and half as many in May. How many in all?"
TEXT = (
    "<think>In April 48 cups were sold. May has 48/2 = 24 cups. So 48 + 24 = 74.\n"
    "Wait, let me check that: 48 + 24 = 72. Yes, 72 is correct.</think>\nThe total is **72**."
)


def test_second_thoughts_verify_what_they_look_at_and_their_value_counts() -> None:
    graph = parse(TEXT, question=QUESTION, format="think")
    assert [step.stage for step in graph.steps] == [
        Stage.UNDERSTAND, Stage.EXECUTE, Stage.EXECUTE, Stage.VERIFY, Stage.VERIFY, Stage.EXECUTE,
    ]  # fmt: skip
    assert [step.correct for step in graph.steps][1:4] == [True, False, True]
    assert 2 in graph.steps[3].depends_on
    assert graph.answer == "72"
    assert graph.problems == ()


def test_spans_are_those_of_the_whole_text_and_tags_lie_outside() -> None:
    graph = parse(TEXT, question=QUESTION, format="think")
    assert all(TEXT[step.start : step.end] == step.text for step in graph.steps)
    assert not any("think>" in step.text for step in graph.steps)


def test_the_answer_stands_after_the_thinking() -> None:
    assert parse("<think>It may be 5 or \\boxed{6}.</think> It is 7.", format="think").answer == "7"
    assert parse("<think>It is \\boxed{6}.</think>", format="think").answer == "6"


def test_thinking_cut_off_or_missing_is_noted() -> None:
    cut = parse("<think>First 2 + 3 = 5. Then", format="think")
    assert "the thinking is cut off: <think> without </think>" in cut.problems
    assert cut.answer == "5"
    assert "no <think> was found" in parse("2 + 3 = 5", format="think").problems
