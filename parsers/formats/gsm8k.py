"""GSM8K reference solutions: a step a line, calculator marks, the answer after `####` (model solutions: after `A:`).

    She sold 48/2 = <<48/2=24>>24 clips in May.
    She sold 48+24 = <<48+24=72>>72 clips in both months.
    #### 72
"""

from __future__ import annotations

import re

from parsers.answers import clean_answer
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.numbers import find_givens
from parsers.statements import StepReader

_ANSWER = re.compile(r"^[ \t]*(?:####|A:)[ \t]*(.*)$", re.MULTILINE)
_LET = re.compile(r"\s*(?:first,?\s+)?(?:let|call|say|suppose|define)\b", re.IGNORECASE)
_BLANK = " \t\r\u00a0\u200b\u2028"


def parse_gsm8k(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a solution in GSM8K form. The last answer line counts; text after it belongs to no step."""
    problems: list[str] = []
    marks = list(_ANSWER.finditer(text))
    answer = clean_answer(marks[-1][1]) if marks else None
    if answer is None:
        problems.append("no answer line (####) was found" if not marks else "the answer line is empty")
    end = marks[-1].start() if marks else len(text)
    givens = find_givens(question, language)
    steps = read_lines(text, 0, end, StepReader(givens, language))
    if not steps:
        problems.append("no step was found")
    if text.count("<<") != text.count(">>"):
        problems.append("a calculator mark is not closed")
    return ReasoningGraph(question, tuple(steps), answer, givens, language, "gsm8k", tuple(problems))


def read_lines(text: str, begin: int, end: int, reader: StepReader) -> list[Step]:
    """One step for every line that is not blank. Opening definitions ("Let x be ...") are UNDERSTAND, all else EXECUTE."""
    steps: list[Step] = []
    stage = Stage.UNDERSTAND
    position = begin
    for line in text[begin:end].split("\n"):
        content = line.strip(_BLANK)
        if content:
            start = position + line.index(content)
            stage = stage if stage is Stage.UNDERSTAND and _LET.match(content) else Stage.EXECUTE
            steps.append(reader.read(content, stage, start, start + len(content)))
        position += len(line) + 1
    return steps
