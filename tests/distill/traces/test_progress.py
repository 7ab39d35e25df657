"""What is shown while a teacher writes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from distill.traces import progress as progress_module
from distill.traces.progress import Progress


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
