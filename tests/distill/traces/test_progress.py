"""What is shown while a teacher writes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from distill.traces import progress as progress_module
from distill.traces.problems import Task
from distill.traces.progress import Progress
from distill.traces.select import Judged
from teachers.problems import Problem
from teachers.store import Answer


def test_speed_and_counts_are_shown_before_the_first_solution_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with Progress(Console(file=out, width=200)) as progress:
        progress.begin("gsm8k, alone", 600)
        now[0] = 120.0  # a model was loaded
        progress.wrote(200)
        assert not out.getvalue(), "no more than a line in half a minute"
        now[0] = 140.0
        progress.wrote(300)
    assert out.getvalue() == "gsm8k, alone: 0 of 600 solutions, 0% right, 0% kept, 0 tokens, 25 tokens/s\n"


def test_the_time_left_counts_tokens_and_those_of_open_solutions(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    with Progress(Console(file=io.StringIO(), width=200)) as progress:
        progress.begin("gsm8k, alone", 11)
        for _ in range(10):  # 1,000 tokens in 10 seconds, of ten rows
            now[0] += 1.0
            progress.wrote(100)
        progress.asked(100)
        answer = Answer("key", "What is 1 + 1?", "2", num_tokens=100)
        progress.answered(Judged(Task(Problem("What is 1 + 1?", "2")), answer))
        # ten more of 100 tokens, of which 900 are written; 1,000 in nine seconds, as the first second is not counted
        assert progress.line().endswith("111 tokens/s, 1 seconds left")
