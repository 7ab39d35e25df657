"""The graph's own rules, its JSON form, and the entry point `parse`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import Quantity, ReasoningGraph, Stage, Step, parse
from parsers.parse import FORMATS, detect_format
from parsers.text.language import detect_language

GRAPH = ReasoningGraph(
    question="Nora has 48 pens, Ben half as many. How many in all?",
    steps=(
        Step(0, Stage.EXECUTE, "48/2 = 24", 0, 9, "48/2", Fraction(24), ("48", "half"), True),
        Step(1, Stage.EXECUTE, "48+24 = 72", 10, 20, "48+24", Fraction(72), ("48", 0), True),
        Step(2, Stage.VERIFY, "fine", value="fine", depends_on=(1,), derived=True),
    ),
    answer="72",
    givens=(Quantity("48", Fraction(48), "48"), Quantity("half", Fraction(1, 2), "half")),
    language="en",
    format="gsm8k",
    problems=("none really",),
)


def test_json_gives_the_graph_back() -> None:
    assert ReasoningGraph.from_json(json.dumps(GRAPH.to_json())) == GRAPH


def test_networkx_edges_run_from_source_to_use() -> None:
    graph = GRAPH.to_networkx()
    assert set(graph.edges) == {("48", 0), ("half", 0), ("48", 1), (0, 1), (1, 2)}
    assert graph.nodes[1]["value"] == 72


@pytest.mark.parametrize(
    "steps",
    [
        (Step(0, Stage.PLAN, "", depends_on=(0,)),),
        (Step(0, Stage.PLAN, "", depends_on=("7",)),),
        (Step(0, Stage.PLAN, ""), Step(0, Stage.PLAN, "")),
        (Step(0, Stage.PLAN, "", depends_on=(1,)), Step(1, Stage.PLAN, "")),
    ],
)
def test_impossible_graphs_are_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError, match=r"step|two"):
        ReasoningGraph(steps=steps)


def test_bad_arguments_raise() -> None:
    with pytest.raises(ValueError, match="unknown format 'latex'"):
        parse("x", format="latex")
    with pytest.raises(ValueError, match="unknown language 'fr'"):
        parse("x", language="fr")
    with pytest.raises(TypeError):
        parse(None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("<INST>q</INST><THINK>[PLAN]<STEP>a</THINK><ANS>1</ANS>", "nrm"),
        ("[EXECUTE]<STEP>1+1=2", "nrm"),
        ("<THINK>[UNDERSTAND]", "nrm"),
        ("[UNDERSTAND]\nGiven: 3.\n[ANSWER] 3", "staged"),
        ("<USER>q<\\USER> <THINK>t<\\THINK> <ANSWER>3<\\ANSWER>", "thinkset"),
        ("<think>Wait.</think> 5", "think"),
        ("1+1 = <<1+1=2>>2\n#### 2", "gsm8k"),
        ("How many? ** 1+1 = <<1+1=2>>2\n#### 2", "socratic"),
        ("First, we add.", "freeform"),
        ("", "freeform"),
    ],
)
def test_format_is_told_from_the_text(text: str, format: str) -> None:
    assert detect_format(text) == format


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is 47 + 35?", "en"),
        ("Is 12 even or odd?", "en"),
        ("Quanto é 4 + 5?", "pt"),
        ("Ana tinha 5 balas e ganhou mais 3.", "pt"),
        ("Tập nghiệm của phương trình là", "vi"),
        ("47 + 35 = 82", "und"),
        ("Combien de pommes Marie a-t-elle dans les deux paniers ?", "und"),
        ("Ana tiene 5 manzanas y compra 3 más. ¿Cuántas tiene?", "und"),
        ("", "und"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_wrong_format_and_foreign_language_are_named() -> None:
    nrm = "<INST>q</INST><THINK>[EXECUTE]<STEP>1+1=2</THINK><ANS>2</ANS>"
    assert "the text looks like nrm, not gsm8k" in parse(nrm, format="gsm8k").problems
    assert "the text looks like nrm, not staged" in parse(nrm, format="staged").problems
    french = "Marie avait 5 pommes et elle en achète 3 pour les enfants. Elle a 5+3 = 8 pommes."
    graph = parse(french, format="gsm8k")
    assert graph.language == "und" and graph.steps[0].value == 8
    assert "the language is none of English, Portuguese and Vietnamese" in graph.problems


def test_empty_text_is_an_empty_graph_with_the_problem_named() -> None:
    for format in ("auto", *FORMATS):
        graph = parse(" \n", question="How many?", format=format)
        assert graph.steps == () and graph.answer is None and graph.problems == ("the text is empty",)


FRAGMENTS = ["<INST>", "</INST>", "<THINK>", "</THINK>", "<STEP>", "<ANS>", "</ANS>", "[PLAN]", "[VERIFY]", "[ANSWER] 5", "####", "<<1+1=2>>",
             "<<", ">>", "⟦", '⟦{"id":0,"uses":[0,"x"],"value":{"number":"1/0"}}⟧', '⟦{"givens":[["a","1","a"],["a","2","a"]]}⟧', "**", "\n",
             "1. ", "3+4=7", "= ", "<USER>", "<\\USER>", "<\\THINK>", "A: 5", "? ** ", "x", "²", "\u2028"]  # fmt: skip
OWN = ("staged", "nrm", "gsm8k", "socratic")


@settings(max_examples=150)
@given(
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=12).map("".join),
    st.sampled_from(OWN),
    st.text(max_size=20),
)
def test_no_text_raises(text: str, format: str, question: str) -> None:
    graph = parse(text, format=format, question=question)
    assert graph.format == format
    assert all(0 <= step.start <= step.end <= len(text) for step in graph.steps)
    assert ReasoningGraph.from_json(json.dumps(graph.to_json())) == graph


@pytest.mark.parametrize(
    ("format", "unit"),
    [("nrm", "<STEP>7+5=12"), ("staged", "[PLAN]\n1. a\n"), ("gsm8k", "He has 3+4 = <<3+4=7>>7 pens.\n"), ("gsm8k", "1+"),
     ("gsm8k", "<<"), ("socratic", "a? ** b\n"), ("staged", "⟦{")],
)  # fmt: skip
def test_a_megabyte_is_read_in_bounded_time(format: str, unit: str) -> None:
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    begin = time.process_time()
    parse(text, format=format)
    assert time.process_time() - begin < 1.5


def test_import_is_quick_and_without_torch() -> None:
    code = (
        "import sys, parsers; sys.exit('torch' in sys.modules or 'sympy' in sys.modules or 'networkx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
