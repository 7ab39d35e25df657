"""Arc diagrams: a box for each value, in reading order, and an arc from each value to the values that use it.

given 34   ─╮
given 48   ─┤
4+8=12     ◀╯
answer 82
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distill.report.svg import svg, tag

LINE, PAD, CHARACTER = 17, 5, 7.55
"""Pixels: height of a line, space around the text of a box, width of a character of the monospaced font."""


@dataclass(frozen=True, slots=True)
class Box:
    """One row of the picture. `heading` stands above it; `mark` at its right, wrong where the style says so."""

    lines: tuple[str, ...]
    style: str = ""
    heading: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Arc:
    """Number of the box that is used, number of the box that uses it."""

    start: int
    end: int
    style: str = ""


def arc_diagram(
    boxes: Sequence[Box],
    arcs: Sequence[Arc],
    *,
    label: str,
    columns: int = 56,
    gutter: int = 76,
    title: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """The picture as SVG text.

    Args:
        label: what a screen reader says.
        columns: characters in a line of a box; `Box.lines` must not be longer.
        gutter: pixels on the left, where the arcs are.
        title: lines above the boxes.
        notes: lines below them.
    """
    width = gutter + columns * CHARACTER + 34
    parts = [tag("text", line, class_="title", x=2, y=14 + LINE * i) for i, line in enumerate(title)]
    top = LINE * len(title) + (8 if title else 3)
    middles: list[float] = []
    drawn: list[str] = []
    for box in boxes:
        if box.heading:
            drawn.append(tag("text", box.heading, class_=f"stage {box.style}", x=gutter, y=top + 15))
            top += 20
        height = LINE * len(box.lines) + 2 * PAD
        drawn += _box(box, left=gutter, top=top, width=width - gutter - 2, height=height)
        middles.append(top + height / 2)
        top += height + 5
    for arc in arcs:
        parts += _arc(arc, middles, gutter)
    parts += drawn
    for note in notes:
        top += LINE
        parts.append(tag("text", note, class_="note", x=2, y=top))
    return svg(parts, width=width, height=top + 6, label=label, class_="arcs")


def _box(box: Box, *, left: float, top: float, width: float, height: float) -> list[str]:
    parts = [tag("rect", class_=box.style or None, x=left, y=top, width=width, height=height, rx=6)]
    for i, line in enumerate(box.lines):
        parts.append(tag("text", line, class_=box.style or None, x=left + 9, y=top + PAD + 13 + LINE * i))
    if box.mark:
        is_wrong = "wrong" in box.style.split()
        style = "verdict wrong" if is_wrong else "verdict"
        parts.append(tag("text", box.mark, class_=style, x=left + width - 9, y=top + PAD + 13, text_anchor="end"))
    return parts


def _arc(arc: Arc, middles: Sequence[float], gutter: int) -> list[str]:
    """An arc with an arrow head; the further apart its ends, the further left it reaches."""
    start, end, x = middles[arc.start], middles[arc.end], gutter - 4
    reach = min(gutter - 8, 12 + 0.3 * abs(end - start))
    bow = f"M{x},{start:.1f} C{x - reach:.1f},{start:.1f} {x - reach:.1f},{end:.1f} {x - 3},{end:.1f}"
    head = f"M{x - 6},{end - 3.5:.1f} L{x},{end:.1f} L{x - 6},{end + 3.5:.1f}"
    style = arc.style or None
    return [tag("path", class_=style, d=bow), tag("path", class_=f"{arc.style} head".strip(), d=head)]
