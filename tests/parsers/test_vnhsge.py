"""Vietnamese multiple choice: options, and which one an explanation arrives at. Questions of our own."""

from __future__ import annotations

import json

import pytest

from parsers import parse
from parsers.answers.choices import canonical, decide_option, split_options

QUESTION = "Câu 7: Thể tích khối hộp có ba cạnh 2, 3 và 4 bằng\nA. 24.\t\nB. 9.\u00a0\u00a0\u00a0C. 12.\nD. 20."


def test_options_and_stem_are_split_whatever_stands_between_them() -> None:
    stem, options = split_options(QUESTION)
    assert stem == "Thể tích khối hộp có ba cạnh 2, 3 và 4 bằng"
    assert {letter: option.rstrip(".") for letter, option in options.items()} == {
        "A": "24",
        "B": "9",
        "C": "12",
        "D": "20",
    }
    assert split_options("Tính A. Sau đó tính B.")[1] == {}


@pytest.mark.parametrize(
    ("explanation", "options", "letter"),
    [
        ("Ta có $V = 2.3.4 = 24$.", ("24.", "9.", "12.", "20."), "A"),
        ("Vậy ta chọn đáp án C.", ("1", "2", "3", "4"), "C"),
        ("Loại A, B, D.", ("1", "2", "3", "4"), "C"),
        ("Suy ra $x = \\frac{3}{2}$.", ("x=1", "x=3/2", "x = 2", "x=-3/2"), "B"),
        ("Nên $1 \\leq m < 2$.", ("(1;2)", "[1;2]", "[1;2)", "(1;2]"), "C"),
        ("Do đó $x > 3$.", ("(-\\infty;3)", "(3;+\\infty)", "[3;+\\infty)", "(0;3)"), "B"),
        ("Điểm biểu diễn là $M(2 ; -3)$.", ("(2;3)", "(-2;3)", "(2;-3)", "(3;2)"), "C"),
        ("Vậy có 24 số nguyên $x$ thỏa mãn.", ("22", "25", "23", "24"), "D"),
        ("Số tiền là $\\approx 9436558$ (đồng).", ("23.591.000", "36.173.000", "9.437.000", "4.718.000"), "C"),
        (
            "Diện tích bằng $\\frac{a\\sqrt{21}}{7}$.",
            ("\\frac{\\sqrt{21}a}{7}", "\\frac{\\sqrt{15}a}{7}", "\\frac{\\sqrt{21}a}{3}", "a"),
            "A",
        ),
        ("Không rõ kết quả.", ("1", "2", "3", "4"), None),
    ],
)
def test_the_option_is_decided_from_the_explanation(
    explanation: str, options: tuple[str, ...], letter: str | None
) -> None:
    assert decide_option(explanation, dict(zip("ABCD", options, strict=True))) == letter


def test_canonical_forms_are_blind_to_dress_but_not_to_signs() -> None:
    assert canonical("\\dfrac{1}{2} \\pi r^{2} h") == canonical("(1/2)\\pi r^2 h")
    assert canonical("$x=3$.") == canonical(" x = 3 ")
    assert canonical("-3") != canonical("3")


def test_a_graph_has_the_letter_and_a_published_row_names_its_images() -> None:
    graph = parse("Ta có $V = 2.3.4 = 24$.", question=QUESTION, format="vnhsge")
    assert graph.answer == "A"
    assert [given.name for given in graph.givens] == ["ba", "2", "3", "4"] or {g.name for g in graph.givens} >= {
        "2",
        "4",
    }
    row = {
        "ID": "X_1",
        "Image_Question": "a.png;\nb.png",
        "Question": QUESTION,
        "Choice": "A",
        "Image_Answer": "",
        "Explanation": "Vậy $V = 24$.",
    }
    graph = parse(json.dumps(row, ensure_ascii=False), format="vnhsge")
    assert graph.answer == "A"
    assert graph.problems == ("an image is not read: a.png", "an image is not read: b.png")


def test_no_option_is_a_problem() -> None:
    assert parse("Không rõ.", question=QUESTION, format="vnhsge").problems == ("the explanation settles on no option",)
    assert "the question lists no options A to D" in parse("Vậy $x=2$.", question="Tìm x.", format="vnhsge").problems
