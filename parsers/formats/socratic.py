"""Socratic solutions: each line `sub-question ** step`; the sub-question is a PLAN step, the step EXECUTE.

    How many clips did she sell in May? ** She sold 48/2 = <<48/2=24>>24 clips in May.
    #### 24
"""

from __future__ import annotations

import re

from parsers.answers import clean_answer
from parsers.formats.gsm8k import _ANSWER, _BLANK
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.numbers import find_givens
from parsers.statements import StepReader

_SPLIT = re.compile(r"[ \t\u00a0]*\*\*[ \t\u00a0]+")


def parse_socratic(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a Socratic solution: all sub-questions as PLAN steps, in their places before the steps they ask for."""
    problems: list[str] = []
    marks = list(_ANSWER.finditer(text))
    answer = clean_answer(marks[-1][1]) if marks else None
    if answer is None:
        problems.append("no answer line (####) was found" if not marks else "the answer line is empty")
    givens = find_givens(question, language)
    reader = StepReader(givens, language)
    steps: list[Step] = []
    position = 0
    for line in text[: marks[-1].start() if marks else len(text)].split("\n"):
        content = line.strip(_BLANK)
        if content:
            start = position + line.index(content)
            split = _SPLIT.search(content)
            if split and split.start():
                steps.append(reader.read(content[: split.start()], Stage.PLAN, start, start + split.start()))
                start, content = start + split.end(), content[split.end() :]
            if content:
                steps.append(reader.read(content, Stage.EXECUTE, start, start + len(content)))
        position += len(line) + 1
    if not steps:
        problems.append("no step was found")
    elif not any(step.stage is Stage.PLAN for step in steps):
        problems.append("no line has the form `sub-question ** step`")
    return ReasoningGraph(question, tuple(steps), answer, givens, language, "socratic", tuple(problems))
