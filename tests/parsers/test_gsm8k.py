"""GSM8K and Socratic solutions: own sentences in the published form, and the published files where they are present."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from parsers import Stage, parse
from parsers.answers.final import Verdict, answers_equal, final_answer
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.verdicts import MARK

DATA = Path(__file__).parents[3] / "shared" / "data" / "gsm8k"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the GSM8K files are not here (../shared/data/gsm8k)")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]


def test_lines_become_steps() -> None:
    text = "Mia packs 60/5 = <<60/5=12>>12 boxes.\nShe keeps 12-2 = <<12-2=10>>10 of them.\n#### 10"
    graph = parse(text, question="Mia packs 60 eggs, 5 to a box, and gives 2 boxes away. How many boxes does she keep?")
    assert (graph.format, graph.answer, graph.problems) == ("gsm8k", "10", ())
    assert [(step.stage, step.expression, step.value, step.correct) for step in graph.steps] == [
        (Stage.EXECUTE, "60/5", 12, True),
        (Stage.EXECUTE, "12-2", 10, True),
    ]
    assert [step.depends_on for step in graph.steps] == [("60", "5"), (0, "2")]
    assert [text[step.start : step.end] for step in graph.steps] == list(text.split("\n")[:2])


@pytest.mark.parametrize(
    ("line", "expression", "value", "correct"),
    [
        ("She pays $<<4*.25=1>>1 in all.", "4*.25", 1, True),
        ("That is 3/4 = <<3/4=3/4>>3/4 of it.", "3/4", Fraction(3, 4), True),
        ("It is <<1200*3=3,600>>3,600m long.", "1200*3", 3600, True),
        ("He needs <<10/3=3.33>>3.33 litres.", "10/3", Fraction(333, 100), True),
        ("He has 5+6 = <<5+6=12>>12 left.", "5+6", 12, False),
        ("They eat 8 x 1 1/2 = 12 rolls.", "8*1.5", 12, True),
        ("She has 5 x 10 = <<50=50>>50 cents.", "5*10", 50, True),
        ("So 2*3 = <<2*3=6>>6 and 6+1 = <<6+1=7>>7.", "6+1", 7, True),
        ("The fee is 40% * $50 = $<<40*.01*50=20>>20.", "40*.01*50", 20, True),
        ("It is 20\u221225 = <<20-25=-5>>-5 degrees.", "20-25", -5, True),
        ("There are 5 ladies in the group.", None, 5, None),
        ("Nothing is said here.", None, None, None),
        ("A mark <<a+b=3>>3 with letters.", None, 3, None),
        ("An open mark <<5+5=10 here.", "5+5", 10, True),
    ],
)
def test_marks_and_written_computations(
    line: str, expression: str | None, value: Fraction | None, correct: bool | None
) -> None:
    step = parse(line + "\n#### 1", format="gsm8k", language="en").steps[0]
    assert (step.expression, step.value, step.correct) == (expression, value, correct)


def test_dependencies_go_to_use() -> None:
    question = "A shop sells 40 caps at $6 each with a 25% discount, and half as many hats at twice the price. How much in all?"
    text = (
        "A cap costs 6*.75 = <<6*.75=4.5>>4.5.\nCaps bring 40*4.5 = <<40*4.5=180>>180.\nThere are 40/2 = <<40/2=20>>20 hats.\n"
        "A hat costs 4.5*2 = <<4.5*2=9>>9.\nHats bring 20*9 = <<20*9=180>>180.\nAll bring 180+180 = <<180+180=360>>360.\n#### 360"
    )
    uses = [step.depends_on for step in parse(text, question=question).steps]
    assert uses[0] == ("6", "25%")
    assert uses[1] == ("40", 0)
    assert uses[2] == ("40", "half") or uses[2] == ("40", "twice")
    assert uses[4] == (2, 3)
    assert sorted(uses[5]) == [1, 4]


def test_opening_definition_is_understanding() -> None:
    graph = parse("Let x be the price.\n2*5 = <<2*5=10>>10\nLet us add: 10+1 = <<10+1=11>>11\n#### 11")
    assert [step.stage for step in graph.steps] == [Stage.UNDERSTAND, Stage.EXECUTE, Stage.EXECUTE]


def test_defined_unknown_is_followed() -> None:
    graph = parse("Let x be the price.\nThen 5*x + 10 = 45.\nSo x = 7.\n#### 7", question="5 of them and 10 make 45.")
    assert [step.value for step in graph.steps] == ["x", "5*x + 10 = 45", 7]
    assert graph.steps[1].depends_on == (0, "5", "10", "45")
    assert graph.steps[2].depends_on == (1,)


def test_model_solution_answer_line() -> None:
    assert parse("Job A: 3 hours\nShe works 3+4 = <<3+4=7>>7 hours.\nA: 7", format="gsm8k").answer == "7"
    graph = parse("She works 3+4 = <<3+4=7", format="gsm8k")
    assert graph.answer is None
    assert graph.problems == ("no answer line (####) was found", "a calculator mark is not closed")


def test_odd_blanks_and_lines() -> None:
    text = "One\u2028two is 1+1 = <<1+1=2>>2\u200b.\n\n\t Then 2+3\u00a0= <<2+3=5>>5\n#### 5\n"
    graph = parse(text)
    assert [step.value for step in graph.steps] == [2, 5]
    assert [text[step.start : step.end] for step in graph.steps] == [step.text for step in graph.steps]


def test_socratic() -> None:
    text = (
        "How many boxes? ** Mia packs 60/5 = <<60/5=12>>12 boxes.\nHow many are left? ** 12-2 = <<12-2=10>>10\n#### 10"
    )
    graph = parse(text, question="Mia packs 60 eggs, 5 to a box, and gives 2 boxes away.")
    assert (graph.format, graph.answer, graph.problems) == ("socratic", "10", ())
    assert [step.stage.name[0] for step in graph.steps] == list("PEPE")
    assert graph.steps[3].depends_on == (1, "2")
    assert all(text[step.start : step.end] == step.text for step in graph.steps)


@needs_data
def test_published_answers_marks_and_operands() -> None:
    solutions = rows("train.jsonl")[::20] + rows("test.jsonl")[::10]
    marks = wrong = operands = resolved = 0
    for row in solutions:
        graph = parse(row["answer"], question=row["question"])
        gold = row["answer"].rsplit("####", 1)[1].strip()
        assert graph.answer == gold
        assert answers_equal(gold=gold, prediction=final_answer(row["answer"]) or "") is Verdict.EQUAL
        assert graph.problems == ()
        for mark in MARK.finditer(row["answer"]):
            expression, _, value = mark[1].rpartition("=")
            marks += 1
            wrong += evaluate(expression) != evaluate(value)
        for step in graph.steps:
            if step.expression is not None and step.correct is not None:
                operands += 1
                resolved += bool(step.depends_on)
    assert wrong <= 0.005 * marks
    assert resolved >= 0.98 * operands


@needs_data
def test_published_verdicts_on_model_solutions() -> None:
    agree = total = 0
    for row in rows("model_solutions.jsonl")[::4]:
        gold = final_answer(row["ground_truth"])
        assert gold is not None
        for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            graph = parse(row[name]["solution"], question=row["question"], format="gsm8k")
            is_equal = graph.answer is not None and answers_equal(gold=gold, prediction=graph.answer) is Verdict.EQUAL
            agree += is_equal == row[name]["is_correct"]
            total += 1
    assert agree >= 0.99 * total


@needs_data
def test_socratic_equals_plain_without_its_questions() -> None:
    for plain, socratic in zip(rows("test.jsonl")[:200], rows("test_socratic.jsonl")[:200], strict=True):
        a = parse(plain["answer"], question=plain["question"], format="gsm8k")
        b = parse(socratic["answer"], question=socratic["question"], format="socratic")
        assert a.answer == b.answer
        assert [step.text for step in a.steps] == [step.text for step in b.steps if step.stage is Stage.EXECUTE]
