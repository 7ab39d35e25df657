"""Statements of free text: spans that rebuild the text, headings with what follows them, displays with what announces them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.text.mask import mask
from parsers.text.segment import segment


def texts(text: str, **options: bool) -> list[str]:
    return [text[s.start : s.end] for s in segment(text, **options)]


def test_sentences_are_statements_and_decimals_and_titles_do_not_end_one() -> None:
    text = "Mr. Lee pays $2.50 at 9 a.m. sharp. He has 3.5 left! Is that all? Yes."
    assert texts(text) == ["Mr. Lee pays $2.50 at 9 a.m. sharp.", "He has 3.5 left!", "Is that all?", "Yes."]


def test_list_marks_lie_outside_and_every_item_is_a_statement() -> None:
    assert texts("- first item\n* second item\n3. third item") == ["first item", "second item", "third item"]


def test_a_heading_belongs_to_what_follows_it() -> None:
    text = "### Part\n\n**Cost of one:**\n- It costs 3 dollars.\n- Two are bought."
    assert texts(text) == ["Part\n\n**Cost of one:**\n- It costs 3 dollars.", "Two are bought."]
    assert next(text[s.body : s.end] for s in segment(text)) == "It costs 3 dollars."


def test_a_numbered_item_with_a_colon_stands_over_its_items_but_a_to_do_list_does_not() -> None:
    assert texts("1. Find the cost:\n   - One costs 3.\n2. Add up.\n3. Check.") == [
        "Find the cost:\n   - One costs 3.",
        "Add up.",
        "Check.",
    ]


def test_a_display_belongs_to_the_sentence_that_announces_it_and_the_next_display_stands_alone() -> None:
    text = "The sum is:\n\\[\n1 + 2 = 3\n\\]\n\\[ 3 + 4 = 7 \\]\nSo it is 7."
    assert texts(text) == ["The sum is:\n\\[\n1 + 2 = 3\n\\]", "\\[ 3 + 4 = 7 \\]", "So it is 7."]


def test_a_finished_computation_does_not_take_the_next_formula() -> None:
    assert texts("Together 48 + 24 = 72.\n72 - 24 = 48") == ["Together 48 + 24 = 72.", "72 - 24 = 48"]


def test_latex_sources_run_over_line_ends_and_end_sentences_inside_formulas() -> None:
    text = "We have $x\n= 4.$ Then\n\\[y = 5.\\]\nThus $y > x.$"
    assert texts(text, dollars=True, soft_lines=True) == ["We have $x\n= 4.$", "Then\n\\[y = 5.\\]", "Thus $y > x.$"]


def test_a_lead_in_without_a_plan_goes_with_the_first_item() -> None:
    assert texts("We know:\n- One costs 3.\n- Two cost 6.") == ["We know:\n- One costs 3.", "Two cost 6."]
    assert texts("First, let's calculate the cost:\n- One costs 3.") == [
        "First, let's calculate the cost:",
        "One costs 3.",
    ]


@pytest.mark.parametrize("text", ["costs $5 and $6 each", "$20 per hour, $30", "pays $3 - $1.50 = $1.50."])
def test_prices_are_no_formulas(text: str) -> None:
    assert mask(text, dollars=False).count("\x02") == 0


def test_formulas_are_masked_with_the_length_kept() -> None:
    text = "so \\(a. B\\) and $x^2$ and \\begin{align*}1\n\\end{align*}."
    masked = mask(text, dollars=False)
    assert len(masked) == len(text)
    assert "B" not in masked and "^" not in masked and "\n" not in masked


_MARKUP = st.sampled_from(
    ["\\[", "\\]", "$", "**", "\n", "\n\n", "- ", "1. ", "a", "B", "3", ".", ":", "=", " ", "#", "\\(", "\\)", "é"]
)


@given(st.lists(_MARKUP, max_size=60).map("".join))
def test_spans_are_in_order_and_leave_out_only_blanks_and_list_marks(text: str) -> None:
    for options in ({}, {"dollars": True, "soft_lines": True}):
        position = 0
        for statement in segment(text, **options):
            assert position <= statement.start <= statement.body <= statement.end <= len(text)
            assert statement.start < statement.end
            assert re.fullmatch(r"(?:\s|[-*•+–#]|\d{1,3}[.)]|\(\d{1,3}\)|[a-h]\))*", text[position : statement.start])
            position = statement.end
        assert re.fullmatch(r"(?:\s|[-*•+–#]|\d{1,3}[.)]|\(\d{1,3}\)|[a-h]\))*", text[position:])


def test_a_sentence_that_tells_one_number_stands_apart_from_the_formula_behind_it() -> None:
    text = "Each pen costs $3.\n\\[ \\text{Cost} = 4 \\times 3 = 12 \\]"
    assert [text[s.start : s.end] for s in segment(text)] == ["Each pen costs $3.", text[text.index("\\[") :]]
    joined = "Tom has 3 more pens than Ann.\n\\[ 4 + 3 = 7 \\]"
    assert len(segment(joined)) == 1


def test_a_step_line_with_a_full_stop_is_a_heading() -> None:
    text = "Step 2: Calculate the cost of 3 pens.\nA pen costs $4."
    assert [text[s.start : s.end] for s in segment(text)] == [text]
