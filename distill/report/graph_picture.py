"""A picture of a reasoning graph: its steps in reading order, with an arc from what is used to what uses it.

    GIVEN      48
    EXECUTE  ◀ 48 / 2 = 24       ✓
             ◀ 48 + 24 = 73      ✗ comes to 72

A tick means that the step re-computes. Wrong steps are red. Steps that we derived have a dashed border.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from distill.report.arcs import Arc, Box, arc_diagram
from distill.report.svg import standalone
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import show
from parsers.graph import ReasoningGraph, Stage, Step, Value
from parsers.text.plain import in_one_line, without_markup

MAX_STEPS = 40
"""Steps that are drawn; of longer graphs the first ones, and a note says so."""
MAX_LINES = 6
FILE, WIDE, NARROW = 64, 46, 33
"""Characters of a line: in a picture file, on a page, on a phone."""
PICTURES = (".svg", ".png", ".pdf")


def graph_svg(graph: ReasoningGraph, *, columns: int = FILE, title: str | None = None) -> str:
    """The picture as SVG text in the colours of the page around it; an empty graph gives a picture that says so."""
    boxes, places = _boxes(graph, columns)
    arcs = list(_arcs(graph, places))
    notes = list(_notes(graph, columns + 8))
    lines = _wrapped(title, columns + 8, 4) if title else ()
    gutter = 76 if columns > NARROW else 48
    return arc_diagram(boxes, arcs, label="a reasoning graph", columns=columns, gutter=gutter, title=lines, notes=notes)


def draw_graph(graph: ReasoningGraph, path: str | Path, *, title: str | None = None) -> None:
    """Write the picture; the format follows the file's ending (svg, png, pdf).

    Args:
        graph: any graph.
        path: where to write; its folder must exist.
        title: text over the picture, by default the question.

    Raises:
        ValueError: the file's ending is no picture format.
    """
    path = Path(path)
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"{path.name}: a picture ends in {', '.join(PICTURES)}")
    picture = standalone(graph_svg(graph, title=graph.question if title is None else title))
    if path.suffix.lower() == ".svg":
        path.write_text(picture, encoding="utf-8")
    else:
        path.write_bytes(_rendered(picture, as_pdf=path.suffix.lower() == ".pdf"))


def _rendered(picture: str, *, as_pdf: bool) -> bytes:
    from resvg_py import svg_to_bytes

    image = bytes(svg_to_bytes(svg_string=picture, zoom=2))
    if not as_pdf:
        return image
    from PIL import Image

    page = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").save(page, format="pdf", resolution=144)
    return page.getvalue()


def _boxes(graph: ReasoningGraph, columns: int) -> tuple[list[Box], dict[int | str, int]]:
    """The givens that steps use, the steps, and the answer; and the number of the box of each."""
    steps = graph.steps[:MAX_STEPS]
    used = {source for step in steps for source in step.depends_on}
    boxes: list[Box] = []
    places: dict[int | str, int] = {}
    for given in graph.givens:
        if given.name in used:
            places[given.name] = len(boxes)
            heading = "" if boxes else "GIVEN"
            boxes.append(Box(_wrapped(without_markup(given.name), columns, 1), "given", heading))
    before: Stage | None = None
    for step in steps:
        places[step.id] = len(boxes)
        boxes.append(_step_box(step, columns, heading=step.stage.name if step.stage is not before else ""))
        before = step.stage
    if graph.answer is not None:
        boxes.append(Box(_wrapped(shown(graph.answer), columns, 2), "answer", "ANSWER"))
    return boxes, places


def _step_box(step: Step, columns: int, *, heading: str) -> Box:
    text, value = without_markup(step.text), shown(step.value)
    lines = _wrapped(text, columns - 3, MAX_LINES)
    style = f"{step.stage.name} {'derived' if step.derived else ''}".strip()
    if step.correct is False:
        return Box((*lines, *_wrapped(comes_to(step), columns - 3, 1)), f"{step.stage.name} wrong", heading, "✗")
    if value and value not in text.replace(",", ""):
        lines = (*lines, *_wrapped(f"= {value}", columns - 3, 1))
    return Box(lines, style, heading, "✓" if step.correct else "")


def comes_to(step: Step) -> str:
    """The right value of a wrong computation, in words; "" if it is unknown."""
    right = evaluate(step.expression) if step.expression else None
    return "" if right is None or right == step.value else f"comes to {shown(right)}"


def shown(value: Value) -> str:
    """A value in few characters; "" for none."""
    if value is None:
        return ""
    if isinstance(value, Fraction):
        text = show(value, places=40)
        return text if len(text) <= 18 else f"{float(value):.6g}" if abs(value) < 10**300 else "a very long number"
    return without_markup(value)


def _arcs(graph: ReasoningGraph, places: dict[int | str, int]) -> Iterator[Arc]:
    stages = {step.id: "wrong" if step.correct is False else step.stage.name for step in graph.steps}
    for step in graph.steps[:MAX_STEPS]:
        for source in step.depends_on:
            if source in places:
                yield Arc(places[source], places[step.id], stages.get(source, "") if isinstance(source, int) else "")


def _notes(graph: ReasoningGraph, columns: int) -> Iterator[str]:
    if not graph.steps:
        yield "no steps"
    if len(graph.steps) > MAX_STEPS:
        yield f"the first {MAX_STEPS} of {len(graph.steps)} steps"
    if graph.problems:
        yield from _wrapped("not read: " + "; ".join(graph.problems), columns, 3)


def _wrapped(text: str, width: int, most: int) -> tuple[str, ...]:
    """Lines of at most `width` characters, at most `most` of them; an ellipsis where text was left out."""
    lines = textwrap.wrap(in_one_line(text), width, max_lines=most, placeholder="…", break_long_words=True)
    return tuple(lines) if lines or not text else ("",)
