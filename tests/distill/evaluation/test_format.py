"""Form of an output: what was taught, and every single way to break it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluation import check_form
from distill.evaluation.formatting import SHARES
from distill.evaluation.outputs import score_outputs
from distill.evaluation.scored import Output

QUICK = settings(max_examples=50)

WHOLE = "[UNDERSTAND]<STEP>4+5[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9<STEP>done[VERIFY]<STEP>9-5=4 ok</THINK><ANS>9</ANS>"


def broken(text: str) -> set[str]:
    form = check_form(text)
    return {name for name in SHARES if not getattr(form, name)} - {"well_formed"}


def test_the_whole_form_with_and_without_its_prompt():
    assert check_form(WHOLE).well_formed
    assert check_form("<INST>What is 4 + 5?</INST><THINK>" + WHOLE).well_formed
    assert check_form("\n " + WHOLE.replace("<STEP>", " <STEP> ") + " ").well_formed


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (WHOLE.replace("</THINK>", ""), {"thinking_rate", "step_format", "answer_completion"}),
        (WHOLE.replace("<ANS>9</ANS>", ""), {"answer_completion"}),
        (WHOLE.replace("</ANS>", ""), {"answer_completion"}),
        (WHOLE.replace("<ANS>9</ANS>", "<ANS> </ANS>"), {"answer_completion"}),
        (WHOLE + "and more", {"answer_completion"}),
        (WHOLE + "<ANS>9</ANS>", {"answer_completion"}),
        (WHOLE.replace("<STEP>add", ""), {"step_format"}),
        (WHOLE.replace("<STEP>add", "add"), {"step_format"}),
        (WHOLE.replace("<STEP>add", "<STEP>"), {"step_format"}),
        ("hm" + WHOLE, {"step_format"}),
        (WHOLE.replace("[PLAN]<STEP>add", ""), {"stage_completeness"}),
        (WHOLE.replace("[VERIFY]", "[PLAN]"), {"stage_completeness", "stage_order"}),
        (
            WHOLE.replace("[PLAN]", "[X]").replace("[UNDERSTAND]", "[PLAN]").replace("[X]", "[UNDERSTAND]"),
            {"stage_order"},
        ),
        (WHOLE.replace("[VERIFY]", "[VERIFY]<STEP>a[EXECUTE]<STEP>b[VERIFY]"), {"stage_order"}),
        ("</THINK><ANS>9</ANS>", {"thinking_rate", "step_format", "stage_completeness", "stage_order"}),
        ("", {"thinking_rate", "step_format", "answer_completion", "stage_completeness", "stage_order"}),
        ("It is 9.", {"thinking_rate", "step_format", "answer_completion", "stage_completeness", "stage_order"}),
        (r"It is \boxed{9}.", {"thinking_rate", "step_format", "stage_completeness", "stage_order"}),
        (
            r"It is \boxed{}.",
            {"thinking_rate", "step_format", "answer_completion", "stage_completeness", "stage_order"},
        ),
    ],
)
def test_what_breaks_breaks_only_its_share(text, what):
    assert broken(text) == what
    assert not check_form(text).well_formed


STAGED = "[UNDERSTAND]\nGiven: 4 and 5.\n[PLAN]\n1. Add\n[EXECUTE]\n1. 4 + 5 = <<4+5=9>>9\n[VERIFY]\n9 - 5 = 4. Correct.\n[ANSWER] 9"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (STAGED, set()),
        (STAGED.removesuffix("[ANSWER] 9"), {"thinking_rate", "answer_completion"}),
        (STAGED.replace("1. Add\n", ""), {"step_format"}),
        (STAGED.replace("[ANSWER] 9", "[ANSWER] 9\n[PLAN]\nmore"), {"answer_completion"}),
        (STAGED.replace("[VERIFY]\n9 - 5 = 4. Correct.\n", ""), {"stage_completeness"}),
    ],
)
def test_staged_form(text, what):
    assert broken(text) == what


@QUICK
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["[PLAN]", "<STEP>", "</THINK>", "<ANS>", "</ANS>", "a", " "]), max_size=12).map("".join)
)
def test_never_raises(text):
    check_form(text)


def test_shares():
    texts = [WHOLE, WHOLE, "no", WHOLE.replace("<ANS>9</ANS>", "")]
    found = score_outputs([Output("4 + 5?", text) for text in texts])[0]["format"]
    assert (found["n"], found["well_formed"], found["thinking_rate"], found["answer_completion"]) == (4, 0.5, 0.75, 0.5)
    assert score_outputs([])[0]["format"] == {"n": 0, "published": None, **dict.fromkeys(SHARES)}


def test_a_text_of_a_megabyte_is_checked_at_once():
    assert not check_form("<STEP>9" * 150_000).well_formed
