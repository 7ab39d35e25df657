"""Keeps freed memory in the process instead of giving it back to the system after every step.

glibc returns large blocks at once. The next step gets new ones, and Linux clears each page when it is touched first.
In the training of a small student on two cores of a virtual machine, that took half of the time (docs/log.md).
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Parameters of `mallopt` (malloc.h)."""
NEVER = 2**31 - 1
PAD = 2**26
"""Bytes that the heap grows by at least."""


def keep_freed_memory() -> bool:
    """Keep it from now on; False where the C library is not glibc, which then does as before.

    A process then stays at its highest use of memory, and blocks of different sizes make that higher.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        mallopt(name, value) == 1 for name, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, NEVER), (M_TOP_PAD, PAD))
    )
