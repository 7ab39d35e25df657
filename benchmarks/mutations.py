"""Mutated texts for fuzzing the parsers: real solutions cut, shuffled, doubled, garbled, with splinters of markup."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_SPLINTERS = (
    "\\[", "\\]", "$", "$$", "\\(", "**", "<<", ">>", "\\boxed{", "\\frac{", "{", "}", "####",
    "<think>", "</think>", "[VERIFY]", "<STEP>", "\x00", "\u200b", "\ud83d\ude00",
    "\u2028", "١٢٣", "½", "²", "٪", "−", "1e999", "9" * 80, "= = =", "1/0",
    "\\begin{align*}", "\\end{align*}", "\r\n", "\ufeff", "é́́", "(1", "x^{", "0,5", "1.000,5", "- ", "1. ",
    "```python\n", "\n```\n", "x = ", "print(", "Wait, ", "Hmm. ", "let me check ", "| a | b |\n|---|---|\n", "### ",
)  # fmt: skip


def mutate(text: str, draw: random.Random) -> str:
    """The text cut, shuffled, doubled, garbled or with splinters of markup in it, one to four times."""
    for _ in range(draw.randint(1, 4)):
        text = draw.choice(_MUTATIONS)(text, draw)[:20_000]
    return text


def _cut(text: str, draw: random.Random) -> str:
    a, b = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
    return draw.choice((text[:a], text[a:], text[:a] + text[b:], text[a:b]))


def _shuffle(text: str, draw: random.Random) -> str:
    separator = draw.choice(("\n", " ", "."))
    parts = text.split(separator)
    draw.shuffle(parts)
    return separator.join(parts)


def _double(text: str, draw: random.Random) -> str:
    a, b = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
    return text[:b] + text[a:b] * draw.randint(1, 6) + text[b:]


def _garble(text: str, draw: random.Random) -> str:
    letters = list(text)
    for _ in range(max(1, len(letters) // 50)):
        if letters:
            letters[draw.randrange(len(letters))] = chr(
                draw.choice((draw.randrange(32, 127), draw.randrange(0x80, 0xD7FF), draw.randrange(0, 32)))
            )
    return "".join(letters)


def _splinter(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(1, 5)):
        a = draw.randint(0, len(text))
        text = text[:a] + draw.choice(_SPLINTERS) + text[a:]
    return text


def _unclose(text: str, draw: random.Random) -> str:
    return re.sub(draw.choice((r"\\\]", r"\}", r"\$", r">>", r"\)", r"</\w+>", r"\n")), "", text)


_MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (_cut, _shuffle, _double, _garble, _splinter, _unclose)
