"""Reads and writes the prompts and answers of published models of this size, and the prompt of our own nrm form.

Axion (a prompt; its data decides the form of the solution):

    # Pergunta: Natalia sold 48 clips in April …
    # Resposta: She sold 48/2 = <<48/2=24>>24 …
    #### 72

THINK-set records:

    <USER>Ana tem 3 e ganha 2. Quantos tem?<\\USER> <THINK>3 + 2 = 5<\\THINK> <ANSWER>5<\\ANSWER>

A question that is written in one of these forms reads back unchanged, except for white space at its ends.
"""

from __future__ import annotations

from typing import NamedTuple

from parsers.text.markers import (
    ANSWER_HEADER,
    END_QUESTION,
    PERGUNTA,
    QUESTION,
    QUESTION_HEADER,
    THINK,
    THINKSET_MARKERS,
    THINKSET_RECORD,
)


class Asked(NamedTuple):
    """A question, and the character of the text at which its solution starts."""

    question: str
    start: int


def write_question(question: str) -> str:
    """The prompt of a nano student with the form nrm."""
    return f"{QUESTION}{question}{END_QUESTION}{THINK}"


def write_pergunta(question: str, solution: str = "") -> str:
    """The prompt of the Axion models, followed by the solution if there is one."""
    answer = f" {solution}" if solution else ""
    return f"{QUESTION_HEADER} {question.strip()}\n{ANSWER_HEADER}{answer}"


def pergunta_headers(question: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The spans of the two headers around the question of `write_pergunta`; the second begins with a line feed."""
    end = len(QUESTION_HEADER) + 1 + len(question.strip())
    return (0, len(QUESTION_HEADER)), (end, end + 1 + len(ANSWER_HEADER))


def read_pergunta(text: str) -> Asked | None:
    """The question of a text that starts with `# Pergunta:`; None for any other text."""
    match = PERGUNTA.match(text)
    return None if match is None else Asked(match[1].strip(), match.end())


def write_thinkset(question: str, thinking: str = "", answer: str = "") -> str:
    """A THINK-set record; without thinking and answer, the prompt that asks for them."""
    user, end_user, think, end_think, field, end_field = THINKSET_MARKERS
    asked = f"{user}{question.strip()}{end_user} {think}"
    return f"{asked}{thinking}{end_think} {field}{answer}{end_field}" if thinking or answer else asked


def thinking_start(text: str) -> int:
    """The character at which the thinking of a THINK-set record starts."""
    return len(text) - len(text.partition(THINK)[2])


def thinkset_records(text: str) -> list[str]:
    """The records of a file in order, for any layout; text between records is left out."""
    return [match[0].removesuffix("<END>").strip() for match in THINKSET_RECORD.finditer(text)]
