"""Detects the language of a text: English, Portuguese or Vietnamese, otherwise "und".

"Seja x o número de maçãs."    ->  "pt"
"Sea x el número de manzanas." ->  "und"   (Spanish: it is recognized, so that it is not read as Portuguese)
"解：由题意 $a=1$"              ->  "und"   (another script)
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = ("en", "pt", "vi", "und")
MAX_CHARACTERS = 2000
"""The language is decided from this many characters at the start of a text."""

_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_FORMULA = re.compile(r"\$[^$\n]{1,200}\$|\\\(.{1,200}?\\\)|\\[a-zA-Z]+(?:\s*\{[^{}]*\})?|</?\w+>", re.DOTALL)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1dff\u2c00-\ud7ff]")
_WORDS_OF_A_LETTER = 3
"""A letter that is typical of a language counts as much as this many common words."""


def _load() -> tuple[dict[str, tuple[str, ...]], dict[str, re.Pattern[str]]]:
    lists = tomllib.loads(Path(__file__).with_name("language_words.toml").read_text(encoding="utf-8"))
    tells: dict[str, tuple[str, ...]] = {}
    for name, entry in lists.items():
        for word in dict.fromkeys(entry["words"].split()):
            tells[word] = (*tells.get(word, ()), name)
    letters = {
        name: re.compile(f"[{entry['letters']}]", re.IGNORECASE) for name, entry in lists.items() if "letters" in entry
    }
    return tells, letters


_LANGUAGES_TOLD = ("en", "pt", "vi", "es", "fr", "de", "it")
_TELLS, _LETTERS = _load()


def detect_language(text: str) -> str:
    """The language with the most common words and typical letters; "und" if there are none, or for other languages."""
    sample = text[:MAX_CHARACTERS]
    if "\\" in sample or "$" in sample or "<" in sample:
        sample = _FORMULA.sub(" ", sample)
    counts: dict[str, int] = dict.fromkeys(_LANGUAGES_TOLD, 0)
    if not sample.isascii():
        others = len(_OTHER_SCRIPT.findall(sample))
        if others > 1 and others * 2 > len(_LATIN.findall(sample)):
            return "und"
        for name, letters in _LETTERS.items():
            counts[name] = _WORDS_OF_A_LETTER * len(letters.findall(sample))
    for names, number in Counter(map(_TELLS.get, _WORD.findall(sample.lower()))).items():
        for name in names or ():
            counts[name] += number
    best = max(counts, key=counts.__getitem__)  # for equal counts, the first language: English before Portuguese
    return best if counts[best] and best in LANGUAGES else "und"


def resolve_language(language: str, text: str, question: str = "", note: Mapping[str, object] | None = None) -> str:
    """The language for reading: from a note, otherwise from the caller, otherwise detected in question and text."""
    noted = (note or {}).get("language")
    if isinstance(noted, str):
        return noted
    return language if language != "auto" else detect_language(question + "\n" + text)
