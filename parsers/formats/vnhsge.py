"""Explanations of the VNHSGE data set."""

from __future__ import annotations

import re

from parsers.graph import ReasoningGraph
from parsers.numbers import find_givens
from parsers.prose import ProseReader
from parsers.segment import segment


_OPTION = re.compile(r"(?:^|[\n\t]|\.[ \t\u00a0]|[ \u00a0]{2,})[ \t\u00a0]*([A-D])[.:)][ \t\u00a0]*", re.M)
_NUMBERING = re.compile(r"^\s*Câu\s+\d+\s*[.:)]?\s*", re.I)


def split_options(question: str) -> tuple[str, dict[str, str]]:
    """The stem without its numbering, and the options by letter; no options where A to D are not all there, in order."""
    options: dict[str, str] = {}
    found = list(_OPTION.finditer(question))
    starts: list[re.Match[str]] = []
    for match in found:
        if match[1] == "ABCD"[len(starts) % 4]:
            starts.append(match)
        elif match[1] == "A":
            starts = [match]
    starts = starts[-4:] if len(starts) >= 4 else []
    for match, following in zip(starts, [*starts[1:], None], strict=False):
        options[match[1]] = question[match.end() : following.start() if following else len(question)].strip(" \t\n\u00a0.")
    stem = question[: starts[0].start()] if starts else question
    return _NUMBERING.sub("", stem).strip(), options


def parse_vnhsge(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of an explanation."""
    givens = find_givens(split_options(question)[0], language)
    reader = ProseReader(text, question, givens, language, linked=True)
    for statement in segment(text, dollars=True):
        reader.read_statement(statement)
    return ReasoningGraph(question, tuple(reader.steps), None, givens, language, "vnhsge", ())
