"""Keeps freed memory in the process instead of giving it back to the system after every step.

glibc returns large blocks at once. The next step gets new ones, and Linux clears each page when it is touched first.
In the training of a small student on two cores of a virtual machine, that took half of the time
(benchmarks/RESULTS.md). What is kept grows, because blocks of many sizes do not fit into each other's places;
`release_memory` gives it back.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Parameters of `mallopt` (malloc.h)."""
NEVER = 2**31 - 1
PAD = 2**26
"""Bytes that the heap grows by at least."""


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library if it is glibc, else None."""
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return library if hasattr(library, "malloc_trim") else None


def keep_freed_memory() -> bool:
    """Keep it from now on; False where the C library is not glibc, which then does as before."""
    glibc = _glibc()
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, NEVER), (M_TOP_PAD, PAD))
    return glibc is not None and all(glibc.mallopt(name, value) == 1 for name, value in settings)


def release_memory() -> None:
    """Give all freed memory back to the system once."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def resident_bytes() -> int:
    """The memory that this process takes now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
