"""Rows of files as people have them: every kind of file, every usual name."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from distill.data.question_files import load_problems
from distill.data.row_fields import golds_of, question_of, reply_of_row, several_solutions, solution_of
from distill.data.row_files import read_rows
from distill.errors import UserError
from distill.evaluation.output_files import load_outputs, load_trace_texts

ROWS = [
    {"question": "Is 7 even, or \u201codd\u201d?", "answer": "odd"},
    {"question": "Quantos são\n3 + 4?", "answer": "7"},
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def _table(delimiter: str) -> str:
    rows = [[row["question"], row["answer"]] for row in ROWS]
    quoted = (delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "\n".join((f"question{delimiter}answer", *quoted)) + "\n"


def _parquet() -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink)
    return sink.getvalue().to_pybytes()


FILES = {
    "lines.jsonl": LINES.encode(),
    "mark.jsonl": b"\xef\xbb\xbf" + LINES.encode(),
    "windows.jsonl": LINES.replace("\n", "\r\n").encode(),
    "packed.jsonl.gz": gzip.compress(LINES.encode(), mtime=0),
    "wide.jsonl": LINES.encode("utf-16"),
    "wide-without-mark.jsonl": LINES.encode("utf-16-le"),
    "big-endian.jsonl": b"\xfe\xff" + LINES.encode("utf-16-be"),
    "array.json": json.dumps(ROWS, indent=2).encode(),
    "document.json": json.dumps({"version": 1, "data": ROWS}, indent=2).encode(),
    "table.csv": _table(",").encode(),
    "table-with-mark.csv": b"\xef\xbb\xbf" + _table(",").encode(),
    "table.tsv": _table("\t").encode("utf-16"),
    "table.csv.gz": gzip.compress(_table(",").encode()),
    "columns.parquet": _parquet(),
    "named-anything": _parquet(),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_holds_the_same_rows(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert [row for _, row in read_rows(tmp_path / name)] == ROWS
    assert [(p.question, p.answer) for p in load_problems(tmp_path / name)] == [tuple(row.values()) for row in ROWS]


@pytest.mark.parametrize(
    ("name", "content", "finding"),
    [
        ("cut.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:-20], "a gzip file that is damaged or cut off"),
        ("cut.parquet", _parquet()[:-30], "a Parquet file that cannot be read"),
        ("book.xlsx", b"PK\x03\x04xx", "a zip archive or an Excel file"),
        ("rows.jsonl.zst", b"\x28\xb5\x2f\xfdxx", "compressed with zstd"),
        ("deep.json", b"[" * 100_000, "nested too deeply"),
        ("deep.jsonl", b'{"a":' * 100_000, "nested too deeply"),
        ("wide.csv", b"question,answer\n1,2,3\n", "line 2: more fields than the first line names"),
        ("quotes.csv", b'question,answer\n"1"x,2\n', "line 2: not CSV"),
        ("latin.csv", "question,answer\nquantos s\u00e3o?,2\n".encode("latin-1"), "not UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, finding: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_problems(tmp_path / name)
    assert finding in str(caught.value) and "\n" not in str(caught.value)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UserError, match="not a regular file"):
        load_problems(tmp_path / "pipe.jsonl")
    with pytest.raises(UserError, match="a folder"):
        load_problems(tmp_path)


CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "2 + 3?"},
    {"role": "assistant", "content": "It is 5."},
]
FIELDS: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"question": "2 + 3?", "output": "5"}, "2 + 3?", "5"),
    ({"problem": "2 + 3?", "prediction": "5"}, "2 + 3?", "5"),
    ({"prompt": "2 + 3?", "completion": "5"}, "2 + 3?", "5"),
    ({"query": "2 + 3?", "response": "5", "answer": "6"}, "2 + 3?", "5"),
    ({"question": "2 + 3?", "answer": "5", "reference": "6"}, "2 + 3?", "5"),
    ({"question": "2 + 3?", "answer": "5"}, "2 + 3?", None),
    ({"instruction": "Add.", "input": "2 and 3", "output": "5"}, "Add.\n2 and 3", "5"),
    ({"instruction": "Add 2 and 3.", "input": "", "output": "5"}, "Add 2 and 3.", "5"),
    ({"Body": "Ann has 2 cups and 3 more.", "Question": "How many?"}, "Ann has 2 cups and 3 more. How many?", None),
    ({"messages": CHAT}, "2 + 3?", "It is 5."),
    ({"messages": CHAT[:2]}, "2 + 3?", None),
    ({"conversations": [{"from": "human", "value": "2 + 3?"}, {"from": "gpt", "value": "5"}]}, "2 + 3?", "5"),
    ({"conversations": [[{"from": "human", "value": "2 + 3?"}, {"from": "gpt", "value": "5"}]]}, "2 + 3?", "5"),
    ({"prompt": CHAT[:2], "completion": CHAT[2:]}, "2 + 3?", "It is 5."),
    ({"messages": [CHAT[1], {"role": "assistant", "content": [{"type": "text", "text": "5"}]}]}, "2 + 3?", "5"),
    (
        {"messages": [CHAT[1], {"role": "assistant", "reasoning_content": "2, 3", "content": "5"}]},
        "2 + 3?",
        "<think>2, 3</think>\n5",
    ),
    ({"question": "2 + 3?", "reasoning": "from 2 up", "response": "5"}, "2 + 3?", "<think>from 2 up</think>\n5"),
    ({"question": "2 + 3?", "thinking_trajectories": ["from 2 up"], "gold": "5"}, "2 + 3?", "from 2 up"),
    ({"question": ["2 + 3?"], "output": 5}, None, None),
]


@pytest.mark.parametrize(("row", "question", "reply"), FIELDS)
def test_usual_names_of_questions_and_replies(row: dict[str, Any], question: str | None, reply: str | None) -> None:
    assert question_of(row) == question
    assert reply_of_row(row) == reply


@pytest.mark.parametrize(
    ("row", "golds"),
    [
        ({"answer": "7 + 5 = <<7+5=12>>12\n#### 12"}, ["12"]),
        ({"answer": "They cost 7 + 5.\nThe answer is 12."}, ["12"]),
        ({"ground_truth": "7 + 5 = 12\nA: 12", "answer": "so 13"}, ["12"]),
        ({"solution": "So $x = \\boxed{12}$.", "answer": 12}, ["12"]),
        ({"solution": "So $x = \\boxed{12}$."}, ["12"]),
        ({"answer": 0}, ["0"]),
        ({"answer": ["12", 12.5]}, ["12", "12.5"]),
        ({"Choice": "B"}, ["B"]),
        ({"question": "x"}, []),
    ],
)
def test_gold_answers(row: dict[str, Any], golds: list[str]) -> None:
    assert golds_of(row) == golds


def test_a_published_row_is_a_question_with_its_number_as_gold(tmp_path: Path) -> None:
    rows = [
        {"question": "7 and 5?", "answer": "7 + 5 = <<7+5=12>>12\n#### 12"},
        {"problem": "Find $x$.", "solution": "$x = \\boxed{3}$", "answer": 3, "level": 1},
        {"question": "Greet me.", "answer": ["hello", "hi"]},
    ]
    path = tmp_path / "published.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_problems(path)
    assert [problem.answer for problem in found] == ["12", "3", "hello"]
    assert found[2].accepted == ("hello", "hi")


def test_outputs_and_traces_by_other_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"problem": "2 + 3?", "response": "It is 5.", "answer": "5"}, {"messages": CHAT}]))
    outputs = load_outputs(path)
    assert [(one.question, one.text, one.gold) for one in outputs] == [
        ("2 + 3?", "It is 5.", "5"),
        ("2 + 3?", "It is 5.", None),
    ]
    assert load_trace_texts(path) == [("2 + 3?", "It is 5.")] * 2


def test_a_solution_is_not_the_gold_beside_it() -> None:
    assert solution_of({"question": "q", "response": "<think>a</think>b", "answer": "12"}) == "<think>a</think>b"
    assert solution_of({"question": "q", "answer": "3 + 9 = 12"}) == "3 + 9 = 12"
    assert several_solutions({"generations": ["a", "b"]}) == [("1", "a"), ("2", "b")]
    assert several_solutions({"small": {"solution": "a"}}) == [("small", "a")]
