"""What chat models write: markdown lists and headings, LaTeX displays, plain sentences, an answer in a box.

    1. **Cost of one:** It costs $3.
    2. So two cost \\(2 \\times 3 = 6\\) dollars.
    Thus the answer is \\boxed{6}.
"""

from __future__ import annotations

from parsers.answers import extract_answer
from parsers.graph import ReasoningGraph
from parsers.numbers import find_givens
from parsers.prose import ProseReader
from parsers.segment import segment


def parse_freeform(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a free solution: one step a statement, the answer from a box, a phrase or else the last number."""
    givens = find_givens(question, language)
    reader = ProseReader(text, question, givens, language)
    for statement in segment(text):
        reader.read_statement(statement)
    problems: list[str] = []
    answer = extract_answer(text, language=language)
    if answer is None:
        answer = extract_answer(text, lenient=True, language=language)
        problems.append("no answer was found" if answer is None else "no answer is marked; the last number was taken")
    if not reader.steps:
        problems.append("no step was found")
    return ReasoningGraph(question, tuple(reader.steps), answer, givens, language, "freeform", tuple(problems))
