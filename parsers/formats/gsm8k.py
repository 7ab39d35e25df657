"""GSM8K reference solutions: one step per line, calculator marks, the answer after `####` (of models, after `A:`).

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
    """The graph of a solution in GSM8K form. Text after the answer line is not part of any step."""
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
    """The answer of a solution, and the end of its steps: the answer line if there is one."""
    line = answer_line(text)
    answer = final_answer(text, language)
    if line is None:
        problems.append("no answer line (####) was found")
    elif answer is None:
        problems.append("the answer line is empty")
    return answer, line.start() if line else len(text)


def read_lines(text: str, end: int, reader: StepReader | ProseReader, problems: list[str]) -> list[Step]:
    """One step per line. Definitions at the start ("Let x be ...") are UNDERSTAND, all other lines EXECUTE."""
    steps: list[Step] = []
    stage = Stage.UNDERSTAND
    for start, stop in too_many(find_lines(text, end), problems):
        stage = stage if stage is Stage.UNDERSTAND and _LET.match(text, start, stop) else Stage.EXECUTE
        steps.append(reader.read(text[start:stop], stage, start, stop))
    return steps


def find_lines(text: str, end: int) -> list[tuple[int, int]]:
    """Spans of the non-blank lines up to `end`, without the blanks around them."""
    spans: list[tuple[int, int]] = []
    position = 0
    for line in text[:end].split("\n"):
        content = line.strip(_BLANK)
        if content:
            start = position + len(line) - len(line.lstrip(_BLANK))
            spans.append((start, start + len(content)))
        position += len(line) + 1
    return spans
