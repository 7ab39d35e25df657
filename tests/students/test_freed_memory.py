"""Freed memory stays in the process: the next step touches no new pages."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, torch
from students.freed_memory import keep_freed_memory
assert {keep} is False or keep_freed_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step(): return torch.ones(10_000_000).sum()
for _ in range(20): step()
before = faults()
for _ in range(5): step()
print(faults() - before)
"""


def page_faults(*, keep: bool) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_steps_after_the_first_touch_no_new_pages() -> None:
    kept, before = page_faults(keep=True), page_faults(keep=False)
    assert 10 * kept < before, "40 MB are 10,000 pages, or 20 huge ones, each time"


RELEASED = """
import torch
from students.freed_memory import keep_freed_memory, release_memory, resident_bytes
assert keep_freed_memory()
many = [torch.ones(4_000_000) for _ in range(20)]
last = torch.ones(1000)
del many
before = resident_bytes()
release_memory()
print((before - resident_bytes()) // 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_what_is_kept_can_be_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", RELEASED], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 250, "of 320 MB in 20 blocks"
