"""Parts of the report: graphs side by side, errors by stage, licences, paired comparison, self-error rounds."""

from __future__ import annotations

import re

from distill.evaluation.outputs import score_output, summarize_scored
from distill.evaluation.paired import compare_outputs
from distill.evaluation.scored import Output
from distill.report.flow_chart import three_charts
from distill.report.licences import licences
from distill.report.page import build_report
from parsers import parse

QUESTION = "There are 48 clips in April and half as many in May. How many in both months?"
TAUGHT = "[UNDERSTAND]<STEP>48[PLAN]<STEP>divide[EXECUTE]<STEP>48/2=24<STEP>48+24=72[VERIFY]<STEP>72-24=48 ok</THINK><ANS>72</ANS>"
REWIRED = TAUGHT.replace("48+24=72", "24+24=48").replace("<ANS>72", "<ANS>48")


def graph(text: str):
    return parse(text, question=QUESTION)


def classes(svg: str, element: str) -> list[str]:
    return re.findall(rf'<{element} class="([^"]*)"', svg)


def test_equal_graphs_have_no_difference() -> None:
    teacher, student, difference = three_charts(graph(TAUGHT), graph(TAUGHT))
    assert teacher.replace("the teacher&#x27;s", "the student&#x27;s") == student
    assert {kind.split()[-1] for kind in classes(difference, "text")} == {"both"}
    assert set(classes(difference, "path")) == {"both", "both head"}


def test_what_differs_is_marked_once_on_each_side() -> None:
    _, _, difference = three_charts(graph(TAUGHT), graph(REWIRED))
    rows = re.findall(r'<text class="\w+ (\w+)"[^>]*>([^<]*)<', difference)
    assert [row for row in rows if row[0] == "teacher"] == [("teacher", "− 48+24=72"), ("teacher", "− answer 72")]
    assert [row for row in rows if row[0] == "student"] == [("student", "+ 24+24=48"), ("student", "+ answer 48")]
    assert ("both", "48/2=24") in rows
    arcs = [kind for kind in classes(difference, "path") if "head" not in kind]
    assert arcs.count("teacher") == 3 and arcs.count("student") == 2  # 48 and 24 into 72, 72 into the answer; 24, 48


def test_pictures_are_safe_and_say_what_they_are() -> None:
    evil = graph('[EXECUTE]<STEP>1+1=2 <script>"&<STEP>2+1=3</THINK><ANS><b>"3"</ANS>')
    for svg in three_charts(evil, graph("")):
        assert "<script" not in svg and "<b>" not in svg
        assert 'role="img"' in svg and "aria-label" in svg


def scored(*texts: str, teacher: str | None = TAUGHT):
    return [
        score_output(Output(QUESTION, text, "72", "word_problem", "en"), teacher and graph(teacher)) for text in texts
    ]


def test_errors_are_placed_in_the_first_stage_that_is_not_the_teachers() -> None:
    outputs = scored(
        TAUGHT,
        REWIRED,
        TAUGHT.replace("divide", "add").replace("<ANS>72", "<ANS>71"),
        TAUGHT.replace("<STEP>48[P", "<STEP>84[P").replace("<ANS>72", "<ANS>71"),
        TAUGHT.replace("72-24=48 ok", "48+24=71, 72 wrong").replace("<ANS>72", "<ANS>71"),
        TAUGHT.replace("<ANS>72", "<ANS>71"),
        "",
    )
    errors = summarize_scored(outputs, has_teacher=True)["errors"]
    assert errors == {"understand": 1, "plan": 1, "execute": 1, "verify": 1, "answer": 2}


def test_without_a_teacher_the_steps_tell() -> None:
    slip = TAUGHT.replace("48/2=24", "48/2=25").replace("<ANS>72", "<ANS>73").replace("48+24=72", "48+25=73")
    away = TAUGHT.replace("48+24=72", "48-24=24").replace("<ANS>72", "<ANS>24")
    errors = summarize_scored(scored(slip, away, teacher=None), has_teacher=False)["errors"]
    assert errors == {"understand": 0, "plan": 1, "execute": 1, "verify": 0, "answer": 0}


def test_a_wrong_output_is_shown_beside_its_teacher() -> None:
    metrics = summarize_scored(scored(TAUGHT, REWIRED), has_teacher=True)
    assert metrics["example"]["output"] == REWIRED and metrics["example"]["right"] is False
    page = build_report(title="x", metrics=metrics, recipe="teacher: {kind: reference, dataset: gsm8k}")
    assert page.count('<svg class="arcs"') == 3
    assert "a wrong output" in page and "a step is wrong" in page
    assert "arXiv:2110.14168" in page and "the weights start from noise" in page
    assert summarize_scored(scored(TAUGHT), has_teacher=True)["example"]["right"] is True
    assert summarize_scored(scored("9", teacher=None), has_teacher=False)["example"] is None


def test_rounds_and_paired_comparison_are_shown() -> None:
    here, there = scored(TAUGHT), scored(REWIRED)
    paired = compare_outputs(here, there)
    one = {
        "round": 1, "samples": 8000, "share_right": 0.61, "interval": [0.599, 0.621], "corrected": 1800,
        "misread": 9, "malformed": 12,
    }  # fmt: skip
    metrics = summarize_scored(here, has_teacher=True)
    page = build_report(
        title="x",
        metrics={
            **metrics,
            "paired": {**paired, "against": "b.jsonl"},
            "refine": {"rounds": [one], "paired": paired},
        },
    )
    assert page.count("Against b.jsonl") == 1 and "8,000" in page and "61.0 %" in page and "+100.0" in page
    assert "only this / other" in page and "only after / before" in page
    assert f"{100 * paired['strict']['interval'][0]:+.1f} to +" in page


def test_licences_name_base_teacher_and_data() -> None:
    found = licences({"student": {"kind": "nano"}, "teacher": {"kind": "symbolic"}})
    assert [one.part for one in found] == ["base", "teacher", "data"]
    base = {"kind": "adapter", "base": "HuggingFaceTB/SmolLM3-3B"}
    found = licences({"student": base, "teacher": {"kind": "reference", "datasets": {"gsm8k": {}, "math": {}}}})
    assert [(one.name, one.licence) for one in found if one.part != "teacher"] == [
        ("HuggingFaceTB/SmolLM3-3B", "Apache-2.0"), ("gsm8k", "MIT"), ("math", "MIT"),
    ]  # fmt: skip
    unknown = licences({"student": {"kind": "adapter", "base": "someone/else"}, "teacher": {"kind": "symbolic"}})
    assert "see the base's own card" in unknown[0].licence
