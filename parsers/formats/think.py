"""Reasoning models: thinking with back-tracking between `<think>` and `</think>`, then the answer.

    <think>3 times 4 is 14. Wait, that is not right: 3 * 4 = 12.</think>
    The answer is \\boxed{12}.

Second thoughts ("wait", "let me check") are VERIFY. The tags lie outside the steps. The answer is looked for after the
thinking first; thinking that was cut off is listed as a problem.
"""

from __future__ import annotations

import re
from dataclasses import replace

from parsers.answers import extract_answer
from parsers.formats.freeform import marked_or_last
from parsers.graph import ReasoningGraph
from parsers.numbers import find_givens
from parsers.prose import bounded, read_prose
from parsers.segment import Statement, segment

_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)


def parse_think(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of thinking and answer together, one step a statement."""
    problems: list[str] = []
    text = bounded(text, problems)
    tags = [(tag.start(), tag.end(), tag.group().startswith("</")) for tag in _TAG.finditer(text)]
    opened, closed = sum(not tag[2] for tag in tags), sum(tag[2] for tag in tags)
    if not tags:
        problems.append("no <think> was found")
    elif opened > closed:
        problems.append("the thinking is cut off: <think> without </think>")
    givens = find_givens(question, language)
    statements: list[Statement] = []
    edges = [0, *(edge for tag in tags for edge in tag[:2]), len(text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        statements += [_moved(statement, start) for statement in segment(text[start:end])]
    steps = read_prose(text, question, givens, language, statements, problems)
    after = text[max((tag[1] for tag in tags if tag[2]), default=len(text)) :]
    answer = extract_answer(after, lenient=True, language=language)
    if answer is None:
        answer = marked_or_last(text, language, problems)
    return ReasoningGraph(question, steps, answer, givens, language, "think", tuple(problems))


def _moved(statement: Statement, by: int) -> Statement:
    return replace(statement, start=statement.start + by, end=statement.end + by, body=statement.body + by)
