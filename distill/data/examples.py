"""Encodes the rows of a recipe as training examples, and counts the rows that it leaves out, with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.data.nano import training_rows, validation_rows
from distill.data.rows import encode_row
from distill.errors import UserError
from distill.recipe.schema import Recipe
from distill.runs.files import read_jsonl

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from students.encoding import Example


@dataclass(frozen=True, slots=True)
class Examples:
    """Training examples: `example(i)` for i < `size`, or for every i >= 0 if `size` is None."""

    example: Callable[[int], Example]
    size: int | None = None
    counts: dict[str, Any] | None = None
    """Of finitely many: how many are kept, how many left out and why, for run.json."""


def training_examples(recipe: Recipe, graphs: Path, tokenizer: PreTrainedTokenizerBase) -> Examples:
    """The training examples of a recipe; a finite number is encoded once, not in every epoch.

    Raises:
        UserError: there is a finite number, and none can be learnt from.
    """
    rows, length = training_rows(recipe, graphs), recipe.student.max_length
    if rows.size is None:
        return Examples(lambda index: encode_row(rows.row(index), tokenizer, length))
    kept, counts = learnable_examples(recipe, graphs, tokenizer)
    return Examples(kept.__getitem__, len(kept), counts)


def learnable_examples(
    recipe: Recipe, graphs: Path, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Example], dict[str, Any]]:
    """The examples of graphs.jsonl that fit and have supervised tokens, and counts of the others by reason.

    Raises:
        UserError: none is left.
    """
    from students.encoding import compact

    rows, length = training_rows(recipe, graphs), recipe.student.max_length
    assert rows.size is not None
    found = [compact(encode_row(row, tokenizer, length)) for row in rows.first(rows.size)]
    kept = [example for example in found if is_learnable(example, length)]
    too_long = sum(len(example.input_ids) > length for example in found)
    counts = {
        "kept": len(kept),
        "too_long": too_long,
        "nothing_supervised": len(found) - too_long - len(kept),
        "longest": max((len(e.input_ids) for e in found), default=0),
        "mean_length": round(sum(len(e.input_ids) for e in kept) / max(len(kept), 1), 1),
    }
    if not kept:
        raise UserError(_why_none(graphs, counts, length), heading="data")
    return kept, counts


def _why_none(graphs: Path, counts: dict[str, Any], max_length: int) -> str:
    """What became of all texts where none is left, in a sentence."""
    rows = list(read_jsonl(graphs))
    held_out = sum(row["side"] == "validation" and not row["unused"] for row in rows)
    reasons = [f"{counts['too_long']} are longer than student.max_length {max_length}"]
    reasons += [f"{counts['nothing_supervised']} have no supervised token"]
    reasons += [f"{held_out} are held out for validation"] if held_out else []
    unused = Counter(row["unused"] for row in rows if row["unused"])
    reasons += [f"{count} unused: {reason}" for reason, count in unused.most_common()]
    longest = f"; the longest has {counts['longest']} tokens" if counts["longest"] else ""
    return f"no example is left to learn from: of {len(rows)}, {', '.join(reasons)}{longest}"


def validation_examples(
    recipe: Recipe, graphs: Path, tokenizer: PreTrainedTokenizerBase, size: int | None = None
) -> list[Example]:
    """The first `size` held-out examples, or all; none of an endless teacher."""
    return list(islice(_held_out(recipe, graphs, tokenizer), size))


def _held_out(recipe: Recipe, graphs: Path, tokenizer: PreTrainedTokenizerBase) -> Iterator[Example]:
    return (encode_row(row, tokenizer) for row in validation_rows(recipe, graphs))


def is_learnable(example: Example, max_length: int) -> bool:
    """Whether an example fits and has a token to learn."""
    return len(example.input_ids) <= max_length and any(label >= 0 for label in example.labels[1:])
