"""Socratic solutions: each line is `sub-question ** step`; the sub-question becomes PLAN, the step EXECUTE.

How many clips did she sell in May? ** She sold 48/2 = <<48/2=24>>24 clips in May.
#### 24
"""

from __future__ import annotations

import re

from parsers.arithmetic.numbers import find_givens
from parsers.formats.gsm8k import find_lines, read_answer
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.reading.statements import StepReader, too_many

_SPLIT = re.compile(r"[ \t\u00a0]*\*\*[ \t\u00a0]+")


def parse_socratic(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a Socratic solution; each sub-question is a PLAN step before the step that answers it."""
    problems: list[str] = []
    answer, end = read_answer(text, language, problems)
    givens = find_givens(question, language)
    reader = StepReader(givens, language)
    steps: list[Step] = []
    for start, stop in too_many(find_lines(text, end), problems):
        split = _SPLIT.search(text, start, stop)
        if split and split.start() > start:
            steps.append(reader.read(text[start : split.start()], Stage.PLAN, start, split.start()))
            start = split.end()
        if start < stop:
            steps.append(reader.read(text[start:stop], Stage.EXECUTE, start, stop))
    if not steps:
        problems.append("no step was found")
    elif not any(step.stage is Stage.PLAN for step in steps):
        problems.append("no line has the form `sub-question ** step`")
    return ReasoningGraph(question, tuple(steps), answer, givens, language, "socratic", tuple(problems))
