"""Free solutions in the four stages: own words, one order, marks where something is computed, refusals with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parsers import Stage, parse, render
from parsers.writing.own_words import executed_lines, goal_words, marked, own_lines, plain_line
from parsers.writing.restage import Refusal, light_restage, restage

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "traces" / "gsm8k"
QUESTION = "A boat has 14 rowers and half as many guests. Each guest pays $6. How much do the guests pay?"
ANSWER = """To find what the guests pay, we need to follow these steps:

1. **Count the guests:**
   The boat has 14 rowers.
   So, the number of guests is:
   \\[
   \\frac{14}{2} = 7 \\text{ guests}
   \\]

2. **Multiply by the price:**
   Each guest pays $6.
   \\[
   7 \\times \\$6 = \\$42
   \\]

Therefore, the guests pay \\(\\boxed{42}\\) dollars."""


def text_of(answer: str, question: str = QUESTION) -> str:
    whole = restage(parse(answer, question=question))
    assert not isinstance(whole, Refusal), whole
    return str(render(whole, format="staged", exact=False))


def test_every_stage_stands_once_in_order_in_the_words_of_the_writer() -> None:
    assert text_of(ANSWER) == (
        "[UNDERSTAND]\nThe boat has 14 rowers.\nEach guest pays $6.\n"
        "[PLAN]\n1. Count the guests\n2. Multiply by the price\n"
        "[EXECUTE]\n1. So, the number of guests is: 14 / 2 = <<14/2=7>>7 guests\n2. 7 * $6 = $<<7*6=42>>42\n"
        "[VERIFY]\n42 / 6 = 7. Correct.\n[ANSWER] 42"
    )


def test_a_plan_does_not_give_a_result_before_its_step() -> None:
    text = text_of(ANSWER + "\n\n3. **Collect from all 7 guests:**\n   They pay 42 dollars.")
    assert "7 guests" not in text.partition("[EXECUTE]")[0]
    of_question = text_of(ANSWER.replace("Multiply by the price", "Multiply by the price of $6"))
    assert "2. Multiply by the price of $6" in of_question, "a number of the question is no result"
    constant = text_of(ANSWER.replace("Count the guests", "Count the guests, 2 rowers each"))
    assert "1. Count the guests, 2 rowers each" in constant, "a number that a step brings in is no result"


def test_what_is_written_reads_back_with_the_same_answer_and_every_step_holds() -> None:
    text = text_of(ANSWER)
    back = parse(text, question=QUESTION, format="staged")
    assert back.answer == "42"
    stages = [step.stage for step in back.steps]
    assert stages == sorted(stages) and set(stages) == set(Stage)
    assert [str(step.value) for step in back.steps if step.stage is Stage.EXECUTE] == ["7", "42"]
    assert all(step.correct is not False for step in back.steps)
    assert "\\" not in text and "**" not in text and "boxed" not in text


def test_a_plan_that_is_repeated_as_headings_stands_once() -> None:
    answer = (
        "1. Find the guests.\n2. Find the price.\n\nLet's start:\n\n1. Find the guests.\n   The guests are 14 / 2 = 7.\n\n"
        "2. Find the price.\n   They pay 7 * 6 = 42 dollars.\n\nThe answer is 42."
    )
    text = text_of(answer)
    assert text.count("Find the guests") == 1 and text.count("Find the price") == 1


ANNOUNCED = """To find what the guests pay, we need to follow these steps:

1. Count the guests on the boat.
2. Multiply the guests by the price.

Let's break it down step by step.

First, let's count the guests on the boat. The boat has 14 rowers, so there are 14 / 2 = 7 guests.

Step 2: Multiply the guests by the price. Each guest pays $6, so they pay 7 * 6 = 42 dollars.

The answer is \\boxed{42}."""


def test_a_sub_goal_that_is_announced_again_stands_once_and_in_the_plan() -> None:
    whole = restage(parse(ANNOUNCED, question=QUESTION))
    assert not isinstance(whole, Refusal)
    lines = {stage: [step.text for step in whole.steps if step.stage is stage] for stage in Stage}
    assert lines[Stage.PLAN] == ["Count the guests on the boat.", "Multiply the guests by the price."]
    assert not any("Multiply" in line or "Step 2" in line for line in lines[Stage.EXECUTE])
    assert [line.rpartition(">>")[2] for line in lines[Stage.EXECUTE]] == ["7 guests.", "42 dollars."]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("Calculate the cost of the milk.", "Next, let\u2019s calculate the cost of the milk", True),
        ("Determine the number of boxes", "First, we need to find the number of boxes:", True),
        ("Count the first 40 questions", "Count the next 40 questions", False),
        ("Calcular o total de gastos", "Agora, vamos calcular o total de gastos", True),
        ("Cost of the milk", "Cost of the juice", False),
    ],
)
def test_goal_words_tell_sub_goals_apart(one: str, other: str, are_same: bool) -> None:
    assert (goal_words(one) == goal_words(other)) is are_same


def test_a_sentence_that_only_begins_is_no_sub_goal() -> None:
    assert (
        goal_words("Let's break it down step by step.") == goal_words("First, let's start with the first step.") == ()
    )


def test_a_computation_and_its_result_are_one_line() -> None:
    graph = parse(
        "Then\n\\[ P = \\frac{30}{4} \\]\nPerform the division:\n\\[ P = 7.5 \\]\nThe answer is 7.5.", question="?"
    )
    assert list(executed_lines(own_lines(graph)[Stage.EXECUTE])) == ["Then P = 30 / 4 = 7.5"]
    graph = parse("Cost:\n\\[ 6 \\times 60 + 10 \\]\n\\[ = 370 \\]\nSo it costs 370.", question="?")
    assert next(executed_lines(own_lines(graph)[Stage.EXECUTE])) == "Cost: 6 * 60 + 10 = 370"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In all 80,000 + 50,000 = 130,000 dollars", "In all 80,000 + 50,000 = <<80000+50000=130000>>130,000 dollars"),
        ("It costs $4 * 3 = $12.", "It costs $4 * 3 = $<<4*3=12>>12."),
        ("x = 12", "x = 12"),
        ("There are 12 eggs.", "There are 12 eggs."),
        ("3 + 4 = 8", "3 + 4 = 8"),
    ],
)
def test_a_mark_stands_in_front_of_what_was_computed_and_holds(text: str, expected: str) -> None:
    assert marked(text, "en") == expected


def test_markup_is_taken_off() -> None:
    assert plain_line("- **So** \\(\\frac{80 + 60}{2} \\times 3 \\div 1\\)") == "So (80 + 60) / 2 * 3 / 1"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I do not know.", "no answer was found"),
        ("The answer is 42.", "no step computes anything"),
        ("So 7 * 6 = 43 dollars. The answer is 43.", "a step does not hold"),
        ("So 7 * 6 = 42 dollars [PLAN]. The answer is 42.", "its words hold a marker"),
    ],
)
def test_what_cannot_be_put_into_the_form_is_refused_with_a_reason(answer: str, reason: str) -> None:
    assert restage(parse(answer, question=QUESTION, format="freeform")) == Refusal(reason)


def test_the_light_form_keeps_the_text_and_sorts_it_by_stage() -> None:
    whole = light_restage(parse(ANSWER, question=QUESTION))
    assert not isinstance(whole, Refusal)
    stages = [step.stage for step in whole.steps]
    assert stages == sorted(stages) and set(stages) == set(Stage)
    assert any("\\frac{14}{2} = 7" in step.text for step in whole.steps)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared traces are not here")
@pytest.mark.parametrize("model", ["Qwen2.5-0.5B-Instruct", "Qwen2.5-3B-Instruct"])
def test_nine_of_ten_right_answers_of_real_models_survive(model: str) -> None:
    lines = (SHARED / f"{model}.jsonl").read_text(encoding="utf-8").splitlines()
    right = [row for row in map(json.loads, lines) if row["correct"]][:80]
    kept = [restage(parse(row["trace"], question=row["question"])) for row in right]
    assert sum(not isinstance(one, Refusal) for one in kept) >= 0.9 * len(right)
