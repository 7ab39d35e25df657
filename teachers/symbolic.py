"""The symbolic teacher: solves the nano tasks exactly and writes four-stage traces in a tiny vocabulary.

    What is 347 - 285?
    [UNDERSTAND] 347-285
    [PLAN]       compare, subtract
    [EXECUTE]    3>2, 7-5=2, 4-8-0+10=6, 3-2-1=0
    [VERIFY]     62+285=347 ok
    62

There are two notations: `columns` finds a digit by its place (teachers/columns.py), `tags` by a letter next to it
(teachers/tagged.py). teachers/work.py writes VERIFY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from parsers.graph import Stage
from parsers.text.tags import FIRST, tag_digits
from parsers.writing.render import Rendered, write_nrm
from teachers import columns, tagged
from teachers.problems import Problem, Trace
from teachers.words import WORDS
from teachers.work import Solver, Steps, Work, first_difference

Verify = Literal["inverse", "steps"]
Notation = Literal["columns", "tags"]

NOTATIONS: dict[Notation, Mapping[str, Solver]] = {"columns": columns.SOLVERS, "tags": tagged.SOLVERS}
"""Notation -> task -> its solver."""


def solve(
    problem: Problem,
    *,
    error_rate: float = 0.0,
    slip_rate: float = 0.0,
    seed: int = 0,
    verify: Verify = "inverse",
    notation: Notation = "columns",
    first_tag: int = FIRST,
) -> Trace:
    """The trace of a nano problem in the nrm format; its answer is always right.

    A share `error_rate` of the traces that compute gets one wrong EXECUTE step, and the later steps use its value. Each
    later step is wrong itself with probability `slip_rate`. VERIFY finds the first error, corrects it and computes the
    remaining steps. The trace is a deterministic function of the arguments.

    With `verify="steps"`, VERIFY computes every step of a computation again and compares. If nothing is computed,
    VERIFY is the same as with "inverse".

    Args:
        first_tag: place in the ring at which the `tags` of the question start; by default as in the chat template.
    """
    random, solver = Random(f"{seed}/{problem.id}/{problem.question}"), NOTATIONS[notation][problem.task]
    work = Work(WORDS[problem.language], checks_steps=verify == "steps", first_tag=first_tag)
    answer, check = solver(work, problem)
    if work.num_computed and random.random() < error_rate:
        slip = random.randrange(work.num_computed)
        wrong = Work(work.words, slip, slip_rate, random=random, checks_steps=work.checks_steps, first_tag=first_tag)
        work = _with_error(problem, work, answer, check, wrong, solver)
    else:
        work.write(Stage.VERIFY, *work.verify(check.format(r=answer)))
    text = _written(problem, work, work.steps, answer, notation)
    return Trace(problem, str(text), "nrm", "symbolic", text.spans, tuple(work.wrong))


def _with_error(problem: Problem, right: Work, answer: str, check: str, work: Work, solver: Solver) -> Work:
    """Writes a solution with an error to `work`, and a VERIFY that corrects it."""
    wrong_answer, wrong_check = solver(work, problem)
    confirmed, denied = check.format(r=answer), wrong_check.format(r=wrong_answer)
    if denied != confirmed and not right.checks_steps:
        work.write(Stage.VERIFY, denied.replace("=", "!="))
    work.write(Stage.VERIFY, *right.verify(confirmed, of=work.executed))
    return work


def correct(
    problem: Problem,
    execute: Sequence[str],
    *,
    verify: Verify = "inverse",
    notation: Notation = "columns",
) -> tuple[Rendered, int] | None:
    """A student's own EXECUTE steps with a VERIFY that corrects them: (text in the nrm format, first wrong step).

    The wrong step, counted from 0, is the first that differs from the teacher's. The result is None if no step is
    wrong: the steps equal the teacher's, or one list of steps is the beginning of the other.
    """
    right = Work(WORDS[problem.language], checks_steps=verify == "steps")
    answer, check = NOTATIONS[notation][problem.task](right, problem)
    first = first_difference(execute, right.executed)
    if first == min(len(execute), len(right.executed)):
        return None
    steps = [(stage, text) for stage, text in right.steps if stage is not Stage.EXECUTE]
    steps += [(Stage.EXECUTE, text) for text in execute]
    steps += [(Stage.VERIFY, text) for text in right.verify(check.format(r=answer), of=execute)]
    return _written(problem, right, steps, answer, notation), first


def executed_with(problem: Problem, changed: Mapping[int, int], *, notation: Notation = "columns") -> list[str]:
    """The teacher's EXECUTE steps if the given steps (index from 0 → value) had other values.

    >>> problem = Problem("What is 347 - 285?", "62", "arithmetic", expression="347-285")
    >>> executed_with(problem, {})
    ['3>2', '7-5=2', '4-8-0+10=6', '3-2-1=0']
    >>> executed_with(problem, {1: -2})
    ['3>2', '7-5=-2', '4-8-0+10=6', '3-2-1=0']
    """
    work = Work(WORDS[problem.language], changed=changed)
    NOTATIONS[notation][problem.task](work, problem)
    return work.executed


def _written(problem: Problem, work: Work, steps: Steps, answer: str, notation: Notation) -> Rendered:
    question = problem.question
    if notation == "tags":
        question = tag_digits(question, work.first_tag)
    return write_nrm(question, [(stage, text, i) for i, (stage, text) in enumerate(steps)], answer)
