"""Two processes that share the micro-batches of a step train as one does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

InRanks = Callable[[str, list[str], int], list[Any]]
SAME = 1e-4
"""float32 losses after a few steps of AdamW, summed in another order."""


def test_two_processes_are_one(tmp_path: Path, in_ranks: InRanks) -> None:
    """The logged losses and per-stage losses of a short run over one process and over two."""
    one, two = (
        in_ranks(__file__, [str(tmp_path / "one"), "4"], 1)[0],
        in_ranks(__file__, [str(tmp_path / "two"), "4"], 2)[0],
    )
    assert len(one) == len(two) == 6
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, abs=SAME)


def test_two_processes_resume(tmp_path: Path, in_ranks: InRanks) -> None:
    arguments = [str(tmp_path / "two"), "4"]
    whole = in_ranks(__file__, arguments, 2)[0]
    newest = tmp_path / "two" / "checkpoints" / "checkpoint-6"
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    assert in_ranks(__file__, arguments, 2)[0] == whole


def main(folder: str, accumulation: str) -> None:
    from test_trainer import learn, student

    from distill.recipe.schema import AdaptiveWeights

    result = learn(
        student(), Path(folder), max_steps=6, logging_steps=1, gradient_accumulation_steps=int(accumulation),
        save_steps=4, weights=AdaptiveWeights(policy="adaptive", smoothing=0.5), resume=True,
    )  # fmt: skip
    print(json.dumps([[e["loss"], e["nll_plan"], e["weight_execute"], e["supervised_tokens"]] for e in result.history]))


if __name__ == "__main__":
    main(*sys.argv[1:])
