"""The language of a text, on sentences of our own in seven languages, three of which are read."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from parsers.text.language import LANGUAGES, detect_language

SENTENCES = tomllib.loads(Path(__file__).with_name("languages.toml").read_text(encoding="utf-8"))


def test_nearly_every_sentence_is_told() -> None:
    wrong = [
        (name, sentence)
        for name, sentences in SENTENCES.items()
        for sentence in sentences
        if detect_language(sentence) != (name if name in LANGUAGES else "und")
    ]
    total = sum(map(len, SENTENCES.values()))
    assert len(wrong) <= 0.05 * total, wrong


@pytest.mark.parametrize("name", SENTENCES)
def test_whole_paragraphs_are_always_told(name: str) -> None:
    sentences = SENTENCES[name]
    for start in range(0, len(sentences), 5):
        assert detect_language(" ".join(sentences[start : start + 5])) == (name if name in LANGUAGES else "und")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("$x^2 + y^2 = 25$", "und"),
        ("甲有 $a = 3$ 个，乙有 \\(b = 4\\) 个。", "und"),
        ("The angle θ is 30°, and the area is π times 9.", "en"),
        ("El total es 12, as you can see in the table of the problem.", "en"),
    ],
)
def test_formulas_and_single_letters_tell_no_language(text: str, language: str) -> None:
    assert detect_language(text) == language
