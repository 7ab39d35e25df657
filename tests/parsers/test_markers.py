"""The markers of students' texts: fields leave nothing out, and no other file has a pattern for them."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from parsers.text.markers import NRM_MARKERS, STAGED_MARKERS, fields, output_of

ROOT = Path(__file__).parents[2]
PATTERN = re.compile(
    r"re\.\w+\([^\n]*(?:\\\[(?:\(\?|UNDERSTAND|PLAN|EXECUTE|VERIFY|ANSWER)|<(?:INST|THINK|STEP|ANS|USER))"
)


@given(st.lists(st.sampled_from([*NRM_MARKERS, *STAGED_MARKERS, "a", "\n", "[", "<"]), max_size=12).map("".join))
def test_fields_cover_a_text_without_gaps(text):
    found = fields(text)
    assert "".join(text[field.start : field.end] for field in found) == text
    assert all(field.start <= field.body <= field.end for field in found)


def test_fields_are_named_for_what_they_hold():
    nrm = "[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9</THINK><ANS>9</ANS>"
    staged = "[PLAN]\n1. Add\n[ANSWER] 9"
    for text, expected in (
        (nrm, [("PLAN", "<STEP>add"), ("EXECUTE", "<STEP>4+5=9"), ("", ""), ("ANSWER", "9"), ("", "")]),
        (staged, [("PLAN", "\n1. Add\n"), ("ANSWER", " 9")]),
    ):
        assert [(field.name, text[field.body : field.end]) for field in fields(text)][1:] == expected


def test_an_output_is_what_stands_behind_the_question():
    assert output_of("<INST>2+2?</INST><THINK>[PLAN]") == "<THINK>[PLAN]"
    assert output_of("[PLAN]") == "[PLAN]"


def test_no_other_file_has_a_pattern_for_the_markers():
    packages = ("distill", "teachers", "students", "parsers", "losses")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    found = [path.relative_to(ROOT).as_posix() for path in files if PATTERN.search(path.read_text(encoding="utf-8"))]
    assert found == ["parsers/text/markers.py"]
