"""A right GSM8K solution with one wrong step, whose consequences follow, for VERIFY to find.

    48/2 = <<48/2=24>>24 … 48+24 = <<48+24=72>>72 … #### 72
    48/2 = <<48/2=25>>25 … 48+25 = <<48+25=73>>73 … #### 73      and VERIFY will say: step 1 is 24, so 72

Correction traces that someone else wrote do not teach self-correction (arXiv 2409.12917); these errors look like slips,
and the loss leaves the wrong step out. The solution is changed as text and read again, so that what is learnt is what
a reader finds: whatever does not read back as exactly one wrong step is not used.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

from distill.evaluation.perturb import plausible_error
from parsers import ReasoningGraph, Stage, Step, parse
from parsers.expressions import evaluate
from parsers.numbers import find_numbers
from parsers.recompute import show
from teachers.problems import Trace

ATTEMPTS = 4


def with_error(trace: Trace, random: Random) -> str | None:
    """The text of a GSM8K solution with one wrong step; None where none could be made."""
    if trace.format != "gsm8k":
        return None
    graph = _read(trace, trace.text)
    steps = [s for s in graph.steps if s.stage is Stage.EXECUTE and s.correct and s.start >= 0]
    for step in random.sample(steps, min(ATTEMPTS, len(steps))):
        wrong = plausible_error(step.value, random)
        text = None if wrong is None else _follow(trace.text, graph, step, wrong)
        if text is not None and _has_one_error(_read(trace, text)):
            return text
    return None


def _follow(text: str, graph: ReasoningGraph, first: Step, wrong: Fraction) -> str | None:
    """The text with the value of a step changed, and that of every step and of the answer that uses it."""
    assert isinstance(first.value, Fraction)
    changed: dict[int, tuple[Fraction, Fraction]] = {first.id: (first.value, wrong)}
    pieces = [(first.start, first.end, _replaced(text[first.start : first.end], {first.value: wrong}, graph.language))]
    last = first.value, wrong
    for step in graph.steps:
        uses = dict(changed[use] for use in step.depends_on if use in changed)
        if step.id <= first.id or not uses:
            continue
        if step.start < 0 or step.expression is None or not isinstance(step.value, Fraction):
            return None
        value = evaluate(_replaced(step.expression, uses, graph.language))
        if value is None or value == step.value or step.value in uses:
            return None
        last = changed[step.id] = (step.value, value)
        pieces.append(
            (step.start, step.end, _replaced(text[step.start : step.end], {**uses, step.value: value}, graph.language))
        )
    body, mark, _ = text.rpartition("####")
    if not mark or graph.answer is None or evaluate(graph.answer.replace(",", "")) != last[0]:
        return None
    for start, end, piece in sorted(pieces, reverse=True):
        body = body[:start] + piece + body[end:]
    return f"{body}{mark} {show(last[1], graph.language)}"


def _replaced(text: str, values: dict[Fraction, Fraction], language: str) -> str:
    """The text with every number that is one of the old values written as the new one."""
    for number in reversed([n for n in find_numbers(text, language) if n.value in values]):
        text = text[: number.start] + show(values[number.value], language) + text[number.end :]
    return text


def _has_one_error(graph: ReasoningGraph) -> bool:
    verdicts = [step.correct for step in graph.steps if step.stage is Stage.EXECUTE]
    return verdicts.count(False) == 1 and not graph.problems


def _read(trace: Trace, text: str) -> ReasoningGraph:
    problem = trace.problem
    return parse(text, question=problem.question, format="gsm8k", language=problem.language)  # type: ignore[arg-type]
