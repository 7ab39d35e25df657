"""Self-Verification Rate: the share of wrong outputs that flag their error and still end with the right answer.

                        flagged by VERIFY      not flagged
    EXECUTE wrong       corrected | not        missed             rate = corrected / wrong
    EXECUTE right       false alarm (broken)   fine

`broken` counts right results that VERIFY turned into a wrong answer. A rate without cases is None, such as the
Self-Verification Rate of a student that is never wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from distill.evaluation.accuracy import Gold, matches, matches_last
from distill.evaluation.statistics import wilson
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.reading.stages import says_error


@dataclass(frozen=True, slots=True)
class VerificationRecord:
    """One output: whether the EXECUTE result was wrong, VERIFY flagged it, and the final answer is right."""

    wrong: bool
    flagged: bool
    right_at_end: bool


@dataclass(frozen=True, slots=True)
class SelfVerification:
    """The whole confusion, as counts; `wrong + right == n`."""

    n: int
    wrong: int
    flagged: int
    """Wrong results that VERIFY flagged."""
    corrected: int
    """Wrong results that VERIFY flagged and that ended right: the numerator of the rate."""
    false_alarms: int
    """Right results that VERIFY flagged."""
    broken: int
    """Right results that ended wrong."""

    @property
    def right(self) -> int:
        """Outputs whose EXECUTE result is right."""
        return self.n - self.wrong

    @property
    def rate(self) -> float | None:
        """The Self-Verification Rate, corrected / wrong; None where nothing went wrong."""
        return _share(self.corrected, self.wrong)

    @property
    def detection_rate(self) -> float | None:
        """Flagged share of the wrong results."""
        return _share(self.flagged, self.wrong)

    @property
    def false_alarm_rate(self) -> float | None:
        """Flagged share of the right results."""
        return _share(self.false_alarms, self.right)

    @property
    def broken_rate(self) -> float | None:
        """Share of the right results that ended wrong."""
        return _share(self.broken, self.right)

    def to_json(self) -> dict[str, Any]:
        """Counts, rates and the Wilson interval of the rate, as they stand in metrics.json."""
        counts = ("n", "wrong", "flagged", "corrected", "right", "false_alarms", "broken")
        rates = ("rate", "detection_rate", "false_alarm_rate", "broken_rate")
        interval = list(wilson(self.corrected, self.wrong)) if self.wrong else None
        return {name: getattr(self, name) for name in (*counts, *rates)} | {"interval": interval}


def svr(records: Iterable[VerificationRecord]) -> SelfVerification:
    """The confusion of self-verification over all records; its `rate` is the Self-Verification Rate."""
    records = list(records)
    wrong = [record for record in records if record.wrong]
    right = [record for record in records if not record.wrong]
    return SelfVerification(
        n=len(records),
        wrong=len(wrong),
        flagged=sum(record.flagged for record in wrong),
        corrected=sum(record.flagged and record.right_at_end for record in wrong),
        false_alarms=sum(record.flagged for record in right),
        broken=sum(not record.right_at_end for record in right),
    )


def read_verification(
    graph: ReasoningGraph, *, gold: Gold, teacher: ReasoningGraph | None = None
) -> VerificationRecord | None:
    """The verification record of one output; None if no EXECUTE step has any content to verify.

    The EXECUTE result is right if the steps equal the teacher's or the last one ends in the gold answer. In the nrm
    format the last step may hold one digit only, so no step may re-compute wrong either. Otherwise the result is wrong
    if a step re-computes wrong, if VERIFY flags it, or if the answer that it led to is wrong.
    """
    executed = _executed(graph)
    if not executed:
        return None
    flagged = flags_error(graph)
    right_at_end = graph.answer is not None and matches(graph.answer, gold=gold, language=graph.language)
    as_taught = teacher is not None and [s.text for s in executed] == [s.text for s in _executed(teacher)]
    has_slip = any(step.correct is False for step in executed)
    if as_taught or (_ends_right(executed[-1], gold, graph.language) and not (has_slip and graph.format == "nrm")):
        wrong = False
    else:
        wrong = flagged or not right_at_end or has_slip
    return VerificationRecord(wrong, flagged, right_at_end)


def _executed(graph: ReasoningGraph) -> list[Step]:
    return [step for step in graph.steps if step.stage is Stage.EXECUTE and not step.derived]


def _ends_right(step: Step, gold: Gold, language: str) -> bool:
    is_equal = isinstance(step.value, Fraction) and matches(str(step.value), gold=gold, language="en")
    return is_equal or matches_last(step.text, gold=gold, language=language)


def flags_error(graph: ReasoningGraph) -> bool:
    """Whether a VERIFY step written by the student says that something is wrong."""
    checks = (step.text for step in graph.steps if step.stage is Stage.VERIFY and not step.derived)
    return any(map(says_error, checks))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
