"""Reference solutions of the MATH data set: LaTeX prose, the answer in the last box.

We have $2x = 10,$ so $x = 5$. Thus $x^2 = \\boxed{25}$.
"""

from __future__ import annotations

import re
from dataclasses import replace

from parsers.answers.final import final_answer, last_box
from parsers.arithmetic.numbers import find_givens
from parsers.graph import Quantity, ReasoningGraph
from parsers.reading.prose import bounded, read_prose
from parsers.text.segment import segment


def parse_math(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of a LaTeX solution: one step per sentence or display, the answer from the last `\\boxed{}`."""
    problems: list[str] = []
    givens = _with_bases(find_givens(question, language), question)
    statements = segment(bounded(text, problems), dollars=True, soft_lines=True)
    steps = read_prose(text, question, givens, language, statements, problems, mathematical=True)
    box = last_box(text)
    answer = final_answer(text, language)
    if box is None or answer is None:
        problems.append("no \\boxed{} was found" if box is None else "the \\boxed{} is empty")
    return ReasoningGraph(question, steps, answer, givens, language, "math", tuple(problems))


def _with_bases(givens: tuple[Quantity, ...], question: str) -> tuple[Quantity, ...]:
    """The givens; a number that is written with its base keeps the base in its name: 121_3."""
    based = {digits: f"{digits}_{base}" for digits, base in re.findall(r"(?<![\w^])(\d+)_\{?(\d+)\}?", question)}
    return tuple(replace(g, name=based.get(g.name, g.name), text=based.get(g.name, g.text)) for g in givens)
