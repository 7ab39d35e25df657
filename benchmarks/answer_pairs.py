"""Grading measured on pairs of a gold answer and an output that we worded ourselves, half of them wrong.

{"kind": "mixed number", "language": "en", "gold": "2\\\\frac{3}{4}", "right": true, "output": "So \\\\boxed{2.75}"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distill.evaluation.accuracy import grade

PAIRS = Path(__file__).with_name("answer_pairs.jsonl")


def load_pairs(path: Path) -> list[dict[str, Any]]:
    """The pairs of a file, in order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def measure_pairs(pairs: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """(wrong outputs that are graded right, right outputs that are graded wrong), each in words."""
    accepted, refused = [], []
    for pair in pairs:
        graded = grade(pair["output"], gold=pair["gold"], language=pair["language"])
        if graded.strict != pair["right"]:
            line = f"{pair['kind']}: {graded.prediction!r} against {pair['gold']!r}"
            (accepted if graded.strict else refused).append(line)
    return accepted, refused
