"""Whether one solution reads the same in two forms: GSM8K with and without calculator marks, and with "=" in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from benchmarks.gold_scores import rows
from benchmarks.measurements import Measurement
from distill.evaluation import rfs
from parsers import ReasoningGraph, parse
from parsers.arithmetic.verdicts import MARK

SPOKEN = (" is ", " equals ")
"""Words that stand for the equals sign, in turn."""
_EQUALS = re.compile(r"\s*=\s*")


def two_readings(data: Path, num_solutions: int = 1319) -> Iterator[Measurement]:
    """Mean RFS of the free reading of solutions without marks, and F1 of the values computed where "=" is spoken."""
    scores: list[float] = []
    num_shared = num_marked = num_spoken = 0
    low: list[str] = []
    for number, row in enumerate(rows(data / "gsm8k/test.jsonl")[:num_solutions]):
        question, bare = row["question"], MARK.sub("", row["answer"])
        reference = parse(row["answer"], question=question, format="gsm8k")
        scores.append(rfs(parse(bare, question=question, format="freeform"), reference))
        if scores[-1] < 1:
            low.append(f"row {number}: {scores[-1]:.2f}")
        words = _EQUALS.sub(SPOKEN[number % len(SPOKEN)], bare)
        ours, theirs = _values(reference), _values(parse(words, question=question, format="freeform"))
        num_shared += (ours & theirs).total()
        num_marked += ours.total()
        num_spoken += theirs.total()
    mean = sum(scores) / max(1, len(scores))
    yield Measurement(
        "GSM8K without marks: RFS against the marked reading", f"{mean:.4f}", "≥ 0.99", mean >= 0.99, tuple(low)
    )
    f1 = 2 * num_shared / max(1, num_marked + num_spoken)
    yield Measurement('GSM8K, "=" in words: F1 of computed values', f"{f1:.4f}", "≥ 0.95", f1 >= 0.95)


def _values(graph: ReasoningGraph) -> Counter[Fraction]:
    """The values of the steps that compute."""
    return Counter(step.value for step in graph.steps if step.expression and isinstance(step.value, Fraction))
