"""What is measured on Portuguese and bilingual outputs, and what stands beside it."""

from __future__ import annotations

from typing import Any

import pytest

from distill.evaluation.evaluate import teacher_graphs, unwritten
from distill.evaluation.outputs import score_outputs
from distill.evaluation.published import MINIAXION15, TALK, table_of
from distill.evaluation.scored import Output
from distill.report.card import model_card
from distill.report.page import build_report
from distill.tracks.nano import nano_card
from teachers.nano_tasks import LANGUAGES, draw_problem
from teachers.problems import Problem
from teachers.symbolic import solve


def problems(language: str, count: int = 4) -> list[Problem]:
    return [
        draw_problem(task, seed=1, index=i, split="test", language=language)
        for task in LANGUAGES[language]
        for i in range(count)
    ]


def taught(asked: list[Problem]) -> list[Output]:
    """The teacher's own traces as outputs."""
    return [
        Output(o.question, solve(p).text.partition("<THINK>")[2], o.gold, o.task, o.language, True)
        for p, o in zip(asked, unwritten(asked), strict=True)
    ]


def score(outputs: list[Output], asked: list[Problem]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return score_outputs(outputs, teachers=teacher_graphs(asked))


def test_the_teacher_is_right_in_everything() -> None:
    asked = problems("pt")
    metrics, rows = score(taught(asked), asked)
    assert metrics["accuracy"]["strict"]["accuracy"] == metrics["rfs"] == 1.0
    assert metrics["table"] == "miniaxion1.5"
    assert {name: task["published"] for name, task in metrics["tasks"].items()} == MINIAXION15
    # (10 + 10 + 0 + 100 + 5 + 0 + 10 + 0 + 10 + 100) / 10, chat apart
    assert metrics["average"] == {"accuracy": 1.0, "published": pytest.approx(0.245)}
    shares = metrics["format"]
    assert all(shares[name] == 1.0 for name in ("thinking_rate", "step_format", "answer_completion", "well_formed"))
    assert shares["published"] == {"thinking_rate": 1.0, "step_format": 1.0, "answer_completion": 1.0}
    assert all(row["strict"] for row in rows)


@pytest.mark.parametrize(
    ("reply", "is_right"),
    [
        ("Bom dia! Como posso ajudar?", True),
        ("Bom dia!", True),
        ("Olá! Como posso ajudar?", True),
        ("Boa noite! Como posso ajudar?", False),
        ("De nada!", False),
        ("bom dia", False),
        ("", False),
    ],
)
def test_a_reply_is_right_if_it_is_an_accepted_one(reply: str, is_right: bool) -> None:
    asked = next(
        p
        for p in (draw_problem("chat", seed=0, index=i, split="test", language="pt") for i in range(100))
        if p.answer.startswith("Bom dia")
    )
    text = f"[UNDERSTAND]<STEP>bom dia[PLAN]<STEP>cumprimentar</THINK><ANS>{reply}</ANS>"
    metrics, _ = score_outputs([Output(asked.question, text, asked.accepted, "chat", "pt")])
    assert metrics["tasks"]["chat"]["correct"] == is_right
    assert metrics["average"] is None
    assert any("talk" in note for note in metrics["notes"])


def test_talk_lowers_no_average_and_no_share_of_four_stages() -> None:
    asked = problems("pt")
    outputs = taught(asked)
    silent = [Output(o.question, "", o.gold, o.task, o.language) if o.task in TALK else o for o in outputs]
    metrics, _ = score(silent, asked)
    assert metrics["tasks"]["chat"]["accuracy"] == 0.0
    assert metrics["average"]["accuracy"] == metrics["format"]["well_formed"] == 1.0
    assert metrics["format"]["thinking_rate"] == pytest.approx(10 / 11)


def test_two_languages_keep_their_tasks_and_tables_apart() -> None:
    asked = [*problems("en"), *problems("pt")]
    outputs = taught(asked)
    wrong = [
        Output(o.question, o.text.replace("<ANS>", "<ANS>9"), o.gold, o.task, o.language)
        if (o.language, o.task) == ("pt", "comparison")
        else o
        for o in outputs
    ]
    metrics, _ = score(wrong, asked)
    assert metrics["tasks"]["en/comparison"]["accuracy"] == 1.0
    assert metrics["tasks"]["pt/comparison"]["accuracy"] == 0.0
    assert len(metrics["tasks"]) == 18
    assert metrics["table"] is None
    english, portuguese = metrics["languages"]["en"], metrics["languages"]["pt"]
    assert (english["table"], portuguese["table"]) == ("miniaxion1", "miniaxion1.5")
    assert english["average"]["accuracy"] == 1.0
    assert portuguese["average"] == {"accuracy": pytest.approx(0.9), "published": pytest.approx(0.245)}
    assert metrics["average"]["accuracy"] == pytest.approx(16 / 17)
    page = build_report(title="two", metrics=metrics)
    assert "24.5 %" in page and "16.9 %" in page and "pt/comparison" in page


def test_a_table_is_found_by_its_tasks_and_of_its_language_first() -> None:
    assert table_of({"even_odd", "comparison"}) == table_of({"even_odd"}, "en") == "miniaxion1"
    assert table_of({"even_odd", "comparison"}, "pt") == table_of({"addition"}, "en") == "miniaxion1.5"
    assert table_of({"addition", "sorting"}) is table_of(set()) is None


def test_report_and_card_show_the_published_shares() -> None:
    asked = problems("pt", 2)
    metrics, rows = score(taught(asked), asked)
    page = build_report(title="pt", metrics=metrics, samples=rows)
    assert "Share of the outputs" in page
    card = model_card(nano_card("miniaxion1.5-3m", ("pt",)), metrics)
    assert "language: [pt]" in card and "Quanto é 347 + 285?" in card
    assert "- thinking rate: 100.0 % (published 100.0 %)" in card
    english, _ = score(taught(problems("en", 1)), [])
    assert "- well-formed outputs: 100.0 % (published 100.0 %)" in model_card(nano_card("x"), english)
