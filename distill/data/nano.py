"""Traces and rows for a nano student: item i is a pure function of the recipe and i.

    rows = training_rows(recipe)   rows.row(0).text  ->  "<INST>What is 47 + 35?</INST><THINK>[UNDERSTAND]…</ANS>"
    problems_to_ask(recipe)                          ->  [Problem("Is 7306 even or odd?", "even"), …]

The symbolic teacher is an endless stream; a reference teacher has as many rows as its data has training-side
questions. Test-side questions (teachers/problems.py) are never among them.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from distill.data.question_files import load_problems
from distill.data.rows import Row, Rows, load_rows
from distill.data.sources import load_test_problems, load_test_traces, load_traces, row_of, student_format
from distill.recipe.schema import Recipe, SymbolicTeacher
from parsers.text.tags import GIVEN
from teachers.nano_tasks import WITHOUT_NUMBERS, draw_problem, draw_problems
from teachers.problems import Problem, Trace, is_test_side
from teachers.symbolic import solve

TOKENIZER_TEXTS = 20_000
"""Texts that the tokenizer is trained on; more do not change its vocabulary of the nano tasks."""

WRITTEN_TRACES = 200
"""Traces of the symbolic teacher's endless stream that a run writes down, to be looked at."""

HARDER_QUESTIONS = 200
"""Questions of a task beyond the training range, at most: nothing is claimed of them to a tenth of a percent."""

EXTRA_DIGITS = (1, 2, 3)
"""How many digits more than in training those numbers have."""


def training_rows(recipe: Recipe, graphs: Path | None = None) -> Rows:
    """The rows that the student of a recipe learns from, in its own format.

    Args:
        graphs: graphs.jsonl of a run; without it, the solutions of a reference teacher are read on demand.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    if isinstance(recipe.teacher, SymbolicTeacher):
        return Rows(lambda index: row_of(symbolic_trace(recipe, index)))
    if graphs is not None:
        rows = list(load_rows(graphs, "training"))
        return Rows(rows.__getitem__, len(rows))
    traces = [trace for trace in load_traces(recipe) if not is_test_side(trace.problem.question)]
    form = student_format(recipe)
    return Rows(lambda index: row_of(traces[index], form), len(traces))


def validation_rows(recipe: Recipe, graphs: Path) -> list[Row]:
    """Rows of a reference teacher for the validation loss; the symbolic teacher has none.

    Of a plain language model (`student.format: pergunta`) those of the whole test split, as such losses are
    published; of others those of the test-side questions of the training file.
    """
    if isinstance(recipe.teacher, SymbolicTeacher):
        return []
    if student_format(recipe) == "pergunta":
        return [row_of(trace, "pergunta") for trace in load_test_traces(recipe)]
    return list(load_rows(graphs, "validation"))


def training_traces(recipe: Recipe) -> list[Trace]:
    """The traces for traces.jsonl: all of a reference teacher, or the first of the symbolic teacher's stream."""
    if isinstance(recipe.teacher, SymbolicTeacher):
        return [symbolic_trace(recipe, index) for index in range(WRITTEN_TRACES)]
    return load_traces(recipe)


def symbolic_trace(recipe: Recipe, index: int, *, extra_digits: int = 0) -> Trace:
    """Number `index` of the symbolic teacher's stream, on numbers that have so many digits more than in training."""
    teacher, seed = recipe.teacher, recipe.seed
    assert isinstance(teacher, SymbolicTeacher)
    problems = draw_problems(
        teacher.task_weights,
        seed=seed,
        split="train",
        start=index,
        extra_digits=extra_digits,
        max_digits=teacher.max_digits,
    )
    problem = next(problems)
    return solve(
        problem,
        error_rate=teacher.error_rate,
        slip_rate=teacher.slip_rate,
        seed=seed,
        verify=teacher.verify,
        notation=teacher.notation,
        first_tag=Random(f"tags/{problem.question}").randrange(len(GIVEN)),  # so that all tags are learnt alike
    )


def problems_to_ask(recipe: Recipe) -> list[Problem]:
    """The questions of the evaluation; those of the symbolic teacher stay within the tasks' own ranges.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    evaluation, teacher = recipe.eval, recipe.teacher
    if evaluation.problems is not None:
        return load_problems(evaluation.problems)
    if isinstance(teacher, SymbolicTeacher):
        count = evaluation.num_questions_per_task
        return [p for key in teacher.task_weights for p in _distinct_problems(*key, count, evaluation.seed)]
    return load_test_problems(recipe, evaluation.num_questions_per_task)


def problems_beyond(recipe: Recipe) -> dict[int, list[Problem]]:
    """Number of extra digits -> questions of the same tasks, with numbers that much longer than in training.

    With `teacher.max_digits`, key 0 holds its own range if that differs from the tasks'. `refine.extra_digits` adds one
    more number. Empty for other teachers.
    """
    evaluation, teacher = recipe.eval, recipe.teacher
    if evaluation.problems is not None or not isinstance(teacher, SymbolicTeacher):
        return {}
    count, widest = min(evaluation.num_questions_per_task, HARDER_QUESTIONS), teacher.max_digits
    taught_itself = recipe.refine is not None and recipe.refine.extra_digits > 0
    return {
        extra: [
            problem
            for language, task in teacher.task_weights
            if task not in WITHOUT_NUMBERS
            for problem in _distinct_problems(language, task, count, evaluation.seed, extra, widest)
        ]
        for extra in ((0,) if widest else ()) + EXTRA_DIGITS + ((EXTRA_DIGITS[-1] + 1,) if taught_itself else ())
    }


def _distinct_problems(
    language: str, task: str, count: int, seed: int, extra: int = 0, widest: int | None = None
) -> list[Problem]:
    """The first `count` different test-side problems of a task, or all if it has fewer."""
    drawn = (
        draw_problem(task, seed=seed, index=i, split="test", extra_digits=extra, max_digits=widest, language=language)
        for i in range(50 * count)
    )
    found: dict[str, Problem] = {}
    for problem in drawn:
        found.setdefault(problem.question, problem)
        if len(found) == count:
            break
    return list(found.values())
