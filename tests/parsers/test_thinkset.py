"""The THINK-set format: tags that close with a backslash around free reasoning."""

from __future__ import annotations

import pytest

from parsers import parse

TEXT = "<USER>Ana has 2 pens and buys 3. How many?<\\USER> <THINK>She starts with 2. Then 2 + 3 = 5.<\\THINK> <ANSWER>5<\\ANSWER>"


def test_whole_text() -> None:
    graph = parse(TEXT)
    assert (graph.format, graph.question, graph.answer) == ("thinkset", "Ana has 2 pens and buys 3. How many?", "5")
    assert graph.problems == ()
    assert all(TEXT[step.start : step.end] == step.text for step in graph.steps)
    assert (graph.steps[-1].value == 5 and set(graph.steps[-1].depends_on) == {"2", "3"}) or graph.steps[
        -1
    ].depends_on == (0, "3")


@pytest.mark.parametrize("end", range(0, len(TEXT), 3))
def test_cut_off_anywhere(end: int) -> None:
    graph = parse(TEXT[:end], format="thinkset")
    assert graph.problems
    assert all(TEXT[step.start : step.end] == step.text for step in graph.steps)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<THINK>2 + 3 = 5.<\\THINK>", "<ANSWER> is missing"),
        ("<ANSWER>5<\\ANSWER>", "<THINK> is missing"),
        ("<THINK>2 + 3 = 5. <ANSWER>5<\\ANSWER>", "<THINK> is not closed"),
        ("<THINK>2 + 3 = 5.<\\THINK><ANSWER> <\\ANSWER>", "the answer is empty"),
    ],
)
def test_problems_are_named(text: str, problem: str) -> None:
    assert problem in parse(text, format="thinkset").problems


def test_forward_slashes_close_too() -> None:
    assert parse("<USER>q</USER><THINK>2 + 3 = 5.</THINK><ANSWER>5</ANSWER>").problems == ()
