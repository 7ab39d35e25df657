"""Self-error rounds of a nano student: fresh problems of the symbolic teacher, who knows every step.

its own   [EXECUTE]<STEP>4+8=13<STEP>3+4+1=8[VERIFY]…</THINK><ANS>83</ANS>
learnt    [EXECUTE] (not the steps) [VERIFY]<STEP>4+8=12, 13 wrong<STEP>3+4+1=8<STEP>ok</THINK><ANS>82</ANS>
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from distill.evaluation.accuracy import grade
from distill.evaluation.formatting import check_form
from distill.examples import THINK, encode_text, stage_spans, symbolic_trace
from distill.own_traces import Encoders, OwnTrace
from distill.recipe import Recipe, SymbolicTeacher
from distill.runs import Run
from parsers import ReasoningGraph, Stage, parse
from teachers.problems import Problem, Trace, parse_trace
from teachers.symbolic import Verify, correct, solve

FRESH = 10**9
"""Where the teacher's problems of round n begin, at n · FRESH: far beyond those that training has seen."""


def ask(run: Run, number: int) -> list[Trace]:
    """The problems of a round with the teacher's solutions."""
    assert run.recipe.refine is not None
    return [symbolic_trace(run.recipe, number * FRESH + i) for i in range(run.recipe.refine.num_problems)]


def judge(recipe: Recipe, asked: Trace, output: str) -> OwnTrace:
    """What one drawn solution is, and what is learnt from it."""
    assert isinstance(recipe.teacher, SymbolicTeacher)
    return read_sample(asked.problem, output, recipe.teacher.verify)


def read_sample(problem: Problem, output: str, verify: Verify) -> OwnTrace:
    """`judge` for a teacher with that VERIFY."""
    form = check_form(output)
    if not form.well_formed:
        return OwnTrace("malformed", problem.task)
    graph = parse(output, question=problem.question, format="nrm", language=problem.language)
    taught = solve(problem, verify=verify)
    teacher = parse_trace(taught)
    if any(_texts(graph, stage) != _texts(teacher, stage) for stage in (Stage.UNDERSTAND, Stage.PLAN)):
        return OwnTrace("misread", problem.task)
    gold = problem.accepted or problem.answer
    is_right = grade(output, gold=gold, language=problem.language).strict
    execute = _texts(graph, Stage.EXECUTE)
    if execute == _texts(teacher, Stage.EXECUTE):
        return OwnTrace("right" if is_right else "broken", problem.task, taught.text)
    mended = correct(problem, execute, verify=verify)
    if mended is None:
        return OwnTrace("other", problem.task)
    text, first = mended
    step = [step for step in graph.steps if step.stage is Stage.EXECUTE][first]
    if step.correct is not False and is_right:
        return OwnTrace("other", problem.task)  # another way to the right answer is no error
    return OwnTrace("corrected", problem.task, text, (_from_step(text, first),), first)


def load(student: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a saved student, to be asked."""
    from students.generation import load_student

    return load_student(student)


def load_learner(recipe: Recipe, student: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a saved student, to be trained on."""
    model, tokenizer = load(student)
    return model.train(), tokenizer


def encoders(run: Run, number: int, tokenizer: Any) -> Encoders:
    """The teacher's fresh texts of a round, and own ones."""
    recipe, refine = run.recipe, run.recipe.refine
    assert refine is not None
    first = number * FRESH + refine.num_problems
    return (
        lambda index, random: encode_text(symbolic_trace(recipe, first + index).text, tokenizer),
        lambda trace: encode_own(trace["text"], trace["ignored"], tokenizer),
    )


def encode_own(text: str, ignored: Sequence[Sequence[int]], tokenizer: Any) -> Any:
    """The Example of a text whose steps not to be learnt are known."""
    from students.encoding import encode

    spans = [(start, end) for start, end in ignored]
    return encode(text, stage_spans(text), tokenizer, supervised_from=text.find(THINK) + len(THINK), ignored=spans)


def fit(recipe: Recipe, model: Any, tokenizer: Any, examples: Callable[[int], Any], **options: Any) -> Any:
    """Train the student of a recipe; the `TrainResult`."""
    from distill.trainer import train

    return train(
        model,
        tokenizer,
        examples,
        weights=recipe.loss.weights,
        loss_kind=recipe.loss.kind,
        max_length=recipe.student.max_length,
        **options,
    )


def save(recipe: Recipe, model: Any, tokenizer: Any, folder: Path) -> None:
    """Write what `load` loads."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _texts(graph: ReasoningGraph, stage: Stage) -> list[str]:
    return [step.text for step in graph.steps if step.stage is stage]


def _from_step(text: str, first: int) -> tuple[int, int]:
    """The characters of EXECUTE from its step number `first`, counted from 0, to its end."""
    position, end = text.index("[EXECUTE]"), text.index("[VERIFY]")
    for _ in range(first + 1):
        position = text.index("<STEP>", position) + 1
    return position - 1, end
