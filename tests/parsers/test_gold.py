"""The parsers on real data: hand-labelled graphs, answers, hostile and mutated texts. Skipped where the data is absent."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from benchmarks.gold_scores import gold_graphs, own_graphs, rows, same_value, score_gold
from benchmarks.mutations import mutate
from parsers import parse
from parsers.parse import FORMATS

SHARED = Path(__file__).parents[3] / "shared"
needs_data = pytest.mark.skipif(not (SHARED / "gold/graphs.jsonl").is_file(), reason="the labelled graphs are not here")


@needs_data
def test_hand_labelled_graphs_are_found() -> None:
    scores = score_gold(gold_graphs(SHARED))
    assert scores.macro_f1 >= 0.92
    assert scores.edge_f1 >= 0.90
    assert scores.value_accuracy >= 0.95


def test_graphs_labelled_for_this_repository_are_found() -> None:
    scores = score_gold(own_graphs())
    assert scores.values >= 140
    assert scores.macro_f1 >= 0.95
    assert scores.edge_f1 >= 0.90
    assert scores.value_accuracy >= 0.95


def test_labels_are_consistent() -> None:
    for label, text, question in own_graphs():
        end = 0
        for number, step in enumerate(label["steps"]):
            assert step["id"] == number and end <= step["start"] < step["end"] <= len(text)
            end = step["end"]
            for source in step["depends_on"]:
                assert source < number if isinstance(source, int) else source[2:].lower() in question.lower()


@needs_data
def test_options_are_decided_and_right() -> None:
    decided = right = total = 0
    for year in (2019, 2020, 2021, 2022):
        for row in rows(SHARED / f"data/vnhsge/MET_Math_IE_{year}.json"):
            if not row["Image_Question"].strip():
                answer = parse(row["Explanation"], question=row["Question"], format="vnhsge").answer
                total += 1
                decided += answer in tuple("ABCD")
                right += answer == row["Choice"]
    assert decided / total >= 0.85
    assert right / decided >= 0.97


TEXTS = (
    "1. **Cost:** It costs $3.\n   \\[ 3 \\times 2 = 6 \\]\nThus \\(\\boxed{6}\\).",
    "She has 48/2 = <<48/2=24>>24 left.\n#### 24",
    "How many? ** 3 + 4 = <<3+4=7>>7\n#### 7",
    "<think>2 + 2 = 5. Wait, 2 + 2 = 4.</think> 4",
    "Ta có $x^2 = 4 \\Leftrightarrow x = \\pm 2$. Vậy chọn B.",
    "[UNDERSTAND]\nGiven: 3 cups.\n[EXECUTE]\n1. 3 + 4 = <<3+4=7>>7\n[ANSWER] 7",
    "<INST>What is 3 + 4?</INST><THINK>[EXECUTE]<STEP>3+4=7</THINK><ANS>7</ANS>",
)


@pytest.mark.parametrize("format", ["auto", *FORMATS])
def test_mutated_texts_raise_nothing(format: str) -> None:
    draw = random.Random(format)
    for _ in range(30):
        text, question = mutate(draw.choice(TEXTS), draw), mutate("There are 3 cups and 4 more. How many?", draw)
        graph = parse(text, question=question, format=format)
        assert graph.format in FORMATS
        for step in graph.steps:
            if format in ("freeform", "math"):
                assert text[step.start : step.end] == step.text


@pytest.mark.parametrize(
    "piece", ["a", "$ ", "\\[ 1 + ", "(((", "1 = ", "**Step 1:**\n", "<<1+1=", "\\frac{1}{", "so we have "]
)
def test_hostile_texts_take_no_time(piece: str) -> None:
    text = (piece * 20_000)[:40_000]
    for format in ("freeform", "math", "vnhsge", "think"):
        begin = time.process_time()
        parse(text, question="There are 3 cups.", format=format)
        assert time.process_time() - begin < 1.0


@pytest.mark.parametrize(
    ("labelled", "parsed", "same"),
    [
        ("half", None, False),
        ("1,350", 1350, True),
        ("25%", 25, True),
        ("99 + 5", "99+5", True),
        ("\\frac{1}{2}", 2, False),
        ("8a^3", "8 a^3", True),
        ("3", 4, False),
    ],
)
def test_values_compare_as_numbers_or_as_text(labelled: str, parsed: object, same: bool) -> None:
    from fractions import Fraction

    got = Fraction(parsed) if isinstance(parsed, int) else parsed
    assert same_value(labelled, got, "en") is same
