"""The faster type is measured once and kept; threads come back; a damaged or forbidden cache costs a measurement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from students import precision
from students.precision import best_dtype, faster_dtype, product_seconds, threads_that_pay


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[torch.dtype, float]:
    """Seconds that a product takes here; the number of measurements counts itself."""
    seconds = {torch.float32: 2.0, torch.bfloat16: 1.0}

    def take(dtype: torch.dtype, rows: int) -> float:
        seconds[torch.int8] = seconds.get(torch.int8, 0) + 1
        return seconds[dtype]

    monkeypatch.setattr(precision, "product_seconds", take)
    return seconds


@pytest.mark.parametrize(("slow", "faster"), [(torch.float32, torch.bfloat16), (torch.bfloat16, torch.float32)])
def test_the_faster_type_wins(
    measured: dict[torch.dtype, float], tmp_path: Path, slow: torch.dtype, faster: torch.dtype
) -> None:
    measured.update({slow: 3.0, faster: 0.5})
    assert faster_dtype(64, file=tmp_path / "cache" / "precision.json") is faster


def test_it_is_measured_once_for_a_shape(measured: dict[torch.dtype, float], tmp_path: Path) -> None:
    file = tmp_path / "precision.json"
    first = faster_dtype(64, file=file)
    measured.update({torch.float32: 0.1, torch.bfloat16: 9.0})
    assert faster_dtype(64, file=file) is first and measured[torch.int8] == 2
    assert faster_dtype(1, file=file) is not first and measured[torch.int8] == 4
    assert len(json.loads(file.read_text())) == 2


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"x": 1}', "nul\0l"])
def test_a_damaged_cache_is_measured_anew(measured: dict[torch.dtype, float], tmp_path: Path, damage: str) -> None:
    file = tmp_path / "precision.json"
    file.write_text(damage)
    assert faster_dtype(64, file=file) is torch.bfloat16


def test_a_cache_that_cannot_be_written_is_no_error(measured: dict[torch.dtype, float], tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    assert faster_dtype(64, file=tmp_path / "a file" / "precision.json") is torch.bfloat16


@pytest.mark.parametrize(
    ("flags", "expected"),
    [(set(), torch.float32), ({"amx_bf16", "avx512_bf16"}, torch.bfloat16), ({"avx512_bf16"}, torch.float16)],
)
def test_only_a_cpu_in_doubt_is_measured(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], expected: torch.dtype
) -> None:
    monkeypatch.setattr(precision, "_cpu_flags", lambda: flags)
    monkeypatch.setattr(precision, "faster_dtype", lambda rows: torch.float16)  # stands for a measurement
    assert best_dtype(torch.device("cpu")) is expected


def test_a_product_takes_time() -> None:
    assert 0 < product_seconds(torch.float32, 1, repeats=2) < 10


@pytest.mark.parametrize("slow", [1, 2])
def test_threads_are_those_that_pay_and_come_back(monkeypatch: pytest.MonkeyPatch, slow: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(precision, "_product_times", lambda *_: [1.0 + (torch.get_num_threads() == slow)] * 7)
    try:
        with threads_that_pay() as count:
            assert count == torch.get_num_threads() == 3 - slow
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
