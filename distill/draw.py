"""A picture of a reasoning graph: a column a stage, reading order downwards, arrows from what is used to what uses it.

    GIVEN          UNDERSTAND      PLAN          EXECUTE            VERIFY
    [48] ──────────────────────────────────────▶ [48 / 2 = 24] ───▶ ...

Wrong steps are red and crossed, steps that were re-computed and hold carry a tick, derived steps have a dashed border.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from parsers.expressions import evaluate
from parsers.graph import Quantity, ReasoningGraph, Stage, Step, Value
from parsers.relations import decimal_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_STEPS = 40
"""Steps that are drawn; of longer graphs the first ones, and the title says so."""

_COLOURS = {
    None: ("#F3F4F6", "#6B7280"),
    Stage.UNDERSTAND: ("#E0ECFF", "#2563EB"),
    Stage.PLAN: ("#EFE7FD", "#7C3AED"),
    Stage.EXECUTE: ("#E6F6EC", "#15803D"),
    Stage.VERIFY: ("#FFF3D6", "#B45309"),
}
_WRONG = ("#FDE4E4", "#DC2626")
_WIDTH, _GIVEN_WIDTH, _GAP, _LINE, _PAD = 3.1, 1.05, 0.7, 0.165, 0.11
"""Inches: width of a column, of the givens' column, space between columns, height of a line, space around a text."""
_CHARACTERS = 46
"""Characters of a line in a node."""


@dataclass(slots=True)
class _Node:
    key: int | str
    left: float
    width: float
    lines: list[str]
    value: str
    colours: tuple[str, str]
    dashed: bool = False
    mark: str = ""
    top: float = 0.0

    @property
    def height(self) -> float:
        return _LINE * (len(self.lines) + bool(self.value)) + 2 * _PAD


def draw_graph(graph: ReasoningGraph, path: str | Path, *, title: str | None = None) -> None:
    """Writes the picture; the format follows the file's ending (png, svg, pdf).

    Args:
        graph: any graph; an empty one gives a picture that says so.
        path: where to write; its folder must exist.
        title: text over the picture, by default the question.

    Raises:
        ValueError: the file's ending is no picture format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stages = [stage for stage in Stage if any(step.stage is stage for step in graph.steps)]
    used = {source for step in graph.steps[:MAX_STEPS] for source in step.depends_on}
    givens = [given for given in graph.givens if given.name in used]
    nodes = _nodes(graph, givens, stages)
    width = max(4.5, _left(len(stages), bool(givens)))
    depth = _place(nodes)
    heading = _wrapped(title if title is not None else graph.question, int(width * 11.5), 4)
    above = 0.28 * len(heading) + 0.75
    figure = Figure(figsize=(width, depth + above + 0.75), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(-(depth + 0.75), above)
    axes.axis("off")
    _draw_frame(axes, graph, stages, bool(givens), heading, above, depth)
    _draw_edges(axes, graph.steps[:MAX_STEPS], {node.key: node for node in nodes})
    for node in nodes:
        _draw_node(axes, node)
    _save(figure, Path(path))


def _nodes(graph: ReasoningGraph, givens: list[Quantity], stages: list[Stage]) -> list[_Node]:
    """Givens first, then the steps in reading order, each in the column of its stage."""
    nodes = [_Node(given.name, 0.4, _GIVEN_WIDTH, [], _plain(_cut(given.name, 12)), _COLOURS[None]) for given in givens]
    for step in graph.steps[:MAX_STEPS]:
        wrong = step.correct is False
        mark = "✗" if wrong else "✓" if step.correct else ""
        value = _shown(step.value) + (_recomputed(step) if wrong else "")
        text = _wrapped(readable(step.text), _CHARACTERS, 6)
        left = _left(stages.index(step.stage), bool(givens))
        colours = _WRONG if wrong else _COLOURS[step.stage]
        nodes.append(_Node(step.id, left, _WIDTH, text, value, colours, step.derived, mark))
    return nodes


def _recomputed(step: Step) -> str:
    """What a wrong computation comes to, where that is not what it states."""
    right = evaluate(step.expression) if step.expression else None
    return "" if right is None or right == step.value else f"   (comes to {_shown(right)})"


def _place(nodes: list[_Node]) -> float:
    """Sets the tops: below the node before in the column, in reading order across columns. Returns the depth."""
    bottom: dict[float, float] = {}
    reached = 0.0  # the top of the step before, under which no later step may begin
    for node in nodes:
        if isinstance(node.key, str):
            node.top = bottom.get(node.left, 0.0)
        else:
            node.top = max(bottom.get(node.left, 0.0), reached)
            reached = node.top + 0.22
        bottom[node.left] = node.top + node.height + 0.16
    return max(bottom.values(), default=0.6)


def _draw_frame(
    axes: Axes,
    graph: ReasoningGraph,
    stages: list[Stage],
    has_givens: bool,
    heading: list[str],
    above: float,
    depth: float,
) -> None:
    """Title, column heads, and the answer with what could not be read underneath."""
    for i, line in enumerate(heading):
        axes.text(0.25, above - 0.28 * (i + 1), line, fontsize=10.5, va="center", parse_math=False)
    heads = [("GIVEN", _COLOURS[None][1], 0.4, _GIVEN_WIDTH)] if has_givens else []
    heads += [(stage.name, _COLOURS[stage][1], _left(i, has_givens), _WIDTH) for i, stage in enumerate(stages)]
    for name, colour, left, width in heads:
        axes.text(left, 0.2, name, fontsize=9, weight="bold", color=colour, va="center", parse_math=False)
        axes.plot([left, left + width], [0.07, 0.07], color=colour, linewidth=1.4)
    if not graph.steps:
        axes.text(0.25, -0.25, "no steps", fontsize=10, color="#6B7280", va="center", parse_math=False)
    notes = [f"answer: {_shown(graph.answer)}"]
    if len(graph.steps) > MAX_STEPS:
        notes.append(f"the first {MAX_STEPS} of {len(graph.steps)} steps")
    axes.text(0.25, -depth - 0.2, "     ".join(notes), fontsize=10, weight="bold", va="center", parse_math=False)
    if graph.problems:
        axes.text(
            0.25,
            -depth - 0.47,
            _cut(_plain("; ".join(graph.problems)), 130),
            fontsize=8.5,
            color=_WRONG[1],
            va="center",
        )


def _draw_edges(axes: Axes, steps: Iterable[Step], nodes: dict[int | str, _Node]) -> None:
    """An arrow for every dependency; arrows within a column bow out to the left of it."""
    from matplotlib.patches import FancyArrowPatch

    for step in steps:
        end = nodes[step.id]
        sources = [nodes[source] for source in step.depends_on if source in nodes]
        for i, start in enumerate(sources):
            entry = -(end.top + end.height * (i + 1) / (len(sources) + 1))
            if start.left == end.left:
                spread = min(0.6, 0.12 + 0.05 * (end.top - start.top))
                ends = ((start.left, -(start.top + start.height * 0.7)), (end.left, entry))
                style = f"arc3,rad={spread:.2f}"
            elif start.left < end.left:
                ends = ((start.left + start.width, -(start.top + start.height / 2)), (end.left, entry))
                style = "arc3,rad=0.04"
            else:
                ends = ((start.left, -(start.top + start.height / 2)), (end.left + end.width, entry))
                style = "arc3,rad=-0.12"
            colour = _WRONG[1] if start.colours == _WRONG else start.colours[1]
            axes.add_patch(
                FancyArrowPatch(
                    *ends,
                    connectionstyle=style,
                    arrowstyle="-|>",
                    mutation_scale=9,
                    linewidth=1.0,
                    color=colour,
                    alpha=0.6,
                    zorder=1,
                )
            )


def _draw_node(axes: Axes, node: _Node) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, top, width = node.left, -node.top, node.width
    fill, edge = node.colours
    axes.add_patch(
        FancyBboxPatch(
            (left, top - node.height), width, node.height, boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=fill, edgecolor=edge, linewidth=1.6 if fill == _WRONG[0] else 1.0,
            linestyle="--" if node.dashed else "-", zorder=2,
        )
    )  # fmt: skip
    _write_node(axes, node, edge)


def _write_node(axes: Axes, node: _Node, edge: str) -> None:
    """The texts of a node: its words, its value, its verdict and its number."""
    left, top, width, given = node.left, -node.top, node.width, isinstance(node.key, str)
    y = top - _PAD - _LINE / 2
    for line in node.lines:
        axes.text(left + 0.1, y, line, fontsize=7.4, color="#111827", va="center", zorder=3, parse_math=False)
        y -= _LINE
    if node.value and given:
        axes.text(
            left + width / 2,
            y,
            node.value,
            fontsize=9,
            weight="bold",
            color=edge,
            ha="center",
            va="center",
            zorder=3,
            parse_math=False,
        )
    elif node.value:
        axes.text(
            left + 0.1,
            y,
            f"= {node.value}",
            fontsize=8.4,
            weight="bold",
            color=edge,
            va="center",
            zorder=3,
            parse_math=False,
        )
    if node.mark:
        axes.text(
            left + width - 0.1,
            top - _PAD - 0.05,
            node.mark,
            fontsize=11,
            weight="bold",
            color=edge,
            ha="right",
            va="center",
            zorder=4,
            parse_math=False,
        )
    if not given:
        axes.text(
            left + width - 0.08,
            top - node.height + 0.09,
            f"#{node.key}",
            fontsize=6.5,
            color=edge,
            ha="right",
            va="center",
            zorder=4,
            parse_math=False,
        )


def _left(column: int, has_givens: bool) -> float:
    return 0.4 + (_GIVEN_WIDTH + _GAP if has_givens else 0) + column * (_WIDTH + _GAP)


def _shown(value: Value) -> str:
    """A value in few characters; "" for none."""
    if value is None:
        return ""
    if isinstance(value, Fraction):
        text = decimal_text(value).strip("()")
        return text if len(text) <= 18 else f"{float(value):.6g}" if abs(value) < 10**300 else "a very long number"
    return _plain(_cut(readable(value), 36))


def _wrapped(text: str, width: int, most: int) -> list[str]:
    lines = textwrap.wrap(_plain(text), max(12, width), break_long_words=True) or [""]
    return lines if len(lines) <= most else [*lines[: most - 1], _cut(lines[most - 1] + " " * width + "x", width)]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


_READABLE = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"<<[^<>\n]*>>", ""),
        (r"\*\*|__(?=\S)|^#+\s*|\\[()\[\]]|\\(?:left|right|displaystyle)(?![a-z])|\\[,;!]|(?<!\\)\$(?=[^\d])", ""),
        (r"\\(?:text|mathrm|textbf|mathbf|mbox|boxed|operatorname)\s*\{([^{}]*)\}", r"\1"),
        (r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1/\2"),
        (r"\\sqrt\s*\{([^{}]*)\}", r"√(\1)"),
        (r"\\times|\\cdot", "×"),
        (r"\\div", "÷"),
        (r"\\approx", "≈"),
        (r"\\leq?(?![a-z])", "≤"),
        (r"\\geq?(?![a-z])", "≥"),
        (r"\\(?:Rightarrow|implies)", "⇒"),
        (r"\\(?:Leftrightarrow|iff)", "⇔"),
        (r"\\pi(?![a-z])", "π"),
        (r"\\([%$&#{}])", r"\1"),
        (r"\\(?:begin|end)\{[a-z]+\*?\}|\\\\|&", " "),
        (r"\s+", " "),
    )
)


def readable(text: str) -> str:
    """Markdown and common LaTeX as plain characters: "\\[ 2 \\times 3 \\]" is "2 × 3"."""
    text = text[:1500]
    for pattern, to in _READABLE:
        text = pattern.sub(to, text)
    return text.strip()


_PLAIN = str.maketrans({"\u200b": "", "\t": " ", "\r": " ", "\n": " "})


def _plain(text: str) -> str:
    """Text that the font can show: no control characters and no characters outside the font's plane."""
    kept = "".join(c if c.isprintable() and ord(c) < 0x10000 else " " if c.isspace() else "□" for c in text[:2000])
    return kept.translate(_PLAIN)


def _save(figure: Figure, path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(path, facecolor="white")
