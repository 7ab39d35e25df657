"""Explanations of the VNHSGE data set."""

from __future__ import annotations

from parsers.graph import ReasoningGraph
from parsers.numbers import find_givens
from parsers.prose import ProseReader
from parsers.segment import segment


def parse_vnhsge(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of an explanation."""
    givens = find_givens(question, language)
    reader = ProseReader(text, question, givens, language, linked=True)
    for statement in segment(text, dollars=True):
        reader.read(statement)
    return ReasoningGraph(question, tuple(reader.steps), None, givens, language, "vnhsge", ())
