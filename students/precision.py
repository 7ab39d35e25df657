"""Chooses the fastest safe floating-point type of a device, and the number of threads; measures them on a CPU.

best_dtype(torch.device("cpu"))             the faster type, measured once per machine and cached
with threads_that_pay(): generate(…)        one thread if other processes keep the cores busy
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

ROWS = 512
"""Rows of the product that is measured: training, and reading prompts."""
WIDTH, WIDER = 1024, 4096
REPEATS = 7


def best_dtype(device: torch.device, *, rows: int = ROWS) -> torch.dtype:
    """bfloat16 if it is fastest, float16 on older GPUs, else float32.

    For a GPU, compute capability decides, because `torch.cuda.is_bf16_supported()` is also true if bfloat16 is
    emulated. A CPU with AVX512_BF16 only is measured on a product of so many `rows`, because there the faster type
    differs between machines.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if not cpu_multiplies_bfloat16():
        return torch.float32
    return torch.bfloat16 if "amx_bf16" in _cpu_flags() else faster_dtype(rows)


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16 (AVX512_BF16 or AMX)."""
    return bool({"avx512_bf16", "amx_bf16"} & _cpu_flags())


def faster_dtype(rows: int = ROWS, *, file: Path | None = None) -> torch.dtype:
    """float32 or bfloat16, whichever multiplies faster on this CPU; measured once and kept in `file`."""
    file = file or cache_file()
    key = f"{_cpu_name()}, torch {torch.__version__}, {rows} rows"
    kept = _kept(file)
    try:
        seconds = {name: float(kept[key][name]) for name in ("float32", "bfloat16")}
    except (KeyError, TypeError, ValueError):
        seconds = {str(dtype).removeprefix("torch."): product_seconds(dtype, rows) for dtype in _TYPES}
        with suppress(OSError):  # a home that cannot be written costs a measurement each time
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f"{file.name}.{os.getpid()}.part")
            part.write_text(json.dumps({**kept, key: seconds}, indent=2), encoding="utf-8")
            part.replace(file)
    return torch.bfloat16 if seconds["bfloat16"] < seconds["float32"] else torch.float32


_TYPES = (torch.float32, torch.bfloat16)


def product_seconds(dtype: torch.dtype, rows: int, *, repeats: int = REPEATS) -> float:
    """Seconds of a product (rows, WIDTH) x (WIDTH, WIDER) on the CPU: the best of some, as others disturb the rest."""
    x, weight = torch.ones(rows, WIDTH, dtype=dtype), torch.ones(WIDER, WIDTH, dtype=dtype)
    return min(_product_times(x, weight, repeats))


@contextmanager
def threads_that_pay(rows: int = 16) -> Iterator[int]:
    """Use one thread within the block if that is faster than all threads; yields the number of threads.

    The threads of one product wait for each other. If other processes keep the cores busy, one thread always lacks a
    core, and a product of a millisecond waits for the scheduler. So decoding on two busy cores is several times as fast
    with one thread.
    """
    before = torch.get_num_threads()
    x, weight = torch.ones(rows, WIDTH), torch.ones(WIDER, WIDTH)
    seconds: dict[int, float] = {}
    for count in {before, 1}:
        torch.set_num_threads(count)
        seconds[count] = sorted(_product_times(x, weight, REPEATS))[REPEATS // 2]  # the median: waiting is the point
    torch.set_num_threads(min(seconds, key=seconds.__getitem__))
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def cache_file() -> Path:
    """The file for measurements of this machine, in the user's cache folder."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "step-aware-distillation" / "precision.json"


def _kept(file: Path) -> dict[str, dict[str, float]]:
    with suppress(OSError, ValueError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        return kept if isinstance(kept, dict) else {}
    return {}


def _product_times(x: torch.Tensor, weight: torch.Tensor, repeats: int) -> list[float]:
    torch.nn.functional.linear(x, weight)
    times: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.nn.functional.linear(x, weight)
        times.append(time.perf_counter() - start)
    return times


def _cpu_info() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text(encoding="utf-8").splitlines() if info.is_file() else []


def _cpu_flags() -> set[str]:
    return set(next((line for line in _cpu_info() if line.startswith("flags")), "").split())


def _cpu_name() -> str:
    named = next((line for line in _cpu_info() if line.startswith("model name")), ": unknown CPU")
    return f"{named.partition(':')[2].strip()}, {os.cpu_count()} cores"
