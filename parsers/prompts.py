"""How published models of this size are asked and answer, beside our own nrm form: read and written.

Axion (a prompt; the solution is in whatever form its data has):

    # Pergunta: Natalia sold 48 clips in April …
    # Resposta: She sold 48/2 = <<48/2=24>>24 …
    #### 72

THINK-set records:

    <USER>Ana tem 3 e ganha 2. Quantos tem?<\\USER> <THINK>3 + 2 = 5<\\THINK> <ANSWER>5<\\ANSWER>

A question written in one of them reads back as it was, but for white space at its ends.
"""

from __future__ import annotations

import re
from typing import NamedTuple

QUESTION_HEADER, ANSWER_HEADER = "# Pergunta:", "# Resposta:"
_PERGUNTA = re.compile(r"\s*# ?Pergunta:(.*?)(?:^# ?Resposta:[ \t]*\n?|\Z)", re.DOTALL | re.MULTILINE)
_RECORD = re.compile(r"<USER>.*?(?:<[\\/]ANSWER>|(?=<USER>)|\Z)(?:\s*<END>)?", re.DOTALL)


class Asked(NamedTuple):
    """A question, and the character of the text at which its solution starts."""

    question: str
    start: int


def write_pergunta(question: str, solution: str = "") -> str:
    """The prompt of the Axion models, with the solution behind it where there is one."""
    answer = f" {solution}" if solution else ""
    return f"{QUESTION_HEADER} {question.strip()}\n{ANSWER_HEADER}{answer}"


def read_pergunta(text: str) -> Asked | None:
    """The question of a text that starts with `# Pergunta:`; None where it does not."""
    match = _PERGUNTA.match(text)
    return None if match is None else Asked(match[1].strip(), match.end())


def write_thinkset(question: str, thinking: str = "", answer: str = "") -> str:
    """A THINK-set record; without thinking and answer the prompt that asks for them."""
    asked = f"<USER>{question.strip()}<\\USER> <THINK>"
    return f"{asked}{thinking}<\\THINK> <ANSWER>{answer}<\\ANSWER>" if thinking or answer else asked


def thinkset_records(text: str) -> list[str]:
    """The records of a file, in order, however they are laid out; what stands between them is left out."""
    return [match[0].removesuffix("<END>").strip() for match in _RECORD.finditer(text)]
