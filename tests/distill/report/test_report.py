"""The report: whole with everything, whole with nothing, and safe with whatever a model writes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from distill.errors import UserError
from distill.evaluation.outputs import score_outputs
from distill.evaluation.scored import Output
from distill.evaluation.svr import VerificationRecord, svr
from distill.report.beyond import beyond
from distill.report.blocks import stage_blocks
from distill.report.card import model_card
from distill.report.line_chart import digits_charts, loss_chart
from distill.report.page import build_report, headline, worst_samples, write_report
from distill.tracks.nano import nano_card
from parsers import parse

RIGHT = "[UNDERSTAND]<STEP>4+5[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9[VERIFY]<STEP>9-5=4 ok</THINK><ANS>9</ANS>"
EVIL = '[PLAN]<STEP><script>alert(1)</script> & "quotes"</THINK><ANS>8</ANS>'
HISTORY = [
    {"step": s, "loss": 3 / s, "nll_plan": 2 / s, "nll_execute": 3 / s, "elapsed_seconds": s} for s in range(1, 60, 5)
]


def scored(*texts: str, task: str = "arithmetic"):
    outputs = [Output(f"What is {i} + {9 - i}?", text, "9", task) for i, text in enumerate(texts)]
    teachers = {output.question: parse(RIGHT, question=output.question) for output in outputs}
    return score_outputs(outputs, teachers=teachers)


class Tags(HTMLParser):
    """Checks that every element is closed, and gathers what a page would load."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input", "path", "use", "rect", "circle", "line", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.loads += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def read(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_whole_page_is_self_contained():
    metrics, rows = scored(RIGHT, RIGHT.replace("9-5", "8-5"), EVIL, "")
    metrics["validation"] = {"n": 50, "tokens": 900, "bytes": 2000, "loss": 1.25, "bits_per_byte": 0.8123}
    metrics["beyond"] = {str(n): {name: metrics[name] for name in ("tasks", "average", "format")} for n in (1, 2)}
    facts = {"recipe": "tiny", "seed": 0, "versions": {"torch": "2.x"}}
    page = build_report(title="tiny", metrics=metrics, samples=rows, history=HISTORY, facts=facts, recipe="name: tiny")
    tags = read(page)
    assert tags.scripts == 0
    assert tags.loads == []
    assert not re.search(r"@import|url\((?!#)", page)
    for words in (
        "Accuracy by task",
        "Beyond the training range",
        "Loss of each stage",
        "Format",
        "Self-verification",
        "worst outputs",
        "versions",
        "0.812",
    ):
        assert words in page
    assert "3.3 %" in page, "the published figure stands beside ours"


@pytest.mark.parametrize(("task", "is_published"), [("arithmetic", True), ("chess", False)])
def test_the_legend_names_the_mark_of_published_figures_where_there_is_one(task, is_published):
    metrics, rows = scored(RIGHT, EVIL, task=task)
    page = build_report(title="one task", metrics=metrics, samples=rows)
    assert ('class="mark"' in page, "published</span>" in page) == (is_published, is_published)


def test_what_a_model_writes_cannot_act():
    metrics, rows = scored(EVIL, task="<b>task</b>")
    page = build_report(title="<i>t</i>", metrics=metrics, samples=rows, recipe="a: </pre><script>")
    assert read(page).scripts == 0
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>task" not in page


def test_page_of_almost_nothing():
    metrics, rows = score_outputs([Output("q", "")])
    page = build_report(title="empty", metrics=metrics, samples=rows)
    read(page)
    assert "Accuracy by task" not in page
    assert "no gold answer" in page


def test_numbers_on_the_page_are_those_of_the_metrics():
    wrong = RIGHT.replace("4+5=9", "4+5=8").replace("<ANS>9", "<ANS>8")
    metrics, rows = scored(RIGHT, RIGHT, RIGHT, wrong)
    page = build_report(title="t", metrics=metrics, samples=rows)
    assert "75.0 %" in page
    low, high = metrics["tasks"]["arithmetic"]["interval"]
    assert f"{100 * low:.1f} – {100 * high:.1f}" in page
    assert "own errors flagged and corrected<" in page  # none were injected
    metrics["svr"]["injected"] = svr([VerificationRecord(True, True, i < 2) for i in range(3)]).to_json()
    page = build_report(title="t", metrics=metrics, samples=rows)
    assert "own errors flagged and corrected; of 3 injected ones 66.7 %<" in page


def test_written_from_a_run_folder(tmp_path):
    metrics, rows = scored(RIGHT, "")
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "run.json").write_text(json.dumps({"recipe": "my_recipe", "seed": 3}))
    (tmp_path / "recipe.yaml").write_text("name: my_recipe\n")
    (tmp_path / "checkpoints" / "checkpoint-60").mkdir(parents=True)
    (tmp_path / "checkpoints" / "checkpoint-60" / "trainer_state.json").write_text(json.dumps({"log_history": HISTORY}))
    assert write_report(tmp_path) == tmp_path / "report.html"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    read(page)
    assert "my_recipe" in page
    assert "nats per token" in page


def test_a_folder_without_metrics_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        write_report(tmp_path)


def test_worst_samples_take_turns_and_start_with_broken_form():
    rows = [
        {"task": "a", "strict": False, "lenient": True, "well_formed": True, "rfs": 0.5, "id": 0},
        {"task": "a", "strict": False, "lenient": False, "well_formed": True, "rfs": 0.9, "id": 1},
        {"task": "a", "strict": False, "lenient": False, "well_formed": True, "rfs": 0.1, "id": 2},
        {"task": "a", "strict": False, "lenient": False, "well_formed": False, "rfs": 0.9, "id": 3},
        {"task": "a", "strict": True, "lenient": True, "well_formed": True, "rfs": 1.0, "id": 4},
        {"task": "b", "strict": False, "lenient": False, "well_formed": True, "rfs": 0.7, "id": 5},
    ]
    assert [row["id"] for row in worst_samples(rows)] == [3, 5, 2, 1, 0]
    assert len(worst_samples(rows, count=2)) == 2


def texts(blocks):
    return [(block.stage, tuple(piece.text for piece in block.pieces)) for block in blocks]


def test_stage_blocks():
    text = "<INST>q</INST><THINK>[PLAN]<STEP>add<STEP>x[EXECUTE]<STEP>4+5=9</THINK><ANS>9</ANS>"
    assert texts(stage_blocks(text)) == [("PLAN", ("add", "x")), ("EXECUTE", ("4+5=9",)), ("ANSWER", ("9",))]
    assert texts(stage_blocks("[PLAN]\n1. Add\n[ANSWER] 9")) == [("PLAN", ("1. Add",)), ("ANSWER", ("9",))]
    assert stage_blocks("") == []
    assert texts(stage_blocks("hm [PLAN]<STEP>add"))[0] == ("", ("hm",))
    assert stage_blocks("<STEP>9" * 100_000)[-1].pieces[-1].text == "…"


def test_each_computation_of_a_block_has_its_verdict():
    text = "[PLAN]<STEP>add[EXECUTE]<STEP>4+5=8<STEP>8+1=9[VERIFY]<STEP>ok</THINK><ANS>9</ANS>"
    pieces = [piece for block in stage_blocks(text) for piece in block.pieces]
    assert [(piece.text, piece.correct, piece.note) for piece in pieces] == [
        ("add", None, ""), ("4+5=8", False, "comes to 9"), ("8+1=9", True, ""), ("ok", None, ""), ("9", None, ""),
    ]  # fmt: skip
    staged = "[EXECUTE]\n1. 6 * 7 = <<6*7=42>>42\n2. 42 + 1 = <<42+1=44>>44\n[ANSWER] 44"
    assert [piece.correct for block in stage_blocks(staged) for piece in block.pieces] == [True, False, None]


def test_a_wrong_step_under_a_right_answer_is_marked_on_the_page():
    metrics, rows = scored(RIGHT.replace("9-5=4", "1*2=0"))
    page = build_report(title="t", metrics=metrics, samples=rows)
    assert re.search(r'<li class="bad">1\*2=0 ok <small>comes to 2</small>', page)
    assert '<li class="ok">4+5=9</li>' in page


def test_stage_blocks_of_plain_text_lose_nothing():
    text = "She sold 48 clips in April. Then she sold 48 / 2 = 24 clips in May. So she sold 48 + 24 = 72 clips."
    blocks = texts(stage_blocks(text, question="She sold 48 clips in April and half as many in May. How many?"))
    assert "".join("".join(pieces) for _, pieces in blocks).replace(" ", "") == text.replace(" ", "")
    assert any(stage == "EXECUTE" for stage, _ in blocks)


def test_the_headline_says_size_time_and_accuracy():
    metrics, _ = scored(RIGHT, RIGHT, RIGHT, EVIL)
    training = {"parameters": 920_833, "elapsed_seconds": 1770.0, "device": "cpu", "processes": 2}
    assert headline(metrics, {"training": training}) == ("0.9 M parameters · 29.5 min on 2 cores · 75.0 % correct")
    assert headline(metrics, {}) == "75.0 % correct"


def test_one_question_of_another_task_does_not_halve_the_headline():
    strict = {"accuracy": 0.9, "interval": [0.6, 0.98], "n": 10}
    tasks = {"a": {"n": 9, "accuracy": 1.0}, "b": {"n": 1, "accuracy": 0.0}}
    found = {"accuracy": {"strict": strict}, "tasks": tasks, "average": {"accuracy": 0.5, "published": None}}
    assert headline(found, {}) == "90.0 % correct"
    assert headline(found | {"average": {"accuracy": 0.5, "published": 0.1}}, {}).startswith("50.0 % correct")


def test_charts_of_a_page_come_in_two_widths(tmp_path):
    page = build_report(title="x", metrics=scored(RIGHT)[0], history=HISTORY)
    assert page.count('viewBox="0 0 520 260"') == page.count('viewBox="0 0 330 260"') == 1


def test_loss_chart():
    chart = loss_chart(HISTORY)
    assert "<svg " in chart and "log" not in chart
    assert "plan" in chart
    assert "verify" not in chart, "a stage without losses has no line"
    assert chart == loss_chart(HISTORY), "the same numbers give the same bytes"
    assert loss_chart([]) == loss_chart([{"step": 1, "loss": 2.0}]) == ""


def test_model_card():
    metrics, _ = scored(RIGHT, "")
    card = model_card(nano_card("miniaxion1-0.9m"), metrics, {"parameters": "920,833"})
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "| arithmetic | 3.3 % | 50.0 % |" in card
    assert "- parameters: 920,833" in card
    assert "load_student" in card
    assert "Not measured yet" in model_card(nano_card("x"))


def test_accuracy_against_digits_is_a_chart_a_task_with_the_training_range_shaded():
    from distill.evaluation.digits import by_digits

    answered = [("even_odd", f"Is {10**d} even or odd?", d < 6, d < 4) for d in range(8) for _ in range(5)]
    tasks = by_digits([*answered, ("chat", "Good morning!", True, True)])
    assert list(tasks) == ["even_odd"], "talk has no numbers"
    assert [(one["digits"], one["accuracy"], one["taught"]) for one in tasks["even_odd"]][3:7] == [
        (4, 1.0, True), (5, 1.0, False), (6, 1.0, False), (7, 0.0, False),
    ]  # fmt: skip
    picture = digits_charts(tasks)
    assert picture.count("<svg") == picture.count('class="shade"') == 1
    assert "accuracy of even odd against digits" in picture
    assert digits_charts({}) == ""


def test_what_lies_beyond_the_training_range_is_a_column_for_each_number_of_digits():
    table = {"tasks": {"even_odd": {"accuracy": 0.5, "interval": [0.4, 0.6]}, "sorting": {"accuracy": 1.0}}}
    metrics = {**table, "average": {"accuracy": 0.75}}
    rows = beyond({**metrics, "beyond": {"0": metrics, "1": metrics, "2": metrics}})
    assert [row["task"] for row in rows] == ["even odd", "sorting", "Average"]
    assert list(rows[0]["columns"]) == ["tasks' own range", "training range", "+1 digit", "+2 digits"]
    assert rows[2]["columns"]["+2 digits"] == {"accuracy": 0.75, "interval": None}
    assert beyond(metrics) == beyond({**metrics, "beyond": {}}) == []


def test_own_errors_have_rows_below_the_tasks():
    table = {"tasks": {"sorting": {"accuracy": 0.9}}, "average": {"accuracy": 0.9}}
    own = {"wrong": 8, "flagged": 6, "corrected": 2}
    rows = beyond({**table, "svr": {"own": None}, "beyond": {"1": {**table, "svr": own}, "2": {**table, "svr": None}}})
    assert [row["task"] for row in rows[1:]] == ["Own wrong results flagged", "Own wrong results corrected"]
    assert [one and one["accuracy"] for one in rows[1]["columns"].values()] == [None, 0.75, None]
    assert [one and one["accuracy"] for one in rows[2]["columns"].values()] == [None, 0.25, None]
