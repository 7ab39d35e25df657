"""Checks whether the installed PyTorch can use the GPUs of this machine, before anything is downloaded.

this Tesla P100-PCIE-16GB has compute capability 6.0, and the installed PyTorch 2.9.1 has no code for it (7.5, …)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/version")
"""Names the version of NVIDIA's driver, where one is loaded."""
OLDEST = (7, 5)
"""Compute capability of a T4, the oldest GPU that the recipes are written for."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The versions and GPUs that decide whether GPUs can be used."""

    torch: str
    """Version of PyTorch."""
    cuda: str | None
    """Version of CUDA that PyTorch was built with; None for a CPU build."""
    architectures: tuple[str, ...]
    """What that build has code for, such as sm_75; compute_90 is code that is compiled when it is loaded."""
    gpus: tuple[tuple[str, tuple[int, int]], ...]
    """Name and compute capability of each GPU that PyTorch sees."""
    driver: str | None
    """Version of the driver; None where none is loaded."""


def this_machine() -> Machine:
    """This machine, as PyTorch and the driver describe it."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = re.search(r"\s(\d{3}\.\d+(?:\.\d+)?)\s", DRIVER.read_text()) if DRIVER.is_file() else None
    return Machine(
        torch=torch.__version__,
        cuda=torch.version.cuda,
        architectures=tuple(torch.cuda.get_arch_list()) if count else (),
        gpus=tuple((torch.cuda.get_device_name(i), torch.cuda.get_device_capability(i)) for i in range(count)),
        driver=found[1] if found else None,
    )


def gpu_problems(machine: Machine | None = None) -> Iterator[str]:
    """Why the GPUs of this machine cannot be used, one line per reason; empty for a machine without GPUs."""
    machine = machine or this_machine()
    if machine.driver and not machine.gpus:
        if machine.cuda is None:
            yield (
                f"there is a GPU, but PyTorch {machine.torch} was built for the CPU; use the platform's own PyTorch, "
                "or install one with CUDA"
            )
        else:
            yield (
                f"there is a GPU, but PyTorch {machine.torch} cannot use it: its CUDA {machine.cuda} may be too new "
                f"for driver {machine.driver}; use the platform's own PyTorch, or one that was built with an older CUDA"
            )
    for name, capability in dict(machine.gpus).items():
        if not _has_code(capability, machine.architectures):
            built_for = ", ".join(_version(one) for one in machine.architectures if one.startswith("sm_"))
            cure = "choose GPU T4 x2 in the notebook's settings" if capability < OLDEST else "use a newer PyTorch"
            yield (
                f"this {name} has compute capability {capability[0]}.{capability[1]}, and the installed PyTorch "
                f"{machine.torch} has no code for it ({built_for}); {cure}"
            )


def _has_code(capability: tuple[int, int], architectures: Sequence[str]) -> bool:
    """Code for sm_XY runs on XY and later minor versions of X; compute_XY is compiled for anything from XY on."""
    for architecture in architectures:
        kind, _, version = architecture.partition("_")
        digits = re.sub(r"\D", "", version)
        built = (int(digits[:-1] or 0), int(digits[-1:] or 0))
        if (kind == "sm" and built[0] == capability[0] and built <= capability) or (
            kind == "compute" and built <= capability
        ):
            return True
    return not architectures


def _version(architecture: str) -> str:
    digits = re.sub(r"\D", "", architecture)
    return f"{digits[:-1]}.{digits[-1:]}"
