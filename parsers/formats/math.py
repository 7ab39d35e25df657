"""Reference solutions of the MATH data set: LaTeX prose, the answer in the last box."""

from __future__ import annotations

from parsers.answers import last_box
from parsers.graph import ReasoningGraph
from parsers.numbers import find_givens
from parsers.prose import ProseReader
from parsers.segment import segment


def parse_math(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a solution in LaTeX: one step a sentence or display, the answer from the last `\\boxed{}`."""
    givens = find_givens(question, language)
    reader = ProseReader(text, question, givens, language, linked=True)
    for statement in segment(text, dollars=True, soft_lines=True):
        reader.read(statement)
    answer = last_box(text)
    problems = () if answer is not None else ("no \\boxed{} was found",)
    return ReasoningGraph(question, tuple(reader.steps), answer, givens, language, "math", problems)
