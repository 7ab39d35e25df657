"""One thread per model, which decodes the requests of all users together.

changed = decoder.submit(rows)      rows wait for a place, then grow token by token
await changed.wait()                row.written and row.finish show their progress
decoder.leave(rows)                 gives them up; unfinished rows free their places
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from students.continuous import ContinuousBatch, Row

MAX_ROWS = 64
"""Rows that are decoded together."""
MAX_WAITING = 256
"""Rows that may wait for a place."""
MAX_TOKENS = 131_072
"""Rows times the longest that one may become: a bound on the memory of their keys and values."""
MAX_PREFILL = 8_192
"""Tokens of prompts that are read in one step, during which nobody gets a token."""
MANY_ROWS, JOIN_EVERY = 8, 4
"""With at least so many rows others join at every fourth token only: all wait while prompts are read."""
SMALL = 20_000_000
"""Parameters up to which one core is faster than several that wait for one another, above all on a busy machine."""

log = logging.getLogger(__name__)


class Full(Exception):
    """The queue of waiting rows is full."""


class Decoder:
    """The running and waiting rows of one model. For use from one event loop.

    `logits_processor` is that of `students.generation.generate`.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        max_rows: int = MAX_ROWS,
        max_waiting: int = MAX_WAITING,
        logits_processor: Any = None,
    ) -> None:
        self.model, self.tokenizer, self.logits_processor = model, tokenizer, logits_processor
        self.max_rows, self.max_waiting = max_rows, max_waiting
        self._waiting: deque[Row] = deque()
        self._listeners: dict[Row, asyncio.Event] = {}
        self._work = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._num_open = 0
        self._steps_since_join = 0

    @property
    def load(self) -> tuple[int, int]:
        """(running rows, waiting rows)."""
        return self._num_open, len(self._waiting)

    def start(self) -> threading.Thread:
        """Start the decoding thread for the running event loop."""
        self._loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._run, name="decoder", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """End the thread after its next token."""
        with self._work:
            self._is_closed = True
            self._work.notify()

    def submit(self, rows: Sequence[Row]) -> asyncio.Event:
        """Queue rows for decoding; returns the event that is set whenever one of them has grown or ended.

        Raises:
            Full: too many rows are waiting.
        """
        changed = asyncio.Event()
        with self._work:
            self._waiting = deque(row for row in self._waiting if not row.finish)
            kept = len(self._listeners) - self.max_rows  # also answers that are written and not read yet
            if max(len(self._waiting), kept) + len(rows) > self.max_waiting:
                raise Full
            self._listeners.update(dict.fromkeys(rows, changed))
            self._waiting.extend(rows)
            self._work.notify()
        return changed

    def leave(self, rows: Sequence[Row]) -> None:
        """Give up unfinished rows."""
        cancel(rows)
        for row in rows:
            self._listeners.pop(row, None)

    def _run(self) -> None:
        use_one_core_for_small(self.model)
        batch = self._new_batch()
        while (joining := self._admitted(batch)) is not None:
            try:
                advanced = batch.step(joining)
            except Exception:  # of the machine, such as no memory left: these rows are lost, the server is not
                log.exception("decoding failed; its %d requests end", batch.num_open + len(joining))
                advanced = [*batch.rows, *joining]
                for row in advanced:
                    row.finish = row.finish or "error"
                batch = self._new_batch()
            self._num_open = batch.num_open
            self._tell([*advanced, *(row for row in joining if row.finish)])

    def _new_batch(self) -> ContinuousBatch:
        return ContinuousBatch(self.model, self.tokenizer, logits_processor=self.logits_processor)

    def _admitted(self, batch: ContinuousBatch) -> list[Row] | None:
        """The rows to start now; waits while there is nothing to do. None once the decoder is closed."""
        with self._work:
            while not (self._waiting or batch.num_open or self._is_closed):
                self._work.wait()
            if self._is_closed:
                return None
            self._steps_since_join += 1
            if batch.num_open >= MANY_ROWS and self._steps_since_join < JOIN_EVERY:
                return []
            joining: list[Row] = []
            rows = [row for row in batch.rows if not row.finish]
            while self._waiting and self._fits(self._waiting[0], joining, rows):
                row = self._waiting.popleft()
                if not row.finish:  # else it was cancelled while it waited
                    joining.append(row)
            if joining:
                self._steps_since_join = 0
            return joining

    def _fits(self, row: Row, joining: Sequence[Row], rows: Sequence[Row]) -> bool:
        together = [*rows, *joining, row]
        if len(together) == 1 or row.finish:
            return True
        longest = max(len(one.prompt) + one.max_new_tokens for one in together)
        read = max(len(one.prompt) for one in [*joining, row]) * (len(joining) + 1)
        return (
            len(together) <= self.max_rows
            and longest * len(together) <= MAX_TOKENS
            and (not joining or read <= MAX_PREFILL)
        )

    def _tell(self, rows: Sequence[Row]) -> None:
        assert self._loop is not None
        events = {event for row in rows if (event := self._listeners.get(row))}
        if events and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: [event.set() for event in events])


def cancel(rows: Sequence[Row]) -> None:
    """End these rows with the text that they have."""
    for row in rows:
        row.finish = row.finish or "cancelled"


def use_one_core_for_small(model: Any) -> None:
    """Compute with one thread if the model is so small that more threads make it slower."""
    import torch

    if sum(parameter.numel() for parameter in model.parameters()) <= SMALL:
        torch.set_num_threads(1)
