"""The gate before any download: can the installed PyTorch use the GPUs of this machine? All machines are made up."""

from __future__ import annotations

import pytest

from distill.forecast.gpu import Machine, gpu_problems

T4, P100, H100 = ("Tesla T4", (7, 5)), ("Tesla P100-PCIE-16GB", (6, 0)), ("NVIDIA H100", (9, 0))
BUILT = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100")


def machine(**changes: object) -> Machine:
    facts = {"torch": "2.13.0", "cuda": "13.0", "architectures": BUILT, "gpus": (T4,), "driver": "580.65.06"}
    return Machine(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"gpus": (T4, T4)},
        {"gpus": (H100,)},
        {"gpus": (("RTX 3090", (8, 6)),), "architectures": ("sm_80",)},
        {"gpus": (("newer", (12, 0)),), "architectures": ("sm_75", "compute_90")},
        {"gpus": (), "driver": None},
        {"gpus": (), "driver": None, "cuda": None, "architectures": ()},
    ],
    ids=["T4", "two T4", "H100", "a later minor version", "code compiled on loading", "no GPU", "CPU build, no GPU"],
)
def test_a_machine_that_works_has_no_problem(good: dict[str, object]) -> None:
    assert list(gpu_problems(machine(**good))) == []


def test_a_gpu_without_code_is_named_with_what_to_choose() -> None:
    (line,) = gpu_problems(machine(gpus=(P100, P100)))
    assert "Tesla P100-PCIE-16GB has compute capability 6.0" in line and "7.5, 8.0, 8.6, 9.0, 10.0" in line
    assert "GPU T4 x2" in line
    (line,) = gpu_problems(machine(gpus=(("new", (13, 0)),)))
    assert "use a newer PyTorch" in line


def test_a_gpu_that_pytorch_does_not_see_is_explained() -> None:
    (line,) = gpu_problems(machine(gpus=(), architectures=(), cuda=None))
    assert "built for the CPU" in line
    (line,) = gpu_problems(machine(gpus=(), architectures=()))
    assert "CUDA 13.0" in line and "driver 580.65.06" in line


def test_this_machine_can_be_looked_at() -> None:
    list(gpu_problems())
