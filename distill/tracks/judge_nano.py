"""The verdict on a nano student's own solution: the symbolic teacher knows every step.

its own   [EXECUTE]<STEP>4+8=13<STEP>3+4+1=8[VERIFY]…</THINK><ANS>83</ANS>
learnt    [EXECUTE] (not the steps) [VERIFY]<STEP>4+8=12, 13 wrong<STEP>3+4+1=8<STEP>ok</THINK><ANS>82</ANS>
"""

from __future__ import annotations

from functools import partial

from distill.data.rows import Row, places, question_place
from distill.data.sources import row_of
from distill.evaluation.accuracy import grade
from distill.evaluation.formatting import check_form
from distill.recipe.schema import Recipe, SymbolicTeacher
from distill.tracks.own_traces import OwnTrace
from parsers import ReasoningGraph, Stage, parse
from teachers.problems import Problem, Trace, parse_trace
from teachers.symbolic import Notation, Verify, correct, solve


def judge(recipe: Recipe, asked: Trace, output: str) -> OwnTrace:
    """The verdict on one drawn solution, and the row to learn from it."""
    assert isinstance(recipe.teacher, SymbolicTeacher)
    return read_sample(asked.problem, output, recipe.teacher.verify, recipe.teacher.notation)


def read_sample(problem: Problem, output: str, verify: Verify, notation: Notation = "columns") -> OwnTrace:
    """`judge` for a teacher with that VERIFY and that notation."""

    def own(kind: str, row: Row | None = None, first_wrong: int | None = None) -> OwnTrace:
        return OwnTrace(kind, problem.task, problem.question, row, first_wrong)

    if not check_form(output).well_formed:
        return own("malformed")
    graph = parse(output, question=problem.question, format="nrm", language=problem.language)
    taught = solve(problem, verify=verify, notation=notation)
    own_steps = partial(_steps, graph, output)
    taught_steps = partial(_steps, parse_trace(taught), taught.text)
    if any(own_steps(stage) != taught_steps(stage) for stage in (Stage.UNDERSTAND, Stage.PLAN)):
        return own("misread")
    gold = problem.accepted or problem.answer
    is_right = grade(output, gold=gold, language=problem.language).strict
    execute = own_steps(Stage.EXECUTE)
    if execute == taught_steps(Stage.EXECUTE):
        return own("right" if is_right else "broken", row_of(taught))
    mended = correct(problem, execute, verify=verify, notation=notation)
    if mended is None:
        return own("other")
    text, first = mended
    step = [step for step in graph.steps if step.stage is Stage.EXECUTE][first]
    if step.correct is not False and is_right:
        return own("other")  # another way to the right answer is no error
    wrong = [span.step_id for span in text.spans if span.stage == Stage.EXECUTE and span.step_id is not None][first:]
    ignored = (question_place(text.spans), *places(text.spans, wrong))
    return own("corrected", Row(problem.question, str(text), spans=text.spans, ignored=ignored), first)


def _steps(graph: ReasoningGraph, text: str, stage: Stage) -> list[str]:
    """The steps of a stage as they are written, with their tags."""
    return [text[step.start : step.end] for step in graph.steps if step.stage is stage]
