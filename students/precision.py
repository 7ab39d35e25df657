"""Which floating-point type a device computes fastest and safely."""

from __future__ import annotations

from pathlib import Path

import torch


def best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is multiplied in hardware, float16 on older GPUs, else float32.

    Decided by compute capability: `torch.cuda.is_bf16_supported()` also says yes where it is emulated.
    """
    if device.type != "cuda":
        return torch.bfloat16 if cpu_multiplies_bfloat16() else torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has matrix instructions for bfloat16 (AVX512_BF16 or AMX): a third faster than float32 there."""
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and bool({"avx512_bf16", "amx_bf16"} & set(flags.read_text(encoding="utf-8").split()))
