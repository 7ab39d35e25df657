"""Whether an output ends in the gold answer: strict (the answer field) and lenient (the last number) side by side.

    "… 48 + 24 = 72</THINK><ANS>72</ANS>"      strict right, lenient right
    "… so she sold 72 clips."                  no answer field: strict wrong, lenient right
    "… </THINK><ANS>24</ANS>"                  both wrong

Lenient is never below strict. What it compares depends on the gold answer. For a list of n numbers it takes the last n
numbers of the output, for a phrase of n words the last n words. For a formula it takes the last formula, for the letter
of an option the last word. A comparison that ran out of time is neither right nor wrong: it has its own count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from distill.evaluation.statistics import wilson
from parsers.answers.channels import reply_of
from parsers.answers.equality import Verdict, answers_equal
from parsers.answers.final import Answer, find_answer
from parsers.answers.groups import read_group
from parsers.answers.notation import is_words, option_letter, tidy
from parsers.answers.quantity import read_quantity
from parsers.arithmetic.numbers import Number, find_numbers
from parsers.text.markers import ANSWER, END_THINK, LIKE_A_MARKER, NRM_ANSWER, STAGED_ANSWER, STEP
from parsers.text.tags import untagged

Gold = str | Sequence[str]
"""The right answer, or several that are all accepted."""

TAIL_CHARACTERS = 4000  # how much of the end of a text is searched for its last number
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_ASKS_FOR_ORDER = re.compile(
    r"\b(?:sort|order(?:ed)?|arrange|rank|ascending|descending|ordene|ordem (?:crescente|decrescente)"
    r"|sắp xếp|thứ tự (?:tăng|giảm))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Grade:
    """One output under the checker. `prediction` is the content of the answer field, None without one."""

    strict: bool
    lenient: bool
    timed_out: bool
    prediction: str | None


def grade(text: str, *, gold: Gold, language: str = "en", ordered: bool | None = None) -> Grade:
    """Strict and lenient verdict on one output.

    `ordered`: the order of a bare list counts. Where None it counts in the answer field of a nano student (`<ANS>`),
    whose only lists are sorted numbers.
    """
    text = untagged(text)
    found = _field(text, language)
    prediction, notation = found or (None, language)
    ordered = bool(NRM_ANSWER.search(text)) if ordered is None else ordered
    verdict = _compare(prediction, gold, language, ordered, notation) if prediction else Verdict.DIFFERENT
    strict = verdict is Verdict.EQUAL
    lenient = strict or matches_last(text, gold=gold, language=language)
    return Grade(strict, lenient, verdict is Verdict.TIMEOUT, prediction)


def asks_for_order(question: str) -> bool:
    """Whether the question wants its numbers sorted, so that the order of the answer counts."""
    return bool(_ASKS_FOR_ORDER.search(question))


def answer_field(text: str, language: str = "en") -> str | None:
    """The answer that the text presents, the last if there are several; None if it presents none."""
    found = _field(untagged(text), language)
    return None if found is None else found.text


def _field(text: str, language: str) -> Answer | None:
    for field in (NRM_ANSWER, STAGED_ANSWER):
        found = field.findall(text)
        if found:
            return Answer(found[-1].strip(), language)
    if any(mark in text for mark in (STEP, END_THINK, ANSWER)):
        return None  # a student that left its field out, or open, has given no answer
    return find_answer(text, language)


def matches(prediction: str, *, gold: Gold, language: str = "en") -> bool:
    """Whether a bare answer equals the gold answer; a comparison out of time counts as no."""
    return _compare(prediction, gold, language, False) is Verdict.EQUAL


def matches_last(text: str, *, gold: Gold, language: str = "en") -> bool:
    """Whether the text ends in the gold answer: last number, last numbers (a list), last formula or last words."""
    reply = reply_of(text).text or text
    tail = LIKE_A_MARKER.sub(" ; ", reply[-TAIL_CHARACTERS:])
    return any(_ends_in(tail, tidy(one), language) for one in _all(gold))


def _ends_in(tail: str, gold: str, language: str) -> bool:
    if option_letter(gold):
        return bool(re.search(rf"(?<!\w)\(?{option_letter(gold)}\)?[\s.)*_$}}]*$", tail))
    if is_words(gold):
        wanted = [word.casefold() for word in _TOKEN.findall(gold)]
        return [word.casefold() for word in _TOKEN.findall(tail)][-len(wanted) :] == wanted
    plain = _UNIT_POWER.sub(lambda power: " " * len(power[0]), tail)
    numbers = [number for number in find_numbers(plain, language) if number.kind != "word"]
    if read_quantity(gold, language) is not None:
        if not numbers or _is_part(tail, numbers[-1]):
            return False
        return answers_equal(gold=gold, prediction=numbers[-1].text, language=language) is Verdict.EQUAL
    group = read_group(gold, language)
    wanted = [read_quantity(part, language) for part in group.parts] if group and not group.opener else []
    if wanted and None not in wanted:
        return [number.value for number in numbers][-len(wanted) :] == [one.value for one in wanted if one is not None]
    formulas = [next(filter(None, match.groups())) for match in _FORMULA.finditer(tail)]
    last = formulas[-1] if formulas else _last_part(tail)
    last = last if "=" in gold else last.rpartition("=")[2]
    return bool(last) and answers_equal(gold=gold, prediction=last, language=language) is Verdict.EQUAL


_UNIT_POWER = re.compile(r"(?<=[0-9}] [kcdm]m)\^\{?[23]\}?|(?<=[0-9}] m)\^\{?[23]\}?|(?<=\b(?:ft|in))\^\{?[23]\}?")
"""The exponent of a unit is no number: the last one of "45 m^2" is 45."""


def _last_part(tail: str) -> str:
    """The end of the text: a part in brackets, or the part after the last space."""
    last = re.search(r"[\[(][^()\[\]]*[)\]]$|\S+$", tail.rstrip(" .\n"))
    return last[0] if last else ""


def _is_part(tail: str, number: Number) -> bool:
    """Whether a number is an exponent, an index, under a root, or a factor of one: 2√3 does not end in 3."""
    before, behind = tail[max(0, number.start - 8) : number.start], tail[number.end : number.end + 8]
    return bool(re.search(r"(?:[\^_]\{?|√|sqrt\s*[{(]?)$", before) or re.match(r"\s?(?:√|\\sqrt|\\?pi\b|π|\^)", behind))


def _compare(prediction: str, gold: Gold, language: str, ordered: bool, notation: str = "") -> Verdict:
    verdicts = [
        answers_equal(gold=one, prediction=prediction, language=language, ordered=ordered, notation=notation)
        for one in _all(gold)
    ]
    return next((v for v in (Verdict.EQUAL, Verdict.TIMEOUT) if v in verdicts), Verdict.DIFFERENT)


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
