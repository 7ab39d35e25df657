"""GSM8K reference solutions: a step a line, calculator marks, the answer after `####` (model solutions: after `A:`).

She sold 48/2 = <<48/2=24>>24 clips in May.
She sold 48+24 = <<48+24=72>>72 clips in both months.
#### 72
"""

from __future__ import annotations

import re

from parsers.answers.final import answer_line, final_answer
from parsers.arithmetic.numbers import find_givens
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.reading.prose import ProseReader, has_unknowns
from parsers.reading.statements import StepReader, too_many

_LET = re.compile(r"\s*(?:first,?\s+)?(?:let|call|say|suppose|define)\b", re.IGNORECASE)
_BLANK = " \t\r\u00a0\u200b\u2028"


def parse_gsm8k(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a solution in GSM8K form. Text after the answer line belongs to no step."""
    problems: list[str] = []
    answer, end = read_answer(text, language, problems)
    givens = find_givens(question, language)
    algebraic = has_unknowns(text[:end])
    reader = ProseReader(text, question, givens, language) if algebraic else StepReader(givens, language)
    steps = read_lines(text, end, reader, problems)
    if not steps:
        problems.append("no step was found")
    if text.count("<<") != text.count(">>"):
        problems.append("a calculator mark is not closed")
    return ReasoningGraph(question, tuple(steps), answer, givens, language, "gsm8k", tuple(problems))


def read_answer(text: str, language: str, problems: list[str]) -> tuple[str | None, int]:
    """The answer of a solution, and where its steps end: at the answer line, if there is one."""
    line = answer_line(text)
    answer = final_answer(text, language)
    if line is None:
        problems.append("no answer line (####) was found")
    elif answer is None:
        problems.append("the answer line is empty")
    return answer, line.start() if line else len(text)


def read_lines(text: str, end: int, reader: StepReader | ProseReader, problems: list[str]) -> list[Step]:
    """One step for every line. Opening definitions ("Let x be ...") are UNDERSTAND, all else EXECUTE."""
    steps: list[Step] = []
    stage = Stage.UNDERSTAND
    for start, stop in too_many(find_lines(text, end), problems):
        stage = stage if stage is Stage.UNDERSTAND and _LET.match(text, start, stop) else Stage.EXECUTE
        steps.append(reader.read(text[start:stop], stage, start, stop))
    return steps


def find_lines(text: str, end: int) -> list[tuple[int, int]]:
    """Spans of the lines up to `end` that are not blank, blanks around them left out."""
    spans: list[tuple[int, int]] = []
    position = 0
    for line in text[:end].split("\n"):
        content = line.strip(_BLANK)
        if content:
            start = position + len(line) - len(line.lstrip(_BLANK))
            spans.append((start, start + len(content)))
        position += len(line) + 1
    return spans
