"""Final answers and their comparison, a third of the rows wrong answers."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.answers import Verdict, answers_equal, boxes, extract_answer, final_answer

FINAL = [
    ("So 72 clips.\n#### 72", "72"),
    ("#### 1\nmore\n#### 1,234 ", "1,234"),
    ("Job A: 5 hours.\nA: 12", "12"),
    ("Job A: 5 hours", None),
    ("<INST>q</INST><THINK></THINK><ANS>82</ANS>", "82"),
    ("<THINK></THINK><ANS>82", "82"),
    ("[VERIFY]\nok\n[ANSWER] even", "even"),
    ("<ANSWER>5<\\ANSWER>", "5"),
    (r"Thus \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
    (r"\boxed{1} or \boxed{-\sqrt{\{2\}}}", r"-\sqrt{\{2\}}"),
    (r"\boxed 7.", "7"),
    (r"\boxed{}", None),
    ("The final answer is $42.", "42"),
    ("A resposta é: 2,5", "2"),
    ("She sold 72 clips.", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "answer"), FINAL)
def test_final_answer(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


def test_lenient_takes_the_last_number() -> None:
    assert extract_answer("She sold 24 and then 72 clips.") is None
    assert extract_answer("She sold 24 and then 72 clips.", lenient=True) == "72"
    assert extract_answer("#### 5\nnot 9", lenient=True) == "5"
    assert extract_answer("foram 2,5 kg", lenient=True, language="pt") == "2,5"
    assert extract_answer("nothing", lenient=True) is None


def test_boxes_are_balanced() -> None:
    assert boxes(r"\boxed{a{b}c} \boxed{d \boxed{e}} \boxed{open") == ["a{b}c", r"d \boxed{e}"]


EQUAL = [
    ("72", "72.0"),
    ("1234", "1,234"),
    ("-3", "\u22123"),
    ("0.5", "1/2"),
    ("0.5", r"\frac12"),
    ("57500", r"\$57,500"),
    ("18", "18 apples"),
    ("18", "$18.00"),
    ("20", r"20\%"),
    ("5", "x = 5"),
    ("5", r"5\text{ cm}"),
    ("90", r"90^\circ"),
    ("even", "Even"),
    ("B", r"\text{(B)}"),
    ("5/2", "2 1/2"),
    ("3, 5", "5 and 3"),
]
DIFFERENT = [
    ("72", "27"),
    ("-3", "3"),
    ("3", "-3"),
    ("0.5", "0.51"),
    ("1234", "1.234"),
    ("18", "18 apples and 2 pears"),
    ("18", ""),
    ("even", "odd"),
    ("A", "B"),
    ("B", "5"),
    ("72", "seventy clips"),
    ("230", r"230 \text{ miles} \text{ and } 300 \text{ miles}"),
    ("3, 5", "3"),
    ("3, 5", "3, 6"),
]
SYMBOLIC = [
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt 2}", Verdict.EQUAL),
    ("x^2+2x+1", "(x+1)^2", Verdict.EQUAL),
    ("x^2+2x+1", "(x-1)^2", Verdict.DIFFERENT),
    (r"[-2,7]", r"(-2,7]", Verdict.DIFFERENT),
    (r"2\sqrt{3}", r"3\sqrt{2}", Verdict.DIFFERENT),
]


@pytest.mark.parametrize(("gold", "prediction"), EQUAL)
def test_equal(gold: str, prediction: str) -> None:
    assert answers_equal(gold=gold, prediction=prediction) is Verdict.EQUAL


@pytest.mark.parametrize(("gold", "prediction"), DIFFERENT)
def test_different(gold: str, prediction: str) -> None:
    assert answers_equal(gold=gold, prediction=prediction) is Verdict.DIFFERENT


def test_both_number_formats() -> None:
    assert answers_equal(gold="2,5", prediction="5/2", language="vi") is Verdict.EQUAL
    assert answers_equal(gold="2,5", prediction="25", language="vi") is Verdict.DIFFERENT
    assert answers_equal(gold="1000", prediction="1.000", language="pt") is Verdict.EQUAL
    assert answers_equal(gold="1000", prediction="1.000", language="en") is Verdict.DIFFERENT


@pytest.mark.slow
def test_symbolic_answers_off_the_main_thread() -> None:
    verdicts: list[Verdict] = []

    def work() -> None:
        verdicts.extend(answers_equal(gold=gold, prediction=prediction) for gold, prediction, _ in SYMBOLIC)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert verdicts == [verdict for _, _, verdict in SYMBOLIC]


@pytest.mark.slow
def test_endless_comparison_times_out_and_the_next_one_works() -> None:
    begin = time.monotonic()
    hard = "+".join(f"\\sqrt{{{n}+\\sqrt{{{n + 1}+\\sqrt{{x+{n}}}}}}}" for n in range(60))
    verdict = answers_equal(gold=f"({hard})^{{90}}", prediction=f"({hard})^{{91}}+x", symbolic_seconds=0.05)
    assert verdict is Verdict.TIMEOUT
    assert answers_equal(gold="x+1", prediction="1+x") is Verdict.EQUAL
    assert time.monotonic() - begin < 100


@given(st.text(max_size=60))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    extract_answer(text, lenient=True)
    boxes(text)


@given(st.fractions(max_denominator=40), st.fractions(max_denominator=40))
def test_numbers_are_equal_exactly_when_they_are(a: Fraction, b: Fraction) -> None:
    assert answers_equal(gold=str(a), prediction=str(a)) is Verdict.EQUAL
    assert (answers_equal(gold=str(a), prediction=str(b)) is Verdict.EQUAL) == (a == b)
