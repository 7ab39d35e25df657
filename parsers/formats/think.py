"""Reasoning models: thinking with corrections between `<think>` and `</think>`, then the answer.

    <think>3 times 4 is 14. Wait, that is not right: 3 * 4 = 12.</think>
    The answer is \\boxed{12}.

Doubts and checks ("wait", "let me check") are VERIFY. The tags are not part of the steps. The answer comes from the
text after the thinking. If that has none, the answer of the thinking is used and listed as a problem; grading does not
use it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from parsers.answers.channels import reply_of
from parsers.answers.final import extract_answer, last_number
from parsers.arithmetic.numbers import find_givens
from parsers.graph import ReasoningGraph
from parsers.reading.prose import bounded, read_prose
from parsers.text.segment import Statement, segment

_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)


def parse_think(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of thinking and answer together, with one step per statement."""
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
    reply = reply_of(text)
    answer = extract_answer(text, language=language) or (last_number(reply.text, language) if reply.text else None)
    if answer is None:
        answer = extract_answer(_TAG.sub(" ", text), lenient=True, language=language)
        problems.append(
            "no answer was found" if answer is None else "the reply has no answer; the thinking's was taken"
        )
    return ReasoningGraph(question, steps, answer, givens, language, "think", tuple(problems))


def _moved(statement: Statement, by: int) -> Statement:
    return replace(statement, start=statement.start + by, end=statement.end + by, body=statement.body + by)
