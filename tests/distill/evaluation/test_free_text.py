"""What is not reported for free text, and that the notes say so."""

from __future__ import annotations

from distill.evaluation.outputs import score_outputs
from distill.evaluation.scored import Output
from parsers import parse

QUESTION = "A shop sold 48 cups in April and half as many in May. How many in both months?"
TEACHER = {QUESTION: parse("48/2 = <<48/2=24>>24\n48+24 = <<48+24=72>>72\n#### 72", question=QUESTION)}
EQUATIONS = "In May it sold 48 / 2 = 24 cups. Together that makes 48 + 24 = 72. The answer is 72."
WORDS = "Half of forty-eight is twenty-four. She sold twenty-four in May, so she sold seventy-two in both. The answer is 72."
STAGED = (
    "[EXECUTE]\n1. 48 / 2 = <<48/2=24>>24\n2. 48 + 24 = <<48+24=72>>72\n[VERIFY]\n72 - 24 = 48. Correct.\n[ANSWER] 72"
)


def scores(*texts: str):
    return score_outputs([Output(QUESTION, text, gold="72", language="en") for text in texts], teachers=TEACHER)


def test_rfs_is_not_reported_where_too_little_was_read() -> None:
    metrics, rows = scores(EQUATIONS, WORDS)
    assert rows[0]["rfs"] == 1.0
    assert rows[1]["rfs"] is None
    assert metrics["num_rfs"] == 1 and metrics["rfs"] == 1.0
    assert any("1 of 2 outputs compute in words or code" in note for note in metrics["notes"])


def test_svr_is_not_reported_on_free_text() -> None:
    metrics, _ = scores(EQUATIONS)
    assert metrics["svr"]["own"] is None
    assert any("free text" in note and "no SVR" in note for note in metrics["notes"])
    metrics, _ = scores(STAGED)
    assert metrics["svr"]["own"]["n"] == 1
    assert not any("free text" in note for note in metrics["notes"])
