"""Whether an output ends in the gold answer: strict (the answer field) and lenient (the last number) side by side.

    "… 48 + 24 = 72</THINK><ANS>72</ANS>"      strict right, lenient right
    "… so she sold 72 clips."                  no answer field: strict wrong, lenient right
    "… </THINK><ANS>24</ANS>"                  both wrong

Lenient is never below strict. A gold answer that is a list is compared with as many last numbers, a word with as many
last words. A comparison that ran out of time is neither right nor silently wrong: it is a count of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from distill.evaluation.statistics import wilson
from parsers.answers import Verdict, answers_equal, final_answer
from parsers.numbers import find_numbers

Gold = str | Sequence[str]
"""The right answer, or several that are all accepted."""

TAIL_CHARACTERS = 4000  # how much of the end of a text is searched for its last number
_FIELD = re.compile(r"<ANS>([^<>]*)</ANS>")
_STAGED_FIELD = re.compile(r"\[ANSWER\]([^\n\[]*)")
_MARK = re.compile(r"</?[A-Z]+>|\[[A-Z]+\]")
_LIST = re.compile(r"\s*[-−]?\d+(?:\s*,\s*[-−]?\d+)+\s*")


@dataclass(frozen=True, slots=True)
class Grade:
    """One output under the checker. `prediction` is the content of the answer field, None without one."""

    strict: bool
    lenient: bool
    timed_out: bool
    prediction: str | None


def grade(text: str, *, gold: Gold, language: str = "en") -> Grade:
    """Strict and lenient verdict on one output."""
    prediction = answer_field(text)
    verdict = _compare(prediction, gold, language) if prediction else Verdict.DIFFERENT
    strict = verdict is Verdict.EQUAL
    lenient = strict or matches_last(text, gold=gold, language=language)
    return Grade(strict, lenient, verdict is Verdict.TIMEOUT, prediction)


def answer_field(text: str) -> str | None:
    """What stands in the answer field, the last one if there are several; None where there is none."""
    for field in (_FIELD, _STAGED_FIELD):
        found = field.findall(text)
        if found:
            return found[-1].strip()
    if "<STEP>" in text or "</THINK>" in text:  # a student that left its field out has given no answer
        return None
    return final_answer(text)


def matches(prediction: str, *, gold: Gold, language: str = "en") -> bool:
    """Whether a bare answer equals the gold answer; a comparison out of time counts as no."""
    return _compare(prediction, gold, language) is Verdict.EQUAL


def matches_last(text: str, *, gold: Gold, language: str = "en") -> bool:
    """Whether the text ends in the gold answer: last number, last numbers (a list) or last words."""
    tail = _MARK.sub(" ; ", text[-TAIL_CHARACTERS:])
    numbers = [number.value for number in find_numbers(tail, language)]
    words = re.findall(r"[^\W\d_]+", tail.casefold())
    return any(_ends_in(numbers, words, one, language) for one in _all(gold))


def _ends_in(numbers: list[Any], words: list[str], gold: str, language: str) -> bool:
    wanted = [number.value for number in find_numbers(gold, language)]
    if wanted:
        return numbers[-len(wanted) :] == wanted
    wanted = re.findall(r"[^\W\d_]+", gold.casefold())
    return bool(wanted) and words[-len(wanted) :] == wanted


def _compare(prediction: str, gold: Gold, language: str) -> Verdict:
    verdicts = [_compare_one(prediction, one, language) for one in _all(gold)]
    return next((v for v in (Verdict.EQUAL, Verdict.TIMEOUT) if v in verdicts), Verdict.DIFFERENT)


def _compare_one(prediction: str, gold: str, language: str) -> Verdict:
    if _LIST.fullmatch(gold):
        is_equal = _items(prediction) == _items(gold)
        return Verdict.EQUAL if is_equal else Verdict.DIFFERENT
    return answers_equal(gold=gold, prediction=prediction, language=language)


def _items(text: str) -> list[str]:
    parts = text.replace("−", "-").strip().strip("[](){}. ").split(",")
    return [str(int(part)) if re.fullmatch(r"\s*-?[0-9]{1,60}\s*", part) else part.strip() for part in parts]


def _all(gold: Gold) -> Sequence[str]:
    return [gold] if isinstance(gold, str) else gold


def accuracy(correct: int, n: int) -> dict[str, Any]:
    """`n`, `correct`, `accuracy` and its Wilson `interval`, as they stand in metrics.json; None where n is 0."""
    return {"n": n, "correct": correct, "accuracy": correct / n if n else None, "interval": list(wilson(correct, n))}


def summarize(grades: Iterable[Grade]) -> dict[str, Any]:
    """Strict and lenient accuracy with counts and Wilson intervals, and how many comparisons ran out of time."""
    grades = list(grades)
    timeouts = sum(grade.timed_out for grade in grades)
    return {
        "strict": {**accuracy(sum(grade.strict for grade in grades), len(grades)), "timeouts": timeouts},
        "lenient": {**accuracy(sum(grade.lenient for grade in grades), len(grades)), "timeouts": timeouts},
    }
