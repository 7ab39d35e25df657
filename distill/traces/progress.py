"""Shows the progress of a teacher: solutions, yield, tokens, speed, time left.

gsm8k, alone: 120 of 600 solutions, 41% right, 35% kept, 32,400 tokens, 142 tokens/s, 18 minutes left
"""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console
from rich.status import Status

from distill.runs.terminal import say
from distill.traces.select import Judged

SAY_SECONDS = 30.0
"""Between two lines where the output is no terminal."""


class Progress:
    """One line that is updated in place on a terminal, or new lines from time to time in a log."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status = Status("asking", console=console)
        self._said_at = time.monotonic()
        self._is_waiting = False
        self.begin("", 0)

    def begin(self, title: str, total: int) -> None:
        """Start to count anew, for `total` solutions."""
        self.title, self.total = title, total
        self._num_answered = self._num_right = self._num_kept = self._tokens = self._num_asked = self._written = 0
        self._tokens_asked = 0
        self._failures: Counter[str] = Counter()
        self._begun_at = self._first_at = time.monotonic()

    def asked(self, num_tokens: int | None) -> None:
        """A solution of so many tokens was written now; others stood in the store."""
        self._num_asked += 1
        self._tokens_asked += num_tokens or 0

    def wrote(self, count: int) -> None:
        """So many tokens were written now, of solutions that may not have ended."""
        if not self._written:
            self._first_at = time.monotonic()  # before it a model was loaded and prompts were read
        self._written += count
        self._show()

    def answered(self, one: Judged) -> None:
        """Count a solution."""
        self._is_waiting = False
        self._num_answered += 1
        self._num_right += one.is_right
        self._num_kept += one.graph is not None
        self._tokens += one.answer.num_tokens or 0
        self._show()

    def failed(self, reason: str) -> None:
        """A question has no answer."""
        if not self._failures[reason]:
            self._print(f"{self.title}: no answer: {reason}")
        self._failures[reason] += 1
        self._show()

    def wait_for_others(self, count: int) -> None:
        """Other processes are writing all missing solutions."""
        if not self._is_waiting:
            self._print(f"{self.title}: other processes write the last {count:,} solutions; waiting for them")
        self._is_waiting = True

    def line(self) -> str:
        """The text of the line."""
        answered = max(self._num_answered, 1)
        failed = self._failures.total()
        parts = [
            f"{self.title}: {self._num_answered:,} of {self.total:,} solutions",
            f"{self._num_right / answered:.0%} right, {self._num_kept / answered:.0%} kept",
            f"{self._tokens:,} tokens",
        ]
        if failed:
            parts.append(f"{failed:,} without answer")
        left = self.total - self._num_answered - failed
        if self._written:
            parts.append(f"{self._speed:,.0f} tokens/s")
        if left and (seconds := self._seconds_left(left)) is not None:
            parts.append(f"{seconds / 60:,.0f} minutes left" if seconds >= 90 else f"{seconds:.0f} seconds left")
        return ", ".join(parts)

    @property
    def _speed(self) -> float:
        """Tokens a second."""
        return self._written / max(time.monotonic() - self._first_at, 1.0)

    def _seconds_left(self, left: int) -> float | None:
        """By the tokens of a solution on average; by solutions, if an endpoint counts no tokens."""
        if self._tokens and self._written:
            of_open_ones = self._written - self._tokens_asked
            return max(left * self._tokens / self._num_answered - of_open_ones, 0) / self._speed
        return (time.monotonic() - self._begun_at) / self._num_asked * left if self._num_asked else None

    def _show(self) -> None:
        is_last = self._num_answered + self._failures.total() == self.total
        if self.console.is_terminal:
            self._status.update(self.line())
        if is_last or (not self.console.is_terminal and time.monotonic() - self._said_at > SAY_SECONDS):
            self._print(self.line())
            self._said_at = time.monotonic()

    def _print(self, text: str) -> None:
        say(self.console, text)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()
