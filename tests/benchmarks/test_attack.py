"""The attack has the inputs that it promises, and sees each kind of fault."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.attack import FAULTS, Running, judge, precious, run_all
from benchmarks.attack_cases import Case, all_cases

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked")


def nothing(folder: Path) -> tuple[list[str], bytes]:
    return ["recipes"], b""


def test_nine_families_of_more_than_300_inputs(tmp_path):
    cases = all_cases(tmp_path, "http://127.0.0.1:1")
    families = Counter(case.family for case in cases)
    assert len(families) == (9 if os.geteuid() == 0 else 8)
    assert len(cases) >= 300 and min(families.values()) >= 15
    assert len({(case.family, case.name) for case in cases}) == len(cases)


def faults_of(folder: Path, *, code: int = 2, output: str = "error: x", cpu: float = 0.1, codes=(2,)) -> list[str]:
    case = Case("ask", "x", nothing, codes)
    one = Running(case, folder, 0, time.monotonic(), precious(folder))
    (folder / ".stderr").write_text(output)
    (folder / "mine" / "letter").write_text("gone") if output == "write" else None
    return [fault for fault, _ in judge(one, code, cpu)]


def test_every_fault_is_seen(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    assert faults_of(tmp_path) == []
    assert faults_of(tmp_path, code=1) == ["our bug"]
    assert faults_of(tmp_path, output="failed: x (this is our bug)") == ["our bug"]
    assert faults_of(tmp_path, output="Traceback (most recent call last)") == ["our bug"]
    assert faults_of(tmp_path, code=0) == ["wrong exit code"]
    assert faults_of(tmp_path, code=-9) == ["hang"] and faults_of(tmp_path, cpu=11) == ["hang"]
    assert faults_of(tmp_path, output="x \x1b]0;t") == ["raw escape"]
    assert faults_of(tmp_path, output="write") == ["file lost"]
    (tmp_path / "IT_RAN").touch()
    assert faults_of(tmp_path) == ["code ran"]
    assert set(FAULTS) >= {"our bug", "hang", "wrong exit code", "raw escape", "file lost", "code ran"}


def test_cases_run_in_processes_of_their_own(tmp_path):
    good = Case("ask", "good", nothing, (0,))
    bad = Case("ask", "bad", lambda folder: (["recipes", "--nope"], b""), (0,))
    found = run_all([good, bad], tmp_path, 2)
    assert [(case.name, fault) for case, fault, _ in found] == [("bad", "wrong exit code")]
    assert "miniaxion_tiny" in (tmp_path / "case-000" / ".stdout").read_text()
