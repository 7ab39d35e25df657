"""The calculator forces what is computed, in EXECUTE and VERIFY and nowhere else, and is not to be overloaded."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from students.calculator import Calculator, remaining, remaining_value
from tests.conftest import byte_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return byte_tokenizer()


def written_with(tokenizer: Any, text: str, count: int, wish: str = "9") -> str:
    """What greedy decoding with the calculator adds to the text, if the student always wishes for one token."""
    calculator = Calculator(tokenizer)
    ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
    wished = tokenizer.encode(wish, add_special_tokens=False)[0]
    for _ in range(count):
        scores = torch.zeros(1, len(tokenizer))
        scores[0, wished] = 5.0
        ids = torch.cat([ids, calculator(ids, scores).argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(ids[0])[len(text) :]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("<<48/2=", "24>>"),
        ("<<48/2=2", "4>>"),
        ("<<3*0.5=", "1.5>>"),
        ("<<5-9=", "-4>>"),
        ("<<48/2=24", ">>"),
        ("<<48/2=24>>", ""),
        ("<<48/2=25", ""),  # what is written already is not taken back
        ("<<10/3=", ""),  # no short decimal
        ("<<9/0=", ""),
        ("<<x+1=", ""),
        ("48/2=", ""),
        ("<<9^9^9^9=", ""),
        ("<<__import__('os')=", ""),
    ],
)
def test_what_remains_to_be_written(text: str, due: str) -> None:
    assert remaining(text) == due


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("[VERIFY]\n72 - 24 =", " 48"),
        ("[VERIFY]\n72 - 24 = ", "48"),
        ("[VERIFY]\n72-24=", "48"),
        ("72 - 24 = 4", "8"),
        ("72 - 24 = 48", ""),
        ("72 - 24 = 5", None),  # what is written already is not taken back
        ("Check: (3 + 4) * 2 =", " 14"),
        ("It is wrong: 3 * 0.5 =", " 1.5"),
        ("2 * 3 + 4 = 6 + 4 =", " 10"),
        ("$30 - $5 = $", "25"),
        ("20% * 50 =", " 10"),
        ("1. 48 / 2 =", " 24"),  # the number of a list
        ("5 - 9 =", " -4"),
        ("10 / 3 =", None),  # no short decimal
        ("9 / 0 =", None),
        ("8 boys - 3 + 2 =", None),  # the end of an expression that is not read whole
        ("2 x 3 + 4 =", None),
        ("3x + 4 =", None),
        ("of 3 48 / 2 =", None),
        ("N = ", None),
        ("48 = ", None),
        ("72 - 24 != ", None),
        ("72 - 24 = 48.", None),
        ("72 - 24 = 48 clips", None),
    ],
)
def test_what_remains_of_a_value_without_a_mark(text: str, due: str | None) -> None:
    assert remaining_value(text) == due


def test_hostile_expressions_are_left_alone_at_once() -> None:
    start = time.perf_counter()
    for hostile in ("(" * 10_000, "9" * 10_000, "9**9" * 2_000, "<<" * 5_000, "1+" * 5_000 + "1"):
        assert remaining(f"<<{hostile}=") == ""
        remaining_value(f"{hostile} =")
    assert time.perf_counter() - start < 1.0


def test_the_value_is_forced_inside_execute_and_verify_only(tokenizer: Any) -> None:
    assert written_with(tokenizer, "[EXECUTE]\n1. 48 / 2 = <<48/2=", 5) == "24>>9"
    assert written_with(tokenizer, "[PLAN]\n1. <<48/2=", 3) == "999"
    assert written_with(tokenizer, "[EXECUTE]\n1. <<1+1=2>>2\n[VERIFY]\n<<48/2=", 5) == "24>>9"
    assert written_with(tokenizer, "[VERIFY]\n<<48/2=24>>\n[ANSWER] <<48/2=", 3) == "999"
    assert written_with(tokenizer, "a question with <<48/2=", 3) == "999"


def test_a_computation_in_verify_gets_its_value_and_no_further_digit(tokenizer: Any) -> None:
    wished = written_with(tokenizer, "[EXECUTE]\n1. 48\n[VERIFY]\n72 - 24 =", 5)
    assert wished[:3] == " 48"
    assert not wished[3].isdigit()
    assert written_with(tokenizer, "[VERIFY]\n72 - 24 =", 5, wish=".") == " 48.."
    assert written_with(tokenizer, "[EXECUTE]\n1. 72 - 24 =", 3) == "999"  # there a mark follows


def test_rows_of_a_batch_are_computed_each_for_itself(tokenizer: Any) -> None:
    rows = [tokenizer.encode(f"[EXECUTE]<<{a}=", add_special_tokens=False) for a in ("1+2", "7-7", "2*x")]
    scores = torch.rand(3, len(tokenizer), generator=torch.Generator().manual_seed(0))
    forced = Calculator(tokenizer)(torch.tensor(rows), scores)
    assert [tokenizer.decode([int(row.argmax())]) for row in forced[:2]] == ["3", "0"]
    assert torch.equal(forced[2], scores[2])
