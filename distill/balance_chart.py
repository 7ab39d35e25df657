"""The share of tokens of every expert over training, a panel for each layer, as SVG text."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from distill.charts import INK, STYLE, inline_svg

COLUMNS = 4
LOW = 0.4
"""Part of the even share below which an expert is drawn in the colour of a warning: 10 % of four experts."""

SHARE = re.compile(r"share_(\d+)_(\d+)$")


def balance_chart(history: Sequence[Mapping[str, Any]]) -> str:
    """One line an expert, the even share dotted; "" for a history without experts.

    `history` is the trainer's log: entries with `step` and `share_<layer>_<expert>` (distill/balancing.py).
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    entries = [entry for entry in history if "share_0_0" in entry]
    if len(entries) < 2:
        return ""
    names = [match for match in map(SHARE.match, entries[0]) if match]
    num_layers = 1 + max(int(match[1]) for match in names)
    num_experts = 1 + max(int(match[2]) for match in names)
    steps = [entry["step"] for entry in entries]
    rows, columns = -(-num_layers // COLUMNS), min(COLUMNS, num_layers)
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.6 + 1.7 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
        for layer, axes in enumerate(panels):
            if layer >= num_layers:
                axes.set_visible(False)
                continue
            for expert in range(num_experts):
                shares = [entry.get(f"share_{layer}_{expert}", float("nan")) for entry in entries]
                colour = "#c2410c" if shares[-1] < LOW / num_experts else "#2563eb"
                axes.plot(steps, shares, color=colour, linewidth=1.4, alpha=0.8)
            axes.axhline(1 / num_experts, color=INK, linewidth=0.8, linestyle=":")
            axes.set_title(f"layer {layer}", fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylim(0, None)
        figure.supxlabel("optimizer step", fontsize=11)
        figure.supylabel("share of tokens", fontsize=11)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return inline_svg(buffer.getvalue(), label="share of tokens of every expert over training")


def last_balance(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last entry of the log that has loads; None for students without experts."""
    return next((entry for entry in reversed(history) if "expert_share_min" in entry), None)
