"""The final answer of a text, and whether two answers are equal."""

from __future__ import annotations

from parsers.answers.equality import Verdict, answers_equal
from parsers.answers.final import clean_answer, extract_answer, final_answer

__all__ = ["Verdict", "answers_equal", "clean_answer", "extract_answer", "final_answer"]
