"""Chooses the output that a report compares with its teacher: a wrong one if possible, of medium length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from distill.evaluation.flow import read_flow

if TYPE_CHECKING:
    from distill.evaluation.scored import Scored

LOOKED_AT = 2000
"""Outputs among which one is chosen."""
BEST_SIZE, MOST = 6, 14
"""Computed values of a graph that is easily read, and of the largest that is shown."""


def choose_example(scored: Sequence[Scored]) -> dict[str, Any] | None:
    """Question, output, both graphs and the score, as they stand under `example` in metrics.json; None if none suits.

    Wrong outputs that differ from their teacher come first, then right ones; of each, the size nearest to BEST_SIZE.
    """
    found: list[tuple[tuple[bool, int], Scored]] = []
    for one in scored[:LOOKED_AT]:
        if one.teacher is None or one.rfs is None or not one.form.thinking_rate:
            continue
        sizes = [len(read_flow(graph).values) for graph in (one.graph, one.teacher)]
        if min(sizes) >= 2 and max(sizes) <= MOST:
            is_wrong = one.grade is not None and not one.grade.strict and one.rfs < 1
            found.append(((not is_wrong, abs(max(sizes) - BEST_SIZE)), one))
    if not found:
        return None
    best = min(found, key=lambda item: item[0])[1]
    assert best.teacher is not None
    return {
        "question": best.output.question,
        "output": best.output.text,
        "right": best.grade and best.grade.strict,
        "rfs": best.rfs,
        "student": best.graph.to_json(),
        "teacher": best.teacher.to_json(),
    }
