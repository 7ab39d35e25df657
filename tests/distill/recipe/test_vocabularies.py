"""The words that the schema allows are those of their owners. (The schema copies them: their owners import much.)"""

from __future__ import annotations

from typing import get_args

from distill.recipe.student import StudentFormat
from distill.recipe.teacher import TASKS, Dataset, Format
from parsers.parse import FORMATS
from students.tokenizer import FORMS
from teachers.datasets import CARDS
from teachers.nano_tasks import LANGUAGES


def test_tasks_are_those_of_the_symbolic_teacher():
    assert {language: set(tasks) for language, tasks in TASKS.items()} == {
        language: set(tasks) for language, tasks in LANGUAGES.items()
    }


def test_formats_are_those_of_the_parser():
    assert set(get_args(Format)) == {"auto", *FORMATS}


def test_student_formats_are_those_of_the_tokenizer():
    assert {*get_args(StudentFormat), "tagged"} == set(FORMS), "the teacher's notation decides on tags"


def test_data_sets_are_those_with_a_card():
    assert set(get_args(Dataset)) == set(CARDS)
