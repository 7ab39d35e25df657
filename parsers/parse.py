"""Reads text into a reasoning graph with the parser of its format. No text raises an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from parsers.graph import ReasoningGraph
from parsers.text.language import LANGUAGES, detect_language
from parsers.text.markers import SIGNS_OF, STAGED_START
from parsers.text.notes import split_head
from parsers.text.prompts import read_pergunta
from parsers.text.tags import TAG, span_with_tags, untagged

FORMATS = ("staged", "nrm", "thinkset", "gsm8k", "socratic", "math", "vnhsge", "freeform", "think")
MAX_CHARACTERS = 4_000_000
"""Only this many characters of a text are read; a longer text is listed as a problem."""

OTHER_LANGUAGE = "the language is none of English, Portuguese and Vietnamese"

_ALIKE = {"gsm8k": ("socratic",), "socratic": ("gsm8k",), "math": ("gsm8k",), "freeform": ("gsm8k", "think")}
"""Format -> formats that its texts may also look like; such a similarity is not a problem."""
_WORDS = re.compile(r"[^\W\d_]{2,}")
_LANGUAGE_READ_LATER = ("nrm", "staged")  # the question and notes inside the text also decide
_THINK_TAG = re.compile(r"<think>|</think>")
_GSM8K_MARK = re.compile(r"<<[^<>\n]*=[^<>\n]*>>|^#### ?\S", re.MULTILINE)
_SOCRATIC_LINE = re.compile(r"^[^\n*]+\? ?\*\* ", re.MULTILINE)


def parse(text: str, *, question: str = "", format: str = "auto", language: str = "auto") -> ReasoningGraph:
    """The reasoning graph of a solution.

    Args:
        text: the solution, which may be malformed; what cannot be read is listed in the graph's `problems`. With format
            "auto", it may follow an Axion prompt (parsers/text/prompts.py), whose question replaces `question`.
        question: the problem; its numbers become the givens.
        format: one of FORMATS, or "auto" to detect it from the text.
        language: en, pt, vi, und, or "auto" to detect it from question and text. It decides number formats and words.

    Raises:
        ValueError: unknown format or language.
        TypeError: text or question is not a string.
    """
    if format != "auto" and format not in FORMATS:
        raise ValueError(f"unknown format {format!r}, expected auto or one of {', '.join(FORMATS)}")
    if language != "auto" and language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}, expected auto or one of {', '.join(LANGUAGES)}")
    if not isinstance(text, str) or not isinstance(question, str):
        raise TypeError(f"text and question are strings, not {type(text).__name__} and {type(question).__name__}")
    if format == "auto" and (asked := read_pergunta(text)) is not None:
        return _moved(parse(text[asked.start :], question=asked.question, language=language), asked.start)
    if TAG.search(text):
        return _with_tags(parse(untagged(text), question=question, format=format, language=language), text)
    kind = detect_format(text) if format == "auto" else format
    if not text.strip():
        return ReasoningGraph(
            question, language=_language(language, text, question), format=kind, problems=("the text is empty",)
        )
    cut = len(text) > MAX_CHARACTERS
    if kind not in _LANGUAGE_READ_LATER:
        language = _language(language, text, question)
    graph = _parser(kind)(text[:MAX_CHARACTERS], question, language)
    problems = list(graph.problems)
    if cut:
        problems.append(f"only the first {MAX_CHARACTERS:,} characters were read")
    if (
        format != "auto"
        and problems
        and (likely := detect_format(text)) not in (*_ALIKE.get(format, ()), format, "freeform")
    ):
        problems.append(f"the text looks like {likely}, not {format}")
    if graph.language == "und" and language in ("auto", "und") and _has_words(text[:2000]):
        problems.append(OTHER_LANGUAGE)
    return graph if len(problems) == len(graph.problems) else replace(graph, problems=tuple(problems))


def _has_words(text: str) -> bool:
    """Whether a text has enough words to have a language: eight words, or twelve letters if it is not ASCII."""
    words = _WORDS.findall(text)
    return len(words) >= 8 or (not text.isascii() and sum(map(len, words)) >= 12)


def detect_format(text: str) -> str:
    """The format that the text looks like; freeform if it has no sign of another format."""
    start = text[:20_000]
    if split_head(start)[1] is not None or (STAGED_START.match(start) and not SIGNS_OF["nrm"].search(start)):
        return "staged"
    if SIGNS_OF["thinkset"].search(start):
        return "thinkset"
    if SIGNS_OF["nrm"].search(start):
        return "nrm"
    if _THINK_TAG.search(start):
        return "think"
    if _GSM8K_MARK.search(text):
        return "socratic" if _SOCRATIC_LINE.search(text) else "gsm8k"
    if _SOCRATIC_LINE.search(text):
        return "socratic"
    return "freeform"


def _moved(graph: ReasoningGraph, offset: int) -> ReasoningGraph:
    """The graph with the spans of its steps moved by `offset` characters."""
    steps = (replace(s, start=s.start + offset, end=s.end + offset) if s.start >= 0 else s for s in graph.steps)
    return replace(graph, steps=tuple(steps))


def _with_tags(graph: ReasoningGraph, text: str) -> ReasoningGraph:
    """The graph of the text without tags, with the spans of its steps in the text with tags."""
    in_text, steps = span_with_tags(text), []
    for step in graph.steps:
        start, end = in_text(step.start, step.end) if step.start >= 0 else (step.start, step.end)
        steps.append(replace(step, start=start, end=end))
    return replace(graph, steps=tuple(steps))


def _language(language: str, text: str, question: str) -> str:
    return detect_language(question + "\n" + text) if language == "auto" else language


def _parser(format: str) -> Callable[[str, str, str], ReasoningGraph]:
    return getattr(import_module(f"parsers.formats.{format}"), f"parse_{format}")
