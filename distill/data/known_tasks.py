"""Tells whether a question belongs to the tasks of a nano student, and gives examples of those tasks.

    why_foreign("What is 4 plus 5?", ["en/arithmetic"])   ->  '"plus" is in none of the questions it was trained on'
    why_foreign("What is 4 + 5?", ["en/arithmetic"])      ->  None
    example_questions(["en/arithmetic"])                  ->  {"arithmetic": "What is 47 + 35?"}

A saved student names its tasks in its configuration, as `language/task`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from teachers.nano_tasks import LANGUAGES, draw_problem

KEY = "reasoning_tasks"
"""Of the configuration of a student."""
DRAWN = 300
"""Questions of each task that are looked at: enough for every story, name and sign."""
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+|[^\w\s]")
"""A word, or a sign that is none."""


def known_tasks(found: object) -> list[str]:
    """The tasks that a configuration names; the configuration may be damaged."""
    names = found if isinstance(found, list) else []
    known = {f"{language}/{task}" for language, tasks in LANGUAGES.items() for task in tasks}
    return [name for name in names if isinstance(name, str) and name in known]


def why_foreign(question: str, tasks: Sequence[str], *, any_length: bool = False) -> str | None:
    """Why this question fits none of these tasks, in words; None if it may fit one, or if there are no tasks.

    `any_length`: the student may be asked for numbers longer than in training.
    """
    if not tasks:
        return None
    words, digits = _vocabulary(tuple(tasks))
    strange = next((word for word in _words(question) if word not in words), None)
    if strange is not None:
        return f'"{strange}" is in none of the questions it was trained on'
    most = digits.get(_NUMBER.sub("0", question.lower()))
    if most is not None and not any_length and _longest(question) > most:
        return f"in such questions it was trained on numbers of at most {most} digits"
    return None


def example_questions(tasks: Sequence[str]) -> dict[str, str]:
    """An example question of each task."""
    return {name.partition("/")[2]: question for name, question in zip(tasks, _drawn(tasks, 1), strict=True)}


@cache
def _vocabulary(tasks: tuple[str, ...]) -> tuple[set[str], dict[str, int]]:
    """The words and signs of many questions; and each common form, numbers left out, to the digits of its longest."""
    words: set[str] = set()
    lengths: dict[str, list[int]] = {}
    for one in _drawn(tasks, DRAWN):
        words.update(_words(one))
        lengths.setdefault(_NUMBER.sub("0", one.lower()), []).append(_longest(one))
    common = {form: max(found) for form, found in lengths.items() if len(found) > DRAWN // 10}
    return words, common


def _drawn(tasks: Sequence[str], count: int) -> Iterator[str]:
    for name in tasks:
        language, _, task = name.partition("/")
        for index in range(count):
            yield draw_problem(task, seed=0, index=index, split="test", language=language).question


def _words(question: str) -> list[str]:
    return _WORD.findall(question.lower())


def _longest(question: str) -> int:
    return max((len(number) for number in _NUMBER.findall(question)), default=0)
