"""The final answer of a text, and whether two answers are equal.

    final_answer("... so 72 clips.\\n#### 72")             ->  "72"
    final_answer(r"Thus it is \\boxed{\\frac{1}{2}}.")     ->  r"\\frac{1}{2}"
    answers_equal(gold="0.5", prediction=r"\\frac12")      ->  Verdict.EQUAL
    answers_equal(gold="-3", prediction="3")               ->  Verdict.DIFFERENT

Numbers are compared exactly. Only symbolic answers go to Math-Verify (Hynek Kydlíček, Hugging Face 2025), in a
process of its own with a time limit, so that it works in any thread and cannot hang.
"""

from __future__ import annotations

import re
from enum import Enum
from fractions import Fraction

from parsers.expressions import evaluate
from parsers.numbers import Number, decimal_comma, find_numbers

SYMBOLIC_SECONDS = 5.0
MAX_ANSWER = 2000
"""Characters of an answer that are compared; longer ones are loops."""

_FIELDS = (
    re.compile(r"<ANS>(.*?)(?:</ANS>|$)", re.DOTALL),
    re.compile(r"\[ANSWER\][ \t]*([^\n]*)"),
    re.compile(r"<ANSWER>(.*?)(?:<\\ANSWER>|</ANSWER>|$)", re.DOTALL),
    re.compile(r"####[ \t]*([^\n]*)"),
    re.compile(r"^[ \t]*A:[ \t]*([^\n]*)", re.MULTILINE),
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)|\\boxed\s+(?P<bare>[^\s$\\{}]+)")
_PHRASE = re.compile(
    r"(?:answer|resposta|đáp án|đáp số)[^\n.:]{0,30}?(?:\bis\b|\bé\b|\blà\b|:)[ \t]*([^\n]+)", re.IGNORECASE
)
_WRAPPING = " \t\r\n\u00a0\u200b*_`"
_TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox|textit)\s*\{([^{}]*)\}")


class Verdict(Enum):
    """Outcome of comparing two answers; TIMEOUT is neither right nor wrong and has its own count."""

    EQUAL = "equal"
    DIFFERENT = "different"
    TIMEOUT = "timeout"


def clean_answer(text: str) -> str | None:
    """The answer without blanks and emphasis around it; None when nothing is left."""
    return text.strip(_WRAPPING) or None


def final_answer(text: str) -> str | None:
    """Strict: what the text presents as its answer, in a field, a box, after `####`, `A:` or "the answer is"; or None.

    The last one counts; a field that is present but empty gives None.
    """
    for field in _FIELDS:
        found = field.findall(text)
        if found:
            return clean_answer(found[-1])
    box = last_box(text)
    if box is not None:
        return clean_answer(box)
    phrases = _PHRASE.findall(text)
    if not phrases:
        return None
    numbers = find_numbers(phrases[-1])
    return numbers[0].text if numbers else clean_answer(phrases[-1].rstrip(" ."))


def last_number(text: str, language: str = "en") -> str | None:
    """Lenient: the last number of the text in digits, as written, without currency sign; None without any."""
    numbers = [number for number in find_numbers(text[-20_000:], language) if number.kind != "word"]
    return numbers[-1].text if numbers else None


def extract_answer(text: str, *, lenient: bool = False, language: str = "en") -> str | None:
    """The strict answer or, where there is none and `lenient` is set, the last number."""
    answer = final_answer(text)
    return last_number(text, language) if answer is None and lenient else answer


def last_box(text: str) -> str | None:
    """The content of the last closed `\\boxed{...}`, braces balanced; None without one."""
    found = boxes(text)
    return found[-1] if found else None


def boxes(text: str) -> list[str]:
    """The contents of all closed `\\boxed{...}` that do not stand inside another, in order."""
    found: list[str] = []
    position = 0
    while match := _BOX.search(text, position):
        if match["bare"] is not None:
            found.append(match["bare"].rstrip(".,"))
            position = match.end()
            continue
        depth, i = 0, match.end()
        limit = min(len(text), i + MAX_ANSWER)
        while i < limit:
            if text[i] == "\\":
                i += 1  # an escaped brace is a character
            elif text[i] == "{":
                depth += 1
            elif text[i] == "}":
                depth -= 1
                if depth == 0:
                    found.append(text[match.end() + 1 : i])
                    break
            i += 1
        position = i + 1 if i < limit else match.end()
    return found


def answers_equal(
    *, gold: str, prediction: str, language: str = "en", symbolic_seconds: float = SYMBOLIC_SECONDS
) -> Verdict:
    """Compares as numbers, exactly, where both are numbers; as plain text; else as mathematics, through Math-Verify.

    A unit, a currency sign or "x =" beside a number is ignored; "50%" equals both "50" and "0.5". A minus sign counts.
    The order of a list of numbers ("3, 5") does not: where it matters, compare the items.
    """
    gold, prediction = _tidy(gold), _tidy(prediction)
    if not gold or not prediction:
        return Verdict.DIFFERENT
    wanted, given = _numbers(gold, language), _numbers(prediction, language)
    if wanted and given:
        return Verdict.EQUAL if wanted & given else Verdict.DIFFERENT
    if _folded(gold) == _folded(prediction):
        return Verdict.EQUAL
    if _CHOICE.fullmatch(gold) or _CHOICE.fullmatch(prediction):
        return Verdict.DIFFERENT
    wanted_list, given_list = _list(gold, language), _list(prediction, language)
    if wanted_list and given_list:
        return Verdict.EQUAL if wanted_list == given_list else Verdict.DIFFERENT
    if not _is_symbolic(gold) or not _is_symbolic(prediction) or (wanted and not _combines(prediction)):
        return Verdict.DIFFERENT
    from parsers.symbolic import symbolically_equal

    equal = symbolically_equal(gold=gold, prediction=prediction, seconds=symbolic_seconds)
    return Verdict.TIMEOUT if equal is None else Verdict.EQUAL if equal else Verdict.DIFFERENT


def _list(answer: str, language: str) -> list[Fraction]:
    """The numbers of "3, 5" or "3 and 5", sorted, one alone included; empty if a part is anything else."""
    parts = re.split(
        r"\s*;\s*|\s*,\s+(?:and\s+)?|\s+and\s+" if decimal_comma(language) else r"\s*[,;]\s*(?:and\s+)?|\s+and\s+",
        answer,
    )
    values = [evaluate(part, language) for part in parts[:50]]
    return sorted(value for value in values if value is not None) if None not in values else []


def _combines(answer: str) -> bool:
    """Whether numbers of the answer are joined by mathematics; several numbers in words are not one number."""
    return bool(re.search(r"[-+*/^=_]|\\[a-zA-Z]", _TEXT_COMMAND.sub(" ", answer)))


_CHOICE = re.compile(r"\(?([A-Z])\)?\.?")


def _tidy(answer: str) -> str:
    answer = answer[:MAX_ANSWER].strip(_WRAPPING)
    if len(answer) > 2 and answer[0] == answer[-1] == "$":
        answer = answer.strip("$").strip()
    if answer.startswith(("\\(", "\\[")) and answer.endswith(("\\)", "\\]")):
        answer = answer[2:-2].strip()
    answer = answer.rstrip(".").strip()
    choice = _CHOICE.fullmatch(_TEXT_COMMAND.sub(r"\1", answer))
    return choice[1] if choice else answer


def _folded(answer: str) -> str:
    return (
        re.sub(r"[\s\u200b]+|\\[,;!: ]|\\left|\\right|[$]", "", _TEXT_COMMAND.sub(r"\1", answer))
        .replace("dfrac", "frac")
        .casefold()
    )


def _numbers(answer: str, language: str) -> set[Fraction]:
    """The values that the answer may stand for if it is one number; two for a per cent; empty if it is no number."""
    plain = re.sub(r"^\s*\\?[a-zA-Z]\s*=\s*", "", answer)
    value = evaluate(plain, language)
    if value is not None:
        percent = "%" in plain
        return {value, value * 100} if percent else {value}
    if _UNKNOWN.search(_TEXT_COMMAND.sub(" ", plain)):
        return set()
    numbers = find_numbers(_TEXT_COMMAND.sub(r" \1", plain), language)
    if len(numbers) == 1 or (len(numbers) > 1 and all(number.kind == "word" for number in numbers[1:])):
        return _values(numbers[0])
    return set()


_UNKNOWN = re.compile(
    r"\\(?!\$|%|text|mathrm|mbox|,|!|[dt]?frac|circ)|[\^_(\[{,;](?!\s*\\?circ|[0-9]{3})|(?<![^\W\d_])[a-zA-Z](?![^\W\d_])"
)


def _values(number: Number) -> set[Fraction]:
    return {number.value, number.value * 100} if number.kind == "percent" else {number.value}


def _is_symbolic(answer: str) -> bool:
    """Whether the answer can be mathematics at all: plain words are not."""
    return (
        bool(re.search(r"[0-9\\^_=(\[{+*/]|^[a-zA-Z]$", answer))
        and len(re.findall(r"(?<!\\)\b[^\W\d_]{3,}", answer)) <= 3
    )
