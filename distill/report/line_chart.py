"""Charts of values over training, as SVG text in the page's own colours: losses, accuracy, loads of experts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from distill.report.svg import svg, tag

STAGES = ("understand", "plan", "execute", "verify", "answer")
LOW = 0.4
"""Part of the even share below which an expert is drawn in the colour of a warning: 10 % of four experts."""
SHARE = re.compile(r"share_(\d+)_(\d+)$")

CHART_WIDTHS = (520, 330)
"""Pixels: on a screen, and on a phone, where a scaled picture would have letters too small to read."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """Points that are joined, and the CSS class of the line; `ranges` are (x, low, high)."""

    name: str
    points: Sequence[Point]
    style: str = ""
    ranges: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True, slots=True)
class Axes:
    """Where a chart's values stand in the picture; `is_log` for a logarithmic vertical axis."""

    x_end: float
    low: float
    high: float
    is_log: bool = False
    width: int = 520
    height: int = 260
    left: int = 62
    right: int = 16
    top: int = 26
    bottom: int = 44

    def x(self, value: float) -> float:
        """The pixel of a horizontal value."""
        return self.left + (self.width - self.left - self.right) * value / (self.x_end or 1.0)

    def y(self, value: float) -> float:
        """The pixel of a vertical value."""
        low, high, at = (math.log10(v) if self.is_log else v for v in (self.low, self.high, value))
        return self.top + (self.height - self.top - self.bottom) * (1 - (at - low) / ((high - low) or 1.0))


def loss_chart(history: Sequence[Mapping[str, Any]], *, width: int = CHART_WIDTHS[0]) -> str:
    """Mean loss of each stage in nats over training steps, on a logarithmic scale; "" without entries.

    `history` is the trainer's log: entries with `step` and `nll_understand` … `nll_answer`.
    """
    lines = [
        Line(stage, points, stage)
        for stage in STAGES
        if len(points := [(e["step"], e[f"nll_{stage}"]) for e in history if e.get(f"nll_{stage}", 0) > 0]) > 1
    ]
    if not lines:
        return ""
    values = [y for line in lines for _, y in line.points]
    ticks = _log_ticks(min(values), max(values))
    axes = Axes(max(x for line in lines for x, _ in line.points), ticks[0], ticks[-1], is_log=True, width=width)
    texts = [(tick, f"{tick:g}") for tick in ticks]
    return _legend(lines) + _chart(
        lines, axes, texts, "optimizer step", "loss of each stage over training", "nats per token"
    )


def accuracy_chart(
    curve: Sequence[Mapping[str, Any]], history: Sequence[Mapping[str, Any]], *, width: int = CHART_WIDTHS[0]
) -> str:
    """A point with its 95 % interval for each entry of `curve` (`step`, `accuracy`, `interval`); "" for fewer than two.

    The horizontal axis is minutes of training, from the log of training; without a log it is steps.
    """
    points = [one for one in curve if one["accuracy"] is not None]
    if len(points) < 2:
        return ""
    times, unit = _times([one["step"] for one in points], history)
    line = Line(
        "accuracy",
        [(time, one["accuracy"]) for time, one in zip(times, points, strict=True)],
        ranges=[(time, *one["interval"]) for time, one in zip(times, points, strict=True)],
    )
    texts = [(share, f"{100 * share:.0f} %") for share in (0, 0.25, 0.5, 0.75, 1)]
    return _chart([line], Axes(max(times), 0, 1, width=width), texts, unit, "accuracy over training")


def digits_charts(tasks: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """One small chart per task: accuracy with its 95 % interval against the digits of a question's longest number.

    `tasks` is metrics["digits"]; the lengths that training has are shaded. "" where no task has two lengths.
    """
    charts = []
    for task, entries in tasks.items():
        if len(entries) < 2:
            continue
        line = Line(
            task,
            [(one["digits"], one["accuracy"]) for one in entries],
            ranges=[(one["digits"], *one["interval"]) for one in entries],
        )
        axes = Axes(entries[-1]["digits"] + 0.5, 0, 1, width=300, height=190)
        taught = max((one["digits"] for one in entries if one["taught"]), default=0)
        texts = [(share, f"{100 * share:.0f} %") for share in (0, 0.5, 1)]
        name = task.replace("_", " ")
        label = f"accuracy of {name} against digits"
        charts.append(_chart([line], axes, texts, "digits", label, name, shaded=taught + 0.5 if taught else None))
    return f'<div class="panels">{"".join(charts)}</div>' if charts else ""


def balance_chart(history: Sequence[Mapping[str, Any]]) -> str:
    """One small chart per layer: one line per expert, the even share dotted; "" for a history without experts.

    `history` is the trainer's log: entries with `step` and `share_<layer>_<expert>` (distill/training/balancing.py).
    """
    entries = [entry for entry in history if "share_0_0" in entry]
    if len(entries) < 2:
        return ""
    names = [match for match in map(SHARE.match, entries[0]) if match]
    num_layers = 1 + max(int(match[1]) for match in names)
    num_experts = 1 + max(int(match[2]) for match in names)
    even, charts = 1 / num_experts, []
    for layer in range(num_layers):
        lines = []
        for expert in range(num_experts):
            key = f"share_{layer}_{expert}"
            points = [(entry["step"], entry[key]) for entry in entries if key in entry]
            lines.append(Line(str(expert), points, "starved" if points and points[-1][1] < LOW * even else ""))
        high = max([2 * even, *(y for line in lines for _, y in line.points)])
        axes = Axes(entries[-1]["step"], 0, high, width=300, height=190)
        texts = [(share, f"{100 * share:.0f} %") for share in (0, even, 2 * even) if share <= high]
        charts.append(_chart(lines, axes, texts, "optimizer step", f"loads of layer {layer}", f"layer {layer}", even))
    return f'<div class="panels">{"".join(charts)}</div>'


def last_balance(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last entry of the log that has loads; None for students without experts."""
    return next((entry for entry in reversed(history) if "expert_share_min" in entry), None)


def _chart(
    lines: Sequence[Line],
    axes: Axes,
    y_texts: Sequence[tuple[float, str]],
    x_label: str,
    label: str,
    title: str = "",
    even: float | None = None,
    shaded: float | None = None,
) -> str:
    """Lines in their axes; a dotted line at the height `even`, shade from the left up to `shaded`."""
    right, foot = axes.width - axes.right, axes.height - axes.bottom
    parts = [tag("text", title, x=4, y=14, class_="title")] if title else []
    if shaded is not None:
        width, height = axes.x(shaded) - axes.left, foot - axes.top
        parts.append(tag("rect", class_="shade", x=axes.left, y=axes.top, width=width, height=height))
    for value, text in y_texts:
        parts.append(tag("path", class_="grid", d=f"M{axes.left},{axes.y(value):.1f} H{right}"))
        parts.append(tag("text", text, x=axes.left - 8, y=axes.y(value) + 4, text_anchor="end"))
    for tick in _ticks(axes.x_end, 6 if axes.width > 400 else 3):
        parts.append(tag("text", f"{tick:,g}", x=axes.x(tick), y=foot + 18, text_anchor="middle"))
    parts.append(tag("text", x_label, x=(axes.left + right) / 2, y=axes.height - 6, text_anchor="middle"))
    if even is not None:
        parts.append(tag("path", class_="even", d=f"M{axes.left},{axes.y(even):.1f} H{right}"))
    for line in lines:
        path = " L".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in line.points)
        parts.append(tag("path", class_=f"line {line.style}".strip(), d=f"M{path}"))
        for x, low, high in line.ranges:
            parts.append(tag("path", class_="range", d=f"M{axes.x(x):.1f},{axes.y(low):.1f} V{axes.y(high):.1f}"))
        if line.ranges:
            parts += [tag("circle", class_="point", cx=axes.x(x), cy=axes.y(y), r=4) for x, y in line.points]
    return svg(parts, width=axes.width, height=axes.height, label=label, class_="chart")


def _legend(lines: Sequence[Line]) -> str:
    entries = (tag("span", line.name, style=f"--c: var(--{line.style})") for line in lines)
    return f'<div class="legend">{"".join(entries)}</div>'


def _times(steps: Sequence[int], history: Sequence[Mapping[str, Any]]) -> tuple[list[float], str]:
    """Minutes of training at each step, straight lines between the entries of the log."""
    logged = [(0, 0.0), *((e["step"], e["elapsed_seconds"]) for e in history if "elapsed_seconds" in e)]
    if len(logged) == 1:
        return [float(step) for step in steps], "optimizer steps"
    return [_between(step, logged) / 60 for step in steps], "minutes of training"


def _between(step: float, logged: Sequence[tuple[float, float]]) -> float:
    for (a, start), (b, end) in pairwise(logged):
        if a <= step <= b:
            return start + (end - start) * (step - a) / max(b - a, 1)
    return logged[-1][1]


def _ticks(end: float, most: int) -> list[float]:
    """Round numbers from 0 to the end, at most `most` steps apart."""
    if not end > 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(end / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if end / (power * factor) <= most)
    return [round(step * i, 12) for i in range(int(end / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from the last below `low` to the first above `high`."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    ticks = [float(f"{factor}e{power}") for power in powers for factor in (1, 2, 5)]
    first = max(i for i, tick in enumerate(ticks) if tick <= low)
    last = min(i for i, tick in enumerate(ticks) if tick >= high)
    return ticks[first : max(last, first + 1) + 1]
