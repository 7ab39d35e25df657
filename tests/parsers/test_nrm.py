"""The nano students' format: what each step reads as, and outputs cut off anywhere."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from parsers import Stage, parse, render

TEXT = (
    "<INST>What is 47 + 35?</INST><THINK>[UNDERSTAND]<STEP>47+35[PLAN]<STEP>ones first[EXECUTE]<STEP>7+5=12"
    "<STEP>4+3+1=8[VERIFY]<STEP>82-35=47 ok</THINK><ANS>82</ANS>"
)


def test_whole_text() -> None:
    graph = parse(TEXT)
    assert (graph.format, graph.question, graph.answer, graph.problems) == ("nrm", "What is 47 + 35?", "82", ())
    assert [given.name for given in graph.givens] == ["47", "35"]
    assert [(step.stage, step.text) for step in graph.steps] == [
        (Stage.UNDERSTAND, "47+35"),
        (Stage.PLAN, "ones first"),
        (Stage.EXECUTE, "7+5=12"),
        (Stage.EXECUTE, "4+3+1=8"),
        (Stage.VERIFY, "82-35=47 ok"),
    ]
    assert all(TEXT[step.start : step.end] == step.text for step in graph.steps)
    assert graph.steps[0].depends_on == ("47", "35")
    assert set(graph.steps[4].depends_on) == {"47", "35"}
    assert str(render(graph, format="nrm")) == TEXT


@pytest.mark.parametrize(
    ("text", "expression", "value", "correct"),
    [
        ("7+5=12", "7+5", 12, True),
        ("7+5=13", "7+5", 13, False),
        ("5-8+10=7", "5-8+10", 7, True),
        ("12*3=36", "12*3", 36, True),
        ("3-8=-5", "3-8", -5, True),
        ("(2+3)*4=20", "(2+3)*4", 20, True),
        ("45<72", "45<72", None, True),
        ("72<45", "72<45", None, False),
        ("846<4667 ok", "846<4667", None, True),
        ("47: 3", None, None, None),
        ("even", None, None, None),
        ("7", None, 7, None),
        ("7=7", None, 7, None),
        ("82-35=47 ok", "82-35", 47, True),
    ],
)
def test_steps(text: str, expression: str | None, value: int | None, correct: bool | None) -> None:
    step = parse(f"<INST></INST><THINK>[EXECUTE]<STEP>{text}</THINK><ANS>0</ANS>").steps[0]
    assert (step.expression, step.value, step.correct) == (
        expression,
        None if value is None else Fraction(value),
        correct,
    )


def test_a_result_is_used_by_later_steps() -> None:
    graph = parse(
        "<INST>Ana has 12 pens, buys 5, then triples them. How many?</INST><THINK>[EXECUTE]<STEP>12+5=17<STEP>17*3=51</THINK><ANS>51</ANS>"
    )
    assert graph.steps[0].depends_on == ("12", "5")
    assert graph.steps[1].depends_on == (0, "triples")


@pytest.mark.parametrize("end", range(len(TEXT)))
def test_cut_off_anywhere_gives_the_steps_there_are(end: int) -> None:
    graph = parse(TEXT[:end], format="nrm")
    whole = parse(TEXT)
    assert graph.problems
    assert len(graph.steps) <= len(whole.steps)
    for cut, step in zip(graph.steps, whole.steps, strict=False):
        assert cut.stage == step.stage and step.text.startswith(cut.text)
    if "<THINK>" in TEXT[:end] and "</THINK>" not in TEXT[:end]:
        assert any("</THINK> is missing" in problem for problem in graph.problems)


def test_continuation_without_the_question() -> None:
    graph = parse(TEXT.partition("<THINK>")[2], question="What is 47 + 35?")
    assert graph.format == "nrm" and len(graph.steps) == 5 and graph.answer == "82"
    assert [given.name for given in graph.givens] == ["47", "35"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<INST>q</INST><THINK><STEP>1+1=2</THINK><ANS>2</ANS>", "a step stands before any stage marker"),
        ("<INST>q</INST><THINK>[EXECUTE]<STEP>1+1=2</THINK>", "no answer was found"),
        ("<INST>q</INST><THINK>[EXECUTE]<STEP>1+1=2</THINK><ANS> </ANS>", "the answer is empty"),
        ("<INST>q</INST><THINK>[EXECUTE]<STEP>a</THINK><ANS>1</ANS><ANS>2</ANS>", "there is more than one <ANS>"),
        ("<INST>q</INST><THINK>[EXECUTE]loose<STEP>a</THINK><ANS>1</ANS>", "text stands outside every step"),
        ("<INST>q</INST><THINK></THINK><ANS>1</ANS>", "no step was found"),
        ("<INST>q<THINK>[EXECUTE]<STEP>a</THINK><ANS>1</ANS>", "<INST> is not closed"),
    ],
)
def test_problems_are_named(text: str, problem: str) -> None:
    assert problem in parse(text).problems


def test_a_trace_is_read_in_well_under_a_millisecond() -> None:
    steps = "".join(f"<STEP>{i}+5-1={i + 4}" for i in range(15))
    texts = [TEXT.replace("<STEP>7+5=12", steps.replace("5", str(5 + n))) for n in range(200)]
    times = []
    for text in texts:
        begin = time.perf_counter()
        parse(text, format="nrm", language="en")
        times.append(time.perf_counter() - begin)
    assert min(times) < 2e-3  # about 0.3 ms on an idle core; the least, since others may share it
