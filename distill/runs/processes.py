"""Training in several processes, which share the micro-batches of an optimizer step.

One process a GPU; on a CPU one a core, which on two cores is a fifth faster than one process of two threads
(docs/log.md). The number of processes does not change what a step learns from. torch's elastic launcher starts them
and ends them; under `torchrun` or `accelerate launch` there are processes already, and those train (world.py).
"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import Stopped, UserError, memory_errors
from distill.runs.folder import Run
from distill.runs.memory import cure_for_memory
from distill.runs.signals import STOPPING, stop_error
from distill.runs.world import train_together, world_size

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure


def choose_nproc(micro_batches: int, wanted: int | None = None, *, most: int | None = None) -> int:
    """Number of training processes: at most one per GPU or core, and a divisor of the number of micro-batches.

    `most`: how many the memory carries, where `wanted` leaves the choice open.

    Raises:
        UserError: the number that is wanted, or that torchrun has started, does not divide them.
    """
    name = "--nproc"
    if started := world_size():
        if wanted not in (None, started):
            raise UserError(f"--nproc {wanted}: {started} processes are started already; leave --nproc out")
        name, wanted = "processes:", started
    if wanted is None:
        import torch

        devices = torch.cuda.device_count() if torch.cuda.is_available() else usable_cores()
        devices = min(devices, most or devices)
        return max(n for n in range(1, min(devices, micro_batches) + 1) if micro_batches % n == 0)
    if micro_batches % wanted:
        divisors = [str(n) for n in range(1, micro_batches + 1) if micro_batches % n == 0]
        raise UserError(
            f"{name} {wanted}: the processes share train.gradient_accumulation_steps: {micro_batches} micro-batches; "
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
        Stopped, KeyboardInterrupt: a signal asked to stop.
    """
    if world_size():
        train_together(work, run)
    elif nproc == 1:
        work(run)
    else:
        _launch(work, run, nproc)


def _launch(work: Callable[[Run], None], run: Run, nproc: int) -> None:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    launcher = logging.getLogger("torch.distributed.elastic")  # what it logs is raised below, in one line
    launcher.addHandler(logging.NullHandler())
    launcher.propagate = False
    with tempfile.TemporaryDirectory(prefix="distill-") as logs, _restored_handlers() as handled, _threads(nproc):
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=nproc,
            run_id="distill",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="127.0.0.1",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        config.signals_to_handle = ",".join(handled)  # ignored by torch before 2.10, which handles all
        kills = _memory_kills()
        try:
            elastic_launch(config, _work)(os.getpid(), work, run)
        except SignalException as stop:
            raise stop_error(stop.sigval) from None
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if failure.exitcode == -signal.SIGKILL:
                raise UserError(killed("a training process", by_memory=_memory_kills() > kills)) from None
            raise _reason(rank, failure) from None


def _work(parent: int, work: Callable[[Run], None], run: Run) -> None:
    """One of the processes. SIGINT comes when the parent has ended; it must reach us also under nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.getppid() != parent:
        raise SystemExit(1)
    import torch.distributed

    from distill.runs.quiet import quiet_libraries

    quiet_libraries()
    try:
        with memory_errors(cure_for_memory(run.recipe)):
            work(run)
    except Stopped as stop:
        raise SystemExit(128 + stop.signum) from None
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _reason(rank: int, failure: ProcessFailure) -> BaseException:
    """What to raise for the first process that failed."""
    if failure.exitcode - 128 in STOPPING:
        return stop_error(failure.exitcode - 128)
    raised = failure.error_file_data["message"]  # a mapping, if it is an exception of Python
    message = raised["message"] if isinstance(raised, dict) else failure.message
    name, _, text = message.partition(": ")
    if name == UserError.__name__:
        return UserError(text)
    error = RuntimeError(f"in training process {rank}: {message}")
    if isinstance(raised, dict):
        error.add_note(raised["extraInfo"]["py_callstack"])
    return error


@contextmanager
def _threads(nproc: int) -> Iterator[None]:
    """Divide the cores; in place before a process imports torch, as compiled code would else use a thread a core."""
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = threads or str(max(1, usable_cores() // nproc))
    try:
        yield
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


@contextmanager
def _restored_handlers() -> Iterator[list[str]]:
    """The names of the signals that are not ignored; the launcher's handlers for them go at the end of the block."""
    before = {signum: signal.getsignal(signum) for signum in STOPPING}
    try:
        yield [signal.Signals(signum).name for signum, handler in before.items() if handler is not signal.SIG_IGN]
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def killed(what: str, *, by_memory: bool) -> str:
    """One line on a process that the system or somebody killed (SIGKILL), and what to do."""
    cause = "because memory did not suffice" if by_memory else "(SIGKILL), most likely because memory did not suffice"
    cure = "lower train.per_device_train_batch_size, student.max_length or --nproc, and repeat with --resume"
    return f"{what} was killed by the system {cause}; {cure}"


def _memory_kills() -> int:
    """How often Linux has killed a process of this machine for memory; 0 where that is not known."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
