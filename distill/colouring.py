"""Which stage each part of an output belongs to, for pages that colour it.

"[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9</THINK><ANS>9</ANS>"
-> [("PLAN", ("add",)), ("EXECUTE", ("4+5=9",)), ("ANSWER", ("9",))]
"""

from __future__ import annotations

import re

from parsers import parse

MAX_SHOWN = 4000  # characters of one output that a page shows
MARK = re.compile(r"\[(UNDERSTAND|PLAN|EXECUTE|VERIFY|ANSWER)\]|</?THINK>|(<ANS>)|</ANS>")
_STEP = re.compile(r"<STEP>|\n")

Block = tuple[str, tuple[str, ...]]


def stage_blocks(text: str, *, question: str = "") -> list[Block]:
    """(stage, its pieces) in the order of the text; ANSWER is the answer field, "" is text outside every stage."""
    cut = " …" if len(text) > MAX_SHOWN else ""
    text = text[:MAX_SHOWN].rpartition("</INST>")[2]
    blocks = _by_mark(text) if MARK.search(text) else _by_step(text, question)
    if cut and blocks:
        stage, pieces = blocks[-1]
        blocks[-1] = (stage, (*pieces, cut))
    return blocks


def _by_mark(text: str) -> list[Block]:
    blocks: list[Block] = []
    stage, position = "", 0
    for mark in [*MARK.finditer(text), None]:
        piece = text[position : mark.start() if mark else len(text)]
        pieces = tuple(part.strip() for part in _STEP.split(piece) if part.strip())
        if pieces:
            blocks.append((stage, pieces))
        if mark:
            stage = mark[1] or ("ANSWER" if mark[2] else "")
            position = mark.end()
    return blocks


def _by_step(text: str, question: str) -> list[Block]:
    """Neighbouring steps of one stage together, with what stands between steps outside the stages."""
    blocks: list[tuple[str, list[str]]] = []

    def add(stage: str, piece: str) -> None:
        if piece.strip():
            if not blocks or blocks[-1][0] != stage:
                blocks.append((stage, []))
            blocks[-1][1].append(piece.strip())

    position = 0
    for step in parse(text, question=question).steps:
        if step.start >= position:
            add("", text[position : step.start])
            add(step.stage.name, text[step.start : step.end])
            position = step.end
    add("", text[position:])
    return [(stage, tuple(pieces)) for stage, pieces in blocks]
