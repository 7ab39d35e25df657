"""Whether two answers are equal, kind by kind; at least a third of the rows of a kind must stay unequal."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.answers import symbolic
from parsers.answers.equality import Verdict, answers_equal

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
    (r"\frac{1}{200!}", r"-\frac{1}{200!}", Verdict.DIFFERENT),
    (r"\sqrt{2} \cdot 10^{-20}", r"\sqrt{3} \cdot 10^{-20}", Verdict.DIFFERENT),
    (r"\sqrt{2} \cdot 10^{-20}", r"\frac{2}{\sqrt{2}} \cdot 10^{-20}", Verdict.EQUAL),
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


@given(st.fractions(max_denominator=40), st.fractions(max_denominator=40))
def test_numbers_are_equal_exactly_when_they_are(a: Fraction, b: Fraction) -> None:
    assert answers_equal(gold=str(a), prediction=str(a)) is Verdict.EQUAL
    assert (answers_equal(gold=str(a), prediction=str(b)) is Verdict.EQUAL) == (a == b)


# fmt: off
KINDS: dict[str, tuple[str, list[tuple[str, str]], list[tuple[str, str]]]] = {
    "thousands": (
        "en",
        [("6,400", "6400"), ("6400", "6,400"), ("1,000,000", r"1{,}000{,}000"), ("15,020", r"15,\!020")],
        [("6,400", "6.4"), ("6,400", "6, 400"), ("6,400", "400"), ("6,400", "64,00")],
    ),
    "thousands, vi": (
        "vi",
        [("45.000", "45000"), ("45000", "45.000 đồng"), ("1.234,5", "1234,5")],
        [("45.000", "45"), ("45", "45.000"), ("1.234,5", "1,2345")],
    ),
    "mixed numbers": (
        "en",
        [(r"5\frac{1}{4}", "5.25"), ("21/4", r"5 \frac{1}{4}"), ("5 1/4", r"\frac{21}{4}"), ("-2.5", "-2½")],
        [(r"5\frac{1}{4}", "5/4"), (r"5\frac{1}{4}", "1.25"), ("5 1/4", "51/4"), ("-2.5", "-1½")],
    ),
    "factorials and powers": (
        "en",
        [("5040", "7!"), ("3!", "6"), ("6200", "6.2e3"), ("0.04", "4e-2"), ("100000", "10^5"), ("8", "2³")],
        [("7", "7!"), ("5040", "7! + 1"), ("6.2", "6.2e3"), ("10", "10^5"), ("23", "2³"), ("6", "2³")],
    ),
    "per cent": (
        "en",
        [("45", "45%"), ("0.45", r"45\%"), ("45%", "45"), ("45%", "45 percent"), ("12.5\\%", r"\frac{1}{8}")],
        [("0.45", "0.45%"), ("0.3%", "0.3"), ("45%", "4.5%"), ("45%", "0.045"), ("1", "1%")],
    ),
    "bases": (
        "en",
        [("312_5", "312_{5}"), ("312_5", "312 base 5"), ("101_2", "101 (base two)"), ("312_5", r"312_{\text{5}}")],
        [("312_5", "312_6"), ("312_5", "82"), ("82", "312_5"), ("312_5", "321_5")],
    ),
    "intervals": (
        "en",
        [
            (r"(-\infty, 4)", "x < 4"), ("x < 4", r"(-\infty, 4)"), ("[0, 9)", r"0 \leq t < 9"), ("(2,7)", "7 > x > 2"),
            (r"(-\infty,1] \cup [6,\infty)", r"x \le 1 \text{ or } x \ge 6"), (r"x \in (2,7)", "(2, 7)"), ("4 > x", "x < 4"),
            (r"[\frac{1}{2}, 3]", "[0.5, 3]"),
        ],
        [
            (r"(-\infty, 4)", r"x \le 4"), (r"(-\infty, 4)", "x > 4"), ("[0, 9)", "0 < t < 9"), ("[0, 9)", "[0, 9]"),
            (r"(-\infty,1] \cup [6,\infty)", "x <= 1"), ("[0, 9]", "0, 9"), ("[-5,120]", "(-5,120]"), ("(5,120)", "5120"), ("(2,7)", "(7,2)"), ("x < 4", "4"),
        ],
    ),
    "tuples": (
        "pt",
        [("(0,5;3)", "(0.5; 3)"), ("(2;3)", "(2, 3)"), (r"\left(1;-1\right)", "(1;-1)"), ("(2;3)", "x = 2; y = 3"), ("(2;3)", "M(2;3)"), ("(1;2;3)", "(1,2,3)"), ("(2;3)", "(x, y) = (2, 3)")],
        [("(0,5;3)", "(5;3)"), ("(2;3)", "(3;2)"), ("(2;3)", "2,3"), ("(2;3)", "[2;3]"), ("(2;3)", "(2;3;3)"), ("M(2;3)", "N(2;3)"), ("(1;2;3)", "(1,2;3)")],
    ),
    "lists": (
        "en",
        [
            ("4, 9", "9 and 4"), ("x = 4 or x = 9", "9, 4"), (r"\{4, 9\}", "9, 4"), ("4, -4", r"\pm 4"), ("1, 4, 9", "9, 4 and 1"), ("1, 4, 9", "$9, 4$ and $1$"),
            (r"1+\sqrt{2}, 1-\sqrt{2}", r"1 \pm \sqrt{2}"), ("4, 9", r"\{9, 4\}"), ("x = 1, y = 2", "y = 2, x = 1"),
        ],
        [
            ("4, 9", "4"), ("4, 9", "4, 9, 9"), ("4, 9", "49"), ("(4, 9)", "9, 4"), ("4", r"\pm 4"), ("x = 1, y = 2", "x = 2, y = 1"),
            (r"\{4, 9\}", "(4, 9)"), ("4, 9", "4, 8"),
        ],
    ),
    "units": (
        "en",
        [
            ("30", "30 km/h"), ("30 km/h", "30"), ("30 km/h", "30 kilometers per hour"), ("2 m", "200 cm"), ("9", "9 cm^2"),
            (r"9 \text{ cm}^2", "9 square centimeters"), ("40", "$40"), ("40", "40 dollars"), ("$0.40", "40 cents"), ("70", r"70^\circ"),
            ("6 boxes", "6 big boxes"), (r"9\pi", r"9\pi \text{ cm}^2"), ("30 km/h", "30 km/h in all"), ("1.5 hours", "90 minutes"), ("6", "exactly 6 boxes"),
        ],
        [
            ("30 km/h", "30 m/s"), ("30 km/h", "30 km"), ("2 m", "2 cm"), ("9 cm^2", "9 cm^3"), ("$40", "40 euros"), ("70^\\circ", "70 cm"),
            ("6 boxes", "6 bags"), (r"9\pi \text{ cm}^2", r"9\pi \text{ cm}"), ("5 kg", "5 bags"), ("2", "2 dozen"), ("9", r"9\pi"), ("6", "6x"), ("6", "6 or 7"), ("6", "more than 6"), ("6", "at least 6 boxes"), ("6", "6 squared"),
        ],
    ),
    "options": (
        "en",
        [("C", "(C)"), ("C", "C) 5 cm"), ("C", "option C"), ("5 cm", "C) 5 cm"), ("(C) 5 cm", "C"), ("C", r"\textbf{(C)}")],
        [("C", "D) 5 cm"), ("C", "5"), ("C", "c"), ("C", "A C"), ("5 cm", "C"), ("(C) 5 cm", "(D) 5 cm")],
    ),
    "ratios and times": (
        "en",
        [("3:4", "3:4"), ("3:4", "6:8"), ("3:4", "3 to 4"), ("7:15 a.m.", "7:15 AM"), ("5 pm", "5:00 p.m."), ("5 pm", "17:00"), ("3:4", r"\frac{3}{4}")],
        [("3:4", "4:3"), ("3:4", "3"), ("3:4", "3:5"), ("7:15 a.m.", "7:15 p.m."), ("7:15", "7:51"), ("5 pm", "5:00 am"), ("3:4", "0.75")],
    ),
    "words": (
        "en",
        [("Ann", "ann"), ("The north gate", "north gate"), ("yes", "Yes, it is"), ("second", "2nd"), ("no", "No.")],
        [("Ann", "Anna"), ("north gate", "gate"), ("yes", "no"), ("second", "3rd"), ("no", "yes, no more")],
    ),
    "names": (
        "en",
        [("x = 8", "8"), ("8", "x = 8"), ("y = x + 1", "x + 1"), ("8", "5 + 3 = 8"), ("8", "Total = 8")],
        [("x = 8", "y = 8"), ("8", "8 = 5 + 4"), ("y = x + 1", "x - 1"), ("5", "5 + 3 = 8"), ("8", "8 - x = 3")],
    ),
    "thousands set apart by blanks": (
        "en",
        [("3400", "3 400"), ("1200000", "1 200 000"), ("3400", "3 400 km")],
        [("3400", "3 40"), ("3, 400", "3 400"), ("34", "3 4")],
    ),
    "mixed numbers with words": (
        "en",
        [("4 1/3 cups", "13/3"), ("13/3", "4 1/3 cups of milk"), (r"\frac{3}{8}", r"\frac{3}{8} miles")],
        [("4 1/3 cups", "4/3"), ("4 1/3 cups", "4 1/3 spoons"), (r"\frac{3}{8}", r"\frac{3}{8} x")],
    ),
    "short units": (
        "en",
        [("65 mph", "65 miles per hour"), ("72 kmh", "20 m/s"), ("7√2 m", r"7\sqrt{2} \text{ m}")],
        [("65 mph", "65 miles"), ("65 mph", "65 km/h"), ("7√2 cm", "7√2 m"), ("8%", "8 boxes")],
    ),
    "bases in words": (
        "en",
        [(r"312_{\text{five}}", "312_5"), ("110_{two}", "110_2")],
        [(r"312_{\text{five}}", "312_6"), ("110_{two}", "110_3")],
    ),
    "sets by a condition": (
        "en",
        [(r"\{x \mid x > 4\}", "x > 4"), (r"\{t : 1 \le t < 6\}", "[1, 6)"), ("(1, 6)", "x > 1 and x < 6"), ("(1, 6)", "x < 6 and x > 1")],
        [(r"\{x \mid x > 4\}", "x < 4"), (r"\{t : 1 \le t < 6\}", "[1, 6]"), ("(1, 6)", "x > 1 and x > 6"), ("(1, 6)", "x < 1 and x > 6")],
    ),
    "nothing": (
        "en",
        [(r"\emptyset", "no solution"), ("no solutions", r"\varnothing"), ("∅", "no real solutions")],
        [(r"\emptyset", "0"), ("no solution", "one solution"), (r"\{0\}", "no solution")],
    ),
    "small letters of options": (
        "en",
        [("C", "(c)"), ("(C) 5 cm", "c)")],
        [("C", "(d)"), ("C", "c"), ("c", "C 5")],
    ),
}
# fmt: on
ROWS = [
    pytest.param(language, gold, prediction, verdict, id=f"{kind}: {gold} / {prediction}")
    for kind, (language, equal, different) in KINDS.items()
    for pairs, verdict in ((equal, Verdict.EQUAL), (different, Verdict.DIFFERENT))
    for gold, prediction in pairs
]


@pytest.mark.parametrize(("language", "gold", "prediction", "verdict"), ROWS)
def test_every_kind(language: str, gold: str, prediction: str, verdict: Verdict) -> None:
    assert answers_equal(gold=gold, prediction=prediction, language=language) is verdict


def test_at_least_a_third_of_every_kind_is_unequal() -> None:
    assert all(3 * len(different) >= len(equal) + len(different) for _, equal, different in KINDS.values())


def test_the_order_of_a_list_counts_where_it_was_asked_for() -> None:
    assert answers_equal(gold="2, 5, 9", prediction="9, 5, 2") is Verdict.EQUAL
    assert answers_equal(gold="2, 5, 9", prediction="9, 5, 2", ordered=True) is Verdict.DIFFERENT
    assert answers_equal(gold="2, 5, 9", prediction="2,5,9", ordered=True) is Verdict.EQUAL


def test_spanish_writes_the_decimal_comma() -> None:
    assert answers_equal(gold="2,5", prediction="5/2", language="es") is Verdict.EQUAL
    assert answers_equal(gold="2,5", prediction="2, 5", language="es") is Verdict.DIFFERENT


HOSTILE = {
    "deep braces": "\\frac{" * 400 + "1",
    "deep roots": "\\sqrt{" * 300 + "2" + "}" * 300,
    "brackets": "(" * 900,
    "equals": "= " * 1000,
    "commas": "1," * 900,
    "factorials": "99!" * 300,
    "powers": "9^" * 600 + "9",
    "unions": "(1,2)\\cup" * 200,
    "long": "7" * 200_000,
    "words": "or and " * 300,
    "dollars": "$ " * 900,
    "blanks": " " * 200_000,
    "units": "5 m/s" + "/s" * 900,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_compared_in_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "symbolically_equal", lambda **_: False)  # it has a time limit of its own
    begin = time.process_time()
    for other in ("5", "x+1", "(1,2)", "[1,2)", "B", "words", HOSTILE[name] + "1"):
        assert answers_equal(gold=other, prediction=HOSTILE[name], symbolic_seconds=0.5) in Verdict
        assert answers_equal(gold=HOSTILE[name], prediction=other, symbolic_seconds=0.5) in Verdict
    assert time.process_time() - begin < 2


@given(
    st.text(alphabet="0123456789 ,.;()[]{}\\$=<>/%^_-xABand√½°", max_size=25), st.sampled_from(["en", "pt", "vi", "zh"])
)
def test_any_answer_equals_itself_or_is_no_answer(text: str, language: str) -> None:
    verdict = answers_equal(gold=text, prediction=text, language=language, symbolic_seconds=2.0)
    assert verdict is not Verdict.TIMEOUT
