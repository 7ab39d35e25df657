"""A run killed at random moments and resumed ends with the metrics of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

KILLS = 5
COMMAND = [sys.executable, "-m", "distill", "run", "miniaxion_tiny", "--set", "train.save_steps=4"]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--out", str(folder), *options],
        cwd=Path(__file__).parents[3],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors


def timeless(value: Any) -> Any:
    """Metrics or history without what a clock wrote."""
    if isinstance(value, dict):
        return {name: timeless(entry) for name, entry in value.items() if "second" not in name}
    return [timeless(entry) for entry in value] if isinstance(value, list) else value


def results(folder: Path) -> Any:
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    samples = (folder / "samples.jsonl").read_text(encoding="utf-8")
    weights = (folder / "student" / "model.safetensors").read_bytes()
    return timeless(metrics), timeless(history), samples, weights


def test_five_times_killed(tmp_path: Path) -> None:
    began = time.monotonic()
    finish(start(tmp_path / "whole"))
    duration = time.monotonic() - began
    seed = int.from_bytes(os.urandom(4), "big")
    draw = random.Random(seed)
    moments = [draw.uniform(0.2, 0.9) * duration for _ in range(KILLS)]
    print(f"seed {seed}: killed after {', '.join(f'{moment:.1f}' for moment in moments)} of {duration:.1f} s")
    for number, moment in enumerate(moments):
        process = start(tmp_path / "killed", *(["--resume"] if (tmp_path / "killed").exists() else []))
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), f"attempt {number}"
    finish(start(tmp_path / "killed", "--resume"))
    whole, killed = results(tmp_path / "whole"), results(tmp_path / "killed")
    for a, b in zip(whole, killed, strict=True):
        assert a == b


@pytest.mark.parametrize(("signum", "nproc"), [(signal.SIGTERM, 1), (signal.SIGTERM, 2), (signal.SIGHUP, 2)])
def test_told_to_stop_in_training_it_saves_and_resumes(tmp_path: Path, signum: signal.Signals, nproc: int) -> None:
    if signal.getsignal(signum) is signal.SIG_IGN:
        pytest.skip(f"{signum.name} is ignored here, as under nohup, and so by every run that is started")
    options = ["--nproc", str(nproc)]
    for setting in ("gradient_accumulation_steps=2", "max_steps=60", "save_steps=1000"):
        options += ["--set", f"train.{setting}"]
    finish(start(tmp_path / "whole", *options))
    stopped = tmp_path / "stopped"
    process = start(stopped, *options)
    while not list((stopped / "snapshots").glob("step-*")):  # the first after a sixth of training
        assert process.poll() is None
        time.sleep(0.05)
    sent = time.time()
    process.send_signal(signum)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + signum, errors
    assert f"stopped by {signum.name}; the same command with --resume continues" in errors
    (checkpoint,) = (stopped / "checkpoints").glob("checkpoint-*")
    assert checkpoint.stat().st_mtime - sent < 20
    finish(start(stopped, *options, "--resume"))
    for a, b in zip(results(tmp_path / "whole"), results(stopped), strict=True):
        assert a == b
