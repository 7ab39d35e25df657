"""Output and Scored: a model's text for a question, and the same with its grade, format, RFS and checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distill.evaluation.accuracy import Gold, Grade
from distill.evaluation.formatting import SHARES, Form
from distill.evaluation.svr import VerificationRecord
from parsers import ReasoningGraph
from parsers.text.tags import untagged


@dataclass(frozen=True, slots=True)
class Output:
    """The text for one question, and the gold answer if it is known. `finished`: it ended by itself."""

    question: str
    text: str
    gold: Gold | None = None
    task: str = ""
    language: str = "auto"
    finished: bool | None = None
    num_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One output with all of its measures."""

    output: Output
    form: Form
    graph: ReasoningGraph
    grade: Grade | None = None
    rfs: float | None = None
    rfs_strict: float | None = None
    verification: VerificationRecord | None = None
    teacher: ReasoningGraph | None = None

    def to_row(self) -> dict[str, Any]:
        """Its line of samples.jsonl."""
        output, grade, check = self.output, self.grade, self.verification
        return {
            "task": output.task,
            "language": output.language,
            "question": output.question,
            "gold": output.gold,
            "output": untagged(output.text),
            "prediction": grade and grade.prediction,
            "strict": grade and grade.strict,
            "lenient": grade and grade.lenient,
            "timed_out": grade and grade.timed_out,
            "well_formed": self.form.well_formed,
            **{name: getattr(self.form, name) for name in SHARES if name != "well_formed"},
            "execute_wrong": check and check.wrong,
            "flagged": check and check.flagged,
            "rfs": self.rfs,
            "rfs_strict": self.rfs_strict,
            "finished": output.finished,
            "num_tokens": output.num_tokens,
        }
