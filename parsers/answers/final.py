"""Reads the final answer of a text; the graph and the grading use the same reading.

    final_answer("... so 72 clips.\\n#### 72")                    ->  "72"
    final_answer(r"Thus it is \\boxed{\\frac{1}{2}}.")            ->  r"\\frac{1}{2}"
    final_answer("So the answer is:\\n\\n2√3 cm")                  ->  "2√3 cm"
    final_answer("<think>maybe \\\\boxed{17}</think>It is 18.")    ->  None

The search order is: the student's answer field, another model's field (`<answer>`), a last line after `####` or `A:`,
the last box, the last phrase ("the answer is"), a reply that is only a value. Thinking is never searched.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parsers.answers.channels import reply_of
from parsers.answers.equality import Verdict, answers_equal
from parsers.answers.notation import MAX_ANSWER, WRAPPING, closing_braces, option_letter, tidy
from parsers.answers.phrases import CLAUSE, DENIED, SUPPOSED, find_phrases, language_of
from parsers.answers.quantity import read_quantity
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import Number, decimal_comma, find_numbers
from parsers.text.markers import ANSWER_FIELDS

TAIL = 20_000
"""The search for a phrase or a last number covers this many characters at the end of a reply."""
NEAR = 1000
"""Characters at the end of a reply that usually contain the last number; they are searched first."""
MAX_PHRASE = 400
"""Characters after a phrase in which its answer may stand."""

_NAMES = "answer|result|final_answer|final|solution"
_FIELD = re.compile(rf"<({_NAMES})>([^<]*(?:<(?!/?(?:{_NAMES})>)[^<]*)*)</\1>", re.IGNORECASE)
_JSON_FIELD = re.compile(
    r"""["'](?:final[ _]?)?answer["']\s*:\s*"""
    r"""(?:"((?:[^"\\\n]|\\.){1,400})"|'([^'\n]{1,400})'|(-?[0-9][0-9.eE+-]{0,40}|\[[^\]\n]{1,200}\]))\s*[,}\n]""",
    re.IGNORECASE,
)
_ANSWER_LINE = re.compile(r"^[ \t]*(####|A:)[ \t]*([^\n]*)", re.MULTILINE)
_OPTION_LINE = re.compile(r"^[ \t]*B[:.)]", re.MULTILINE)
_BOX = re.compile(
    r"b(?<!\w.)oxed(?:\s*(?=\{)|(?<=\\boxed)\s+(?P<bare>[^\s$\\{}]+))|f(?<!\w.)box\s*(?=\{)|o(?<!\w.)xed\s*(?=\{)"
)
"""A box. Its backslash may be lost, or a program may have read "\\b" as a backspace. In the pattern, letters come
before the lookbehind, so that `re` can skip to them."""


class Answer(NamedTuple):
    """An answer as written, and the language of its number format."""

    text: str
    language: str


def clean_answer(text: str) -> str | None:
    """The answer without blanks and emphasis around it; None if nothing is left."""
    return text.strip(WRAPPING + "_") or None


def final_answer(text: str, language: str = "en") -> str | None:
    """Strict: the answer that the text presents; None if it presents none or ends inside its thinking."""
    answer = find_answer(text, language)
    return None if answer is None else answer.text


def find_answer(text: str, language: str = "en") -> Answer | None:
    """The strict answer and the language of its notation: "Die Antwort ist 3,5" is German in any text."""
    for field in ANSWER_FIELDS:
        found = field.findall(text)
        if found:
            return _cleaned(found[-1], language)
    reply = reply_of(text).text
    if not reply.strip():
        return None
    fields = [content for _, content in _FIELD.findall(reply) if content.strip()]
    if fields:
        return _presented(fields[-1], language) or _cleaned(fields[-1], language)
    if '"' in reply and "{" in reply and (named := list(_JSON_FIELD.finditer(reply))):
        return _cleaned(next(part for part in named[-1].groups() if part).replace("\\\\", "\\"), language)
    return _presented(reply, language)


def _cleaned(text: str, language: str) -> Answer | None:
    answer = clean_answer(text)
    return None if answer is None else Answer(answer, language)


def _presented(reply: str, language: str) -> Answer | None:
    """The answer of a reply: from its last line, its last box or its last phrase, or a reply that is only a value."""
    line = answer_line(reply)
    if line and not reply[line.end() :].strip():
        return last_phrase(line[2], language) or _cleaned(line[2], language)
    spans = [span for span in _box_spans(reply) if reply[span[0] : span[1]].strip()]
    if spans:
        begin, end = spans[-1]
        phrase = last_phrase(reply[end:], language)
        if phrase is not None and _is_value(*phrase):
            return phrase  # the text boxed one answer and gave another afterwards
        return _cleaned(_listed(reply, spans) or reply[begin:end], language)
    phrase = last_phrase(reply, language)
    if phrase is not None or "\\boxed" in reply:
        return phrase
    if line:
        return _cleaned(line[2], language)
    bare = tidy(reply) if len(reply) <= MAX_PHRASE else ""
    return Answer(bare, language) if bare and "\n" not in bare and _is_bare(bare, language) else None


_BETWEEN_BOXES = re.compile(r"\}[\s$.]*(?:,? ?(?:and|e|và|y|和)|[,;、])[\s$]*\\(?:boxed|fbox)\{", re.IGNORECASE)
"""The pattern has no "or", which often joins two spellings of one answer."""


def _listed(reply: str, spans: list[tuple[int, int]]) -> str | None:
    """The boxes at the end of a reply, joined only by "and" or commas, as one list; None if there is only one."""
    first = len(spans) - 1
    while first and _BETWEEN_BOXES.fullmatch(reply[spans[first - 1][1] : spans[first][0]]):
        first -= 1
    return ", ".join(reply[begin:end].strip() for begin, end in spans[first:]) if first < len(spans) - 1 else None


def answer_line(text: str) -> re.Match[str] | None:
    """The line with `####` or `A:` that gives the answer: the last line of the text, or a single line with a value.

    Any other `####` is a heading, and `A:` above `B:` is an option.
    """
    lines = list(_ANSWER_LINE.finditer(text))
    if any(line[1] == "A:" for line in lines) and _OPTION_LINE.search(text):
        lines = [line for line in lines if line[1] == "####"]
    if lines and not text[lines[-1].end() :].strip():
        return lines[-1]
    return lines[0] if len(lines) == 1 and _is_bare(tidy(lines[0][2])) else None


def _is_value(answer: str, language: str) -> bool:
    """Whether the text is certainly an answer: a number or the letter of an option."""
    return read_quantity(tidy(answer), language) is not None or option_letter(tidy(answer)) is not None


def _is_bare(answer: str, language: str = "en") -> bool:
    """Whether a text is only a number, or an option."""
    if evaluate(answer, language) is not None or option_letter(answer) or _BARE_OPTION.fullmatch(answer):
        return True
    number = read_quantity(answer, language)
    return number is not None and not number.words and (number.unit is not None or bool(_NAMED_VALUE.match(answer)))


_BARE_OPTION = re.compile(r"\(?[A-H]\)\s[^\n]{1,100}|[A-H][.:]\s[^\n.]{1,60}")
_NAMED_VALUE = re.compile(r"[a-zA-Z]\s*=\s*\S+$")


def last_phrase(reply: str, language: str) -> Answer | None:
    """The answer after the last phrase that gives one; None if no phrase does."""
    tail = reply[-TAIL:]
    for phrase in reversed(find_phrases(tail)):
        if SUPPOSED.search(tail[max(0, phrase.start() - 60) : phrase.start()]):
            continue
        behind = tail[phrase.end() : phrase.end() + MAX_PHRASE]
        if DENIED.match(behind.lstrip(" *_:")):
            continue
        notation = language_of(phrase)
        if decimal_comma(language) or not decimal_comma(notation):
            notation = language
        answer = _answer_behind(behind, notation)
        if answer:
            return Answer(answer, notation)
    return None


_DISPLAY = re.compile(
    r"\s*(?:\\\[(.+?)\\\]|\$\$(.+?)\$\$|\\begin\{(\w+\*?)\}(.+?)\\end\{\3\}|```\w*\n(.+?)```)", re.DOTALL
)
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*•][ \t]+|\d{1,2}[.)][ \t]+)([^\n]+)")


def _answer_behind(behind: str, language: str) -> str | None:
    """The answer after a phrase: on the same line, in a displayed formula, or on the following lines."""
    behind = behind.lstrip(" \t*_`:：") if not behind.lstrip(" \t").startswith("**$") else behind.lstrip(" \t*")
    display = _DISPLAY.match(behind)
    if display:
        return _without_clause(
            _last_line(next(part for part in (display[1], display[2], display[4], display[5]) if part)), language
        )
    line, _, rest = behind.partition("\n")
    if not line.strip(WRAPPING + "_.:"):
        rest = rest.lstrip()
        items = [item[1] for item in _items(rest)]
        if len(items) > 1:
            return ", ".join(tidy(item) for item in items)
        line = rest.partition("\n")[0].lstrip("*_` \t")
    return _without_clause(_first_sentence(line), language)


_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{(?:align|aligned|gathered|split|gather|equation)\*?\}")


def _last_line(display: str) -> str:
    """A displayed formula as one line, without alignment; of a chain with lines that begin with "=", the last line."""
    text = _ENVIRONMENT.sub(" ", display)
    lines = [line.replace("&", " ").strip() for line in text.split("\\\\") if line.strip()] if text != display else []
    if len(lines) == 1 or (lines and all(line.startswith("=") for line in lines[1:])):
        return lines[-1].lstrip("= ")
    return display


def _items(text: str) -> list[re.Match[str]]:
    """The list items at the start of a text."""
    found: list[re.Match[str]] = []
    for line in text.split("\n"):
        item = _LIST_ITEM.fullmatch(line)
        if item is None:
            break
        found.append(item)
    return found


_SENTENCE_END = re.compile(r"[.!?](?=[*_`\"')\]]*(?:\s|$))|[。！？]")
_FORMULA = re.compile(r"\$[^$\n]*\$|\\\([^\n]*?\\\)")


def _first_sentence(line: str) -> str:
    """The first sentence of the line; a full stop in a formula or an abbreviation does not end it."""
    formulas = [match.span() for match in _FORMULA.finditer(line)]
    for end in _SENTENCE_END.finditer(line):
        position = end.start()
        inside = any(start < position < stop for start, stop in formulas)
        if not inside and not re.search(r"\b(?:[ap]\.m|approx|No|vs)$", line[:position]):
            return line[:position]
    return line


_ASIDE = re.compile(r"\s*\((?=[^()]*[^\W\d_]{2})[^()]*\)\s*$")
_WORKED_ASIDE = re.compile(r"([^()=]*[0-9]) \(([0-9][^()=]*[-+*/×÷][^()=]*)\)")
_LEAD = re.compile(
    r"^(?:that |simply |just |therefore |thus |indeed |equal to |then |approximately |about |actually |now "
    r"|option |choice |que |cerca de |khoảng |(?:a |la )?(?:letra|alternativa|opção|opción) "
    r"|(?:a|o|la|el|the) (?=[(\"“]?[A-H](?:[)\"”]?$|\) )))",
    re.IGNORECASE,
)


def _without_clause(answer: str, language: str) -> str | None:
    """The answer alone, without the computation before it and the explanation or remark after it."""
    answer = answer.strip(WRAPPING + "_").rstrip(".。")
    answer = CLAUSE.sub("", answer, count=1)
    shorter = _ASIDE.sub("", answer)
    worked = _WORKED_ASIDE.fullmatch(shorter)
    if worked and evaluate(worked[1], language) == evaluate(worked[2], language):
        shorter = worked[1]
    answer = _LEAD.sub("", shorter or answer)
    answer = tidy(answer.strip(" ,;:"))
    left, equals, right = answer.rpartition("=")
    if equals and right.strip() and all(evaluate(side.strip(" $"), language) is not None for side in left.split("=")):
        answer = right.strip()
    return _CURRENCY.sub("", answer) or None


_CURRENCY = re.compile(r"^(?:R\$|US\$|\\?\$|€|£)\s*(?=-?[0-9.,]+$)")

"""A currency sign before a number is removed; a unit after a number stays."""


def last_number(text: str, language: str = "en") -> str | None:
    """Lenient: the last number in digits, as written, without its currency sign; None if there is no number."""
    tail = text[-TAIL:]
    numbers = _in_digits(tail[-NEAR:].partition("\n")[2], language)
    if len(numbers) < 2:  # the first number may be incomplete
        numbers = _in_digits(tail, language)
    return numbers[-1].text if numbers else None


def _in_digits(text: str, language: str) -> list[Number]:
    return [number for number in find_numbers(text, language) if number.kind != "word"]


def extract_answer(text: str, *, lenient: bool = False, language: str = "en") -> str | None:
    """The strict answer; if there is none and `lenient` is set, the last number."""
    answer = final_answer(text, language)
    return last_number(text, language) if answer is None and lenient else answer


def last_box(text: str) -> str | None:
    """The content of the last closed `\\boxed{...}`, braces balanced; None without one."""
    found = boxes(text)
    return found[-1] if found else None


def boxes(text: str) -> list[str]:
    """The contents of all closed `\\boxed{...}` that are not inside another one, in order."""
    return [text[start:end] for start, end in _box_spans(text)]


def _box_spans(text: str) -> list[tuple[int, int]]:
    if "box" not in text and "\x08oxed" not in text:
        return []
    closing = closing_braces(text)
    found: list[tuple[int, int]] = []
    position = 0
    while match := _BOX.search(text, position):
        position = match.end()
        if match["bare"] is not None:
            found.append((match.start("bare"), match.start("bare") + len(match["bare"].rstrip(".,"))))
            continue
        end = closing.get(position, -1)
        if position < end <= position + MAX_ANSWER:
            found.append((position + 1, end))
            position = end + 1
    return found


__all__ = ["Verdict", "answers_equal", "boxes", "clean_answer", "extract_answer", "final_answer", "last_box"]
