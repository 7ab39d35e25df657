"""Compares the student with its untouched base in one line; a warning if it is worse.

    {"strict": {"difference": -0.031, "interval": [-0.06, -0.002], …}, …}
->  "3.1 points below its base (-6.0 to -0.2), strict; the base was asked by its best prompt"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def difference_from_base(metrics: Mapping[str, Any]) -> str | None:
    """The difference between student and base, with the interval; None if no base was evaluated."""
    measured = _measured(metrics)
    if not measured:
        return None
    one = measured["strict"]
    low, high = (100 * bound for bound in one["interval"])
    side = "above" if one["difference"] >= 0 else "below"
    return f"{100 * abs(one['difference']):.1f} points {side} its base ({low:+.1f} to {high:+.1f})"


def below_base(metrics: Mapping[str, Any]) -> str | None:
    """A warning if the student answers fewer questions correctly than its base, strict or lenient; else None."""
    found = []
    for name, one in _measured(metrics).items():
        if one["difference"] < 0:
            low, high = (100 * bound for bound in one["interval"])
            found.append(f"{-100 * one['difference']:.1f} points ({low:+.1f} to {high:+.1f}) {name}")
    if not found:
        return None
    words = "its best prompt" if metrics["base"]["prompt"] == "best" else "the student's prompt"
    return f"The student is below its untouched base: {', '.join(found)}. The base was asked by {words}."


def _measured(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The two readings of accuracy, compared with the base."""
    paired = metrics.get("paired") if metrics.get("base") else None
    return {name: paired[name] for name in ("strict", "lenient") if paired and paired.get(name)}
