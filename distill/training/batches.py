"""Turns examples into batches. Batch k is a pure function of (seed, k), so resuming means starting at another k.

The examples of an optimizer step are drawn first and sorted by length afterwards. So grouping by length saves padding
without changing what a step learns from. The micro-batches of a step have nearly equal cost.

    step 0:  16 examples ─ sort ─▶ [24 25 26 27 31 | 33 34 38 40 | 44 51 53 | 60 61 75 79]   4 micro-batches
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from distill.errors import UserError
from losses import IGNORE_INDEX
from parsers.graph import NO_STAGE
from students.encoding import Example

Batch = dict[str, Tensor]
"""input_ids, labels, stage_ids, attention_mask, position_ids, each (B, T) int64; `labels` are not shifted."""


@dataclass(frozen=True)
class Batches:
    """`batch(k)` is the k-th micro-batch of the run, over all processes.

    `examples(i)` always gives the same example i, or None if the encoder dropped it.
    A finite number of examples comes in a new order every epoch; an endless stream keeps its order.
    """

    examples: Callable[[int], Example | None]
    pad_token_id: int
    batch_size: int
    """Examples in a micro-batch, on average over the micro-batches of a step."""
    num_examples: int | None = None
    batches_per_step: int = 1
    """Micro-batches in an optimizer step, over all processes."""
    max_length: int = 512
    """Longer examples are left out."""
    layout: Literal["length_grouped", "packed", "padded"] = "length_grouped"
    pad_to_multiple_of: int = 8
    even_length: float = math.inf
    """Tokens of a row at which attention costs as much as everything else (students/cost.py)."""
    seed: int = 0
    position_gap: int = 0
    """Most positions that are left out between two tokens (`spread_positions`)."""

    def batch(self, k: int) -> Batch:
        """Micro-batch k; one row without labels if the step has too few examples."""
        step, place = divmod(k, self.batches_per_step)
        rows = self.step_rows(step)[place] or [[]]
        batch = collate(rows, pad_token_id=self.pad_token_id, multiple=self.pad_to_multiple_of, limit=self.max_length)
        if self.position_gap:
            spread_positions(batch, self.position_gap, np.random.default_rng([self.seed, k]))
        return batch

    def step_rows(self, step: int) -> list[list[list[Example]]]:
        """The examples of each row, for the rows of each micro-batch of the step."""
        return _step_rows(self, step)

    def indices(self, step: int) -> list[int]:
        """Indices of the examples of an optimizer step."""
        size = self.batch_size * self.batches_per_step
        return [self._index(place) for place in range(step * size, (step + 1) * size)]

    def _index(self, place: int) -> int:
        if self.num_examples is None:
            return place
        epoch, offset = divmod(place, self.num_examples)
        return int(_permutation(self.num_examples, self.seed, epoch)[offset])


@functools.lru_cache(maxsize=2)
def _permutation(size: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(size)


@functools.lru_cache(maxsize=2)
def _step_rows(batches: Batches, step: int) -> list[list[list[Example]]]:
    drawn = [batches.examples(index) for index in batches.indices(step)]
    kept = [e for e in drawn if e is not None and 0 < len(e.input_ids) <= batches.max_length]
    if not kept:
        raise UserError(f"none of the {len(drawn)} examples of step {step} fits in max_length {batches.max_length}")
    if batches.layout == "padded":
        rows = [[e] for e in kept]
        return [rows[i :: batches.batches_per_step] for i in range(batches.batches_per_step)]
    kept.sort(key=lambda e: len(e.input_ids), reverse=batches.layout == "packed")
    if batches.layout == "packed":
        rows = pack(kept, capacity=len(kept[0].input_ids))
        rows_per_batch = -(-len(rows) // batches.batches_per_step)
        return [rows[i * rows_per_batch : (i + 1) * rows_per_batch] for i in range(batches.batches_per_step)]
    cuts = split_evenly(
        [len(e.input_ids) for e in kept],
        batches.batches_per_step,
        multiple=batches.pad_to_multiple_of,
        even_length=batches.even_length,
    )
    return [[[e] for e in kept[a:b]] for a, b in itertools.pairwise(cuts)]


def split_evenly(lengths: Sequence[int], parts: int, *, multiple: int = 1, even_length: float = math.inf) -> list[int]:
    """Cut ascending lengths into parts of nearly equal cost: the largest cost of a part is as small as possible.

    The rows of a part are padded to its longest.

    Processes wait for the slowest of them. A row padded to W tokens costs W·(1 + W / even_length). The first term is
    the matrix products, the second is attention. They are equal at W = `even_length`.

    Returns:
        parts + 1 ascending places, from 0 to len(lengths). No part is empty if there are enough lengths.
    """
    count = len(lengths)
    widths = -(-np.asarray(lengths) // multiple) * multiple
    rows = np.arange(1, count + 1)[None, :] - np.arange(count)[:, None]
    # costs[a, b]: of lengths a to b, both included; what is no part costs more than any
    costs = np.where(rows > 0, rows * widths * (1 + widths / even_length), np.inf)
    largest, starts = costs[0], []
    for _ in range(1, min(parts, count)):  # the last part starts at a; the larger of its cost and the best before a
        before = np.concatenate([[np.inf], largest[:-1]])
        both = np.maximum(costs, before[:, None])
        starts.append(both.argmin(axis=0))
        largest = both.min(axis=0)
    cuts, end = [count], count
    for found in reversed(starts):
        end = int(found[end - 1])
        cuts.append(end)
    return [0, *reversed(cuts), *[count] * (parts - min(parts, count))]


def pack(examples: list[Example], capacity: int) -> list[list[Example]]:
    """Rows of at most `capacity` tokens: each example, longest first, goes to the first row with room for it."""
    rows: list[list[Example]] = []
    room = np.zeros(len(examples), dtype=np.int64)
    for example in examples:
        length = len(example.input_ids)
        fits = np.flatnonzero(room[: len(rows)] >= length)
        row = int(fits[0]) if len(fits) else len(rows)
        if row == len(rows):
            rows.append([])
            room[row] = capacity
        rows[row].append(example)
        room[row] -= length
    return rows


def collate(rows: list[list[Example]], *, pad_token_id: int, multiple: int = 1, limit: int | None = None) -> Batch:
    """Rows of examples as one batch, padded on the right.

    Positions restart at every example and at the padding, so that models can tell packed examples apart. The first
    token of an example is not supervised, because the token before it belongs to another example.
    """
    longest = max(1, *(sum(len(e.input_ids) for e in row) for row in rows)) if rows else 1
    width = -(-longest // multiple) * multiple
    width = max(longest, min(width, limit)) if limit else width
    shape = (len(rows), width)
    values = {
        "input_ids": np.full(shape, pad_token_id, dtype=np.int64),
        "labels": np.full(shape, IGNORE_INDEX, dtype=np.int64),
        "stage_ids": np.full(shape, NO_STAGE, dtype=np.int64),
        "attention_mask": np.zeros(shape, dtype=np.int64),
        "position_ids": np.zeros(shape, dtype=np.int64),
    }
    for r, row in enumerate(rows):
        start = 0
        for example in row:
            end = start + len(example.input_ids)
            values["input_ids"][r, start:end] = example.input_ids
            values["labels"][r, start:end] = example.labels
            values["labels"][r, start] = IGNORE_INDEX
            values["stage_ids"][r, start:end] = example.stage_ids
            values["attention_mask"][r, start:end] = 1
            values["position_ids"][r, start:end] = np.arange(end - start)
            start = end
        values["position_ids"][r, start:] = np.arange(width - start)
    return {name: torch.from_numpy(array) for name, array in values.items()}


def spread_positions(batch: Batch, most: int, random: np.random.Generator) -> None:
    """Leave out 0 to `most` positions before tokens; how often is drawn for each row, from never to always.

    A student cannot count by such positions, so it learns to look for what it needs. The positions of a longer text
    without gaps are nothing new to it (randomised positions, arXiv 2305.16843).
    """
    positions = batch["position_ids"]
    gaps = random.integers(1, most, tuple(positions.shape), endpoint=True)
    gaps *= random.random(gaps.shape) < random.random((len(gaps), 1))
    added = torch.where(positions > 0, torch.from_numpy(gaps), 0).cumsum(dim=1)
    starts = torch.where(positions == 0, added, 0).cummax(dim=1).values  # packed examples begin at 0 again
    batch["position_ids"] = positions + added - starts


class BatchStream(IterableDataset[Batch]):
    """Micro-batches for one process: k = first, first + world, first + 2·world …, without end.

    The stream has no state to save: a resumed run makes a new one with another `first_batch`. Give it to a DataLoader
    with `batch_size=None`; several workers keep the order.
    """

    def __init__(self, batches: Batches, *, first_batch: int = 0, rank: int = 0, world_size: int = 1) -> None:
        if first_batch % world_size:
            raise ValueError(f"batch {first_batch} is not the first of {world_size} processes")
        self.batches, self.first, self.stride = batches, first_batch + rank, world_size

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        index, count = (worker.id, worker.num_workers) if worker else (0, 1)
        k = self.first + index * self.stride
        while True:
            yield self.batches.batch(k)
            k += count * self.stride
