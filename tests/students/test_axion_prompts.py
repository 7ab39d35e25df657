"""Prompts and records of the published models: read back as written, and read by the parser."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import parse
from parsers.text.prompts import read_pergunta, thinkset_records, write_pergunta, write_thinkset
from teachers.datasets import DatasetError, load_dataset_traces

QUESTION = "Rui packs 48 pens and half as many clips. How many things is that?"
SOLUTION = "He packs 48/2 = <<48/2=24>>24 clips.\nThat is 48+24 = <<48+24=72>>72 things.\n#### 72"


def test_the_prompt_as_published():
    assert write_pergunta("Quanto é 2 + 2?") == "# Pergunta: Quanto é 2 + 2?\n# Resposta:"
    assert write_pergunta("Quanto é 2 + 2?", "4") == "# Pergunta: Quanto é 2 + 2?\n# Resposta: 4"


@pytest.mark.parametrize(
    "text",
    [
        write_pergunta(QUESTION, SOLUTION),
        f"\n# Pergunta:\n{QUESTION}\n\n# Resposta:\n{SOLUTION}",
        f"#Pergunta: {QUESTION}\n#Resposta: {SOLUTION}",
    ],
)
def test_a_solution_behind_the_prompt_is_parsed_by_its_own_format(text):
    graph = parse(text)
    alone = parse(SOLUTION, question=QUESTION)
    assert (graph.format, graph.question, graph.answer) == ("gsm8k", QUESTION, "72")
    assert [step.value for step in graph.steps] == [step.value for step in alone.steps] == [24, 72]
    assert [step.depends_on for step in graph.steps] == [step.depends_on for step in alone.steps]
    assert all(text[step.start : step.end] == step.text for step in graph.steps)
    assert graph.problems == ()


def test_the_inner_question_outranks_the_argument():
    assert parse(write_pergunta(QUESTION, SOLUTION), question="Another?").question == QUESTION


@pytest.mark.parametrize("end", range(0, 140, 9))
def test_cut_off_anywhere(end):
    parse(write_pergunta(QUESTION, SOLUTION)[:end])


def test_other_headings_are_no_prompt():
    assert read_pergunta("# Perguntas frequentes\n# Resposta: 4") is None
    assert read_pergunta("Text first.\n# Pergunta: 2 + 2?\n# Resposta: 4") is None


@given(st.text().filter(lambda text: "Resposta:" not in text), st.text())
def test_a_question_reads_back(question, solution):
    text = write_pergunta(question, solution)
    asked = read_pergunta(text)
    assert asked is not None
    assert asked.question == question.strip()
    assert text[asked.start :].lstrip() == solution.lstrip()


RECORDS = """<USER>
Ana tem 3 lápis e ganha 2. Quantos tem?
<\\USER>

<THINK>
Ana começa com 3. Depois 3 + 2 = 5.
<\\THINK>

<ANSWER>
5
<\\ANSWER>
<END>
""" + write_thinkset("Quanto é 4 + 4?", "4 + 4 = 8", "8")


def test_records_of_a_file():
    first, second = thinkset_records(RECORDS)
    graph = parse(first)
    assert (graph.format, graph.question, graph.answer) == ("thinkset", "Ana tem 3 lápis e ganha 2. Quantos tem?", "5")
    assert graph.problems == ()
    assert second == "<USER>Quanto é 4 + 4?<\\USER> <THINK>4 + 4 = 8<\\THINK> <ANSWER>8<\\ANSWER>"
    assert parse(second).answer == "8"


def test_a_record_without_an_end_does_not_swallow_the_next():
    assert len(thinkset_records("<USER>a<\\USER> <THINK>b " + RECORDS)) == 3


def test_the_prompt_of_a_record():
    assert write_thinkset("Quanto é 4 + 4?") == "<USER>Quanto é 4 + 4?<\\USER> <THINK>"


@pytest.mark.parametrize("name", ["records.txt", "records.jsonl"])
def test_records_are_a_data_set(tmp_path, name):
    records = thinkset_records(RECORDS)
    lines = "\n".join(json.dumps({"text": record}) for record in records)
    (tmp_path / name).write_text(RECORDS if name.endswith(".txt") else lines, encoding="utf-8")
    traces = list(load_dataset_traces("thinkset", path=tmp_path / name))
    assert [trace.text for trace in traces] == records
    assert [trace.problem.answer for trace in traces] == ["5", "8"]
    assert traces[1].problem.question == "Quanto é 4 + 4?"


def test_a_file_of_records_that_is_no_utf_8_is_named(tmp_path):
    (tmp_path / "records.txt").write_bytes(RECORDS.encode("latin-1"))
    with pytest.raises(DatasetError, match=r"records\.txt: not UTF-8 text"):
        list(load_dataset_traces("thinkset", path=tmp_path / "records.txt"))
