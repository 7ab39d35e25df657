"""One line of a table of measurements: what was measured, its value, what is promised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table; `good` is None where nothing is promised."""

    name: str
    value: str
    promised: str
    good: bool | None = None
    rest: tuple[str, ...] = ()


def share(name: str, right: int, total: int, least: float, rest: Iterable[str] = ()) -> Measurement:
    """A share of cases against the least that is promised."""
    reached = right / total if total else 0.0
    return Measurement(name, f"{right:,} of {total:,} = {reached:.2%}", f"≥ {least:.1%}", reached >= least, tuple(rest))
