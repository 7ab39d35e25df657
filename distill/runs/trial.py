"""Tries work of unknown length in a process of its own, whose time and memory are limited.

What is tried comes from a file of others, such as a chat template: a program that may loop for ever.
"""

from __future__ import annotations

import os
import re
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

CPU_SECONDS, WALL_SECONDS, MEGABYTES = 3, 60.0, 1000
"""What the work may take. A busy machine may give it little of its time, so that the clock says less than the CPU."""


def ends_in_time(work: Callable[[], object]) -> bool:
    """Whether the work ends within the limits, with an error or without; nothing that it changes is seen here.

    True without a trial where processes cannot be forked. The work must not use threads, torch or a GPU.
    """
    if not hasattr(os, "fork"):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the child has none of and needs none
        pid = os.fork()
    if pid == 0:
        _try(work)
    deadline = time.monotonic() + WALL_SECONDS
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status == 0
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _try(work: Callable[[], object]) -> None:
    """The child: never returns."""
    code = 0
    try:
        import resource

        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        if (used := _data_bytes()) is not None:
            most = used + MEGABYTES * 10**6
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        work()
    except MemoryError:
        code = 1
    except BaseException:
        pass  # it has ended; the caller meets the error when it does the work itself
    finally:
        os._exit(code)


def _data_bytes() -> int | None:
    """Bytes of data of this process; None where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmData:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return None if found is None else int(found[1]) * 1024
