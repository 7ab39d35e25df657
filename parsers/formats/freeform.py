"""The text of chat models: markdown lists and headings, LaTeX displays, plain sentences, an answer in a box.

1. **Cost of one:** It costs $3.
2. So two cost \\(2 \\times 3 = 6\\) dollars.
Thus the answer is \\boxed{6}.
"""

from __future__ import annotations

from parsers.answers.final import extract_answer
from parsers.arithmetic.numbers import find_givens
from parsers.graph import ReasoningGraph
from parsers.reading.prose import bounded, read_prose
from parsers.text.segment import segment


def parse_freeform(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a free solution, with one step per statement; the answer is marked, otherwise the last number."""
    problems: list[str] = []
    givens = find_givens(question, language)
    steps = read_prose(text, question, givens, language, segment(bounded(text, problems)), problems)
    answer = marked_or_last(text, language, problems)
    return ReasoningGraph(question, steps, answer, givens, language, "freeform", tuple(problems))


def marked_or_last(text: str, language: str, problems: list[str]) -> str | None:
    """The answer that the text marks; otherwise its last number, which is listed as a problem."""
    answer = extract_answer(text, language=language)
    if answer is None:
        answer = extract_answer(text, lenient=True, language=language)
        problems.append("no answer was found" if answer is None else "no answer is marked; the last number was taken")
    return answer
