"""Writes numbers and parts in words as digits where the text computes with them; the text keeps its length.

"Half of 48 is 24"              ->  "     ½ * 48 is 24"
"three times four is twelve"    ->  "    3 times    4 is     12"
"He ran three times"            ->  unchanged: nothing is computed

The text computes with a number next to an operation, and with a part whose value it states.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import cache

from parsers.arithmetic.lexicon import APPROXIMATIONS, BY_LANGUAGE, FILLERS, JOINS, words_of
from parsers.arithmetic.number_words import UNITS, find_word_numbers
from parsers.arithmetic.numbers import VULGAR

_VULGAR = {Fraction(*parts): sign for sign, parts in VULGAR.items()}
_DULL = frozenset(("the", "of", "by", "de"))
_REACH = 60
"""Most characters between a part and the relation that states its value, or between an opening and its numbers."""


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _shortest(stems: set[str]) -> tuple[str, ...]:
    """The stems that do not contain another stem."""
    return tuple(stem for stem in stems if not any(other in stem for other in stems - {stem}))


def in_digits(text: str, language: str) -> str:
    """The text with its worded operands as digits, aligned at the end of their words.

    A text without such operands is returned as the same object.
    """
    words = _words(language)
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals are longer in lower case
        return text
    told = text
    for stem in words.part_stems:
        if stem in lowered:
            told = words.part.sub(words.part_in_digits, text)
            break
    if told != text:
        return words.numbers_in_digits(told)
    for stem in words.sign_stems:
        if stem in lowered:
            return words.numbers_in_digits(text)
    return text


class _Words:
    """Compiled patterns for the arithmetic words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        rows = BY_LANGUAGE[language]
        parts = {words: Fraction(row.sign) for row in rows if row.role == "part" for words in row.words}
        signs = [words for row in rows if row.role == "operator" for words in row.words]
        openings = [words for row in rows if row.role == "opening" for words in row.words]
        self.parts = parts
        self.part_stems = _shortest({row.stem for row in rows if row.role == "part"})
        self.sign_stems = _shortest({max(set(words.split()) - _DULL, key=len) for words in (*signs, *openings)})
        numbers = _any_of(UNITS[language])
        number = rf"(?:[$€£]?[0-9]|(?:{numbers})\b)"
        between = rf"(?:[^.;:?!\n,]|[.,](?=\d)){{0,{_REACH}}}?,? ?"
        related = rf"(?:\b(?:{_any_of(words_of('relation'))})|[=≈])(?: (?:{_any_of((*APPROXIMATIONS, *FILLERS))}))?"
        stated = rf"(?={number}{between}{related}\s*{number})"
        self.part = re.compile(
            rf"\b(?P<part>{_any_of(parts)})(?: (?:the|those|these|all|his|her|their))? {stated}", re.IGNORECASE
        )
        self.before = re.compile(rf"(?:\b(?:{_any_of(signs)})|[*×+/÷])\s+$", re.IGNORECASE)
        self.behind = re.compile(rf"\s+(?:{_any_of(signs)})\s", re.IGNORECASE)
        self.opened = re.compile(rf"\b(?:{_any_of(openings)})\b[^.;:?!\n]{{0,{_REACH}}}$", re.IGNORECASE)
        self.related = re.compile(rf"{related}\s+$", re.IGNORECASE)

    def is_joined(self, head: str, text: str, end: int) -> bool:
        """Whether an opening joins this number to another: the sum of three and four, not of the two roots."""
        opening = self.opened.search(head)
        return opening is not None and bool(_JOINS.search(opening[0]) or _JOINS.search(text[end : end + 25]))

    def part_in_digits(self, match: re.Match[str]) -> str:
        """½ or 2 and a multiplication sign, padded to the length of the words."""
        factor = self.parts[" ".join(match["part"].lower().split())]
        digits = f"{_VULGAR.get(factor, f'({factor})')} * "
        return digits.rjust(len(match[0])) if len(digits) <= len(match[0]) else match[0]

    def numbers_in_digits(self, text: str) -> str:
        """Writes as digits the number words next to an operation, after an opening, or after a later relation."""
        pieces: list[str] = []
        position = 0
        computes = False
        for value, start, end in find_word_numbers(text, self.language):
            head = text[max(0, start - _REACH - 20) : start]
            operand = self.before.search(head) or self.behind.match(text, end) or self.is_joined(head, text, end)
            computes = computes or bool(operand)
            if value.denominator > 1 or len(str(value)) > end - start:
                continue
            if operand or (self.related.search(head) and (computes or _COMPUTED.search(text, 0, start))):
                pieces += text[position:start], str(value).rjust(end - start)
                position = end
        return "".join([*pieces, text[position:]]) if pieces else text


_JOINS = re.compile(rf"\b(?:{_any_of(JOINS)})\b", re.IGNORECASE)
_COMPUTED = re.compile(r"[0-9]\s+[^\W\d_][^.;:!?\n]*[0-9]|\* ?[0-9]")
"""Something that may compute: words between digits, or a multiplication sign before a digit."""


@cache
def _words(language: str) -> _Words:
    return _Words(language if language in BY_LANGUAGE else "en")
