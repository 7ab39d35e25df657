"""Compares two sets of outputs on the same questions, question by question.

compare_outputs(scored, against)["strict"]
->  {"share": 0.845, "against": 0.80, "difference": 0.045, "interval": [0.012, 0.078], "only_here": 15, …}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from distill.evaluation.scored import Scored
from distill.evaluation.statistics import compare_paired

MEASURES: dict[str, Callable[[Scored], bool | None]] = {
    "strict": lambda one: one.grade and one.grade.strict,
    "lenient": lambda one: one.grade and one.grade.lenient,
    "well_formed": lambda one: one.form.well_formed,
}
"""What can be compared, each a yes or no for one output, None where it was not measured."""


def compare_outputs(here: Sequence[Scored], against: Sequence[Scored]) -> dict[str, Any]:
    """The differences between `here` and `against` on their common questions.

    Questions are joined by equal text; of a question that repeats, the first output counts. Every measure has `n`, both
    shares, and their `difference` (here minus there) with a bootstrap 95 % interval. It also has the number of
    questions that only one side got right, and McNemar's two-sided `p_value`. A measure is None if no joined question
    was measured on both sides.
    """
    first, other = first_of_each_question(here), first_of_each_question(against)
    joined = [question for question in first if question in other]
    found: dict[str, Any] = {
        "joined": len(joined),
        "only_here": len(first) - len(joined),
        "only_there": len(other) - len(joined),
    }
    for name, measure in MEASURES.items():
        pairs = [(measure(first[question]), measure(other[question])) for question in joined]
        found[name] = _compare([(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None])
    return found


def first_of_each_question(scored: Sequence[Scored]) -> dict[str, Scored]:
    """Question to its first output."""
    return {one.output.question: one for one in reversed(scored)}


def _compare(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any] | None:
    if not pairs:
        return None
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    found = compare_paired(theirs, ours)
    return {
        "n": found.n,
        "share": sum(ours) / found.n,
        "against": sum(theirs) / found.n,
        "difference": found.difference,
        "interval": list(found.interval),
        "only_here": found.only_b,
        "only_there": found.only_a,
        "p_value": found.p_value,
    }
