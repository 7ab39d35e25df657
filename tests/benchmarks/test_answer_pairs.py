"""The pairs that grading is measured on, and the gold answers of published test sets against themselves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.answer_pairs import PAIRS, load_pairs, measure_pairs
from distill.evaluation.accuracy import grade
from parsers.answers import Verdict, answers_equal

DATA = Path(__file__).parents[3] / "shared" / "data"


def test_half_of_at_least_200_pairs_are_wrong_and_every_kind_has_both() -> None:
    pairs = load_pairs(PAIRS)
    right = sum(pair["right"] for pair in pairs)
    assert len(pairs) >= 200
    assert 0.4 < right / len(pairs) < 0.6
    verdicts = Counter((pair["kind"], pair["right"]) for pair in pairs)
    assert all(verdicts[kind, True] and verdicts[kind, False] for kind, _ in verdicts if kind != "range")


def test_no_wrong_pair_is_accepted_and_few_right_ones_refused() -> None:
    pairs = load_pairs(PAIRS)
    accepted, refused = measure_pairs(pairs)
    assert accepted == []
    assert len(refused) <= 0.03 * sum(pair["right"] for pair in pairs), refused


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("name", ["gsm8k", "math", "vnhsge"])
def test_every_gold_answer_of_a_test_set_is_right_against_itself(name: str) -> None:
    for gold, language in _golds(name):
        assert answers_equal(gold=gold, prediction=gold, language=language) is Verdict.EQUAL, gold
        assert grade(f"So we find \\boxed{{{gold}}}", gold=gold, language=language).strict, gold


def _golds(name: str) -> list[tuple[str, str]]:
    if name == "vnhsge":
        rows = json.loads((DATA / "vnhsge/MET_Math_IE_2022.json").read_text(encoding="utf-8"))
        return [(row["Choice"], "vi") for row in rows]
    lines = (DATA / name / "test.jsonl").read_text(encoding="utf-8").split("\n")
    return [(json.loads(line)["answer"].rpartition("####")[2].strip(), "en") for line in lines if line]
