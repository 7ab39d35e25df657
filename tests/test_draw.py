"""Pictures of graphs: one is written for any graph, in the format of the file's ending."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.draw import draw_graph, readable
from parsers import ReasoningGraph, parse

QUESTION = "A cup costs $3 and 4 are bought. What is paid?"
TEXT = "To find the price, we need to multiply.\nEach cup costs $3.\nSo 4 * 3 = 13 dollars.\nCheck: 13 / 4 = 3.25, which is wrong."


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture_is_written_in_the_format_of_its_ending(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"graph.{ending}"
    draw_graph(parse(TEXT, question=QUESTION, format="freeform"), path, title="Cups for $3")
    head = path.read_bytes()[:400]
    assert head.startswith(b"\x89PNG") if ending == "png" else b"<svg" in head or b"<?xml" in head


def test_wrong_steps_look_different(tmp_path: Path) -> None:
    paths = []
    for name, value in (("right", "12"), ("wrong", "13")):
        paths.append(tmp_path / f"{name}.svg")
        draw_graph(parse(f"So 4 * 3 = {value} dollars.", question=QUESTION, format="freeform"), paths[-1])
    right, wrong = (path.read_text(encoding="utf-8").lower() for path in paths)
    assert "#fde4e4" in wrong and "#fde4e4" not in right


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
    assert readable("**So** \\[ \\frac{6}{2} \\times \\$4 = <<6/2*4=12>>\\boxed{12} \\]") == "So 6/2 × $4 = 12"
