"""Pictures of graphs: one is written for any graph, in the format of the file's ending."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distill.report.graph_picture import NARROW, draw_graph, graph_svg
from parsers import ReasoningGraph, parse
from parsers.text.plain import without_markup

QUESTION = "A cup costs $3 and 4 are bought. What is paid?"
TEXT = "To find the price, we need to multiply.\nEach cup costs $3.\nSo 4 * 3 = 13 dollars.\nCheck: 13 / 4 = 3.25, which is wrong."


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_is_written_in_the_format_of_its_ending(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"graph.{ending}"
    draw_graph(parse(TEXT, question=QUESTION, format="freeform"), path, title="Cups for $3")
    start = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a picture ends in"):
        draw_graph(parse("1 + 1 = 2."), tmp_path / "graph.gif")


def test_wrong_steps_look_different(tmp_path: Path) -> None:
    paths = []
    for name, value in (("right", "12"), ("wrong", "13")):
        paths.append(tmp_path / f"{name}.svg")
        draw_graph(parse(f"So 4 * 3 = {value} dollars.", question=QUESTION, format="freeform"), paths[-1])
    right, wrong = (path.read_text(encoding="utf-8").lower() for path in paths)
    assert "✗" in wrong and "comes to 12" in wrong and "✗" not in right and "✓" in right


def test_an_arc_for_each_dependency_and_no_line_wider_than_its_box() -> None:
    graph = parse(
        "A cup costs $3. So 4 * 3 = 12 dollars. " + "Then 12 + 1 = 13 dollars are paid in words. " * 3,
        question=QUESTION,
    )
    picture = graph_svg(graph, columns=NARROW)
    assert picture.count('d="M') == 2 * sum(len(step.depends_on) for step in graph.steps)
    boxes = re.findall(r'<text class="(?:[A-Z]+|given|answer)" [^>]*>([^<]*)</text>', picture)
    assert boxes and max(map(len, boxes)) <= NARROW


@pytest.mark.parametrize(
    "graph",
    [
        ReasoningGraph(),
        parse("", question="Nothing?"),
        parse("A $x_{$ \\frac{ of \U0001f600 and \x01 = 3 * 4 = 12", question="$ $ ^ _ { 3", format="freeform"),
        parse("1 + 1 = 2. " * 90, question="1 and 1?", format="freeform"),
    ],
    ids=["empty", "no steps", "hostile", "long"],
)
def test_any_graph_can_be_drawn(tmp_path: Path, graph: ReasoningGraph) -> None:
    draw_graph(graph, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 1000


def test_markup_is_made_readable() -> None:
    assert without_markup("**So** \\[ \\frac{6}{2} \\times \\$4 = <<6/2*4=12>>\\boxed{12} \\]") == "So 6/2 × $4 = 12"
    assert (
        without_markup("$0 \\le \\theta < 2\\pi$ [asy] draw((0,0)); [/asy] \\tfrac12 and 30^\\circ")
        == "0 ≤ θ < 2π [figure] 1/2 and 30°"
    )
    assert without_markup("\\boxed{(") == "("
