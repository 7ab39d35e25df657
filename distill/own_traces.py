"""What a self-error round keeps of drawn solutions: which kind each one is, the yield, and the mix that is learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from distill.evaluation.statistics import wilson
from distill.recipe import Recipe

KINDS = ("right", "broken", "corrected", "misread", "malformed", "other")


@dataclass(frozen=True, slots=True)
class OwnTrace:
    """One drawn solution. `kind` says what it is, `text` what is learnt from it, "" where nothing is.

    right: right steps and the right answer. broken: right steps, but VERIFY or the answer went wrong; it is learnt with
    the teacher's. corrected: a wrong step, with the VERIFY that mends it. misread: UNDERSTAND (of a nano student also
    PLAN) is not the problem's. malformed: not four stages in order. other: nothing that can be learnt from for sure.
    """

    kind: str
    task: str
    text: str = ""
    ignored: tuple[tuple[int, int], ...] = ()
    """Characters that are not learnt: the steps from the first wrong one on."""
    first_wrong: int | None = None
    """Number of the first wrong EXECUTE step, from 0."""


def count_traces(traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The yield of a round: how many solutions were of which kind, in all and in each task."""
    kinds = Counter(trace["kind"] for trace in traces)
    right = kinds["right"]
    places = Counter(trace["first_wrong"] + 1 for trace in traces if trace["first_wrong"] is not None)
    tasks = dict.fromkeys(trace["task"] for trace in traces)
    return {
        "samples": len(traces),
        **{kind: kinds[kind] for kind in KINDS},
        "distinct": len({trace["text"] for trace in traces if trace["text"]}),
        "share_right": right / len(traces) if traces else None,
        "interval": list(wilson(right, len(traces))),
        "first_wrong": dict(sorted(places.items())),
        "tasks": {task: dict(Counter(trace["kind"] for trace in traces if trace["task"] == task)) for task in tasks},
    }


Pools = tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]
"""What is learnt of a round's traces: the right ones, and the corrected ones."""


def pools_of(traces: Sequence[Mapping[str, Any]]) -> Pools:
    """The traces of a round that have a text, right and corrected.

    Of the right ones only those of problems that were not solved every time, unless all were: what always succeeds has
    nothing left to teach (as in DAPO's dynamic sampling, arXiv 2503.14476, section 3.2).
    """
    missed = {trace["question"] for trace in traces if trace["kind"] != "right"}
    learnt = [trace for trace in traces if trace["text"]]
    right = [trace for trace in learnt if trace["kind"] != "corrected"]
    return (
        [trace for trace in right if trace["question"] in missed] or right,
        [trace for trace in learnt if trace["kind"] == "corrected"],
    )


Encoders = tuple[Callable[[int, Random], Any], Callable[[Mapping[str, Any]], Any]]
"""Example number `index` of the teacher, and the Example of an own trace."""


def mixed_example(recipe: Recipe, number: int, pools: Pools, encoders: Encoders, index: int) -> Any:
    """Example number `index` of round `number`: the teacher's, an own right chain, or an own error put right."""
    refine, (right, corrected), (teacher, own) = recipe.refine, pools, encoders
    assert refine is not None
    random = Random(f"refine/{recipe.seed}/{number}/{index}")
    is_teachers, is_corrected = random.random() < refine.teacher_share, random.random() < refine.corrected_share
    pool = (corrected or right) if is_corrected else (right or corrected)
    return teacher(index, random) if is_teachers or not pool else own(random.choice(pool))
