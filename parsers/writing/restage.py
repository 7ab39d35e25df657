"""Sorts a free solution into the four stages of the student's form, in its writer's own words.

    "To find the total, add both. … \\[ 48 + 24 = 72 \\text{ clips} \\] Therefore, she sold \\boxed{72} clips."

    [UNDERSTAND]  what it restates, or the givens and what is asked
    [PLAN]        its announcements and headings without repetitions and results, or sub-goals derived from its steps
    [EXECUTE]     its own wording of each step, without markup, with a calculator mark at each computation
    [VERIFY]      its own check if that is a correct computation, or a derived check
    [ANSWER]      its answer

Students learn best from text that they could have written themselves (arXiv 2502.08130, 2402.13669), so nothing is
reworded. A solution that does not fit the form is refused, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from parsers.arithmetic.expressions import operands
from parsers.arithmetic.numbers import find_numbers
from parsers.formats.staged import parse_staged
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.text.markers import LIKE_A_MARKER
from parsers.text.plain import without_markup
from parsers.writing.own_words import executed_lines, marked, once, own_lines, planned
from parsers.writing.render import render
from parsers.writing.structure import structure

MAX_PLAN = 8
"""Most sub-goals of a plan; longer lists usually repeat themselves."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a solution does not fit the four stages; equal reasons have equal words, so that they can be counted."""

    reason: str


def restage(graph: ReasoningGraph) -> ReasoningGraph | Refusal:
    """The graph with its steps in the order of the stages, in its writer's words without markup.

    Args:
        graph: the result of `parse` for a free solution.

    Returns:
        A graph with all four stages, each once and in order, without a wrong step; or a refusal. The graph reads back
        equal from `render(…, format="staged", exact=False)`.
    """
    if graph.answer is None:
        return Refusal("no answer was found")
    lines = own_lines(graph)
    goals = list(once(planned(lines[Stage.PLAN])))
    foretold = _results_not_given(graph)
    honest = [text for text in goals if not any(n.value in foretold for n in find_numbers(text, graph.language))]
    steps = [
        *(Step(0, Stage.UNDERSTAND, text) for text in once(line.text for line in lines[Stage.UNDERSTAND])),
        *(Step(0, Stage.PLAN, text) for text in honest[:MAX_PLAN]),
        *(Step(0, Stage.EXECUTE, marked(text, graph.language)) for text in executed_lines(lines[Stage.EXECUTE])),
        *(Step(0, Stage.VERIFY, line.text) for line in lines[Stage.VERIFY] if line.step.correct),
    ]
    return _read_back(graph, steps)


def _results_not_given(graph: ReasoningGraph) -> set[Fraction]:
    """Values that only a step of EXECUTE gives. A plan that names such a value would give a result before its step."""
    known = {number.value for number in find_numbers(graph.question, graph.language)}
    results: set[Fraction] = set()
    for step in graph.steps:
        if step.stage is Stage.EXECUTE and step.expression is not None:
            known |= {number.value for number in operands(step.expression, graph.language)} - results
            results |= {step.value} - known if isinstance(step.value, Fraction) else set()
    return results


def light_restage(graph: ReasoningGraph) -> ReasoningGraph | Refusal:
    """The graph with its unchanged text, split and sorted by stage; nothing is left out or marked."""
    if graph.answer is None:
        return Refusal("no answer was found")
    steps = [Step(0, step.stage, " ".join(step.text.split())) for step in graph.steps]
    return _read_back(graph, sorted(steps, key=lambda step: step.stage))


def _read_back(graph: ReasoningGraph, steps: list[Step]) -> ReasoningGraph | Refusal:
    """Writes the steps, reads them back, and adds missing stages."""
    if any(LIKE_A_MARKER.search(step.text) for step in steps):
        return Refusal("its words hold a marker")
    answer = " ".join(without_markup(graph.answer or "").split())
    own = replace(graph, steps=tuple(replace(step, id=i) for i, step in enumerate(steps)), answer=answer)
    whole = structure(parse_staged(render(own, format="staged", exact=False), graph.question, graph.language))
    if any(step.correct is False for step in whole.steps):
        return Refusal("a step does not hold")
    if not any(_computes(step) for step in whole.steps if step.stage is Stage.EXECUTE):
        return Refusal("no step computes anything")
    if whole.answer != answer:
        return Refusal("its steps do not lead to its answer")
    return whole


def _computes(step: Step) -> bool:
    return step.expression is not None and step.correct is True and isinstance(step.value, Fraction)
