"""The verdict on an adapter student's own solution, by its answer, its computations and the reference solution.

    its own   … [EXECUTE] 1. 48 / 2 = 25   2. 48 + 25 = 73 [VERIFY] … [ANSWER] 73
    learnt    … [EXECUTE] (not the steps) [VERIFY] Step 1 is wrong: 48 / 2 = 24, not 25. So step 2 becomes … [ANSWER] 72

An adapter student chooses its own words, so three things are checked. Its answer is compared with the gold answer, and
its steps are re-computed. If neither finds the wrong step, its values are compared with those of the reference.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from distill.data.rows import Row
from distill.evaluation.accuracy import Gold, matches
from distill.evaluation.formatting import check_form
from distill.evaluation.svr import flags_error, read_verification
from distill.tracks.own_traces import OwnTrace
from parsers import ReasoningGraph, Stage, Step, parse, structure
from parsers.arithmetic.numbers import find_givens, show
from parsers.graph import Span
from parsers.text.markers import ANSWER_LINE, VERIFY_MARKER, fields
from parsers.writing.phrases import phrases_of
from parsers.writing.structure import computes, spaced
from teachers.problems import Problem, Trace, parse_trace

if TYPE_CHECKING:
    pass

MAX_DENOMINATOR = 10**6
"""A wrong value with more digits than this behind the point is not quoted."""


def judge(asked: Trace, output: str) -> OwnTrace:
    """Judge one sampled solution. The student learns its own stages, then the VERIFY that they need."""
    problem, text = asked.problem, output.strip()
    gold = problem.accepted or problem.answer
    if not check_form(text).well_formed:
        return _own("malformed", problem)
    graph = parse(text, question=problem.question, format="staged", language=problem.language)
    if _is_misread(graph):
        return _own("misread", problem)
    found = read_verification(graph, gold=gold)
    own = replace(graph, steps=tuple(step for step in graph.steps if step.stage is not Stage.VERIFY))
    slip = next((step for step in _executed(own) if step.correct is False), None)
    if found is not None and not found.wrong and slip is None:
        learnt = _with_verify(text, _verified(own, problem.answer)[0], problem.answer)
        return _own("right" if found.right_at_end else "broken", problem, learnt)
    if found is None or not found.wrong:  # ends right in spite of a slip
        return _own("other", problem)
    return _corrected(asked, own, slip, text, gold)


def _corrected(asked: Trace, own: ReasoningGraph, slip: Step | None, text: str, gold: Gold) -> OwnTrace:
    """A wrong solution with the VERIFY that corrects it: by its own re-computed steps, or by the reference."""
    problem, executed = asked.problem, _executed(own)
    stages = {field.name: field for field in fields(text)}
    verify = stages[Stage.VERIFY.name].start
    reached = executed[-1].value
    if slip is not None and isinstance(reached, Fraction):
        lines, mended = _verified(own, show(reached, own.language))
        if mended is not None and matches(mended, gold=gold, language=own.language):
            begin = max(text.rfind("\n", 0, slip.start) + 1, stages[Stage.EXECUTE.name].body)
            learnt = _with_verify(text, lines, problem.answer)
            return _own("corrected", problem, learnt, (begin, verify), executed.index(slip))
    found = _by_reference(asked, executed, gold, own.language)
    if found is None:
        return _own("other", problem)
    lines, first = found
    # What it understood or planned may be what went wrong, so that none of its own is learnt.
    return _own("corrected", problem, _with_verify(text, lines, problem.answer), (0, verify), first)


def _by_reference(asked: Trace, executed: list[Step], gold: Gold, language: str) -> tuple[list[str], int] | None:
    """VERIFY by the reference solution, and the step that it names: the first wrong one or not in the reference.

    None if the reference does not compute the gold answer, or has no counterpart of the wrong step.
    """
    reference = [step for step in _executed(parse_trace(asked)) if computes(step, language)]
    if not reference or not all(step.correct for step in reference):
        return None
    values = {step.value for step in reference}
    is_off = [computes(s, language) and not (s.correct and s.value in values) for s in executed]
    if True not in is_off:
        return None
    first = is_off.index(True)
    stated, wrong = {step.value for step in executed[:first]}, executed[first].value
    missing = [(step.expression, step.value) for step in reference if step.value not in stated]
    missing = [(spaced(text), value) for text, value in missing if text and isinstance(value, Fraction)]
    if not missing or not isinstance(wrong, Fraction) or wrong == missing[0][1] or wrong.denominator > MAX_DENOMINATOR:
        return None
    if not matches(show(missing[-1][1], language), gold=gold, language=language):
        return None
    computed = [f"{expression} = {show(value, language)}" for expression, value in missing]
    named = phrases_of(language).wrong.format(step=first + 1, computation=computed[0], stated=show(wrong, language))
    return [named, *(f"{computation}." for computation in computed[1:])], first


def _verified(own: ReasoningGraph, answer: str) -> tuple[list[str], str | None]:
    """The lines of VERIFY that these steps and this answer need, and the final answer."""
    checked = structure(replace(own, answer=answer))
    return [step.text for step in checked.steps if step.stage is Stage.VERIFY], checked.answer


def _with_verify(text: str, lines: list[str], answer: str) -> str:
    """The student's text up to [VERIFY], then these lines and the answer."""
    return text[: text.index(VERIFY_MARKER)] + "\n".join((VERIFY_MARKER, *lines, f"{ANSWER_LINE} {answer}"))


def _own(
    kind: str, problem: Problem, text: str = "", ignored: tuple[int, int] | None = None, first_wrong: int | None = None
) -> OwnTrace:
    """The trace, if its text parses back to the intended graph; else a trace that teaches nothing."""
    if text and not _reads_back(text, problem, says_wrong=kind == "corrected"):
        return OwnTrace("other", problem.task, problem.question)
    row = Row(problem.question, text, "staged", _stages(text), (ignored,) if ignored else ()) if text else None
    return OwnTrace(kind, problem.task, problem.question, row, first_wrong)


def _reads_back(text: str, problem: Problem, *, says_wrong: bool) -> bool:
    graph = parse(text, question=problem.question, format="staged", language=problem.language)
    is_right = graph.answer is not None and matches(graph.answer, gold=problem.answer, language=problem.language)
    return is_right and flags_error(graph) == says_wrong


def _stages(text: str) -> tuple[Span, ...]:
    """The spans of the stages of a text that a student wrote in part."""
    named = [field for field in fields(text) if field.name in Stage.__members__]
    return tuple(Span(field.start, field.end, Stage[field.name]) for field in named)


def _is_misread(graph: ReasoningGraph) -> bool:
    """Whether UNDERSTAND states a number that the question does not."""
    given = {given.value for given in graph.givens}
    texts = [step.text for step in graph.steps if step.stage is Stage.UNDERSTAND]
    return any(number.value not in given for text in texts for number in find_givens(text, graph.language))


def _executed(graph: ReasoningGraph) -> list[Step]:
    return [step for step in graph.steps if step.stage is Stage.EXECUTE]
