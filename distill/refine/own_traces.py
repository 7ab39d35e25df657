"""The sampled solutions of a refine round: counts by kind, and the mix of training examples made from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from distill.data.rows import Row, encode_row
from distill.evaluation.statistics import wilson
from distill.recipe.schema import Recipe
from distill.tracks.own_traces import KINDS, OwnTrace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from students.encoding import Example


def count_traces(traces: Sequence[OwnTrace]) -> dict[str, Any]:
    """How many solutions of a round were of each kind, in total and by task."""
    kinds = Counter(trace.kind for trace in traces)
    right, learnt = kinds["right"], kinds["kept"] + kinds["mistaken"]
    places = Counter(trace.first_wrong + 1 for trace in traces if trace.first_wrong is not None)
    tasks = dict.fromkeys(trace.task for trace in traces)
    return {
        "samples": len(traces),
        **{kind: kinds[kind] for kind in KINDS},
        "distinct": len({trace.row.text for trace in traces if trace.row}),
        "share_right": right / len(traces) if traces else None,
        "interval": list(wilson(right, len(traces))),
        "label_noise": kinds["mistaken"] / learnt if learnt else None,
        "first_wrong": dict(sorted(places.items())),
        "tasks": {task: dict(Counter(trace.kind for trace in traces if trace.task == task)) for task in tasks},
    }


class Pools(NamedTuple):
    """The rows to learn from a round's traces: correct ones and corrected ones."""

    right: list[Row]
    corrected: list[Row]


def pools_of(traces: Sequence[OwnTrace]) -> Pools:
    """The rows of a round's traces, right and corrected.

    Correct solutions of problems that were solved every time teach nothing new and are left out, unless all problems
    were (as in DAPO's dynamic sampling, arXiv 2503.14476, section 3.2).
    """
    missed = {trace.question for trace in traces if trace.kind != "right"}
    right = [trace.row for trace in traces if trace.row and trace.kind != "corrected"]
    return Pools(
        [row for row in right if row.question in missed] or right,
        [trace.row for trace in traces if trace.row and trace.kind == "corrected"],
    )


def mixed_example(
    recipe: Recipe,
    number: int,
    pools: Pools,
    teacher: Callable[[int, Random], Example],
    tokenizer: PreTrainedTokenizerBase,
    index: int,
) -> Example:
    """Example number `index` of round `number`: the teacher's, an own correct solution, or an own corrected one.

    Args:
        teacher: gives the teacher's example number `index`, or one that it draws.
    """
    refine, (right, corrected) = recipe.refine, pools
    assert refine is not None
    random = Random(f"refine/{recipe.seed}/{number}/{index}")
    is_teachers, is_corrected = random.random() < refine.teacher_share, random.random() < refine.corrected_share
    pool = (corrected or right) if is_corrected else (right or corrected)
    return teacher(index, random) if is_teachers or not pool else encode_row(random.choice(pool), tokenizer)
