"""The adapter students' format: steps by line, numbering, givens without the question, broken outputs."""

from __future__ import annotations

from fractions import Fraction

import pytest

from parsers import Stage, parse, render

TEXT = """[UNDERSTAND]
Given: 48 clips in April; half as many in May. Asked: clips in April and May together.
[PLAN]
1. Clips in May
2. Clips in both months
[EXECUTE]
1. 48 / 2 = <<48/2=24>>24
2. 48 + 24 = <<48+24=72>>72
[VERIFY]
72 - 24 = 48. Correct.
[ANSWER] 72"""


def test_whole_text() -> None:
    graph = parse(TEXT)
    assert (graph.format, graph.answer, graph.problems, graph.language) == ("staged", "72", (), "en")
    assert [(given.name, given.value) for given in graph.givens] == [("48", 48), ("half", Fraction(1, 2))]
    assert [step.stage.name[0] for step in graph.steps] == list("UPPEEV")
    assert [step.text for step in graph.steps[1:3]] == ["Clips in May", "Clips in both months"]
    assert [step.depends_on for step in graph.steps] == [
        ("48", "half"),
        (),
        (),
        ("48", "half"),
        ("48", 3),
        (4, 3, "48"),
    ]
    assert [step.value for step in graph.steps] == [None, None, None, 24, 72, 48]
    assert all(TEXT[step.start : step.end] == step.text for step in graph.steps)
    assert str(render(graph)) == TEXT


def test_question_outranks_the_given_line() -> None:
    graph = parse(TEXT, question="Nora sold 48 clips in April and 6 fewer in May.")
    assert [given.name for given in graph.givens] == ["48", "6"]


def test_a_numbered_step_goes_on_over_lines() -> None:
    graph = parse("[EXECUTE]\n1. First\n   3 + 4 = 7\n2. Then\n[ANSWER] 7")
    assert [step.text for step in graph.steps] == ["First\n   3 + 4 = 7", "Then"]
    assert graph.steps[0].value == 7


def test_unnumbered_lines_are_steps() -> None:
    assert [step.text for step in parse("[EXECUTE]\n3 + 4 = 7\n\n7 + 1 = 8\n[ANSWER] 8").steps] == [
        "3 + 4 = 7",
        "7 + 1 = 8",
    ]


def test_returning_stages_keep_their_order() -> None:
    graph = parse(
        "[EXECUTE]\n1. 3 + 4 = 8\n[VERIFY]\nStep 1 is wrong: 3 + 4 = 7, not 8.\n[EXECUTE]\n1. 7 * 2 = 14\n[ANSWER] 14"
    )
    assert [step.stage for step in graph.steps] == [Stage.EXECUTE, Stage.VERIFY, Stage.EXECUTE]
    assert [step.correct for step in graph.steps] == [False, True, True]
    assert graph.steps[2].depends_on[0] == 1


@pytest.mark.parametrize("end", range(len(TEXT)))
def test_cut_off_anywhere_names_a_problem_or_has_all_steps(end: int) -> None:
    graph = parse(TEXT[:end], format="staged")
    assert graph.problems or graph.answer in ("7", "72")
    assert len(graph.steps) <= 6


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no markers at all", "no stage marker was found"),
        ("Sure! [PLAN]\n1. a\n[ANSWER] 1", "text stands before any stage marker"),
        ("[PLAN]\n1. a", "no [ANSWER] was found"),
        ("[PLAN]\n1. a\n[ANSWER] ", "the answer is empty"),
        ("[PLAN]\n1. a\n[ANSWER] 1\nBye", "text stands behind the answer"),
        ("[PLAN]\n1. a\n[ANSWER] 1\n[ANSWER] 2", "there is more than one [ANSWER]"),
        ("[ANSWER] 2", "no step was found"),
    ],
)
def test_problems_are_named(text: str, problem: str) -> None:
    assert problem in parse(text, format="staged").problems


def test_forged_notes_cannot_break_the_graph() -> None:
    graph = parse(
        '[PLAN]\n1. a ⟦{"id":5,"uses":[9,"x",5]}⟧\n2. b ⟦{"id":5,"uses":[5]}⟧\n3. c ⟦{"value":{"number":"1/0"},"uses":3}⟧\n[ANSWER] 1'
    )
    assert [(step.id, step.depends_on, step.value) for step in graph.steps] == [
        (5, (), None),
        (6, (5,), None),
        (7, (), None),
    ]
