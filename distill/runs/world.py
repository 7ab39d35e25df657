"""Joins the process group that torchrun or `accelerate launch` started, on one machine or several.

    torchrun --nnodes=2 --nproc-per-node=1 --rdzv-backend=c10d --rdzv-endpoint=HOST:PORT -m distill run RECIPE --out DIR

The first process is the leader and runs all phases. The others are followers: they wait, train with the leader when it
sends them work, and end when it is done. All machines must see the run folder under the same path.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from distill.errors import UserError, memory_errors
from distill.runs.folder import Run
from distill.runs.memory import cure_for_memory

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

Work = Callable[[Run], None]
PATIENCE = timedelta(days=30)
"""How long followers wait for work: traces and evaluation may take days. They end at once when the leader ends."""


def world_size() -> int:
    """The number of processes in this process's world; 0 outside of a world."""
    size = int(os.environ.get("WORLD_SIZE", 0)) if "RANK" in os.environ else 0
    return size if size > 1 else 0


def is_follower() -> bool:
    """Whether another process of the world is the leader."""
    return bool(world_size()) and os.environ["RANK"] != "0"


def follow() -> None:
    """Train whenever the leader trains, until the leader is done."""
    try:
        while (order := _pass_on(None)) is not None:
            work, run = order
            _train(work, run)
    finally:
        _leave()


@contextmanager
def leading() -> Iterator[None]:
    """Lead the world, if there is one. At the end of the block the followers end; after an error they lose contact."""
    if not world_size():
        yield
        return
    _orders()
    try:
        yield
        _pass_on(None)
    finally:
        _leave()


def train_together(work: Work, run: Run) -> None:
    """Call `work` in every process of the world; called by the leader.

    Raises:
        UserError: another process has ended.
    """
    _pass_on((work, run))
    _train(work, run)


def _train(work: Work, run: Run) -> None:
    try:
        with memory_errors(cure_for_memory(run.recipe)):
            work(run)
    except RuntimeError as error:
        if "onnection" in str(error):  # closed, reset, lost: gloo and NCCL have no class for it
            raise UserError(
                "another training process has ended, see its own message; start all processes again with --resume"
            ) from error
        raise


def _pass_on(order: tuple[Work, Run] | None) -> tuple[Work, Run] | None:
    """Send a value from the leader to every process."""
    import torch.distributed

    orders = [order]
    try:
        torch.distributed.broadcast_object_list(orders, src=0, group=_orders())
    except RuntimeError:
        if is_follower():
            raise SystemExit(1) from None  # the leader has ended, and has said why
        raise
    return orders[0]


@functools.cache
def _orders() -> ProcessGroup:
    """The process group for the leader's work orders; all processes must create it together."""
    import torch
    import torch.distributed
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available())
    group = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
    assert isinstance(group, torch.distributed.ProcessGroup)
    return group


def _leave() -> None:
    """Close the connections; threads that still listen would abort the process at its end."""
    import torch.distributed

    torch.distributed.destroy_process_group()
