"""Error injection: a correct solution with one wrong step and its consequences, and the VERIFY that corrects it.

    48/2 = <<48/2=24>>24 … 48+24 = <<48+24=72>>72 … #### 72
    48/2 = <<48/2=25>>25 … 48+25 = <<48+25=73>>73 … #### 73      and VERIFY says: step 1 is 24, so step 2 is 72

Corrections by another writer teach little self-correction (arXiv 2409.12917). So these errors look like slips, and the
loss leaves the wrong step out. The solution is changed as text and parsed again. It is used only if the parser finds
exactly these wrong values and re-computing corrects all of them. In prose (MATH, VNHSGE) later steps often refer to a
value by words or symbols; such steps are not changed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from random import Random

from parsers import ReasoningGraph, Stage, Step, structure
from parsers.answers.choices import split_options
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import decimal_comma, digits_pattern, find_numbers, show, to_fraction
from parsers.arithmetic.recompute import recompute
from teachers.problems import Trace, parse_trace

ATTEMPTS = 4
TELLING = 12
"""Smaller numbers stand in prose for many things, so it is not known which of them are the value of a step."""

Changes = dict[int, tuple[Fraction, Fraction]]
"""Id of a step to its right value and the wrong one in its place."""

_NUMBER = {
    comma: re.compile(
        rf"(?<![\w.,\\])(?P<digits>{digits_pattern('pt' if comma else 'en')})(?!\w|\{{,\}}\d|\\[,!]\s?\d)"
    )
    for comma in (False, True)
}
_RESULT = re.compile(r"(?:=|\\boxed\s*\{)[\s&${]*(?:\\boxed\s*\{\s*)?-?$")
_OPERATION = re.compile(
    r"\s*(?:[-+*/_!(\d:×·]|\^(?!\s*\{?\s*\\circ)|\\(?:cdot|times|div|[dt]?frac|left|sqrt|binom|pi)(?![a-zA-Z])|[a-zA-Z]\b)"
)
_SCRIPT = re.compile(r"[\^_]\s*\{?\s*-?$")
"""Numbers in prose; before a result, behind what is no result but goes on, before an exponent or index."""


def with_error(trace: Trace, random: Random) -> ReasoningGraph | None:
    """The solution with one wrong step, its consequences, and a VERIFY that corrects them; None if that is impossible.

    The answer stays that of the solution.
    """
    right = _read(trace, trace.text)
    runs = [stage for stage, _ in groupby(step.stage for step in right.steps)]
    if Stage.VERIFY in runs or runs.count(Stage.EXECUTE) != 1:  # VERIFY names steps by their numbers, which start again
        return None
    final = _final_value(right)
    steps = [s for s in right.steps if s.stage is Stage.EXECUTE and s.correct and s.start >= 0]
    for step in random.sample(steps, min(ATTEMPTS, len(steps))):
        wrong = plausible_error(step.value, random)
        changes = None if wrong is None else _consequences(right, step, wrong)
        if changes is None or changes[max(changes)][0] != final:
            continue
        text = _rewritten(trace.text, right, changes)
        graph = None if text is None else _mended(_read(trace, text), right, changes)
        if graph is not None:
            return graph
    return None


def _consequences(graph: ReasoningGraph, first: Step, wrong: Fraction) -> Changes | None:
    """The step and all later steps whose values change; None if one of them cannot be computed."""
    assert isinstance(first.value, Fraction)
    changes: Changes = {first.id: (first.value, wrong)}
    for step in graph.steps:
        uses = _uses(step, changes)
        if step.id <= first.id or not uses:
            continue
        if step.start < 0 or step.expression is None or not isinstance(step.value, Fraction):
            return None
        expression = _replaced(step.expression, uses, graph)
        value = None if expression is None else evaluate(expression, graph.language)
        if value is None or value == step.value or step.value in uses:
            return None
        changes[step.id] = step.value, value
    return changes


def _uses(step: Step, changes: Changes) -> dict[Fraction, Fraction]:
    """Right to wrong value of the changed steps that the step uses."""
    return dict(changes[use] for use in step.depends_on if isinstance(use, int) and use in changes)


def _rewritten(text: str, graph: ReasoningGraph, changes: Changes) -> str | None:
    """The text with the values of these steps changed, and the operands of those that use them."""
    for step in reversed(graph.steps):
        if step.id in changes:
            piece = _replaced(text[step.start : step.end], _uses(step, changes), graph, result=changes[step.id])
            if piece is None:
                return None
            text = text[: step.start] + piece + text[step.end :]
        elif graph.format != "gsm8k" and step.id > min(changes):
            values = {old for old, _ in changes.values()}
            if any(number.value in values for number in find_numbers(step.text, graph.language)):
                return None  # the value is spoken of where the graph does not say so
    return text


def _replaced(
    text: str, uses: dict[Fraction, Fraction], graph: ReasoningGraph, *, result: tuple[Fraction, Fraction] | None = None
) -> str | None:
    """The text with the right operands and result replaced by wrong ones; None if it is not clear which to replace."""
    language = graph.language
    if graph.format != "gsm8k":
        is_known = all(abs(used) > TELLING and all(used != given.value for given in graph.givens) for used in uses)
        return _replaced_in_prose(text, uses, result, language) if is_known else None
    values = uses | ({result[0]: result[1]} if result else {})
    for number in reversed([n for n in find_numbers(text, language) if n.value in values]):
        text = text[: number.start] + show(values[number.value], language) + text[number.end :]
    return text


def _replaced_in_prose(
    text: str, uses: dict[Fraction, Fraction], result: tuple[Fraction, Fraction] | None, language: str
) -> str | None:
    """As `_replaced`, for prose: a result ends a chain, after "=" or in a box; exponents are not touched."""
    for number in reversed(list(_NUMBER[decimal_comma(language)].finditer(text))):
        start, value = number.start("digits"), to_fraction(number["digits"], language)
        before, behind = text[:start], text[number.end() :]
        is_result = bool(_RESULT.search(before)) and not _OPERATION.match(behind)
        if value is None:
            continue
        if is_result and before.endswith("-"):
            start, value = start - 1, -value
        if result is not None and value == result[0] and is_result:
            new = result[1]
        elif value in uses and not _SCRIPT.search(before):
            new = uses[value]
        elif value in uses or (result is not None and value == result[0]):
            return None
        else:
            continue
        if new.denominator != 1:
            return None
        text = text[:start] + show(new, language, operand=not is_result) + behind
    return text


def _mended(graph: ReasoningGraph, right: ReasoningGraph, changes: Changes) -> ReasoningGraph | None:
    """The graph with VERIFY; None unless VERIFY finds exactly these changes."""
    mistakes = sum(step.correct is False for step in graph.steps if step.stage is Stage.EXECUTE)
    if mistakes != 1 or len(graph.steps) != len(right.steps):
        return None
    if graph.format != "gsm8k" and graph.answer == right.answer:
        return None  # it names the right answer all the same
    corrections, followed = recompute(graph)
    if not followed or {c.step.id: (c.value, c.stated) for c in corrections} != changes:
        return None
    final, wrong = (show(value, graph.language) for value in changes[max(changes)])
    mended = structure(replace(graph, answer=wrong))
    return replace(mended, answer=right.answer) if mended.answer == final else None


def _final_value(graph: ReasoningGraph) -> Fraction | None:
    """The number that the answer is, or the option that it names."""
    answer = graph.answer or ""
    if graph.format == "vnhsge":
        answer = split_options(graph.question)[1].get(answer, "").strip(" .$")
    return evaluate(answer.replace(",", "") if graph.format == "gsm8k" else answer, graph.language)


def _read(trace: Trace, text: str) -> ReasoningGraph:
    return parse_trace(replace(trace, text=text))


def plausible_error(value: object, random: Random) -> Fraction | None:
    """A slip in the last digit or the carry of a whole number, below zero only if the number is; None for others."""
    if not isinstance(value, Fraction) or value.denominator != 1:
        return None
    near = [value + d for d in (-10, -2, -1, 1, 2, 10)]
    return random.choice([other for other in near if (other < 0) <= (value < 0)])
