"""`distill parse` on files: graphs a line, a table of what was found, bad input named."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from distill.errors import UserError
from distill.verbs.parse import parse_file
from parsers import ReasoningGraph

GSM8K = {"question": "Ann has 48 cups and sells half. How many are left?", "answer": "48/2 = <<48/2=24>>24\n#### 24"}
FREE = {
    "question": "Ann has 48 cups and sells half. How many are left?",
    "trace": "She sells 48 / 2 = 25 cups. The answer is 25.",
}


def write(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def run(file: Path, out: Path, format: str = "auto", draw: Path | None = None) -> tuple[list[ReasoningGraph], str]:
    console = Console(file=io.StringIO(), width=120)
    parse_file(file, format, out, draw, console)
    assert isinstance(console.file, io.StringIO)
    lines = out.read_text(encoding="utf-8").splitlines()
    return [ReasoningGraph.from_json(line) for line in lines], console.file.getvalue()


def row_of(table: str, name: str) -> str:
    (line,) = [line for line in table.splitlines() if line.startswith("│") and name in line]
    return line.split("│")[-2].strip()


def test_every_trace_becomes_a_graph_and_the_table_counts(tmp_path: Path) -> None:
    graphs, table = run(write(tmp_path / "in.jsonl", FREE, FREE), tmp_path / "out.jsonl")
    assert [graph.answer for graph in graphs] == ["25", "25"]
    assert graphs[0].steps[0].correct is False
    assert row_of(table, "parsed") == "2"
    assert row_of(table, "EXECUTE steps") == "4"
    assert row_of(table, "computations checked") == "2"
    assert row_of(table, "  wrong") == "2"


def test_published_arrays_and_model_solutions_are_read(tmp_path: Path) -> None:
    row = {
        "ID": "X_1",
        "Image_Question": "",
        "Question": "Câu 1: 1+1?\nA. 2\nB. 3\nC. 4\nD. 5",
        "Choice": "A",
        "Explanation": "Ta có $1+1=2$.",
    }
    (tmp_path / "v.json").write_text(json.dumps([row]), encoding="utf-8")
    graphs, _ = run(tmp_path / "v.json", tmp_path / "v.jsonl")
    assert (graphs[0].format, graphs[0].answer) == ("vnhsge", "A")
    several = {
        "question": "1 and 1?",
        "small": {"solution": "1+1=<<1+1=2>>2\nA: 2", "is_correct": True},
        "large": {"solution": "1+1=3\nA: 3"},
    }
    graphs, _ = run(write(tmp_path / "m.jsonl", several), tmp_path / "m.out.jsonl", "gsm8k")
    assert [graph.answer for graph in graphs] == ["2", "3"]


def test_mixed_formats_are_each_read_as_what_they_are(tmp_path: Path) -> None:
    think = {"question": "1 and 1?", "trace": "<think>1 + 1 = 2</think> It is 2."}
    graphs, table = run(write(tmp_path / "in.jsonl", GSM8K, FREE, think), tmp_path / "out.jsonl")
    assert [graph.format for graph in graphs] == ["gsm8k", "freeform", "think"]
    assert row_of(table, "as gsm8k") == row_of(table, "as think") == "1"
    graphs, table = run(write(tmp_path / "two.jsonl", GSM8K, GSM8K, think), tmp_path / "two.out.jsonl", "gsm8k")
    assert "not gsm8k: read as think" in graphs[2].problems
    assert row_of(table, "not gsm8k: read as think") == "1"


def test_lines_that_are_no_json_are_numbered_and_the_rest_is_read(tmp_path: Path) -> None:
    graphs, table = run(write(tmp_path / "in.jsonl", GSM8K, '{"question": "cut', GSM8K, "[1]"), tmp_path / "out.jsonl")
    assert len(graphs) == 2
    assert row_of(table, "not JSON (line 2, 4)") == "2"


def test_missing_questions_foreign_languages_and_empty_texts_are_named(tmp_path: Path) -> None:
    rows = (
        {"trace": "She sells 4 of the cups that she has."},
        {"question": "", "trace": "У Маши было пять яблок."},
        {"question": "How many?", "trace": " "},
    )
    graphs, table = run(write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl")
    assert "the question is missing" in graphs[0].problems
    assert graphs[1].language == "und"
    assert graphs[2].steps == () and graphs[2].problems == ("the text is empty",)
    assert row_of(table, "the language is none of English, Portuguese and Vietnamese") == "1"


def test_a_picture_a_graph_or_of_the_first_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "in.jsonl", GSM8K, FREE)
    run(file, tmp_path / "a.jsonl", draw=tmp_path / "pictures")
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["000001.png", "000002.png"]
    run(file, tmp_path / "b.jsonl", draw=tmp_path / "first.svg")
    assert (tmp_path / "first.svg").is_file()


@pytest.mark.parametrize(
    ("rows", "format", "message"),
    [
        ((GSM8K,), "gsm", 'did you mean "gsm8k"'),
        ((GSM8K, GSM8K), "staged", "it looks like gsm8k"),
        (({"problem": "Add.", "solution": "It is $\\boxed{2}$."},), "gsm8k", "it looks like math"),
        ((), "auto", "it is empty"),
        (({"a": 1},), "auto", "its rows have a"),
        (("{", "{"), "auto", "has 2 problems"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    tmp_path: Path, rows: tuple[object, ...], format: str, message: str
) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(UserError, match=message):
        parse_file(write(tmp_path / "in.jsonl", *rows), format, out, None, Console(file=io.StringIO()))
    assert not out.exists()


def test_missing_files_and_existing_outputs_are_refused(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with pytest.raises(UserError, match="no such file"):
        parse_file(tmp_path / "no.jsonl", "auto", tmp_path / "out.jsonl", None, console)
    out = write(tmp_path / "out.jsonl", {"kept": 1})
    with pytest.raises(UserError, match="exists already"):
        parse_file(write(tmp_path / "in.jsonl", GSM8K), "auto", out, None, console)
    assert "kept" in out.read_text()


def test_many_rows_are_parsed_by_several_processes_in_order(tmp_path: Path) -> None:
    rows = [{"question": f"{i} and 1?", "answer": f"{i}+1=<<{i}+1={i + 1}>>{i + 1}\n#### {i + 1}"} for i in range(640)]
    graphs, table = run(write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl", "gsm8k")
    assert [graph.answer for graph in graphs] == [str(i + 1) for i in range(640)]
    assert row_of(table, "parsed") == "640"


def test_the_answer_beside_a_reference_solution_is_taken_and_said(tmp_path: Path) -> None:
    row = {"problem": "Find $2 + 3$.", "solution": "We add: $2 + 3 = 5$.", "answer": 5}
    graphs, table = run(write(tmp_path / "in.jsonl", row), tmp_path / "out.jsonl")
    assert graphs[0].answer == "5"
    assert "the answer was taken from the row, not from the solution" in table
    graded = {"problem": "Find $2 + 3$.", "response": "We add and stop here.", "answer": "5"}
    graphs, _ = run(write(tmp_path / "model.jsonl", graded), tmp_path / "model.out.jsonl")
    assert graphs[0].answer is None, "gold is no answer of a model"


def test_chats_and_generations_are_traces(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "2 + 3 = 5. The answer is 5."}]
    rows = [{"messages": chat}, {"prompt": "2 + 3?", "generations": ["The answer is 5.", "The answer is 6."]}]
    graphs, _ = run(write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl")
    assert [graph.answer for graph in graphs] == ["5", "5", "6"]
    assert {graph.question for graph in graphs} == {"2 + 3?"}
