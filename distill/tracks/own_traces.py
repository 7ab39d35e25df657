"""OwnTrace: the verdict of a refine round on one sampled solution, and what is learnt from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distill.data.rows import Row

KINDS = ("right", "broken", "corrected", "misread", "malformed", "other", "kept", "mistaken", "left")


@dataclass(frozen=True, slots=True)
class OwnTrace:
    """One sampled solution. `kind` is the verdict; `row` is what is learnt from it, or None.

    - right: correct steps and answer.
    - broken: correct steps, but a wrong VERIFY or answer; learnt with the teacher's VERIFY and answer.
    - corrected: a wrong step, with the VERIFY that corrects it.
    - misread: UNDERSTAND (for a nano student also PLAN) does not fit the problem.
    - malformed: not four stages in order.
    - other: nothing that is certain enough to learn from.

    Where the student itself decides (`refine.keep`), nobody has told it what is right:

    - kept: learnt, and its answer is right.
    - mistaken: learnt, but its answer is wrong.
    - left: not learnt.
    """

    kind: str
    task: str
    question: str
    row: Row | None = None
    first_wrong: int | None = None
    """Number of the first wrong EXECUTE step, from 0."""

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes and `from_json` gives back equal."""
        return {
            "kind": self.kind,
            "task": self.task,
            "question": self.question,
            "first_wrong": self.first_wrong,
            "row": self.row and self.row.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> OwnTrace:
        """The trace that `to_json` wrote."""
        return cls(**{**data, "row": data["row"] and Row.from_json(data["row"])})
