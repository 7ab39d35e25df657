"""Measuring files of outputs: what is written, and one line for everything that can be wrong with a file."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from distill.errors import UserError
from distill.runs.students import student_path
from distill.verbs.measure import eval_model, new_folder, score_file

RIGHT = "[UNDERSTAND]<STEP>4+5[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9[VERIFY]<STEP>9-5=4 ok</THINK><ANS>9</ANS>"
WRONG = RIGHT.replace("<ANS>9", "<ANS>8")
QUESTION = "What is 4 + 5?"


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def write(path, *rows):
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def test_scores_outputs_with_gold_and_teacher(tmp_path, console):
    outputs = write(
        tmp_path / "outputs.jsonl",
        {"question": QUESTION, "output": RIGHT, "gold": "9", "task": "arithmetic"},
        {"question": "What is 4 + 6?", "output": WRONG, "gold": 10, "task": "arithmetic"},
        {"question": "Is 7 even or odd?", "output": "<ANS>odd</ANS>", "gold": ["odd", "Odd"], "task": "even_odd"},
        "",
    )
    teacher = write(
        tmp_path / "teacher.jsonl", {"question": QUESTION, "trace": RIGHT}, {"question": "other", "trace": RIGHT}
    )
    metrics = score_file(outputs, teacher, tmp_path / "out", console)
    assert metrics["accuracy"]["strict"]["correct"] == 2
    assert metrics["tasks"]["arithmetic"]["n"] == 2
    assert metrics["tasks"]["arithmetic"]["published"] == 0.033
    assert (metrics["rfs"], metrics["num_rfs"]) == (1.0, 1)
    assert "1 of 3 outputs have a teacher trace" in shown(console)
    saved = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert saved["tasks"] == metrics["tasks"]
    rows = [json.loads(line) for line in (tmp_path / "out" / "samples.jsonl").read_text().splitlines()]
    assert [row["strict"] for row in rows] == [True, False, True]
    assert "What is 4 + 6?" in (tmp_path / "out" / "report.html").read_text()


def test_shape_of_metrics(tmp_path, console):
    outputs = write(
        tmp_path / "o.jsonl",
        *({"question": f"q{i}", "output": RIGHT, "gold": "9", "task": "sorting"} for i in range(4)),
    )
    metrics = score_file(outputs, None, None, console)
    assert metrics["tasks"]["sorting"] == {
        "n": 4, "correct": 4, "accuracy": 1.0, "interval": [pytest.approx(0.5101, abs=1e-4), 1.0], "lenient": 1.0, "published": 0.0,
    }  # fmt: skip
    assert set(metrics["accuracy"]) == {"strict", "lenient"}
    assert metrics["format"]["well_formed"] == 1.0
    json.dumps(metrics, allow_nan=False)


def test_without_gold_accuracy_is_refused_and_the_rest_given(tmp_path, console):
    outputs = write(tmp_path / "outputs.jsonl", {"question": QUESTION, "output": RIGHT})
    teacher = write(tmp_path / "teacher.jsonl", {"question": QUESTION, "answer": RIGHT})
    metrics = score_file(outputs, teacher, None, console)
    assert metrics["accuracy"] is None
    assert metrics["tasks"] == {}
    assert metrics["format"]["well_formed"] == 1.0
    assert metrics["rfs"] == 1.0
    assert "1 of 1 outputs have no gold answer" in shown(console)


def test_repeated_and_empty_outputs_are_said(tmp_path, console):
    row = {"question": QUESTION, "output": RIGHT, "gold": "9"}
    outputs = write(tmp_path / "outputs.jsonl", row, row, {**row, "question": "q", "output": ""})
    metrics = score_file(outputs, None, None, console)
    assert metrics["accuracy"]["strict"]["correct"] == 2
    assert "1 of 3 questions repeat an earlier question" in shown(console)
    assert "1 of 3 outputs are empty" in shown(console)


def test_an_output_of_a_megabyte(tmp_path, console):
    outputs = write(
        tmp_path / "outputs.jsonl",
        {"question": QUESTION, "output": "[EXECUTE]<STEP>4+5=9" + "<STEP>9-5=4" * 95_000, "gold": "9"},
    )
    assert outputs.stat().st_size > 1_000_000
    assert score_file(outputs, None, None, console)["accuracy"]["strict"]["correct"] == 0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "empty"),
        (["", ""], "empty"),
        (["{"], "line 1: not JSON"),
        ([{"question": "q", "output": "o"}, "[1]"], "line 2: not a JSON object"),
        ([{"output": "o"}], 'line 1: the field "question" is missing (it has output)'),
        ([{"question": "q"}], 'the field "output" or "trace" is missing (it has question)'),
        ([{"question": "q", "output": None}], '"output" is not text'),
        ([{"question": " ", "output": "o"}], '"question" is blank'),
        (['{"question": "q", "output": "o", "gold": NaN}'], "line 1: gold is nan, which is no number in JSON"),
        (['{"question": "q", "output": "o", "gold": 1e999}'], "line 1: gold is inf"),
        ([{"question": "q", "output": "o", "gold": True}], "gold is neither"),
        ([{"question": "q", "output": "o", "gold": []}], "gold as a list"),
        ([{"question": "q", "output": "o", "task": 3}], "task must be text"),
        ([{"question": "q", "output": "half a face \ud83d"}], "line 1: holds half of a character"),
        (["{"] * 9, "and 4 more lines"),
    ],
)
def test_bad_lines_are_named(tmp_path, console, lines, words):
    with pytest.raises(UserError) as caught:
        score_file(write(tmp_path / "bad.jsonl", *lines), None, tmp_path / "out", console)
    assert words in str(caught.value)
    assert "bad.jsonl" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_teacher_file_that_does_not_fit(tmp_path, console):
    outputs = write(tmp_path / "outputs.jsonl", {"question": QUESTION, "output": RIGHT})
    teacher = write(tmp_path / "teacher.jsonl", {"question": "another", "trace": RIGHT})
    with pytest.raises(UserError, match="none of its 1 questions is in"):
        score_file(outputs, teacher, None, console)
    with pytest.raises(UserError, match="no such file"):
        score_file(outputs, tmp_path / "missing.jsonl", None, console)


def test_nothing_is_overwritten(tmp_path, console):
    outputs = write(tmp_path / "outputs.jsonl", {"question": QUESTION, "output": RIGHT})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="exists already"):
        score_file(outputs, None, tmp_path / "out", console)
    with pytest.raises(UserError, match="exists already"):
        new_folder(outputs)
    with pytest.raises(UserError, match=r"outputs\.jsonl is a file, not a folder"):
        new_folder(outputs / "deep" / "out")


def test_where_a_student_is(tmp_path):
    (tmp_path / "run" / "student").mkdir(parents=True)
    (tmp_path / "run" / "recipe.yaml").write_text("name: x")
    with pytest.raises(UserError, match="no student yet"):
        student_path(str(tmp_path / "run"))
    (tmp_path / "run" / "student" / "config.json").write_text("{}")
    assert student_path(str(tmp_path / "run")) == str(tmp_path / "run" / "student")
    assert student_path(str(tmp_path / "run" / "student")) == str(tmp_path / "run" / "student")
    with pytest.raises(UserError, match="neither a run folder nor a saved student"):
        student_path(str(tmp_path))
    with pytest.raises(UserError, match="no such folder"):
        student_path(str(tmp_path / "nowhere"))
    assert student_path("owner/name") == "owner/name"


def test_eval_of_what_is_no_model_writes_nothing(tmp_path, console):
    questions = write(tmp_path / "questions.jsonl", {"question": QUESTION, "answer": "9"})
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "config.json").write_text("{}")
    with pytest.raises(UserError, match="no student can be loaded"):
        eval_model(str(tmp_path / "student"), questions, tmp_path / "out", console)
    assert not (tmp_path / "out").exists()


def rows(rights: str, gold: str | None = "9") -> list[dict[str, str]]:
    """An output for each letter, r right, w wrong, - empty."""
    texts = {"r": RIGHT, "w": WRONG, "-": ""}
    return [
        {"question": f"q{i}", "output": texts[letter], **({"gold": gold} if gold else {})}
        for i, letter in enumerate(rights)
    ]


def test_two_files_are_compared_question_by_question(tmp_path, console):
    here = write(tmp_path / "here.jsonl", *rows("rrrrrrww"))
    there = write(tmp_path / "there.jsonl", *reversed(rows("rwwww-rw", gold=None)), {"question": "new", "output": "9"})
    paired = score_file(here, None, tmp_path / "out", console, against=there)["paired"]
    # Only here right: q1 … q5; only there: q6. McNemar: 2 · (C(6,0) + C(6,1)) / 2^6 = 0.21875.
    assert (paired["joined"], paired["only_here"], paired["only_there"]) == (8, 0, 1)
    strict = paired["strict"]
    assert (strict["n"], strict["only_here"], strict["only_there"]) == (8, 5, 1)
    assert (strict["share"], strict["against"], strict["difference"]) == (0.75, 0.25, 0.5)
    assert strict["p_value"] == pytest.approx(0.21875)
    assert strict["interval"][0] <= 0.5 <= strict["interval"][1]
    assert paired["well_formed"]["only_here"] == 1  # the empty one
    text = shown(console)
    assert re.search(r"strict +25.0 % +75.0 % +\+50.0 ", text)
    assert "questions that only one file has, not compared: 1 of" in text
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["paired"]["strict"] == strict


def test_a_file_is_named_as_it_is_called_and_a_measure_is_one_line(tmp_path):
    here, there = write(tmp_path / "here.jsonl", *rows("rr")), write(tmp_path / "other [red].jsonl", *rows("rw"))
    narrow = Console(file=io.StringIO(), width=40)
    score_file(here, None, None, narrow, against=there)
    assert f"against {there}, 2 joined questions\n" in shown(narrow)
    assert "answer completion 100.0 %\n" in shown(narrow)


def test_comparing_the_other_way_round_gives_the_opposite(tmp_path, console):
    a, b = write(tmp_path / "a.jsonl", *rows("rrwrw")), write(tmp_path / "b.jsonl", *rows("wrwwr"))
    forth = score_file(a, None, None, console, against=b)["paired"]["strict"]
    back = score_file(b, None, None, console, against=a)["paired"]["strict"]
    assert forth["difference"] == -back["difference"]
    assert forth["p_value"] == back["p_value"]
    assert score_file(a, None, None, console, against=a)["paired"]["strict"]["difference"] == 0


def test_comparing_what_repeats_what_has_no_gold_and_what_shares_nothing(tmp_path, console):
    repeated = write(tmp_path / "repeated.jsonl", *rows("rw"), *rows("ww"))  # of a question the first counts
    other = write(tmp_path / "other.jsonl", *rows("ww"))
    strict = score_file(repeated, None, None, console, against=other)["paired"]["strict"]
    assert (strict["n"], strict["only_here"]) == (2, 1)
    without = write(tmp_path / "without.jsonl", *rows("rw", gold=None))
    paired = score_file(without, None, None, console, against=other)["paired"]
    assert paired["strict"] is None
    assert paired["well_formed"]["n"] == 2
    assert "cannot be compared by accuracy" in shown(console)
    wrong_gold = write(tmp_path / "gold.jsonl", *rows("rw", gold="7"))
    assert score_file(other, None, None, console, against=wrong_gold)["paired"]["strict"]["only_there"] == 1
    assert "2 outputs of" in shown(console)
    stranger = write(tmp_path / "stranger.jsonl", {"question": "another", "output": RIGHT})
    with pytest.raises(UserError, match=r"stranger\.jsonl: none of its questions is in"):
        score_file(repeated, None, None, console, against=stranger)


def test_run_folders_are_compared_by_their_samples(tmp_path, console):
    for name, rights in (("a", "rr"), ("b", "rw")):
        score_file(write(tmp_path / f"{name}.jsonl", *rows(rights)), None, tmp_path / name, console)
    paired = score_file(tmp_path / "a", None, None, console, against=tmp_path / "b")["paired"]
    assert paired["strict"]["difference"] == 0.5
