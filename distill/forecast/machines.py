"""Speed and memory of machines: constants of a forecast that cannot be computed, measured or assumed as stated."""

from __future__ import annotations

import os

from distill.runs.processes import usable_cores

CPU_FLOPS_PER_CORE = 25e9
"""Float32 operations per second that training reaches on one core of a common server (measured: 50e9 on two)."""

BFLOAT16_FLOPS_PER_CORE = 47e9
"""What training reaches on a core that multiplies bfloat16; measured: 59 steps of nanoreason135m_cpu, 8 solutions of up
to 640 tokens each, in 922 seconds, in two processes on two cores that were not quiet."""

GPU_FLOPS = 5e12
"""What training a nano student reaches on a GPU; assumed, not measured."""

T4_FLOPS = 12e12
"""Operations a second that QLoRA training reaches on a T4 (of 65e12 in float16); assumed, not measured."""

T4_BYTES = 15e9
"""Memory of a T4 beside what CUDA takes."""

LIBRARY_BYTES = 250e6
"""Trainer, compiler, threads, and what malloc does not give back: measured with benchmarks/bench_memory.py."""

KERNEL_BYTES = 600e6
"""oneDNN keeps the code of the last 1,024 products that differ in shape, about 0.6 MB each; a CPU run has as many."""


def machine_bytes() -> float:
    """Memory of this machine."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def here() -> dict[str, float]:
    """This machine with its operations per second."""
    import torch

    speed = GPU_FLOPS if torch.cuda.is_available() else CPU_FLOPS_PER_CORE * usable_cores()
    return {"this machine": speed}


def common_gpus(dtype: str) -> dict[str, float]:
    """One T4, two T4s, and this machine's CPU, with their operations per second."""
    return {"T4": T4_FLOPS, "2 x T4": 2 * T4_FLOPS, "CPU": _cpu_flops(dtype) * usable_cores()}


def library_bytes() -> float:
    """Bytes that the libraries hold while they train on this machine."""
    import torch

    return LIBRARY_BYTES + (0 if torch.cuda.is_available() else KERNEL_BYTES)


def _cpu_flops(dtype: str) -> float:
    """Operations per second of one core in the dtype that a CPU trains in."""
    import torch

    from distill.training.settings import choose_dtype
    from students import precision

    chosen = choose_dtype(torch.device("cpu"), "auto" if dtype == "float16" else dtype)  # float16 is for GPUs only
    is_fast = chosen == torch.bfloat16 and precision.cpu_multiplies_bfloat16()
    return BFLOAT16_FLOPS_PER_CORE if is_fast else CPU_FLOPS_PER_CORE
