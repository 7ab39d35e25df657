"""Data sets from local files in the published formats: what comes out, what is left out and named, what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from teachers.datasets import CARDS, KNOWN_FAULTS, DatasetError, fingerprint, load_dataset_traces

SHARED = Path(__file__).parents[3] / "shared/data"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the published files are not here")


def write(path: Path, rows: list[dict[str, object]], *, array: bool = False) -> Path:
    path.write_text(json.dumps(rows) if array else "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_gsm8k_rows_become_traces(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", [{"question": "What are 2 and 3?", "answer": "2+3=<<2+3=5>>5\n#### 5"}])
    (trace,) = load_dataset_traces("gsm8k", path=path)
    assert (trace.problem.question, trace.problem.answer, trace.format) == ("What are 2 and 3?", "5", "gsm8k")
    assert trace.text.endswith("#### 5")


def test_math_answers_are_the_last_box_and_faulty_problems_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"problem": "Add 1 and 1.", "solution": "It is $\\boxed{2}$.", "level": "Level 1", "type": "Algebra"},
        {"problem": "A faulty one.", "solution": "Not $\\boxed{3}$.", "level": "Level 1", "type": "Algebra"},
    ]
    monkeypatch.setitem(KNOWN_FAULTS, fingerprint("A faulty one."), "it is faulty")
    traces = load_dataset_traces("math", path=write(tmp_path / "m.jsonl", rows))
    assert [(trace.problem.answer, trace.problem.task) for trace in traces] == [("2", "Algebra")]
    assert list(traces.left_out.values()) == ["it is faulty"]
    assert "row 1" in next(iter(traces.left_out))


def test_vnhsge_arrays_are_read_and_questions_with_images_left_out_unless_wanted(tmp_path: Path) -> None:
    row = {
        "ID": "X_1",
        "Image_Question": "",
        "Question": "Câu 1: 1+1?\nA. 2\nB. 3\nC. 4\nD. 5",
        "Choice": "A",
        "Image_Answer": "",
        "Explanation": "Bằng 2.",
    }
    path = write(tmp_path / "v.json", [row, row | {"ID": "X_2", "Image_Question": "a.png"}], array=True)
    traces = load_dataset_traces("vnhsge", path=path)
    assert [(trace.problem.answer, trace.problem.language, trace.problem.id) for trace in traces] == [
        ("A", "vi", "X_1")
    ]
    assert list(traces.left_out.values()) == ["the question needs an image"]
    assert len(list(load_dataset_traces("vnhsge", path=path, with_images=True))) == 2


def test_it_streams_and_starts_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"question": f"q{i}", "answer": f"#### {i}"} for i in range(50)])
    traces = load_dataset_traces("gsm8k", path=path)
    assert next(iter(traces)).problem.answer == "0"
    assert len(list(traces)) == len(list(traces)) == 50


def test_every_card_says_where_and_on_what_terms() -> None:
    for name, card in CARDS.items():
        assert card.name == name and card.licence and card.rule
        assert "arXiv" in card.citation or "huggingface.co" in card.citation
        assert set(card.splits) == {"train", "test"}


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [("gsm9k", "train", "unknown data set"), ("gsm8k", "dev", "no split"), ("gsm8k", "train", "no such file")],
)
def test_wrong_names_and_files_are_refused_at_once(name: str, split: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_dataset_traces(name, split=split, path="nowhere.jsonl")


def test_broken_rows_say_what_is_wrong(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    cut.write_text('{"question": "a", "answer": "b"}\n{"question": "a", "ans')
    with pytest.raises(DatasetError, match="cannot be read"):
        list(load_dataset_traces("gsm8k", path=cut))
    with pytest.raises(DatasetError, match="row 0 has no text answer"):
        list(load_dataset_traces("gsm8k", path=write(tmp_path / "x.jsonl", [{"question": "a", "solution": "b"}])))


def test_math_rows_with_an_answer_that_is_a_number(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"problem": "1?", "solution": "It is $\\boxed{0}$.", "answer": 0},
        {"problem": "2?", "solution": "It is $12$.", "answer": 12},
    ]
    found = list(load_dataset_traces("math", path=write(tmp_path / "math.jsonl", rows)))
    assert [trace.problem.answer for trace in found] == ["0", "12"]


@needs_data
def test_the_published_files_lose_only_the_rows_known_to_be_bad() -> None:
    traces = load_dataset_traces("math", path=SHARED / "math/train.jsonl")
    assert sum(1 for _ in traces) == 4487
    assert sorted(Counter(traces.left_out.values()).values()) == [1, 4, 8]
    assert sum(1 for _ in load_dataset_traces("math", split="test", path=SHARED / "math/test.jsonl")) == 500
