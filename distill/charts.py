"""Charts as SVG text that takes its text colour from the page around it, so that it suits light, dark and print."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

STAGE_LINES = {
    "understand": ("#2563eb", "solid"),
    "plan": ("#7c3aed", (0, (4, 1.5))),
    "execute": ("#15803d", "solid"),
    "verify": ("#d97706", (0, (4, 1.5))),
    "answer": ("#7a7f87", (0, (1, 1.2))),
}
"""Colour and dashes of each stage; the dashes tell apart what some readers' eyes do not."""

INK = "#010203"
"""The colour that becomes the page's own."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 11.5,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}
"""How every chart of a report looks, for matplotlib."""


def loss_chart(history: Sequence[Mapping[str, Any]]) -> str:
    """Mean loss of each stage in nats over training steps, on a logarithmic scale, as SVG text.

    `history` is the trainer's log: entries with `step` and `nll_understand` … `nll_answer`. "" without such entries.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    lines = {
        stage: [(entry["step"], entry[f"nll_{stage}"]) for entry in history if entry.get(f"nll_{stage}", 0) > 0]
        for stage in STAGE_LINES
    }
    lines = {stage: points for stage, points in lines.items() if len(points) > 1}
    if not lines:
        return ""
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for stage, points in lines.items():
            steps, losses = zip(*points, strict=True)
            colour, dashes = STAGE_LINES[stage]
            axes.plot(steps, losses, color=colour, linestyle=dashes, linewidth=2, label=stage)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_xlabel("optimizer step")
        axes.set_ylabel("nats per token")
        axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(frameon=False, ncols=len(lines), loc="outside upper center", handlelength=1.8, columnspacing=1.3)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return inline_svg(buffer.getvalue(), label="loss of each stage over training")


def inline_svg(text: str, *, label: str) -> str:
    """An SVG file as an element of a page: no declarations, as wide as its place, in the page's ink and font."""
    svg = text[text.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: (\d+(?:\.\d+)?)px [^;\"]*", r"font: \1px inherit; font-family: inherit", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
