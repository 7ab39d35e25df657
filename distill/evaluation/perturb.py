"""Perturbation test: a wrong step in the student's own prefix. Do later steps use it, and does VERIFY find it?

    its own output    [EXECUTE]<STEP>48/2=24<STEP>48+24=72[VERIFY]…
    changed prefix    [EXECUTE]<STEP>48/2=25               and the student continues from here
    continuation      <STEP>48+25=73[VERIFY]<STEP>48/2=24, 25 wrong<STEP>48+24=72</THINK><ANS>72</ANS>

The same continuations give two measures. The perturbation score counts changed steps whose consequences can be
computed. It is the share after which the student states the changed consequence (73); then it uses the written step
(cf. arXiv 2510.24941). Self-verification on injected errors is `svr` over the whole outputs.

The consequences of a value follow from the dependencies of the steps. In column arithmetic a step holds only one digit
of a number, so dependencies are not enough, and the symbolic teacher writes the consequences (`Redo`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

from distill.data.mistakes import plausible_error
from distill.evaluation.scored import Output, Scored
from distill.evaluation.statistics import wilson
from distill.evaluation.svr import VerificationRecord, read_verification, svr
from parsers import ReasoningGraph, Stage, Step, parse
from parsers.arithmetic.numbers import find_numbers, show
from parsers.arithmetic.recompute import recompute
from parsers.text.tags import TAG, untagged

Continue = Callable[[Sequence[Output]], list[Output]]
"""Outputs whose text is a prefix -> the same outputs, written to their end."""

Redo = Callable[[ReasoningGraph, Mapping[int, int]], list[str] | None]
"""(graph of an output, place of an EXECUTE step -> another value) to the teacher's EXECUTE steps for its question, with
tags if it writes them; None of other questions."""


@dataclass(frozen=True, slots=True)
class Change:
    """An output up to and including a step whose value changed; `expected`: its first consequence, if computable, as
    the value or the text of a step."""

    scored: Scored
    prefix: str
    step: int
    expected: Fraction | str | None


def perturbed(
    scored: Sequence[Scored], continue_outputs: Continue, *, count: int, seed: int = 0, redo: Redo | None = None
) -> dict[str, Any]:
    """`{"injected": the confusion of svr, "perturbation": {"n", "followed", "share", "interval"}}`.

    A measure without cases is None. Changes one step in each of up to `count` correct outputs without flagged errors,
    spread over the tasks.
    """
    random = Random(seed)
    right = [one for one in scored if one.grade and one.grade.strict]
    sound = [one for one in right if not (one.verification and one.verification.flagged)]
    changes = []
    for one in _spread(sound, random):
        change = change_one_step(one, random, redo)
        if change is not None and len(changes) < count:
            changes.append(change)
    written = continue_outputs([replace(change.scored.output, text=change.prefix) for change in changes])
    records, followed = [], []
    for change, output in zip(changes, written, strict=True):
        graph = parse(output.text, question=output.question, language=output.language)
        assert output.gold is not None
        record = read_verification(graph, gold=output.gold)
        if record is not None:  # wrong by construction, even where the last step happens to hold the answer
            records.append(VerificationRecord(True, record.flagged, record.right_at_end))
        if change.expected is not None:
            followed.append(_states(graph, change))
    share = sum(followed) / len(followed) if followed else None
    return {
        "injected": svr(records).to_json() if records else None,
        "perturbation": {
            "n": len(followed),
            "followed": sum(followed),
            "share": share,
            "interval": list(wilson(sum(followed), len(followed))) if followed else None,
        },
    }


def change_one_step(scored: Scored, random: Random, redo: Redo | None = None) -> Change | None:
    """The output up to one of its EXECUTE steps, with a plausible wrong value in it; None if no step can be changed.

    Steps whose consequences can be computed are preferred.
    """
    graph, text = scored.graph, scored.output.text
    steps = [step for step in graph.steps if step.stage is Stage.EXECUTE and step.correct and not step.derived]
    random.shuffle(steps)
    found: Change | None = None
    for step in steps:
        wrong = plausible_error(step.value, random)
        if wrong is None or step.start < 0:
            continue
        redone = _redone(graph, step, int(wrong), redo)
        if TAG.search(text):
            changed = redone and redone.step
        else:
            changed = _with_value(text[step.start : step.end], step.value, wrong, graph.language)
        if changed is None:
            continue
        expected = redone.consequence if redone else _first_consequence(graph, step, wrong)
        if found is None or expected is not None:
            found = Change(scored, text[: step.start] + changed, step.id, expected)
        if expected is not None:
            break
    return found


class Redone(NamedTuple):
    """A step of the teacher with a wrong value, and its first later step that is then another one.

    None where the student's steps are not the teacher's, or no later step changes.
    """

    step: str | None
    consequence: str | None


def _redone(graph: ReasoningGraph, step: Step, wrong: int, redo: Redo | None) -> Redone | None:
    """None if the question is not one of the teacher's."""
    taught = redo(graph, {}) if redo else None
    if redo is None or taught is None:
        return None
    executed = [one for one in graph.steps if one.stage is Stage.EXECUTE and not one.derived]
    if [one.text for one in executed] != [untagged(text) for text in taught]:
        return Redone(None, None)
    place = executed.index(step)
    changed = redo(graph, {place: wrong}) or []
    later = zip(taught[place + 1 :], changed[place + 1 :], strict=False)
    return Redone(changed[place], next((untagged(other) for own, other in later if own != other), None))


def _with_value(text: str, value: object, wrong: Fraction, language: str) -> str | None:
    """The text up to the result, which is replaced: after each `=` or `>>`, else at the value's last place."""
    places = [number for number in find_numbers(text, language) if number.value == value]
    results = [number for number in places if text[: number.start].rstrip().endswith(("=", ">>"))]
    if not places:
        return None
    pieces, position = [], 0
    for number in results or places[-1:]:
        pieces += [text[position : number.start], show(wrong, language)]
        position = number.end
    return "".join(pieces)


def _first_consequence(graph: ReasoningGraph, step: Step, wrong: Fraction) -> Fraction | None:
    """The value of a later step that uses the wrong value; None if it is not computable.

    `recompute` follows corrections; from the wrong value's view, the old one is the error.
    """
    as_error = replace(step, expression=show(wrong, graph.language), correct=False)
    corrections, _ = recompute(replace(graph, steps=tuple(as_error if s.id == step.id else s for s in graph.steps)))
    consequences = [c for c in corrections if not c.is_cause and c.step.stage is Stage.EXECUTE and c.step.id > step.id]
    return consequences[0].value if consequences else None


def _states(graph: ReasoningGraph, change: Change) -> bool:
    """Whether an EXECUTE step after the changed one has the expected text or value."""
    after = len(change.prefix)
    later = (step for step in graph.steps if step.stage is Stage.EXECUTE and step.start >= after)
    return any(change.expected in (step.value, step.text) for step in later)


def _spread(scored: Sequence[Scored], random: Random) -> list[Scored]:
    """The outputs in random order, alternating between tasks."""
    by_task: dict[str, list[Scored]] = {}
    for one in random.sample(list(scored), len(scored)):
        by_task.setdefault(one.output.task, []).append(one)
    longest = max(map(len, by_task.values()), default=0)
    return [ones[i] for i in range(longest) for ones in by_task.values() if i < len(ones)]
