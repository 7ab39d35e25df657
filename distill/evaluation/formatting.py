"""Checks the format of an output: stages, their order, steps and the answer field, but not correctness.

    [UNDERSTAND]<STEP>…[PLAN]<STEP>…[EXECUTE]<STEP>…<STEP>…[VERIFY]<STEP>…</THINK><ANS>72</ANS>

Forms: nrm (the nano students, above) and staged (the adapter students: `[PLAN]` lines and a last `[ANSWER]` line).
Any other text has the plain form, where only an answer field (a box, `####`) can be complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from parsers.graph import Stage
from parsers.text.markers import (
    ANSWER_LINE,
    END_THINK,
    NRM_ANSWER,
    NRM_OUTPUT_TAG,
    STAGE,
    STAGED,
    STEP,
    THINK,
    output_of,
)
from parsers.text.tags import untagged

STAGE_NAMES = tuple(stage.name for stage in Stage)
_PLAIN_ANSWER = re.compile(r"\\boxed\s*\{\s*[^\s}]|^\s*(?:####|A:)\s*\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Form:
    """The format checks of one output; each field is one of the reported shares."""

    thinking_rate: bool
    """Some thinking, and it ends: `</THINK>`, or a stage before `[ANSWER]`."""
    step_format: bool
    """The thinking is stage markers, each followed by at least one step with text, and nothing else."""
    answer_completion: bool
    """One answer field, closed, not empty, and nothing after it."""
    stage_completeness: bool
    """All four stages are there."""
    stage_order: bool
    """The stages there are come once each, in order."""

    @property
    def well_formed(self) -> bool:
        """All of the above: the whole output has the taught format, with all four stages in order."""
        return all(getattr(self, field.name) for field in fields(self))


SHARES = (*(field.name for field in fields(Form)), "well_formed")


def check_form(text: str) -> Form:
    """The format of one output, with or without its prompt (`<INST>…</INST><THINK>`)."""
    text = output_of(untagged(text)).strip().removeprefix(THINK)
    if NRM_OUTPUT_TAG.search(text):
        return _nrm(text)
    if STAGED.search(text):
        return _staged(text)
    return Form(False, False, _PLAIN_ANSWER.search(text) is not None, False, False)


def _nrm(text: str) -> Form:
    thinking, closed, rest = text.partition(END_THINK)
    answer = NRM_ANSWER.fullmatch(rest.strip())
    head, *stages = _split_stages(thinking)
    steps = [part.strip() for _, body in stages for part in body.split(STEP)[1:]]
    well_cut = not head and all(body.startswith(STEP) for _, body in stages)
    clean = not any(NRM_OUTPUT_TAG.search(step) for step in steps)
    return Form(
        thinking_rate=bool(closed and thinking.strip()),
        step_format=bool(steps) and well_cut and clean and all(steps),
        answer_completion=answer is not None and bool(answer[1].strip()),
        **_stage_shares(name for name, _ in stages),
    )


def _staged(text: str) -> Form:
    thinking, closed, answer = text.partition(ANSWER_LINE)
    head, *stages = _split_stages(thinking)
    return Form(
        thinking_rate=bool(closed and stages),
        step_format=bool(stages) and not head and all(body for _, body in stages),
        answer_completion=bool(answer.strip()) and "\n" not in answer.strip() and not STAGED.search(answer),
        **_stage_shares(name for name, _ in stages),
    )


def _split_stages(thinking: str) -> list:
    """The text before the first stage marker, then (stage name, what follows) of each marker."""
    head, *rest = STAGE.split(thinking)
    return [head.strip(), *zip(rest[::2], (body.strip() for body in rest[1::2]), strict=True)]


def _stage_shares(names: Iterable[str]) -> dict[str, bool]:
    seen = list(names)
    in_order = [name for name in STAGE_NAMES if name in seen]
    return {"stage_completeness": len(in_order) == len(STAGE_NAMES), "stage_order": bool(seen) and seen == in_order}
