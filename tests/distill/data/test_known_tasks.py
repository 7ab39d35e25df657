"""A question that a student was not trained for is told apart from those of its tasks."""

from __future__ import annotations

import pytest

from distill.data.known_tasks import example_questions, known_tasks, why_foreign
from teachers.nano_tasks import LANGUAGES, TASKS, draw_problem

ENGLISH = [f"en/{task}" for task in TASKS]


def test_questions_of_its_tasks_are_not_foreign() -> None:
    for language, tasks in LANGUAGES.items():
        names = [f"{language}/{task}" for task in tasks]
        for task in tasks:
            for index in range(8):
                question = draw_problem(task, seed=7, index=index, split="test", language=language).question
                assert why_foreign(question, names) is None, question


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What is 4 plus 5?", '"plus" is in none'),
        ("What is 7 / 2?", '"/" is in none'),
        ("Quanto é 4 + 5?", '"quanto" is in none'),
        ("What is 4821 + 35?", "numbers of at most 3 digits"),
    ],
)
def test_others_are_and_why(question: str, reason: str) -> None:
    assert reason in (why_foreign(question, ENGLISH) or "")


def test_nothing_is_said_where_the_tasks_are_not_known() -> None:
    assert known_tasks(["en/arithmetic", "en/nope", 3]) == ["en/arithmetic"]
    assert known_tasks(None) == known_tasks("en/arithmetic") == []
    assert why_foreign("Who wrote Faust?", []) is None


def test_a_question_of_each_task() -> None:
    found = example_questions(["en/even_odd", "pt/even_odd"][:1])
    assert list(found) == ["even_odd"] and "even or odd" in found["even_odd"]


def test_a_student_of_any_length_may_be_asked_for_long_numbers() -> None:
    question = "What is 123456789 + 5?"
    assert why_foreign(question, ["en/arithmetic"]) is not None
    assert why_foreign(question, ["en/arithmetic"], any_length=True) is None
