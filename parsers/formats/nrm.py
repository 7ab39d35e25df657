"""The text of a nano student: a marker before each stage, <STEP> before each step, the answer in <ANS>.

    <INST>What is 47 + 35?</INST><THINK>[UNDERSTAND]<STEP>47+35[PLAN]<STEP>add[EXECUTE]<STEP>7+5=12<STEP>4+3+1=8
    [VERIFY]<STEP>82-35=47 ok</THINK><ANS>82</ANS>

(one line). An output that is cut off at any point still gives the steps that it contains.
"""

from __future__ import annotations

import re

from parsers.answers.final import clean_answer
from parsers.arithmetic.numbers import find_givens
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.reading.statements import StepReader, too_many
from parsers.text.language import resolve_language
from parsers.text.markers import END_THINK, NRM, NRM_CUT
from parsers.text.notes import givens_from_note, split_head, split_note


def parse_nrm(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a nano student's text, with or without the question at its start; <INST> replaces `question`."""
    problems: list[str] = []
    fields: dict[str, str] = {}
    statements: list[tuple[Stage, int, int]] = []
    stage: Stage | None = None
    opened, begin = "", 0  # the last marker, and where the text after it begins
    think_open = think_closed = False
    head: dict[str, object] = {}
    matches = list(NRM.finditer(text))
    for i in range(len(matches) + 1):
        match = matches[i] if i < len(matches) else None
        end = match.start() if match else len(text)
        if opened == "STEP":
            if stage is None:
                problems.append("a step stands before any stage marker")
                stage = Stage.EXECUTE
            statements.append((stage, begin, end))
        elif opened in ("INST", "ANS"):
            if opened in fields and opened == "ANS":
                problems.append("there is more than one <ANS>")
            fields[opened] = text[begin:end]
            if match is None or match[2] != opened or not match[1]:
                problems.append(f"<{opened}> is not closed")
        elif text[begin:end].strip():
            start, note = split_head(text[begin:end]) if opened == "THINK" else (0, None)
            head.update(note or {})
            if text[begin + start : end].strip():
                problems.append("text stands outside every step")
        if match is None:
            break
        opened, begin = _opened(match), match.end()
        if opened in Stage.__members__:
            stage = Stage[opened]
        think_open |= opened == "THINK"
        think_closed |= match[0] == END_THINK
    return _graph(text, question, language, fields, statements, head, problems, think_closed)


def _opened(match: re.Match[str]) -> str:
    return "" if match[1] else match[2] or match[3]


def _graph(
    text: str,
    question: str,
    language: str,
    fields: dict[str, str],
    statements: list[tuple[Stage, int, int]],
    head: dict[str, object],
    problems: list[str],
    think_closed: bool,
) -> ReasoningGraph:
    if "INST" in fields:
        question = _field(fields["INST"]) or ""
    language = resolve_language(language, text, question, head)
    givens = givens_from_note(head.get("givens"))
    if givens is None:
        givens = find_givens(question, language)
    reader = StepReader(givens, language)
    steps: list[Step] = []
    for stage, start, end in too_many(statements, problems):
        shown = text[start:end]
        if end == len(text) and not think_closed:
            shown = NRM_CUT.sub("", shown)  # an incomplete marker at the end
        start += len(shown) - len(shown.lstrip())
        shown = shown.strip()
        steps.append(reader.read_noted(shown, stage, start, start + len(shown)))
    answer = _field(fields["ANS"]) if "ANS" in fields else None
    if not think_closed:
        problems.append("</THINK> is missing: the text was cut off")
    if answer is None:
        problems.append("the answer is empty" if "ANS" in fields else "no answer was found")
    if not steps:
        problems.append("no step was found")
    return ReasoningGraph(question, tuple(steps), answer, givens, language, "nrm", tuple(dict.fromkeys(problems)))


def _field(text: str) -> str | None:
    shown, note = split_note(text)
    if note is not None and isinstance(note.get("text"), str):
        return note["text"]
    return clean_answer(shown)
