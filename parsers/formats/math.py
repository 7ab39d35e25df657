"""Reference solutions of the MATH data set: LaTeX prose, the answer in the last box."""

from __future__ import annotations

import re
from dataclasses import replace

from parsers.answers import last_box
from parsers.graph import Quantity, ReasoningGraph
from parsers.numbers import find_givens
from parsers.prose import ProseReader
from parsers.segment import segment


def parse_math(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a solution in LaTeX: one step a sentence or display, the answer from the last `\\boxed{}`."""
    givens = _with_bases(find_givens(question, language), question)
    reader = ProseReader(text, question, givens, language, linked=True)
    for statement in segment(text, dollars=True, soft_lines=True):
        reader.read_statement(statement)
    answer = last_box(text)
    problems = () if answer is not None else ("no \\boxed{} was found",)
    return ReasoningGraph(question, tuple(reader.steps), answer, givens, language, "math", problems)


def _with_bases(givens: tuple[Quantity, ...], question: str) -> tuple[Quantity, ...]:
    """Numbers written with their base keep it in their names: 121_3."""
    based = {digits: f"{digits}_{base}" for digits, base in re.findall(r"(?<![\w^])(\d+)_\{?(\d+)\}?", question)}
    return tuple(replace(given, name=based.get(given.name, given.name), text=based.get(given.name, given.text)) for given in givens)
