"""Steps marked wrong in solutions that are right: reference solutions of MATH and GSM8K, read as free text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.gold_scores import rows
from benchmarks.measurements import Measurement
from parsers import parse
from parsers.arithmetic.verdicts import MARK

EVERY = 3
"""One MATH solution of so many is read."""


def false_alarms(data: Path) -> Iterator[Measurement]:
    """The share of verdicts that are "wrong"; a few of the solutions do hold an error."""
    math = [(row["solution"], row["problem"]) for row in rows(data / "math/train.jsonl")[::EVERY]]
    gsm8k = [(MARK.sub("", row["answer"]), row["question"]) for row in rows(data / "gsm8k/test.jsonl")]
    for name, solutions in (("MATH", math), ("GSM8K without marks", gsm8k)):
        verdicts = 0
        wrong: list[str] = []
        for text, question in solutions:
            for step in parse(text, question=question, format="freeform").steps:
                verdicts += step.correct is not None
                if step.correct is False:
                    wrong.append(" ".join(step.text.split())[:160])
        share = len(wrong) / max(1, verdicts)
        value = f"{len(wrong)} of {verdicts:,} = {share:.1%}"
        yield Measurement(f"{name}, right solutions: steps marked wrong", value, "≤ 1 %", share <= 0.01, tuple(wrong))
