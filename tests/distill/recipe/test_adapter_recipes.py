"""The adapter student and mixed data sets in a recipe: what is read, and what is refused in whose words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from distill.errors import UserError
from distill.recipe.files import RecipeText, merge
from distill.recipe.messages import describe
from distill.recipe.schema import AdapterStudent, Recipe, ReferenceTeacher

SMALLEST: dict[str, Any] = {
    "name": "tiny",
    "teacher": {"kind": "reference"},
    "student": {"kind": "adapter", "base": "some/base"},
    "train": {"max_steps": 200},
}


def made(**changes: Any) -> Recipe:
    data: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in SMALLEST.items()}
    merge(data, changes)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise UserError(*describe(error, RecipeText("tiny.yaml", data), Recipe)) from None


def test_the_sections_are_read() -> None:
    recipe = made(
        teacher={"datasets": {"gsm8k": {"limit": "1e3"}, "math": {"path": "train.jsonl"}}},
        student={"verification": None, "reasoning": {"r": 4, "target_modules": ["q_proj"]}},
    )
    student, teacher = recipe.student, recipe.teacher
    assert isinstance(student, AdapterStudent) and isinstance(teacher, ReferenceTeacher)
    assert student.verification is None and student.reasoning.target_modules == ("q_proj",)
    assert teacher.datasets["gsm8k"].limit == 1000 and teacher.datasets["math"].path == "train.jsonl"
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"student": {"kind": "adaptor"}}, 'student.kind: unknown value "adaptor", did you mean "adapter"'),
        ({"student": {"lode_in_4bit": True}}, 'student.lode_in_4bit: unknown key, did you mean "load_in_4bit"'),
        ({"student": {"verification": {"rank": 8}}}, "student.verification.rank: unknown key"),
        ({"student": {"base": None}}, "student.base: expected text"),
        ({"student": {"reasoning": {"r": 0}}}, "student.reasoning.r: 0 is too small"),
        ({"student": {"reasoning": {"lora_dropout": 1}}}, "lora_dropout: 1 is too large"),
        ({"student": {"reasoning": {"target_modules": []}}}, "target_modules: the list is empty"),
        ({"teacher": {"datasets": {"gsm9k": {}}}}, 'did you mean "gsm8k"'),
        (
            {"teacher": {"datasets": {"math": {"limits": 3}}}},
            'teacher.datasets.math.limits: unknown key, did you mean "limit"',
        ),
        ({"teacher": {"datasets": {"math": {}}}, "data": {"path": "x"}}, "data.path: teacher.datasets is set"),
        ({"teacher": {"kind": "symbolic"}}, "teacher.kind: an adapter student learns from reference solutions"),
        ({"train": {"compile": "on"}}, "train.compile: adapter students are not compiled"),
        ({"teacher": {"dataset": "thinkset"}}, "teacher: thinkset holds no solutions that can be checked"),
        ({"teacher": {"datasets": {"gsm8k": {}, "thinkset": {}}}}, "teacher: thinkset holds no solutions"),
        ({"student": {"load_in_4bit": "yes"}}, 'student.load_in_4bit: expected true or false, this is "yes"'),
        ({"eval": {"calculator": 1}}, "eval.calculator: expected true or false, this is 1"),
        ({"student": {"kind": "nano", "base": None}}, "student.base: unknown key"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        made(**changes)
    assert words in str(caught.value)


def test_nano_students_have_no_calculator_and_no_injected_errors() -> None:
    with pytest.raises(UserError, match=r"eval\.calculator"):
        made(student={"kind": "nano"}, eval={"calculator": True})
    with pytest.raises(UserError, match=r"eval\.guided"):
        made(student={"kind": "nano"}, eval={"guided": True})
    with pytest.raises(UserError, match=r"teacher\.error_rate"):
        made(student={"kind": "nano"}, teacher={"error_rate": 0.1})
