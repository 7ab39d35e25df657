"""The text of an adapter student: stages under their markers, one step per line, numbered in PLAN and EXECUTE.

    [UNDERSTAND]
    Given: 48 clips in April; half as many in May. Asked: clips in both months.
    [PLAN]
    1. Clips in May
    [EXECUTE]
    1. 48 / 2 = <<48/2=24>>24
    [VERIFY]
    24 * 2 = 48. Correct.
    [ANSWER] 72

A numbered step may span several lines; an unnumbered one may not.
"""

from __future__ import annotations

import re

from parsers.answers.final import clean_answer
from parsers.arithmetic.numbers import find_givens
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.reading.statements import StepReader, too_many
from parsers.text.language import resolve_language
from parsers.text.markers import STAGED, STAGED_CUT
from parsers.text.notes import givens_from_note, split_head, split_note

_NUMBERED = re.compile(r"[0-9]{1,6}[.)](?: |$)")
_GIVEN = re.compile(r"(?:Given|Dados|Cho): (.*?)(?: (?:Asked|Pede-se|Hỏi): |$)")


def parse_staged(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a staged text. Without `question`, the givens are the list after "Given:" in UNDERSTAND."""
    problems: list[str] = []
    begin, head = split_head(text)
    statements: list[tuple[Stage, int, int]] = []
    answer: str | None = None
    answered = False
    markers = list(STAGED.finditer(text, begin))
    cut = (
        None
        if any(marker[1] == "ANSWER" for marker in markers)
        else STAGED_CUT.search(text, max(begin, len(text) - 12))
    )
    whole = cut.start() if cut else len(text)  # without an incomplete marker at the end
    if text[begin : markers[0].start() if markers else whole].strip():
        problems.append("text stands before any stage marker" if markers else "no stage marker was found")
    for i, marker in enumerate(markers):
        end = markers[i + 1].start() if i + 1 < len(markers) else whole
        if marker[1] == "ANSWER":
            if answered:
                problems.append("there is more than one [ANSWER]")
            answered = True
            line, _, rest = text[marker.end() : end].strip("\n").partition("\n")
            answer = _field(line)
            if rest.strip():
                problems.append("text stands behind the answer")
        else:
            stage = Stage[marker[1]]
            statements.extend((stage, start, stop) for start, stop in _items(text, marker.end(), end))
    if not answered:
        problems.append("no [ANSWER] was found")
    elif answer is None:
        problems.append("the answer is empty")
    if not statements:
        problems.append("no step was found")
    return _graph(text, question, language, statements, answer, head or {}, problems)


def _graph(
    text: str,
    question: str,
    language: str,
    statements: list[tuple[Stage, int, int]],
    answer: str | None,
    head: dict[str, object],
    problems: list[str],
) -> ReasoningGraph:
    language = resolve_language(language, text, question, head)
    givens = givens_from_note(head.get("givens"))
    if givens is None:
        givens = find_givens(question, language)
        if not question:
            lines = (_GIVEN.match(text[start:end]) for stage, start, end in statements if stage is Stage.UNDERSTAND)
            givens = find_givens("\n".join(line[1] for line in lines if line), language)
    reader = StepReader(givens, language)
    statements = too_many(statements, problems)
    steps: tuple[Step, ...] = tuple(
        reader.read_noted(text[start:end], stage, start, end) for stage, start, end in statements
    )
    return ReasoningGraph(question, steps, answer, givens, language, "staged", tuple(problems))


def _items(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Spans of the steps between two markers, without their numbers."""
    items: list[tuple[int, int]] = []
    numbered = False
    position = begin
    for line in text[begin:end].split("\n"):
        start = position + len(line) - len(line.lstrip())
        number = _NUMBERED.match(text, start, end)
        stop = position + len(line.rstrip())
        if number:
            numbered = True
            items.append((min(number.end(), position + len(line)), max(stop, number.end() - 1)))
        elif numbered and stop > start:
            items[-1] = (items[-1][0], stop)
        elif stop > start:
            items.append((start, stop))
        position += len(line) + 1
    return [(start, max(start, stop)) for start, stop in items]


def _field(line: str) -> str | None:
    shown, note = split_note(line.strip())
    if note is not None and isinstance(note.get("text"), str):
        return note["text"]
    return clean_answer(shown)
