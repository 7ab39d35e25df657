"""Grading of answers, intervals and paired comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluation import accuracy as accuracy_module
from distill.evaluation import compare_paired, grade, wilson
from distill.evaluation.accuracy import answer_field, asks_for_order, matches_last, summarize
from distill.evaluation.statistics import area_under_curve, mcnemar
from parsers.answers.equality import Verdict

QUICK = settings(max_examples=50)

NRM = "[UNDERSTAND]<STEP>4+5<STEP>x[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9[VERIFY]<STEP>9-5=4 ok</THINK><ANS>{}</ANS>"


@pytest.mark.parametrize(
    ("text", "gold", "strict", "lenient"),
    [
        (NRM.format("9"), "9", True, True),
        (NRM.format(" 9 "), "9", True, True),
        (NRM.format("09"), "9", True, True),
        (NRM.format("-9"), "9", False, False),
        (NRM.format("-9"), "-9", True, True),
        (NRM.format("8"), "9", False, False),
        (NRM.format(""), "9", False, False),
        (NRM.format("9").removesuffix("</ANS>"), "9", False, True),  # the field never closed
        ("[EXECUTE]<STEP>4+5=9", "9", False, True),  # no field
        (NRM.format("3") + "<ANS>9</ANS>", "9", True, True),  # the last field counts
        ("So the answer is 9, because I like it.", "9", True, True),
        ("It makes 9 in all.", "9", False, True),
        ("It makes 8 in all, not 9", "8", False, False),
        (r"Therefore \boxed{9}, which took 3 minutes.", "9", True, True),
        ("#### 1,250", "1250", True, True),
        ("[PLAN]\n1. add\n[ANSWER] 72", "72", True, True),
        ("[PLAN]\n1. add\n[ANSWER] 27", "72", False, False),
        # words
        (NRM.format("even"), "even", True, True),
        (NRM.format("odd"), "even", False, False),
        ("[EXECUTE]<STEP>7 is odd", "odd", False, True),
        ("[EXECUTE]<STEP>odd or even", "odd", False, False),
        # lists
        (NRM.format("3, 5, 12"), "3, 5, 12", True, True),
        (NRM.format("3,5,12"), "3, 5, 12", True, True),
        (NRM.format("03, 05, 12"), "3, 5, 12", True, True),
        (NRM.format("5, 3, 12"), "3, 5, 12", False, False),
        (NRM.format("3, 5"), "3, 5, 12", False, False),
        (NRM.format("12"), "3, 5, 12", False, False),
        (NRM.format("3, 5, 12, 12"), "3, 5, 12", False, False),
        ("[EXECUTE]<STEP>so 3, 5, 12", "3, 5, 12", False, True),
        # lenient: the last number is no part of a formula, the last formula and the last word count
        ("it is 2√9", "9", False, False),
        ("it is 10^9", "9", False, False),
        (r"so we have $\frac{\pi}{9}$", r"\frac{\pi}{9}", False, True),
        (r"so we have $\frac{9}{\pi}$", r"\frac{\pi}{9}", False, False),
        ("the point is (9, 1)", "(9, 1)", False, True),
        ("It must be (C).", "C", False, True),
        ("Therefore it is C, as P(A or B) is not it", "B", False, False),
        ("a plan b", "B", False, False),
        ("<think>It is 9.</think>It is 8.", "9", False, False),
        # several accepted answers
        (NRM.format("hi there"), ["hello", "hi there"], True, True),
        (NRM.format("bye"), ["hello", "hi there"], False, False),
        ("", "9", False, False),
        ("9" * 100_000, "9", False, False),
    ],
)
def test_grades(text, gold, strict, lenient):
    found = grade(text, gold=gold)
    assert (found.strict, found.lenient, found.timed_out) == (strict, lenient, False)


def test_number_formats_of_the_language():
    assert grade("<ANS>2,5</ANS>", gold="2,5", language="pt").strict
    assert grade("<ANS>1.000</ANS>", gold="1000", language="pt").strict
    assert not grade("<ANS>1.000</ANS>", gold="1000", language="en").strict


@QUICK
@given(st.integers(-9999, 9999))
def test_every_gold_grades_right_against_itself_and_its_neighbour_wrong(n):
    assert grade(f"</THINK><ANS>{n}</ANS>", gold=str(n)).strict
    assert not grade(f"</THINK><ANS>{n}</ANS>", gold=str(n + 1)).lenient


@QUICK
@given(st.text(max_size=200), st.sampled_from(["9", "even", "1, 2", ""]))
def test_never_raises_on_text_and_lenient_is_never_below_strict(text, gold):
    found = grade(text, gold=gold)
    assert found.lenient >= found.strict


def test_answer_field():
    assert answer_field("<ANS> 4 </ANS>") == "4"
    assert answer_field("<STEP>the answer is 4") is None
    assert answer_field("no field here") is None
    assert not matches_last("nothing", gold="5")
    assert matches_last("The area is 45 cm^2.", gold="45")
    assert not matches_last("The area is 45 cm^2.", gold="2")


def test_a_timeout_is_a_count_of_its_own(monkeypatch):
    monkeypatch.setattr(accuracy_module, "answers_equal", lambda **_: Verdict.TIMEOUT)
    found = grade("<ANS>x^2</ANS>", gold="x*x")
    assert (found.strict, found.timed_out) == (False, True)
    assert summarize([found])["strict"]["timeouts"] == 1


def test_summary_counts():
    grades = [grade(text, gold="9") for text in (NRM.format("9"), NRM.format("8"), "nine is 9", "")]
    found = summarize(grades)
    assert (found["strict"]["n"], found["strict"]["correct"], found["strict"]["accuracy"]) == (4, 1, 0.25)
    assert found["lenient"]["correct"] == 2


def test_wilson_by_hand():
    # 5 of 10, z = 1.96: centre (0.5 + 0.19208)/(1.38416) = 0.5; half 1.96/1.38416·sqrt(0.025 + 0.009604) = 0.2634
    assert wilson(5, 10, z=1.96) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    # 0 of 10: upper end z²/(n + z²) = 3.8416/13.8416
    assert wilson(0, 10, z=1.96) == pytest.approx((0.0, 0.27754), abs=1e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


@QUICK
@given(st.integers(1, 2000), st.data())
def test_wilson_holds_the_share_and_is_symmetric(n, data):
    correct = data.draw(st.integers(0, n))
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1
    assert wilson(n - correct, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_wilson_covers_about_95_percent():
    draws = np.random.default_rng(0).binomial(200, 0.9, 4000)
    covered = np.mean([wilson(int(k), 200)[0] <= 0.9 <= wilson(int(k), 200)[1] for k in draws])
    assert 0.93 < covered < 0.97


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(1, 5) == mcnemar(5, 1) == pytest.approx(2 * (1 + 6) / 64)
    # far beyond the range of floats, against the normal approximation with continuity correction
    assert mcnemar(2430, 2570) == pytest.approx(
        math.erfc((2500 - 2430 - 0.5) / math.sqrt(1250) / math.sqrt(2)), rel=0.01
    )


def test_paired_comparison():
    a = [True] * 60 + [False] * 40
    b = [True] * 55 + [False] * 5 + [True] * 25 + [False] * 15
    found = compare_paired(a, b)
    assert (found.n, found.only_a, found.only_b, found.difference) == (100, 5, 25, pytest.approx(0.2))
    # variance of the paired difference: (5 + 25)/100 - 0.2² = 0.26, so ±1.96·sqrt(0.26/100) = ±0.0999
    assert found.interval == pytest.approx((0.1, 0.3), abs=0.015)
    assert found == compare_paired(a, b), "same seed, same interval"
    assert compare_paired(a, a).p_value == 1.0
    with pytest.raises(ValueError, match="same questions"):
        compare_paired([True], [])


@QUICK
@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_area_under_curve_is_the_share_of_won_pairs(high, low):
    expected = sum((a > b) + (a == b) / 2 for a in high for b in low) / (len(high) * len(low))
    assert area_under_curve(high, low) == pytest.approx(expected)
    assert math.isnan(area_under_curve([], low))


def test_the_order_counts_in_a_students_field_and_where_it_was_asked_for():
    assert grade("The answer is 5, 2.", gold="2, 5").strict
    assert not grade("The answer is 5, 2.", gold="2, 5", ordered=True).strict
    assert not grade("</THINK><ANS>5, 2</ANS>", gold="2, 5").strict
    assert asks_for_order("Sort 5, 2 from smallest to largest.") and asks_for_order("Ordene 5 e 2.")
    assert not asks_for_order("Which numbers solve x^2 - 7x + 10 = 0?")


def test_thinking_that_was_cut_off_has_no_strict_answer():
    found = grade("<think>The answer is 9. Let me", gold="9")
    assert (found.strict, found.lenient, found.prediction) == (False, True, None)


@pytest.mark.parametrize(
    ("output", "gold", "language", "right"),
    [
        ("Die Antwort lautet 2,5 Meter.", "2.5", "en", True),
        ("Die Antwort lautet 2,5 Meter.", "25", "en", False),
        ("Das Ergebnis ist 1.250.", "1250", "en", True),
        ("Das Ergebnis ist 1.250.", "1.25", "en", False),
        ("La réponse est 1 250,50 €.", "1250.5", "fr", True),
        ("La réponse est 2,5.", "2,5", "und", True),
        ("La risposta corretta è la B.", "B", "it", True),
        ("Ответ: 2,5", "2.5", "und", True),
        ("答えは1,250円です。", "1250", "ja", True),
        ("答えは12です。", "2", "ja", False),
        ("A resposta é 2,5.", "2.5", "en", True),
        ("The answer is 1,250.", "1250", "en", True),
        ("The answer is 1,250.", "1.25", "en", False),
    ],
)
def test_the_phrase_tells_in_which_notation_the_answer_stands(output: str, gold: str, language: str, right: bool):
    assert grade(output, gold=gold, language=language).strict is right
