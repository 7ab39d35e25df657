"""Tags beside digits: written into a question, invisible to every reader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.accuracy import answer_field, grade
from distill.evaluation.formatting import check_form
from parsers import parse
from parsers.text.tags import GIVEN, RING, span_with_tags, tag_digits, untagged

TEXT = "[UNDERSTAND]<STEP>ⓛ7+ⓘ5[PLAN]<STEP>add[EXECUTE]<STEP>ⓛ7+ⓘ5=1ⓝ2[VERIFY]<STEP>ok</THINK><ANS>ⓟⓞ1ⓝ2</ANS>"


@given(st.text("0123456789 ,+a", max_size=30), st.integers(0, 200))
def test_a_tagged_question_reads_as_before(question: str, first: int) -> None:
    tagged = tag_digits(question, first)
    assert untagged(tagged) == question
    numbers = "".join(c if c.isdecimal() else " " for c in question).split()
    assert len(tagged) - len(question) == sum(map(len, numbers)) + len(numbers)
    if len(tagged) - len(question) <= len(GIVEN):
        tags = [c for c in tagged if c in RING]
        assert len(set(tags)) == len(tags)


def test_all_tags_are_letters_of_one_character() -> None:
    assert len(set(RING)) == 78
    assert (RING[0], RING[-1]) == ("⒜", "ⓩ")


def test_readers_see_no_tags() -> None:
    graph = parse(TEXT, question="What is 7 + 5?")
    plain = parse(untagged(TEXT), question="What is 7 + 5?")
    assert [step.text for step in graph.steps] == ["7+5", "add", "7+5=12", "ok"] == [s.text for s in plain.steps]
    assert graph.answer == answer_field(TEXT) == "12"
    assert grade(TEXT, gold="12").strict
    assert check_form(TEXT) == check_form(untagged(TEXT))


def test_the_place_of_a_step_is_that_in_the_tagged_text() -> None:
    graph = parse(TEXT)
    assert [TEXT[step.start : step.end] for step in graph.steps] == ["ⓛ7+ⓘ5", "add", "ⓛ7+ⓘ5=1ⓝ2", "ok"]


@given(st.text("1ⓛⓘ ", max_size=12), st.data())
def test_a_span_holds_its_own_text(text: str, data: st.DataObject) -> None:
    plain = untagged(text)
    start = data.draw(st.integers(0, len(plain)))
    end = data.draw(st.integers(start, len(plain)))
    begin, stop = span_with_tags(text)(start, end)
    assert untagged(text[begin:stop]) == plain[start:end]
