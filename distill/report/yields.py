"""The yield of a teacher that is a model: solutions asked, answered, read, right, kept, by data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from distill.runs.terminal import say

COLUMNS = ("asked", "answered", "read", "right", "kept", "tokens")
WAYS = {"alone": "alone", "with_reference": "with the reference"}


def yield_rows(counts: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Rows of text for a table: data set, way of asking, then COLUMNS, from the counts in run.json."""
    for dataset, found in counts.items():
        for way, title in WAYS.items():
            if way in found:
                yield dataset, title, *(f"{found[way][name]:,}" for name in COLUMNS)


def rejections(counts: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Reasons why solutions were rejected or missing, with counts, the most frequent first."""
    reasons: dict[str, int] = {}
    for found in counts.values():
        for way in WAYS:
            for group in ("rejected", "failed"):
                for reason, count in found.get(way, {}).get(group, {}).items():
                    reasons[reason] = reasons.get(reason, 0) + count
    return sorted(reasons.items(), key=lambda item: -item[1])


def show_yield(counts: Mapping[str, Any], console: Console) -> None:
    """Print the table, and below it the reasons for rejected solutions."""
    table = Table("data set", "way", *COLUMNS, box=None, pad_edge=False)
    for row in yield_rows(counts):
        table.add_row(*row)
    console.print(table)
    for reason, count in rejections(counts):
        say(console, f"{count:,} × {reason}")
