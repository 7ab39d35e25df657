"""Training in several processes: how many, what they say, and that they end with the run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.runs.processes import choose_nproc, usable_cores

OVERRIDES = ["train.max_steps=2000", "train.gradient_accumulation_steps=2", "train.save_steps=1"]


def test_processes_share_the_micro_batches_evenly():
    assert choose_nproc(1) == 1
    assert all(n % choose_nproc(n) == 0 and choose_nproc(n) <= max(usable_cores(), 1) for n in range(1, 13))
    assert choose_nproc(8, wanted=4) == 4


def test_a_number_that_does_not_divide_them_is_refused():
    with pytest.raises(UserError, match=r"--nproc 4: .* take 1 or 2 or 3 or 6, or set the key to a multiple of 4"):
        choose_nproc(6, wanted=4)


def start(folder: Path, *overrides: str) -> subprocess.Popen:
    settings = [part for override in [*OVERRIDES, *overrides] for part in ("--set", override)]
    command = [
        sys.executable,
        "-m",
        "distill",
        "run",
        "miniaxion_tiny",
        "--out",
        str(folder),
        "--nproc",
        "2",
        *settings,
    ]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def descendants(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks processes up in /proc")
def test_they_end_with_a_run_that_is_killed(tmp_path):
    run = start(tmp_path / "run")
    deadline = time.monotonic() + 240
    while not list((tmp_path / "run").glob("checkpoints/checkpoint-*")):
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    children = descendants(run.pid)
    assert len(children) >= 2
    run.kill()
    run.communicate()
    while any(Path(f"/proc/{child}").is_dir() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
def test_a_mistake_in_one_is_the_run_s_own(tmp_path):
    run = start(tmp_path / "run", "train.learning_rate=1e30", "train.max_grad_norm=0")
    message = run.communicate(timeout=240)[1]
    assert run.returncode == 2, message
    assert "error: train: the loss is not a number after step" in message
    assert "Traceback" not in message
    assert os.path.isdir(tmp_path / "run")
