"""Tags: letters beside digits that a student reads and writes, and that nobody else sees.

    What is 347 - 85?    ->    What is ⓜⓛ3ⓚ4ⓙ7 - ⓘⓗ8ⓖ5?

A number starts with the tag of a digit that it does not have; then each digit follows its own tag. The tags of a
question form a ring of 52 letters and run downwards; those of results form a ring of 26. Tokenizers treat them as
special tokens, so decoded text has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

RESULTS = "".join(map(chr, range(0x249C, 0x24B6)))
"""⒜ to ⒵, for the digits of results."""
GIVEN = "".join(map(chr, range(0x24B6, 0x24EA)))
"""Ⓐ to Ⓩ, ⓐ to ⓩ, for the digits of questions."""
RING = RESULTS + GIVEN
"""All tags; no text about numbers has these letters."""
FIRST = GIVEN.index("ⓜ")
"""Place in GIVEN of a question's first tag outside of training. Results start at the same letter, here ⒨."""
TAG = re.compile(f"[{RING[0]}-{RING[-1]}]")
_NUMBER = re.compile("[0-9]+")


def tag_digits(text: str, first: int = FIRST) -> str:
    """The text with a tag before every digit, and the tag of a missing digit before every number.

    >>> tag_digits("7 + 12")
    'ⓜⓛ7 + ⓚⓙ1ⓘ2'
    """
    place = first

    def tagged(found: re.Match[str]) -> str:
        nonlocal place
        number = [GIVEN[(place - i) % len(GIVEN)] for i in range(len(found[0]) + 1)]
        place -= len(number)
        return number[0] + "".join(map("".join, zip(number[1:], found[0], strict=True)))

    return _NUMBER.sub(tagged, text)


def untagged(text: str) -> str:
    """The text without tags.

    >>> untagged("ⓛ7+ⓘ2=ⓝ9")
    '7+2=9'
    """
    return TAG.sub("", text)


def span_with_tags(text: str) -> Callable[[int, int], tuple[int, int]]:
    """Gives for a span of `untagged(text)` the span in `text`, which holds the tags before and after it, too.

    >>> text = "7+ⓘ2=ⓝ9ⓝ ok"
    >>> start, end = span_with_tags(text)(2, 5)
    >>> text[start:end]
    'ⓘ2=ⓝ9ⓝ'
    """
    places = [place for place, character in enumerate(text) if not TAG.match(character)]
    return lambda start, end: (places[start - 1] + 1 if start else 0, places[end] if end < len(places) else len(text))


_NEXT = f"{{{{ ring[at.place] }}}}{{% set at.place = (at.place + {len(GIVEN) - 1}) % {len(GIVEN)} %}}"
CHAT_CONTENT = (
    f"{{% set ring = '{' '.join(GIVEN)}'.split(' ') %}}{{% set at = namespace(place={FIRST}, inside=false) %}}"
    "{% set text = message['content'] | string %}{% for i in range(text | length) %}"
    "{% if text[i] in '0123456789' %}"
    f"{{% if not at.inside %}}{_NEXT}{{% endif %}}{_NEXT}{{% set at.inside = true %}}"
    "{% else %}{% set at.inside = false %}{% endif %}{{ text[i] }}{% endfor %}"
)
"""`tag_digits` of a message's content, for a chat template: stock software needs no other code.

llama.cpp takes a text by its bytes, cannot loop over it, and has negative remainders; hence the indices and the sum.
"""
