"""Progress and sentences on a terminal and in a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from distill.recipe.schema import load_recipe
from distill.report import terminal
from distill.runs.folder import Run
from distill.runs.terminal import say, wrapped
from distill.verbs.run import resumption


def test_each_part_of_an_evaluation_is_counted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "LINE_SECONDS", 0.0)
    written = io.StringIO()
    parts = [("test questions", 12), ("harder questions", 0), ("snapshots", 5)]
    with terminal.asking_progress(parts, Console(file=written, width=200)) as advance:
        for count in (5, 7, 5):
            advance(count)
    lines = [line.partition(",")[0] for line in written.getvalue().splitlines()]
    assert lines == ["asking test questions: 5 of 12", "asking snapshots: 0 of 5", "asking snapshots: 5 of 5"]


def test_what_a_resumed_run_does_is_said(tmp_path: Path) -> None:
    run = Run(tmp_path, load_recipe("miniaxion_tiny"))
    outputs = [("traces", run.graphs), ("train", run.student)]
    assert "nothing to resume" in resumption(run, outputs)
    for name in ("run.json", "recipe.yaml", "graphs.jsonl"):
        (tmp_path / name).touch()
    assert resumption(run, outputs).endswith("continues with phase train")
    run.student.mkdir()
    assert resumption(run, outputs).endswith("every phase is done")


def test_sentences_break_between_words_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "words of a sentence that is longer than a line " * 3
    for is_terminal in (True, False):
        written = io.StringIO()
        say(Console(file=written, width=40, force_terminal=is_terminal, color_system=None), text.strip())
        assert (len(written.getvalue().splitlines()) > 1) == is_terminal
        assert written.getvalue().split() == text.split()
    stream = io.StringIO()
    assert wrapped(text, stream) == text
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, wrapped(text, stream).splitlines())) <= 40 and wrapped(text, stream).split() == text.split()
