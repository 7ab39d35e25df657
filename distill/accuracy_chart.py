"""Accuracy against training time, as SVG text in the page's own colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 440, 240, 50, 12, 14, 42


def accuracy_chart(curve: Sequence[Mapping[str, Any]], history: Sequence[Mapping[str, Any]]) -> str:
    """A point with its 95 % interval for each entry of `curve` (`step`, `accuracy`, `interval`); "" for fewer than two.

    The horizontal axis is minutes of training, read from the log of training at each step; steps without a log.
    """
    points = [one for one in curve if one["accuracy"] is not None]
    if len(points) < 2:
        return ""
    times, unit = _times([one["step"] for one in points], history)
    end = max(times) or 1.0

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time / end

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)

    parts = [f'<svg class="curve" role="img" aria-label="accuracy over training" viewBox="0 0 {WIDTH} {HEIGHT}">']
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path class="grid" d="M{LEFT},{y(share):.1f} H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    for tick in _ticks(end):
        parts.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{unit}</text>')
    line = " L".join(f"{x(t):.1f},{y(one['accuracy']):.1f}" for t, one in zip(times, points, strict=True))
    parts.append(f'<path class="line" d="M{line}"/>')
    for time, one in zip(times, points, strict=True):
        low, high = one["interval"]
        parts.append(f'<path class="range" d="M{x(time):.1f},{y(low):.1f} V{y(high):.1f}"/>')
        parts.append(f'<circle cx="{x(time):.1f}" cy="{y(one["accuracy"]):.1f}" r="4"/>')
    return "".join([*parts, "</svg>"])


def _times(steps: Sequence[int], history: Sequence[Mapping[str, Any]]) -> tuple[list[float], str]:
    logged = [(entry["step"], entry["elapsed_seconds"]) for entry in history if "elapsed_seconds" in entry]
    if not logged:
        return [float(step) for step in steps], "optimizer steps"
    known, seconds = zip((0, 0.0), *logged, strict=True)
    return [float(time) / 60 for time in np.interp(steps, known, seconds)], "minutes of training"


def _ticks(end: float) -> list[float]:
    """Up to seven round numbers from 0 to the end."""
    from matplotlib.ticker import MaxNLocator

    return [float(tick) for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(0, end) if tick <= end]
