"""`distill run` in a world that torchrun has started: one process leads, the others train when it does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.runs.processes import choose_nproc
from distill.runs.world import is_follower, world_size

ROOT = Path(__file__).parents[3]
RECIPE = ["miniaxion_tiny", *["--set", "train.gradient_accumulation_steps=2", "--set", "train.compile=off"]]
WORLD = """
import os, sys
from functools import partial
from pathlib import Path
from distill.recipe.schema import load_recipe
from distill.runs.folder import Run
from distill.runs.processes import train_with
from distill.runs.world import follow, is_follower, leading

def work(run, word):
    import torch.distributed
    total = [None, None]
    torch.distributed.all_gather_object(total, os.environ["RANK"])
    (run.path / f"{word}-{os.environ['RANK']}").write_text(" ".join(total))

if __name__ == "__main__":
    import world  # so that both processes know the function by the same name
    if is_follower():
        follow()
        raise SystemExit(0)
    with leading():
        for word in ("train", "refine"):
            train_with(partial(world.work, word=word), Run(Path(sys.argv[1]), load_recipe("miniaxion_tiny")), 2)
        if len(sys.argv) > 2:
            raise SystemExit(7)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in the second of two processes."""
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    yield


def test_a_world_is_known_by_its_environment(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world_size() == 2 and is_follower()
    monkeypatch.setenv("RANK", "0")
    assert world_size() == 2 and not is_follower()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert world_size() == 0


def test_its_size_is_the_number_of_processes_and_must_divide_the_micro_batches(world: None) -> None:
    assert choose_nproc(6) == choose_nproc(6, wanted=2) == 2
    with pytest.raises(UserError, match=r"processes: 2: .* take 1 or 3, or set the key to a multiple of 2"):
        choose_nproc(3)
    with pytest.raises(UserError, match="2 processes are started already; leave --nproc out"):
        choose_nproc(6, wanted=3)


def test_nobody_else_leads_outside_of_a_world() -> None:
    assert world_size() == 0 and not is_follower()


@pytest.mark.parametrize(("arguments", "codes"), [((), [0, 0]), (("fail",), [7, 1])], ids=["whole", "leader fails"])
def test_followers_train_with_the_leader_and_end_with_it(
    arguments: tuple[str, ...], codes: list[int], tmp_path: Path
) -> None:
    (tmp_path / "world.py").write_text(WORLD)
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    processes = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "world.py"), str(tmp_path), *arguments],
            env=os.environ | place | {"RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": f"{ROOT}"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == codes, errors
    assert not any("Traceback" in error for error in errors)
    for word in ("train", "refine"):
        assert [(tmp_path / f"{word}-{rank}").read_text() for rank in (0, 1)] == ["0 1", "0 1"]


def agent(port: int, folder: Path, max_steps: int) -> subprocess.Popen[str]:
    """One of two machines, in a process group of its own."""
    torchrun = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d"]
    where = [f"--rdzv-endpoint=127.0.0.1:{port}", "--rdzv-id=test", "--local-addr=127.0.0.1", "-m", "distill"]
    steps = ["--set", f"train.max_steps={max_steps}", "--set", "train.save_steps=5"]
    return subprocess.Popen(
        [sys.executable, *torchrun, *where, "run", *RECIPE, *steps, "--out", str(folder), "--resume"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """As if the machine had lost its power: the agent and what it has started."""
    for pid in [*children(process.pid), process.pid]:
        os.kill(pid, 9)
    process.communicate()


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


@pytest.mark.slow
def test_two_machines_of_which_one_is_lost_end_as_two_that_were_not(tmp_path: Path) -> None:
    results = []
    for name in ("whole", "lost"):
        folder, port = tmp_path / name, free_port()
        if name == "lost":
            first, second = agent(port, folder, 40), agent(port, folder, 40)
            deadline = time.monotonic() + 300
            while not list(folder.glob("checkpoints/checkpoint-*")):
                assert first.poll() is None and second.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
            end(second)
            message = first.communicate(timeout=120)[1]
            assert first.returncode != 0
            assert "another training process has ended" in message
            assert not (folder / "student").exists()
            port = free_port()
        machines = [agent(port, folder, 40) for _ in range(2)]
        errors = [machine.communicate(timeout=400)[1] for machine in machines]
        assert [machine.returncode for machine in machines] == [0, 0], errors
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        assert metrics["training"]["processes"] == 2
        results.append((metrics["accuracy"], (folder / "student" / "model.safetensors").read_bytes()))
    assert results[0] == results[1]
