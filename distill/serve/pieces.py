"""Turns token ids into text, piece by piece: incomplete characters wait for their rest, and a stop text ends it.

pieces = Pieces(tokenizer, stops=["\\n\\n"])
pieces.feed([17, 4])  ->  "4 + 5"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parsers.text.markers import END_ANSWER
from parsers.text.tags import untagged
from students.generation import UNFINISHED, text_of

WINDOW, MAX_WINDOW = 8, 40
"""Tokens that are decoded again with new ones, at least and about at most: what a token reads as depends on those
before it. The window is moved seldom, as each move is one more decoding."""


class Pieces:
    """The text of one row. `is_stopped` after a stop text, which is cut off together with all text after it."""

    def __init__(self, tokenizer: Any, *, stops: Sequence[str] = ()) -> None:
        self.text = ""
        """What was given out so far."""
        self.is_stopped = False
        self._tokenizer, self._stops = tokenizer, stops
        self._tokens: list[int] = []
        self._read = ""
        """The text of all tokens but those of a letter that is not whole."""
        self._start = self._end = 0
        """The tokens from `start` are decoded again; those before `end` are in `read`."""
        self._before = ""
        """What the tokens from `start` to `end` read as."""

    def feed(self, tokens: Sequence[int], *, is_last: bool = False) -> str:
        """The new text of these tokens; `is_last`: no tokens will follow."""
        if self.is_stopped:
            return ""
        self._tokens += tokens
        if is_last:  # bytes that turn out to be no letters change what was read before them
            self._read = self._decoded(0)
        elif not (after := self._decoded(self._start)).endswith(UNFINISHED):
            self._read += after[len(self._before) :]
            self._move(after)
        return self._given_out(is_last)

    def _move(self, after: str) -> None:
        """Move the window to the end of the decoded text, which from `start` on is `after`."""
        last_end, self._end, self._before = self._end, len(self._tokens), after
        if self._end - self._start > MAX_WINDOW:
            self._start = max(self._start, last_end - WINDOW)
            self._before = self._decoded(self._start)

    def _decoded(self, start: int) -> str:
        return untagged(text_of(self._tokenizer, self._tokens[start:], END_ANSWER))

    def _given_out(self, is_last: bool) -> str:
        """The part of the decoded text that may be sent: without a possible beginning of a stop text."""
        whole = self._read
        places = [place for stop in self._stops if (place := whole.find(stop)) >= 0]
        if places:
            self.is_stopped, whole = True, whole[: min(places)]
        elif not is_last:
            whole = whole[: len(whole) - self._held_back(whole)]
        new, self.text = whole[len(self.text) :], whole
        return new

    def _held_back(self, text: str) -> int:
        """The number of characters at the end of a text that may begin a stop text."""
        lengths = (n for stop in self._stops for n in range(len(stop) - 1, 0, -1) if text.endswith(stop[:n]))
        return max(lengths, default=0)
