"""parse(render(graph)) reads back equal, for real graphs and for hostile ones; spans cover the text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import NO_STAGE, Quantity, ReasoningGraph, Stage, Step, parse, render, structure
from parsers.writing.render import Format

FORMATS: tuple[Format, ...] = ("staged", "nrm")
HOSTILE = [
    "", " ", "\n", "[PLAN]", "a\nb", "1. x", "1. x\n2. y", "x\n\ny", "<STEP>", "</THINK>", "<ANS>5</ANS>", "<INST>", "[ANSWER] 3",
    '⟦{"uses":[0]}⟧', "x ⟦{}⟧", "⟦", "⟧", "####", "<think>", "<USER>", "<\\THINK>", "48 + 24 = 72", "<<48/2=24>>24", "Given: 5; half.",
    "Given: 3 pens. Asked: How many?", "x [EXECUTE] y", "\u2028", "\x00", "½", "-5", "7+5=12", "45<72", "[VERIFY", "<AN", "𝟓", "a\r\nb",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=12), st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
)
fractions = st.fractions(max_denominator=1000)
values = st.one_of(st.none(), fractions, texts)


@st.composite
def graphs(draw: st.DrawFn) -> ReasoningGraph:
    names = draw(st.lists(texts, unique=True, max_size=3))
    givens = tuple(Quantity(name, draw(fractions), draw(texts)) for name in names)
    ids = draw(
        st.one_of(
            st.lists(st.integers(-5, 30), unique=True, max_size=6), st.integers(0, 6).map(lambda n: list(range(n)))
        )
    )
    steps: list[Step] = []
    for step_id in ids:
        sources: list[int | str] = [*names, *(step.id for step in steps)]
        uses = draw(st.lists(st.sampled_from(sources), max_size=3)) if sources else []
        steps.append(
            Step(step_id, draw(st.sampled_from(Stage)), draw(texts), value=draw(values), depends_on=tuple(uses))
        )
    language = draw(st.sampled_from(["en", "pt", "vi", "und", "xx"]))
    return ReasoningGraph(draw(texts), tuple(steps), draw(st.none() | texts), givens, language)


def content(graph: ReasoningGraph) -> tuple[object, ...]:
    steps = [(step.id, step.stage, step.text, step.value, type(step.value), step.depends_on) for step in graph.steps]
    return steps, graph.answer, graph.givens


def check_reads_back_equal(graph: ReasoningGraph, format: Format) -> None:
    text = render(graph, format=format)
    for kind in ("auto", format):
        assert content(parse(text, format=kind)) == content(graph)
        assert content(parse(text, format=kind, question=graph.question)) == content(graph)
    if format == "nrm":
        assert parse(text).question == graph.question


@settings(max_examples=100)
@given(graphs(), st.sampled_from(FORMATS))
def test_any_graph_reads_back_equal(graph: ReasoningGraph, format: Format) -> None:
    check_reads_back_equal(graph, format)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(graphs(), st.sampled_from(FORMATS))
def test_ten_thousand_graphs_read_back_equal(graph: ReasoningGraph, format: Format) -> None:
    check_reads_back_equal(graph, format)


@settings(max_examples=60)
@given(graphs(), st.sampled_from(FORMATS))
def test_spans_tile_the_text(graph: ReasoningGraph, format: Format) -> None:
    text = render(graph, format=format)
    position = 0
    for span in text.spans:
        assert span.start == position < span.end
        position = span.end
        assert span.step_id is None or span.stage == next(step.stage for step in graph.steps if step.id == span.step_id)
    assert position == len(text)
    assert [span.step_id for span in text.spans if span.step_id is not None] == [step.id for step in graph.steps]


SOLUTION = "She sold 48/2 = <<48/2=24>>24 clips in May.\nIn both months she sold 48+24 = <<48+24=72>>72 clips.\n#### 72"
QUESTION = "Nora sold 48 clips in April, and half as many in May. How many clips did she sell in both months?"

STAGED = """[UNDERSTAND]
Given: 48 clips in April; half as many in May. Asked: How many clips did she sell in both months?
[PLAN]
1. Clips in May
2. Clips in both months she sold
[EXECUTE]
1. She sold 48/2 = <<48/2=24>>24 clips in May.
2. In both months she sold 48+24 = <<48+24=72>>72 clips.
[VERIFY]
72 - 24 = 48. Correct.
[ANSWER] 72"""


def test_plain_graph_is_written_without_notes() -> None:
    graph = structure(parse(SOLUTION, question=QUESTION))
    assert render(graph) == STAGED
    nrm = render(graph, format="nrm")
    assert nrm.startswith(f"<INST>{QUESTION}</INST><THINK>[UNDERSTAND]<STEP>Given: ")
    assert nrm.endswith("[VERIFY]<STEP>72 - 24 = 48. Correct.</THINK><ANS>72</ANS>")
    assert content(parse(nrm)) == content(graph)


def test_spans_of_a_stage_hold_its_marker_and_steps() -> None:
    text = render(structure(parse(SOLUTION, question=QUESTION)))
    plan = [span for span in text.spans if span.stage == Stage.PLAN]
    assert text[plan[0].start : plan[-1].end] == "[PLAN]\n1. Clips in May\n2. Clips in both months she sold\n"
    assert text[text.spans[-1].start :] == "[ANSWER] 72" and text.spans[-1].stage == NO_STAGE


def test_only_what_differs_is_noted() -> None:
    graph = parse(STAGED)
    changed = replace(graph, steps=(*graph.steps[:3], replace(graph.steps[3], depends_on=()), *graph.steps[4:]))
    assert render(changed) == STAGED.replace("24 clips in May.", '24 clips in May. ⟦{"uses":[]}⟧')
    assert parse(render(changed)).steps[3].depends_on == ()


def test_training_text_has_no_notes() -> None:
    graph = parse(SOLUTION, question=QUESTION)
    assert "⟦" in render(graph)  # without the question nothing says what is given
    plain = render(graph, exact=False)
    assert plain.startswith("[EXECUTE]\n1. She sold 48/2") and "⟦" not in plain
    assert content(parse(plain, question=QUESTION)) == content(graph)
    hostile = replace(graph, steps=(replace(graph.steps[0], text="a [PLAN] b"),))
    assert parse(render(hostile, exact=False)).steps[0].text == "a [PLAN] b"


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="staged, nrm"):
        render(ReasoningGraph(), format="latex")  # pyright: ignore[reportArgumentType]
