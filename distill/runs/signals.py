"""Signals that stop a run: SIGTERM and SIGHUP, which Kaggle, Slurm and spot machines send, and Ctrl-C (SIGINT).

Training finishes its step, writes a checkpoint and stops. Everything else stops at once. A second signal always stops
at once.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from distill.errors import Stopped

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
HAS_TIMER = hasattr(signal, "setitimer")
STEP_SECONDS = 12.0
"""Longest wait for the end of a step, so that a run has stopped within 20 seconds of the signal."""
SAME_SECONDS = 1.0
"""Within this time a second signal is taken for the first: a terminal and a launcher both send it."""


Handler = Callable[[int, FrameType | None], None]


class StopRequest:
    """Whether a signal has asked to stop, and which."""

    def __init__(self) -> None:
        self.signum: int | None = None
        self._noted_at = 0.0

    def note(self, signum: int, _frame: FrameType | None) -> None:
        """Handler: note the first signal, stop at once at the second or when the step takes too long."""
        if self.signum is None:
            self.signum, self._noted_at = signum, time.monotonic()
            _set_timer(STEP_SECONDS)
        elif time.monotonic() - self._noted_at > SAME_SECONDS:
            raise stop_error(self.signum)

    def flags(self) -> list[float]:
        """1 or 0 for each signal of `STOPPING`, to be summed over processes."""
        return [float(self.signum == signum) for signum in STOPPING]

    def take(self, flags: list[float]) -> None:
        """Note a signal that another process received, from the sum of `flags` over processes."""
        for signum, count in zip(STOPPING, flags, strict=True):
            if count and self.signum is None:
                self.signum = signum

    def heed(self) -> bool:
        """Whether to stop now; if so, the time limit ends, because a checkpoint is about to be written."""
        if self.signum is not None:
            _set_timer(0)
        return self.signum is not None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note signals within the block and raise the noted one at its end.

    Raises:
        Stopped, KeyboardInterrupt: at the end of the block, or at once where it takes too long.
    """
    request = StopRequest()

    def too_late(signum: int, frame: FrameType | None) -> None:
        raise stop_error(request.signum or signal.SIGTERM)

    with _handlers(request.note, too_late):
        yield request
    if request.signum is not None:
        raise stop_error(request.signum)


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP raise `Stopped`, as Ctrl-C raises KeyboardInterrupt."""

    def stop(signum: int, _frame: FrameType | None) -> None:
        raise stop_error(signum)

    with _handlers(stop):
        yield


def stop_error(signum: int) -> BaseException:
    """What to raise for a signal."""
    return KeyboardInterrupt() if signum == signal.SIGINT else Stopped(signum)


@contextmanager
def _handlers(stop: Handler, too_late: Handler | None = None) -> Iterator[None]:
    """Handlers for the block; signals that are ignored stay so (nohup). Only the main thread can have handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted: dict[int, Handler] = {s: stop for s in STOPPING if signal.getsignal(s) is not signal.SIG_IGN}
    if too_late is not None and HAS_TIMER:
        wanted[signal.SIGALRM] = too_late
    before = {signum: signal.signal(signum, handler) for signum, handler in wanted.items()}
    try:
        yield
    finally:
        _set_timer(0)
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _set_timer(seconds: float) -> None:
    """Send SIGALRM after so many seconds; 0 cancels it. Only the main thread can have timers."""
    if HAS_TIMER and threading.current_thread() is threading.main_thread():
        signal.setitimer(signal.ITIMER_REAL, seconds)
