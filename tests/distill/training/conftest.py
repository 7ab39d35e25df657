"""Runs a test module as a script in several processes that train together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def in_ranks() -> Callable[..., list[Any]]:
    """A function of (script, arguments, number of processes): the JSON value that each process printed last."""
    return run_in_ranks


def run_in_ranks(script: str, arguments: list[str], ranks: int) -> list[Any]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = os.pathsep.join([str(Path(script).parent), str(Path(__file__).parents[3])])
    processes = []
    for rank in range(ranks):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | ({name: str(value) for name, value in place.items()} if ranks > 1 else {})
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        command = [sys.executable, script, *arguments]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * ranks
    return [json.loads(output.strip().splitlines()[-1]) for output in outputs]
