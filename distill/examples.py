"""From a recipe to traces, texts and examples: number i, the same at every call.

    texts = training_texts(recipe)      texts.text(0)  ->  "<INST>What is 47 + 35?</INST><THINK>[UNDERSTAND]…</ANS>"
    encode_text(texts.text(0), tokenizer)              ->  Example(input_ids, labels, stage_ids)
    problems_to_ask(recipe)                            ->  [Problem("Is 7306 even or odd?", "even"), …]

The symbolic teacher is an endless stream; a reference teacher has as many texts as its data has training-side
questions. Test-side questions (teachers/problems.py) are never among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from distill.problem_files import load_problems
from distill.recipe import Recipe, SymbolicTeacher
from distill.reference import (
    load_test_problems,
    load_test_traces,
    load_traces,
    prepare,
    read_texts,
    student_format,
)
from parsers.expressions import evaluate
from parsers.graph import NO_STAGE, Stage
from parsers.prompts import ANSWER_HEADER, QUESTION_HEADER, read_pergunta
from parsers.render import Span
from teachers.nano_tasks import WITHOUT_NUMBERS, draw_problem, draw_problems
from teachers.problems import Problem, Trace, is_test_side
from teachers.symbolic import solve

TOKENIZER_TEXTS = 20_000
"""Texts that the tokenizer is trained on; more do not change its vocabulary of the nano tasks."""

WRITTEN_TRACES = 200
"""Traces of the symbolic teacher's endless stream that a run writes down, to be looked at."""

HARDER_QUESTIONS = 200
"""Questions of a task beyond the training range, at most: nothing is claimed of them to a tenth of a percent."""

THINK = "<THINK>"
_MARKER = re.compile(r"\[(UNDERSTAND|PLAN|EXECUTE|VERIFY)\]|</THINK>")
_COMPUTED = re.compile(r"<STEP>([-+*/().\d]+)=(-?\d+)(?=<|\[|$)")


@dataclass(frozen=True, slots=True)
class Texts:
    """`text(i)` for every i >= 0, or for i < size where there are finitely many."""

    text: Callable[[int], str]
    size: int | None = None

    def first(self, count: int) -> Iterator[str]:
        """The first texts, `count` or as many as there are."""
        return islice(map(self.text, range(count if self.size is None else self.size)), count)


def training_texts(recipe: Recipe, graphs: Path | None = None) -> Texts:
    """What the student of a recipe learns from, as it writes it.

    Args:
        graphs: graphs.jsonl of a run; without it the solutions of a reference teacher are read one by one when asked.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    if isinstance(recipe.teacher, SymbolicTeacher):
        return Texts(lambda index: symbolic_trace(recipe, index).text)
    if graphs is not None:
        texts = read_texts(graphs, "training")
        return Texts(texts.__getitem__, len(texts))
    traces = [trace for trace in load_traces(recipe) if not is_test_side(trace.problem.question)]
    form = student_format(recipe)
    return Texts(lambda index: prepare(traces[index], form).text, len(traces))


def validation_texts(recipe: Recipe, graphs: Path) -> list[str]:
    """Texts of a reference teacher for the validation loss; the symbolic teacher has none.

    Of a plain language model (`student.format: pergunta`) those of the whole test split, as such losses are
    published; of others those of the test-side questions of the training file.
    """
    if isinstance(recipe.teacher, SymbolicTeacher):
        return []
    if student_format(recipe) == "pergunta":
        return [prepare(trace, "pergunta").text for trace in load_test_traces(recipe)]
    return read_texts(graphs, "validation")


def training_traces(recipe: Recipe) -> list[Trace]:
    """The traces that traces.jsonl holds: all of a reference teacher, the first of the symbolic teacher's stream."""
    if isinstance(recipe.teacher, SymbolicTeacher):
        return [symbolic_trace(recipe, index) for index in range(WRITTEN_TRACES)]
    return load_traces(recipe)


def symbolic_trace(recipe: Recipe, index: int) -> Trace:
    """Number `index` of the symbolic teacher's stream."""
    teacher, seed = recipe.teacher, recipe.seed
    assert isinstance(teacher, SymbolicTeacher)
    problem = next(draw_problems(teacher.task_weights, seed=seed, split="train", start=index))
    return solve(problem, error_rate=teacher.error_rate, slip_rate=teacher.slip_rate, seed=seed, verify=teacher.verify)


def encode_text(text: str, tokenizer: Any, max_length: int | None = None) -> Any:
    """The Example of a text: what follows <THINK> is learnt, but steps that are wrong.

    Of a text that starts with `# Pergunta:` every token of question and solution is learnt, and its end; the two
    headers are not, which whoever asks writes. Only such texts are cut at `max_length`: others would lose their answer.
    """
    from students.encoding import encode

    if text.startswith(QUESTION_HEADER):
        return encode(text, (), tokenizer, ignored=_headers(text), max_length=max_length)
    start = text.find(THINK) + len(THINK)
    return encode(text, stage_spans(text), tokenizer, supervised_from=start, ignored=wrong_steps(text))


def _headers(text: str) -> list[tuple[int, int]]:
    """Characters of `# Pergunta:` and of the line feed and `# Resposta:` between question and solution."""
    asked = read_pergunta(text)
    end = asked.start if asked is not None else len(text)
    start = text.rfind(ANSWER_HEADER, 0, end)
    return [(0, len(QUESTION_HEADER)), (start - 1, start + len(ANSWER_HEADER))]


def stage_spans(text: str) -> list[Span]:
    """The stages of a text in the nrm format; a marker belongs to the stage that it opens."""
    spans: list[Span] = []
    begin, stage = 0, NO_STAGE
    for marker in _MARKER.finditer(text):
        spans.append(Span(begin, marker.start(), stage, None))
        begin, stage = marker.start(), Stage[marker[1]] if marker[1] else NO_STAGE
    return [*spans, Span(begin, len(text), stage, None)]


def wrong_steps(text: str) -> list[tuple[int, int]]:
    """Characters of the EXECUTE steps of the form `expression=value` whose value is not that of the expression."""
    begin, end = text.find("[EXECUTE]"), text.find("[VERIFY]")
    if begin < 0 or end < begin:
        return []
    steps = _COMPUTED.finditer(text, begin, end)
    return [step.span() for step in steps if evaluate(step[1]) not in (None, Fraction(step[2]))]


def problems_to_ask(recipe: Recipe, *, extra_digits: int = 0) -> list[Problem]:
    """What the student is asked at the end; with `extra_digits` the same tasks beyond the training range.

    Raises:
        UserError: a data file is missing, empty, or not what it should be.
    """
    evaluation, teacher = recipe.eval, recipe.teacher
    if evaluation.problems is not None:
        return [] if extra_digits else load_problems(evaluation.problems)
    if isinstance(teacher, SymbolicTeacher):
        count, seed = evaluation.num_questions_per_task, evaluation.seed
        count = min(count, HARDER_QUESTIONS) if extra_digits else count
        return [
            problem
            for language, task in teacher.task_weights
            if not (extra_digits and task in WITHOUT_NUMBERS)
            for problem in _distinct_problems(language, task, count, seed, extra_digits)
        ]
    return [] if extra_digits else load_test_problems(recipe, evaluation.num_questions_per_task)


def _distinct_problems(language: str, task: str, count: int, seed: int, extra_digits: int) -> list[Problem]:
    """The first `count` different test-side problems of a task, fewer only where a task has fewer."""
    drawn = (
        draw_problem(task, seed=seed, index=i, split="test", extra_digits=extra_digits, language=language)
        for i in range(50 * count)
    )
    found: dict[str, Problem] = {}
    for problem in drawn:
        found.setdefault(problem.question, problem)
        if len(found) == count:
            break
    return list(found.values())
