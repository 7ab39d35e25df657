"""Accuracy against the length of numbers, for each task: how far a student goes beyond the numbers of its training.

by_digits([(task, question, is_right, is_taught), …])
    ->  {"arithmetic": [{"digits": 6, "n": 180, "correct": 178, "accuracy": 0.989, "interval": […], "taught": True}, …]}
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from distill.evaluation.statistics import wilson

Answered = tuple[str, str, bool, bool]
"""Task, question, whether it was answered right, whether training has questions of this length."""


def by_digits(answered: Iterable[Answered]) -> dict[str, list[dict[str, Any]]]:
    """For each task, one entry per length in digits of a question's longest number, the shortest first."""
    found: dict[str, dict[int, list[tuple[bool, bool]]]] = defaultdict(lambda: defaultdict(list))
    for task, question, is_right, is_taught in answered:
        if numbers := re.findall(r"\d+", question):
            found[task][max(map(len, numbers))].append((is_right, is_taught))
    return {
        task: [_entry(digits, lengths[digits]) for digits in sorted(lengths)] for task, lengths in sorted(found.items())
    }


def _entry(digits: int, answers: list[tuple[bool, bool]]) -> dict[str, Any]:
    n, correct = len(answers), sum(is_right for is_right, _ in answers)
    return {
        "digits": digits,
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        "interval": list(wilson(correct, n)),
        "taught": any(is_taught for _, is_taught in answers),
    }
