"""Derived stages: true by construction, in the language of the solution, and honest about errors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import ReasoningGraph, Stage, Step, parse, render, structure
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.recompute import recompute

GSM8K = Path(__file__).parents[3] / "shared" / "data" / "gsm8k" / "test.jsonl"

QUESTION = "Nora sold 48 clips in April, and half as many in May. How many clips did she sell in both months?"
SOLUTION = "She sold 48/2 = <<48/2=24>>24 clips in May.\nIn both months she sold 48+24 = <<48+24=72>>72 clips.\n#### 72"


def solved(text: str, question: str = QUESTION, language: str = "auto") -> ReasoningGraph:
    return structure(parse(text, question=question, language=language, format="gsm8k"))


def stage_texts(graph: ReasoningGraph, stage: Stage) -> list[str]:
    return [step.text for step in graph.steps if step.stage is stage]


def test_a_sub_goal_that_several_steps_share_is_named_once() -> None:
    graph = solved(
        "Her row has 4*3 = <<4*3=12>>12 tiles.\nHer row has 12+5 = <<12+5=17>>17 tiles.\n"
        "She pays 17*2 = $<<17*2=34>>34.\n#### 34"
    )
    assert stage_texts(graph, Stage.PLAN) == ["Tiles her row has", "She pays"]
    assert len(stage_texts(graph, Stage.EXECUTE)) == 3


def test_all_four_stages_in_order() -> None:
    graph = solved(SOLUTION)
    assert [step.stage.name[0] for step in graph.steps] == list("UPPEEV")
    assert [step.derived for step in graph.steps] == [True, True, True, False, False, True]
    assert stage_texts(graph, Stage.UNDERSTAND) == [
        "Given: 48 clips in April; half as many in May. Asked: How many clips did she sell in both months?"
    ]
    assert stage_texts(graph, Stage.PLAN) == ["Clips in May", "Clips in both months she sold"]
    assert stage_texts(graph, Stage.VERIFY) == ["72 - 24 = 48. Correct."]
    assert graph.steps[4].depends_on == ("48", 3)
    assert set(graph.steps[5].depends_on) == {"48", 3, 4}


def test_it_adds_nothing_twice() -> None:
    graph = solved(SOLUTION)
    again = structure(graph)
    assert [(step.stage, step.text, step.depends_on) for step in again.steps] == [
        (step.stage, step.text, step.depends_on) for step in graph.steps
    ]


def test_an_empty_graph_stays_empty() -> None:
    assert structure(ReasoningGraph(question=QUESTION)) == ReasoningGraph(question=QUESTION)


def test_portuguese_and_vietnamese() -> None:
    graph = solved("São 2,5*4 = <<2,5*4=10>>10 reais.\n#### 10", "Um café custa R$ 2,5. Quanto custam 4 cafés?", "pt")
    assert stage_texts(graph, Stage.UNDERSTAND)[0].startswith("Dados: ")
    assert stage_texts(graph, Stage.UNDERSTAND)[0].endswith("Pede-se: Quanto custam 4 cafés?")
    assert stage_texts(graph, Stage.VERIFY) == ["10 / 4 = 2,5. Correto."]
    graph = solved("Có 3*4 = 12 quả.\n#### 12", "Mỗi hộp có 3 quả. Hỏi 4 hộp có bao nhiêu quả?", "vi")
    assert stage_texts(graph, Stage.VERIFY) == ["12 / 4 = 3. Đúng."]


def test_an_error_is_found_corrected_and_the_answer_follows() -> None:
    graph = solved(
        SOLUTION.replace("<<48/2=24>>24", "<<48/2=26>>26")
        .replace("48+24 = <<48+24=72>>72", "48+26 = <<48+26=74>>74")
        .replace("72", "74")
    )
    assert stage_texts(graph, Stage.VERIFY) == [
        "Step 1 is wrong: 48 / 2 = 24, not 26.",
        "So step 2 becomes 48 + 24 = 72, not 74.",
    ]
    assert graph.answer == "72"
    verify = [step for step in graph.steps if step.stage is Stage.VERIFY]
    assert verify[-1].value == 72 and all(step.correct for step in verify)
    for format in ("staged", "nrm"):
        back = parse(render(graph, format=format))
        assert back.answer == "72" and [step.text for step in back.steps] == [step.text for step in graph.steps]


def test_an_error_in_the_last_step() -> None:
    graph = solved(SOLUTION.replace("<<48+24=72>>72", "<<48+24=62>>62").replace("#### 72", "#### 62"))
    assert stage_texts(graph, Stage.VERIFY) == ["Step 2 is wrong: 48 + 24 = 72, not 62."]
    assert graph.answer == "72"


def test_what_cannot_be_followed_is_not_called_correct() -> None:
    graph = solved("She sold 48/2 = <<48/2=26>>26 clips in May.\nSo 90 in all.\n#### 90")
    assert graph.answer == "90"
    assert stage_texts(graph, Stage.VERIFY) == ["Step 1 is wrong: 48 / 2 = 24, not 26.", "The answer is not confirmed."]


def test_an_answer_that_no_step_computes_is_not_called_correct() -> None:
    assert not any(
        "orrect." in text for text in stage_texts(solved(SOLUTION.replace("#### 72", "#### 73")), Stage.VERIFY)
    )
    assert stage_texts(solved("It is clear.\n#### 5"), Stage.VERIFY) == ["Not checked: no step can be re-computed."]


def test_present_stages_are_kept() -> None:
    graph = parse(SOLUTION, question=QUESTION)
    verified = replace(graph, steps=(*graph.steps, Step(7, Stage.VERIFY, "I am sure.", depends_on=(1,))))
    result = structure(verified)
    assert stage_texts(result, Stage.VERIFY) == ["I am sure."]
    assert result.steps[-1].depends_on == (4,)


numbers = st.integers(1, 60)


@given(numbers, numbers, numbers, st.sampled_from("+-*"), st.sampled_from("+-*"), st.integers(-3, 3))
def test_the_verdict_is_what_recomputing_shows(a: int, b: int, c: int, first: str, second: str, error: int) -> None:
    middle = (evaluate(f"{a}{first}{b}") or 0) + error
    result = evaluate(f"({middle}){second}{c}")
    shown = f"({middle})" if middle < 0 else str(middle)
    graph = solved(
        f"So {a}{first}{b} = {middle}.\nThen {shown}{second}{c} = {result}.\n#### {result}", f"Take {a}, {b} and {c}."
    )
    texts = " ".join(stage_texts(graph, Stage.VERIFY))
    assert ("Correct." in texts) == (error == 0)
    assert ("Step 1 is wrong" in texts) == (error != 0)
    truth = evaluate(f"({evaluate(f'{a}{first}{b}')}){second}{c}")
    if "not confirmed" not in texts:
        assert evaluate(graph.answer or "") == truth
    corrections, _ = recompute(parse(render(graph), question=graph.question))
    assert bool(corrections) == (error != 0)


@pytest.mark.skipif(not GSM8K.is_file(), reason="the GSM8K files are not here (../shared/data/gsm8k)")
def test_published_solutions_read_back_equal_in_both_formats() -> None:
    for line in GSM8K.read_text(encoding="utf-8").split("\n")[:150]:
        row = json.loads(line)
        graph = structure(parse(row["answer"], question=row["question"]))
        assert [stage for stage in Stage if any(step.stage is stage for step in graph.steps)] == list(Stage)
        for format in ("staged", "nrm"):
            back = parse(render(graph, format=format), format=format)
            assert [(s.stage, s.text, s.value, s.depends_on) for s in back.steps] == [
                (s.stage, s.text, s.value, s.depends_on) for s in graph.steps
            ]
            assert (back.answer, back.givens) == (graph.answer, graph.givens)
        for step in graph.steps:
            if step.stage is Stage.VERIFY and step.expression is not None:
                assert step.correct is not False
