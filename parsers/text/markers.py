r"""The markers in a student's text: their names and all patterns that find them. No other file has such patterns.

nrm        <INST>…</INST><THINK>[PLAN]<STEP>…[EXECUTE]<STEP>…</THINK><ANS>…</ANS>
staged     [PLAN]\n1. …\n[EXECUTE]\n1. …\n[ANSWER] …
thinkset   <USER>…<\USER> <THINK>…<\THINK> <ANSWER>…<\ANSWER>
pergunta   # Pergunta: …\n# Resposta: …
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parsers.graph import Stage

QUESTION, END_QUESTION, THINK, END_THINK, STEP, ANSWER, END_ANSWER = (
    "<INST>", "</INST>", "<THINK>", "</THINK>", "<STEP>", "<ANS>", "</ANS>",
)  # fmt: skip
STAGE_MARKERS = tuple(f"[{stage.name}]" for stage in Stage)
EXECUTE_MARKER, VERIFY_MARKER = STAGE_MARKERS[Stage.EXECUTE], STAGE_MARKERS[Stage.VERIFY]
ANSWER_LINE = "[ANSWER]"
NRM_MARKERS = (QUESTION, END_QUESTION, THINK, END_THINK, STEP, ANSWER, END_ANSWER, *STAGE_MARKERS)
STAGED_MARKERS = (*STAGE_MARKERS, ANSWER_LINE)
THINKSET_MARKERS = ("<USER>", "<\\USER>", "<THINK>", "<\\THINK>", "<ANSWER>", "<\\ANSWER>")
QUESTION_HEADER, ANSWER_HEADER = "# Pergunta:", "# Resposta:"

_STAGES = "|".join(stage.name for stage in Stage)
STAGE = re.compile(rf"\[({_STAGES})\]")
NRM = re.compile(rf"<(/?)(INST|THINK|STEP|ANS)>|{STAGE.pattern}")
"""Groups: "/" of a closing tag, name of a tag, name of a stage."""
NRM_OUTPUT_TAG = re.compile(r"</?THINK>|</?ANS>|<STEP>")
"""Tags that a nano student writes."""
NRM_ANSWER = re.compile(r"<ANS>([^<>]*)</ANS>")
NRM_CUT = re.compile(r"<(?:/?[A-Z]{0,5})?$|\[[A-Z]{0,10}$")
"""An incomplete marker at the end of the text."""
STAGED = re.compile(rf"\[({_STAGES}|ANSWER)\]")
STAGED_START = re.compile(rf"\s*{STAGED.pattern}")
STAGED_ANSWER = re.compile(r"\[ANSWER\]([^\n\[]*)")
STAGED_CUT = re.compile(r"\[[A-Z]{0,10}$")
THINKSET_FIELD = re.compile(r"<(USER|THINK|ANSWER)>(.*?)(<[\\/]\1>|(?=<(?:USER|THINK|ANSWER)>)|$)", re.DOTALL)
THINKSET_RECORD = re.compile(r"<USER>.*?(?:<[\\/]ANSWER>|(?=<USER>)|\Z)(?:\s*<END>)?", re.DOTALL)
PERGUNTA = re.compile(r"\s*# ?Pergunta:(.*?)(?:^# ?Resposta:[ \t]*\n?|\Z)", re.DOTALL | re.MULTILINE)

ANSWER_FIELDS = (
    re.compile(r"<ANS>(.*?)(?:</ANS>|$)", re.DOTALL),
    re.compile(r"\[ANSWER\][ \t]*([^\n]*)"),
    re.compile(r"<ANSWER>(.*?)(?:<\\ANSWER>|</ANSWER>|$)", re.DOTALL),
)
"""The answer field of each form, with or without its closing tag."""
SIGNS_OF = {
    "nrm": re.compile(r"<STEP>|<INST>|<ANS>|</THINK>|<THINK>\s*(?:\[[A-Z]+\]|⟦|$)"),
    "thinkset": re.compile(r"<(?:USER|ANSWER)>|<\\(?:USER|THINK|ANSWER)>"),
}
"""Patterns that distinguish a form from the others."""
TRACES_OF = {
    "staged": STAGED,
    "nrm": re.compile(r"<(?:INST|THINK|STEP|ANS)>"),
    "thinkset": re.compile(r"<\\?(?:USER|THINK|ANSWER)>"),
}
"""Patterns that every text of a form contains; texts of other forms may contain them too."""
ANY_MARKER = re.compile(rf"{NRM.pattern}|{STAGED.pattern}|<[/\\]?(?:USER|ANSWER|THINK)>")
LIKE_A_MARKER = re.compile(r"</?[A-Z]+>|\[[A-Z]+\]")

_FIELD = re.compile(rf"{STAGED.pattern}|</?THINK>|(<ANS>)|</ANS>")


class Field(NamedTuple):
    """A part of a text. `name` is its stage or "ANSWER", or "" outside these.

    Its marker is at `start`, and its content begins at `body`.
    """

    name: str
    start: int
    body: int
    end: int


def fields(text: str) -> list[Field]:
    """The fields of an output in the form nrm or staged, in order and without gaps; the first field has no marker."""
    found: list[Field] = []
    name, start, body = "", 0, 0
    for marker in _FIELD.finditer(text):
        found.append(Field(name, start, body, marker.start()))
        name, start, body = marker[1] or ("ANSWER" if marker[2] else ""), marker.start(), marker.end()
    return [*found, Field(name, start, body, len(text))]


def output_of(text: str) -> str:
    """The text after a question in `<INST>`; the full text if there is no such question."""
    return text.rpartition(END_QUESTION)[2]
