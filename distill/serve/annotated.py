"""An answer as JSON for the page: its stages with verdicts, and the picture of its graph."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from distill.report.blocks import MAX_SHOWN, count_checked, stage_blocks
from distill.report.graph_picture import NARROW, WIDE, graph_svg
from distill.report.svg import standalone
from parsers import parse
from parsers.text.markers import VERIFY_MARKER


def annotated(text: str, *, question: str, is_narrow: bool = False, has_gate: bool = False) -> dict[str, Any]:
    """The blocks of a text that may be unfinished, its graph as SVG, and the number of correct computations.

    `verifying`: the verification adapter is on. That is true from the marker on, if the model has this adapter.
    """
    graph = parse(text[:MAX_SHOWN], question=question)
    held, checked = count_checked(graph)
    return {
        "blocks": [asdict(block) for block in stage_blocks(text, question=question)],
        "svg": graph_svg(graph, columns=NARROW if is_narrow else WIDE) if graph.steps else "",
        "held": held,
        "checked": checked,
        "verifying": has_gate and VERIFY_MARKER in text,
    }


def picture(text: str, *, question: str) -> str:
    """The graph of an answer as a picture file, under its question."""
    graph = parse(text[:MAX_SHOWN], question=question)
    return standalone(graph_svg(graph, title=question))
