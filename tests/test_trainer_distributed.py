"""Two processes that share the micro-batches of a step train as one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SAME = 1e-4
"""float32 losses after a few steps of AdamW, summed in another order."""


def run(folder: Path, accumulation: int, ranks: int) -> list[list[float]]:
    """The logged losses and per-stage losses of a short run over so many processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = []
    for rank in range(ranks):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | ({name: str(value) for name, value in place.items()} if ranks > 1 else {})
        environment |= {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{Path(__file__).parents[1]}",
        }
        command = [sys.executable, __file__, str(folder), str(accumulation)]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * ranks
    return json.loads(outputs[0].strip().splitlines()[-1])


def test_two_processes_are_one(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one", 4, 1), run(tmp_path / "two", 4, 2)
    assert len(one) == len(two) == 6
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, abs=SAME)


def test_two_processes_resume(tmp_path: Path) -> None:
    whole = run(tmp_path / "two", 4, 2)
    newest = tmp_path / "two" / "checkpoints" / "checkpoint-6"
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    assert run(tmp_path / "two", 4, 2) == whole


def main(folder: str, accumulation: str) -> None:
    from test_trainer import learn, student

    from distill.recipe import AdaptiveWeights

    result = learn(
        student(), Path(folder), max_steps=6, logging_steps=1, gradient_accumulation_steps=int(accumulation),
        save_steps=4, weights=AdaptiveWeights(policy="adaptive", smoothing=0.5), resume=True,
    )  # fmt: skip
    print(json.dumps([[e["loss"], e["nll_plan"], e["weight_execute"], e["supervised_tokens"]] for e in result.history]))


if __name__ == "__main__":
    main(*sys.argv[1:])
