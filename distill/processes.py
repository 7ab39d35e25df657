"""Training in several processes on one machine; they share the micro-batches of an optimizer step.

One process a GPU; on a CPU one a core, which on two cores is a fifth faster than one process of two threads
(docs/log.md). The number of processes does not change what a step learns from.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from distill.errors import UserError
from distill.runs import Run


def choose_nproc(micro_batches: int, wanted: int | None = None) -> int:
    """How many processes to train in: one a GPU or a core, as many as share the micro-batches evenly.

    Raises:
        UserError: the number that is wanted does not divide them.
    """
    if wanted is None:
        import torch

        devices = torch.cuda.device_count() if torch.cuda.is_available() else usable_cores()
        return max(n for n in range(1, min(devices, micro_batches) + 1) if micro_batches % n == 0)
    if micro_batches % wanted:
        divisors = [str(n) for n in range(1, micro_batches + 1) if micro_batches % n == 0]
        raise UserError(
            f"--nproc {wanted}: the processes share train.gradient_accumulation_steps: {micro_batches} micro-batches; "
            f"take {' or '.join(divisors)}, or set the key to a multiple of {wanted}"
        )
    return wanted


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_with(work: Callable[[Run], None], run: Run, nproc: int) -> None:
    """`work` on a run, in this process or in each of several; those end when this process does, however it ends.

    Args:
        work: a function at the top of a module, which torch imports in each process, or a `partial` of one.

    Raises:
        UserError: what one of them raised.
    """
    if nproc == 1:
        return work(run)
    from torch.multiprocessing.spawn import ProcessException, spawn

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mistakes = multiprocessing.get_context("spawn").SimpleQueue()
    threads = os.environ.get("OMP_NUM_THREADS")
    # In place before a process imports torch: set later, compiled code would still use a thread a core.
    os.environ["OMP_NUM_THREADS"] = threads or str(max(1, usable_cores() // nproc))
    try:
        spawn(_work, args=(os.getpid(), work, run, nproc, port, mistakes), nprocs=nproc)
    except ProcessException:
        if mistakes.empty():
            raise
        raise UserError(*mistakes.get()) from None
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


def _work(rank: int, parent: int, work: Callable[[Run], None], run: Run, nproc: int, port: int, mistakes: Any) -> None:
    """One of the processes; torch.distributed and accelerate read their places from the environment."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import torch.distributed

    from distill.quiet import quiet_libraries

    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": nproc, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    quiet_libraries()
    try:
        work(run)
    except UserError as error:
        mistakes.put(error.problems)
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _end_with(parent: int) -> None:
    """End this process when its parent has ended; torch's own signal is lost where SIGINT is ignored (nohup, `&`)."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
