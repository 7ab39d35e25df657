"""Self-error rounds of an adapter student: training questions asked again, judged by answer and reference solution.

    its own   … [EXECUTE] 1. 48 / 2 = 25   2. 48 + 25 = 73 [VERIFY] … [ANSWER] 73
    learnt    … [EXECUTE] (not the steps) [VERIFY] Step 1 is wrong: 48 / 2 = 24, not 25. So step 2 becomes … [ANSWER] 72

A student that may word its steps as it likes has three ways to be judged: its answer against the gold answer, its
steps re-computed, and, where neither tells which step is wrong, its values against those of the reference solution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from distill.adapter_data import encode_staged
from distill.evaluation.accuracy import Gold, matches
from distill.evaluation.formatting import check_form
from distill.evaluation.svr import flags_error, read_verification
from distill.own_traces import Encoders, OwnTrace
from distill.recipe import AdapterStudent, Recipe
from distill.runs import Run, read_jsonl
from parsers import ReasoningGraph, Stage, Step, parse, structure
from parsers.numbers import find_givens
from parsers.phrases import phrases_of
from parsers.recompute import show
from parsers.structure import computes, spaced
from teachers.problems import Problem, Trace, parse_trace

MAX_DENOMINATOR = 10**6
"""A wrong value with more digits than this behind the point is not quoted."""


def ask(run: Run, number: int) -> list[Trace]:
    """The questions of a round, drawn from those that training learns from, with their reference solutions."""
    assert run.recipe.refine is not None
    rows = zip(read_jsonl(run.path / "traces.jsonl"), read_jsonl(run.graphs), strict=True)
    learnt = [trace for trace, row in rows if row["side"] == "training" and not row["unused"]]
    usable = list({trace["problem"]["question"]: trace for trace in learnt}.values())
    count = min(run.recipe.refine.num_problems, len(usable))
    return [_trace(row) for row in Random(f"ask/{run.recipe.seed}/{number}").sample(usable, count)]


def judge(recipe: Recipe, asked: Trace, output: str) -> OwnTrace:
    """What one drawn solution is, and what is learnt from it: the student's own stages up to a VERIFY that is due."""
    problem, text = asked.problem, output.strip()
    gold = problem.accepted or problem.answer
    if not check_form(text).well_formed:
        return OwnTrace("malformed", problem.task)
    graph = parse(text, question=problem.question, format="staged", language=problem.language)
    if _is_misread(graph):
        return OwnTrace("misread", problem.task)
    found = read_verification(graph, gold=gold)
    own = replace(graph, steps=tuple(step for step in graph.steps if step.stage is not Stage.VERIFY))
    slip = next((step for step in _executed(own) if step.correct is False), None)
    if found is not None and not found.wrong and slip is None:
        learnt = _with_verify(text, _verified(own, problem.answer)[0], problem.answer)
        kind = "right" if found.right_at_end else "broken"
        return _checked(OwnTrace(kind, problem.task, learnt), problem)
    if found is None or not found.wrong:  # ends right in spite of a slip
        return OwnTrace("other", problem.task)
    return _checked(_corrected(asked, own, slip, text, gold), problem)


def _corrected(asked: Trace, own: ReasoningGraph, slip: Step | None, text: str, gold: Gold) -> OwnTrace:
    """A wrong solution with the VERIFY that mends it: its own steps re-computed, or those of the reference."""
    task, answer = asked.problem.task, asked.problem.answer
    executed = _executed(own)
    reached = executed[-1].value
    if slip is not None and isinstance(reached, Fraction):
        lines, mended = _verified(own, show(reached, own.language))
        if mended is not None and matches(mended, gold=gold, language=own.language):
            learnt, end = _with_verify(text, lines, answer), text.index("[VERIFY]")
            begin = max(text.rfind("\n", 0, slip.start) + 1, text.index("[EXECUTE]") + len("[EXECUTE]"))
            return OwnTrace("corrected", task, learnt, ((begin, end),), executed.index(slip))
    found = _by_reference(asked, executed, gold, own.language)
    if found is None:
        return OwnTrace("other", task)
    lines, first = found
    # What it understood or planned may be what went wrong, so that none of its own is learnt.
    return OwnTrace("corrected", task, _with_verify(text, lines, answer), ((0, text.index("[VERIFY]")),), first)


def _by_reference(asked: Trace, executed: list[Step], gold: Gold, language: str) -> tuple[list[str], int] | None:
    """VERIFY by the reference solution, and which step it names: the first that is wrong or none of the reference's.

    None where the reference does not compute the gold answer, or has no step that stands against the wrong one.
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
    due = [(step.expression, step.value) for step in reference if step.value not in stated]
    due = [(spaced(expression), value) for expression, value in due if expression and isinstance(value, Fraction)]
    if not due or not isinstance(wrong, Fraction) or wrong == due[0][1] or wrong.denominator > MAX_DENOMINATOR:
        return None
    if not matches(show(due[-1][1], language), gold=gold, language=language):
        return None
    computed = [f"{expression} = {show(value, language)}" for expression, value in due]
    named = phrases_of(language).wrong.format(step=first + 1, computation=computed[0], stated=show(wrong, language))
    return [named, *(f"{computation}." for computation in computed[1:])], first


def _verified(own: ReasoningGraph, answer: str) -> tuple[list[str], str | None]:
    """The lines of VERIFY that are due after these steps and this answer, and the answer after them."""
    checked = structure(replace(own, answer=answer))
    return [step.text for step in checked.steps if step.stage is Stage.VERIFY], checked.answer


def _with_verify(text: str, lines: list[str], answer: str) -> str:
    """The student's text up to [VERIFY], then these lines and the answer."""
    return text[: text.index("[VERIFY]")] + "\n".join(("[VERIFY]", *lines, f"[ANSWER] {answer}"))


def _checked(own: OwnTrace, problem: Problem) -> OwnTrace:
    """The trace, if it reads back as what it is to teach; else one that nothing is learnt from."""
    if not own.text:
        return own
    graph = parse(own.text, question=problem.question, format="staged", language=problem.language)
    is_right = graph.answer is not None and matches(graph.answer, gold=problem.answer, language=problem.language)
    says_wrong = own.kind == "corrected"
    return own if is_right and flags_error(graph) == says_wrong else OwnTrace("other", problem.task)


def _is_misread(graph: ReasoningGraph) -> bool:
    """Whether UNDERSTAND states a number that the question does not."""
    given = {given.value for given in graph.givens}
    texts = [step.text for step in graph.steps if step.stage is Stage.UNDERSTAND]
    return any(number.value not in given for text in texts for number in find_givens(text, graph.language))


def _executed(graph: ReasoningGraph) -> list[Step]:
    return [step for step in graph.steps if step.stage is Stage.EXECUTE]


def load(student: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a saved student, to be asked.

    Raises:
        UserError: its base cannot be loaded.
    """
    from distill.adapter_training import base_errors
    from students.generation import load_student

    with base_errors():
        return load_student(student)


def load_learner(recipe: Recipe, student: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a saved student, to be trained on: its adapters on the base as the recipe holds it.

    Raises:
        UserError: as in `load`.
    """
    from distill.adapter_training import base_errors, build_student
    from students.adapter import load_adapters

    model, tokenizer = build_student(recipe)
    with base_errors():
        load_adapters(model, student)
    return model, tokenizer


def encoders(run: Run, number: int, tokenizer: Any) -> Encoders:
    """The texts that training learns from, drawn anew, and own ones."""
    from distill.adapter_training import learnable_examples

    teachers, _ = learnable_examples(run, tokenizer)
    return (
        lambda index, random: random.choice(teachers),
        lambda trace: encode_staged(trace["question"], trace["text"], tokenizer, wrong=trace["ignored"]),
    )


def fit(recipe: Recipe, model: Any, tokenizer: Any, examples: Callable[[int], Any], **options: Any) -> Any:
    """Train the adapters of a recipe's student; the `TrainResult`.

    Raises:
        UserError: memory does not suffice.
    """
    from distill.adapter_training import fit_adapters

    return fit_adapters(recipe, model, tokenizer, examples, **options)


def save(recipe: Recipe, model: Any, tokenizer: Any, folder: Path) -> None:
    """Write what `load` loads."""
    from distill.adapter_training import base_of
    from students.adapter import save_adapter_student

    assert isinstance(recipe.student, AdapterStudent)
    save_adapter_student(model, tokenizer, base_of(recipe.student), folder)


def _trace(row: dict[str, Any]) -> Trace:
    problem = row["problem"]
    return Trace(**{**row, "problem": Problem(**{**problem, "accepted": tuple(problem["accepted"])})})
