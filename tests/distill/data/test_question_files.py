"""Files of questions: what is right is read, what is wrong is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.data.question_files import load_problems
from distill.errors import UserError

GOOD = '{"question": "Is 7 even or odd?", "answer": "odd", "task": "even_odd"}'


def load(tmp_path: Path, content: str | bytes):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_problems(path)


def test_questions_are_read_in_order(tmp_path):
    found = load(tmp_path, "\ufeff" + GOOD + '\r\n\n{"question": "1\u20282?", "answer": 12}')
    assert [(p.question, p.answer, p.task, p.language, p.id) for p in found] == [
        ("Is 7 even or odd?", "odd", "even_odd", "en", "1"),
        ("1\u20282?", "12", "", "en", "3"),
    ]


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        (GOOD + "\n{question: 1}", "line 2: not JSON"),
        (GOOD + '\n{"question": "x"}', 'line 2: the field "answer" is missing (it has question)'),
        ('{"answer": "x"}', 'line 1: the field "question" is missing'),
        ("[1]", "line 1: not a JSON object"),
        ('{"question": " ", "answer": "x"}', "line 1: the question is not text or is blank"),
        ('{"question": 3, "answer": "x"}', "line 1: the question is not text or is blank"),
        ('{"question": "x", "answer": true}', "line 1: the answer is neither text nor a number"),
        ('{"question": "x", "answer": null}', "line 1: the answer is neither text nor a number"),
        ('{"question": "x", "answer": "y", "task": 3}', "line 1: task and language must be text"),
        ('{"question": "x", "answer": NaN}', "line 1: the answer is nan, which is no number in JSON"),
        ('{"question": "x", "answer": 1e999}', "line 1: the answer is inf"),
        ('{"question": "x", "answer": "y", "language": "fr"}', "line 1: language must be one of auto, en, pt, vi, und"),
        ('{"question": "x \\ud83d", "answer": "y"}', "line 1: holds half of a character, '\\ud83d'"),
        ('{"question": "x", "answer": ' + "9" * 5000 + "}", "line 1: not JSON (a number of thousands of digits)"),
        ("[" * 100_000, "line 1: not JSON (nested too deeply)"),
        (b'{"question": "\xff"}', "line 1: not JSON (not UTF-8 text)"),
        (b"\x1f\x8b\x08\x00", "a gzip file that is damaged or cut off"),
        (b"PK\x03\x04 and more", "a zip archive or an Excel file; JSON lines, a JSON array, CSV"),
        ('[{"question": "x", "answer": "y"}, 3]', "line 2: not a JSON object"),
        ('{"question": "x", "answer": "so\\nit\\nis"}', "line 1: the answer is a text of 3 lines with no answer in it"),
        ('{"question": "x", "answer": []}', "line 1: answer as a list holds the accepted answers, and it is empty"),
        ('{"question": "x", "answer": [{}]}', "line 1: the answer is neither text nor a number"),
        ('{"problem": "x", "solution": "no box"}', 'line 1: the field "answer" is missing'),
    ],
)
def test_a_broken_line_is_named(tmp_path, content, finding):
    with pytest.raises(UserError) as caught:
        load(tmp_path, content)
    assert finding in str(caught.value)


def test_a_missing_file_and_a_folder_are_one_line(tmp_path):
    for path in (tmp_path / "gone.jsonl", tmp_path):
        with pytest.raises(UserError, match=str(path)):
            load_problems(path)


def test_a_file_of_the_wrong_kind_is_not_listed_whole(tmp_path):
    with pytest.raises(UserError) as caught:
        load(tmp_path, "words\n" * 100)
    assert len(caught.value.problems) == 6 and caught.value.problems[-1] == "and 95 more lines"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_file_brings_the_reader_down(tmp_path, content):
    try:
        found = load(tmp_path, content)
    except UserError:
        return
    assert all(problem.question for problem in found)
