"""Numbers in text: exact values, spans, three languages."""

from __future__ import annotations

import itertools
import time
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.arithmetic.numbers import find_givens, find_numbers

ROWS = [
    # text, language, values, texts
    ("She paid $1,250.50 for 3 chairs", "en", [F(2501, 2), 3], ["1,250.50", "3"]),
    ("345,000,000 people", "en", [345_000_000], ["345,000,000"]),
    ("lists like 1,2 and 12,34", "en", [1, 2, 12, 34], ["1", "2", "12", "34"]),
    ("custa R$ 1.250,50 e 2,5 kg", "pt", [F(2501, 2), F(5, 2)], ["1.250,50", "2,5"]),
    ("0,81 và 1.000.000 đồng", "vi", [F(81, 100), 1_000_000], ["0,81", "1.000.000"]),
    ("2.5 não é 1.000", "pt", [F(5, 2), 1000], ["2.5", "1.000"]),
    ("2,5 is two numbers", "en", [2, 5, 2], ["2", "5", "two"]),
    (".5 of it, or 0.5", "en", [F(1, 2), F(1, 2)], [".5", "0.5"]),
    ("-5 degrees, \u22127 and –3", "en", [-5, -7, -3], ["-5", "\u22127", "–3"]),
    ("-$5 and $-5", "en", [-5, -5], ["-5", "-5"]),
    ("10-5, 10 - 5, (3)-2, x-4", "en", [10, 5, 10, 5, 3, 2, 4], None),
    ("10–20 pages", "en", [10, 20], None),
    ("25% off, 20\\% more, 12.5 %", "en", [F(1, 4), F(1, 5), F(1, 8)], ["25%", "20\\%", "12.5 %"]),
    ("95 percent", "en", [95], ["95"]),
    ("2/3 of 9", "en", [F(2, 3), 9], ["2/3", "9"]),
    ("48/2=24", "en", [48, 2, 24], None),
    ("1 1/2 rolls and 2-3/4 inches", "en", [F(3, 2), F(11, 4)], ["1 1/2", "2-3/4"]),
    ("1½ or ¾", "en", [F(3, 2), F(3, 4)], ["1½", "¾"]),
    (r"\frac{3}{4}, \dfrac12, 1\frac{1}{2}, -\frac{1}{2}", "en", [F(3, 4), F(1, 2), F(3, 2), F(-1, 2)], None),
    (r"\$35,000/\text{year} \times12", "en", [35_000, 12], ["35,000", "12"]),
    (r"1{,}000 and 2,\!000", "en", [1000, 2000], None),
    ("x2 + P_{10} + y_3 has no number but 4", "en", [4], ["4"]),
    ("5 million people", "en", [5_000_000], ["5 million"]),
    ("USD 50, €20, 30€", "en", [50, 20, 30], ["50", "20", "30"]),
    ("twice, half, a dozen, triple", "en", [2, F(1, 2), 12, 3], ["twice", "half", "dozen", "triple"]),
    ("two-thirds of them, a quarter, three quarters", "en", [F(2, 3), F(1, 4), F(3, 4)], None),
    ("twenty-five and two hundred and five", "en", [25, 205], ["twenty-five", "two hundred and five"]),
    ("two and a half hours, 2 and a half", "en", [F(5, 2), F(5, 2)], ["two and a half", "2 and a half"]),
    ("three thousand four hundred twelve", "en", [3412], None),
    ("one two three", "en", [1, 2, 3], ["one", "two", "three"]),
    ("the third day, someone, none", "en", [], []),
    ("metade de vinte e cinco, dois terços, o dobro", "pt", [F(1, 2), 25, F(2, 3), 2], None),
    ("gấp đôi, một nửa, năm quả, năm 2019, 3 năm", "vi", [2, F(1, 2), 5, 2019, 3], None),
    ("half as many", "und", [], []),
]


@pytest.mark.parametrize(("text", "language", "values", "texts"), ROWS)
def test_rows(text: str, language: str, values: list[F], texts: list[str] | None) -> None:
    numbers = find_numbers(text, language)
    assert [number.value for number in numbers] == values
    if texts is not None:
        assert [number.text for number in numbers] == texts


def test_kinds() -> None:
    kinds = {number.text: number.kind for number in find_numbers("$5, 25%, 1/2, 1 1/2, 7, half")}
    assert kinds == {
        "5": "currency",
        "25%": "percent",
        "1/2": "fraction",
        "1 1/2": "mixed",
        "7": "number",
        "half": "word",
    }


def test_givens_are_unique_and_named_as_written() -> None:
    givens = find_givens("Ann has 5 pens at $5 each, Bob half as many, Cid 50%.", "en")
    assert [(given.name, given.value) for given in givens] == [("5", F(5)), ("half", F(1, 2))]


@given(st.text(), st.sampled_from(["en", "pt", "vi", "und", "xx"]))
def test_any_text_is_read_in_order(text: str, language: str) -> None:
    numbers = find_numbers(text, language)
    assert all(a.end <= b.start for a, b in itertools.pairwise(numbers))
    assert all(0 <= number.start < number.end <= len(text) for number in numbers)
    names = [given.name for given in find_givens(text, language)]
    assert len(set(names)) == len(names)


@given(st.text(alphabet="0123456789.,-/% $½\\frac{}thalftwo "))
def test_any_numeric_text_is_read(text: str) -> None:
    find_numbers(text, "en")
    find_numbers(text, "pt")


@given(st.integers(-(10**9), 10**9))
def test_integers_read_back(value: int) -> None:
    for text in (str(value), f"{value:,}"):
        assert [number.value for number in find_numbers(f"it is {text} now")] == [value]
    assert [number.value for number in find_numbers(f"é {value:,}".replace(",", "."), "pt")] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "1" * 200_000,
        "1,000" * 10_000,
        "one " * 20_000,
        "-$" * 50_000,
        "1/" * 20_000,
        r"\frac{1" * 10_000,
        "a " * 50_000,
    ],
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    begin = time.process_time()
    find_numbers(text, "en")
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"0.\overline{3}", F(1, 3)),
        (r"0.1\overline{6}", F(1, 6)),
        (r"1,234.\overline{5}", F(11111, 9)),
        (r"285\!714.\overline{9}", F(285715)),
        (r"12\overline{3}", None),
    ],
)
def test_decimals_that_repeat(text: str, value: F | None) -> None:
    assert [number.value for number in find_numbers(text)][:1] == ([] if value is None else [value])
