"""A row of graphs.jsonl: a text to learn from, with the spans that its writer knows. Both tracks share this schema.

    Row("What is 4 + 5?", "<INST>What is 4 + 5?</INST><THINK>[PLAN]<STEP>add…</ANS>", "nrm",
        spans=(Span(0, 35, -1, None), Span(35, 41, 1, None), Span(41, 50, 1, 0), …), ignored=((0, 35),))
    encode_row(row, tokenizer)  ->  Example(input_ids, labels, stage_ids)

Texts of the nano forms contain their question. Staged texts follow the prompt from the base's chat template.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from distill.data.prompts import prompt
from distill.runs.files import read_jsonl
from parsers.graph import ReasoningGraph, Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from students.encoding import Example

Form = Literal["nrm", "pergunta", "thinkset", "staged"]
Side = Literal["training", "validation"]


@dataclass(frozen=True, slots=True)
class Row:
    """A text in one of the students' forms, with stages, steps and unlearnt parts."""

    question: str
    text: str
    form: Form = "nrm"
    spans: tuple[Span, ...] = ()
    """The stage and the step of each part of the text, in order; what no span covers has no stage."""
    ignored: tuple[tuple[int, int], ...] = ()
    """Characters that the student reads but does not learn, in order: the question, steps that are wrong."""
    side: Side = "training"
    unused: str | None = None
    """Why nothing is learnt from this row, if so."""
    dataset: str = ""
    injected: bool = False
    """Whether a step was made wrong on purpose."""
    graph: ReasoningGraph | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes and `from_json` gives back equal."""
        return {
            "side": self.side,
            "unused": self.unused,
            "dataset": self.dataset,
            "question": self.question,
            "form": self.form,
            "text": self.text,
            "spans": self.spans,
            "ignored": self.ignored,
            "injected": self.injected,
            "graph": self.graph and self.graph.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """The row that `to_json` wrote."""
        graph = data["graph"]
        return cls(
            **{
                **data,
                "spans": tuple(Span(*span) for span in data["spans"]),
                "ignored": tuple((start, end) for start, end in data["ignored"]),
                "graph": graph and ReasoningGraph.from_json(graph),
            }
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """`row(i)` for every i >= 0, or for i < size where there are finitely many."""

    row: Callable[[int], Row]
    size: int | None = None

    def first(self, count: int) -> Iterator[Row]:
        """The first `count` rows, or all."""
        return islice(map(self.row, range(count if self.size is None else self.size)), count)

    def texts(self, count: int) -> Iterator[str]:
        """The texts of the first rows, for a tokenizer."""
        return (row.text for row in self.first(count))


def load_rows(graphs: Path, side: Side) -> Iterator[Row]:
    """The learnable rows of one side, in order, without their graphs, which training does not need."""
    for row in read_jsonl(graphs):
        if row["side"] == side and not row["unused"]:
            yield Row.from_json({**row, "graph": None})


def encode_row(row: Row, tokenizer: PreTrainedTokenizerBase, max_length: int | None = None) -> Example:
    """The Example of a row: all of its text is learnt except `ignored`; in the staged form the end token, too.

    Only the form pergunta is cut at `max_length`: other texts would lose their answer.
    """
    from students.encoding import encode

    if row.form != "staged":
        length = max_length if row.form == "pergunta" else None
        return encode(row.text, row.spans, tokenizer, ignored=row.ignored, max_length=length)
    asked = prompt(tokenizer, row.question)
    by = len(asked)
    return encode(
        f"{asked}{row.text}{tokenizer.eos_token}",
        [Span(by + start, by + end, stage, step_id) for start, end, stage, step_id in row.spans],
        tokenizer,
        ignored=[(0, by), *((by + start, by + end) for start, end in row.ignored)],
    )


def question_place(spans: Sequence[Span]) -> tuple[int, int]:
    """The characters of the question, which a text in the form nrm starts with."""
    return 0, spans[0].end


def places(spans: Iterable[Span], step_ids: Collection[int]) -> tuple[tuple[int, int], ...]:
    """The (start, end) characters of these steps."""
    return tuple((span.start, span.end) for span in spans if span.step_id in step_ids)
