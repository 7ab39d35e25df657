"""Selects a student's own solutions without gold answers: by the vote of its samples, or by its VERIFY.

    keep_own(asked, outputs, "both")    one OwnTrace a sample: kept (and right), mistaken (kept, but wrong), or left

Self-improvement beyond the range of the teacher (arXiv 2502.01612). The gold answer only labels the kept solutions, to
count label noise; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from distill.data.rows import Row
from distill.evaluation.accuracy import grade
from distill.evaluation.formatting import check_form
from distill.evaluation.svr import flags_error
from distill.evaluation.votes import Poll
from distill.recipe.train import Keep
from distill.tracks.own_traces import OwnTrace
from parsers import Stage, parse
from parsers.graph import Span
from parsers.text.markers import fields
from parsers.text.prompts import write_question
from parsers.text.tags import TAG, tag_digits
from teachers.problems import Problem, Trace


def keep_own(asked: Trace, outputs: Sequence[str], how: Keep) -> list[OwnTrace]:
    """The verdict on each sample of one question. Of equal kept texts, the first is learnt.

    `all` keeps samples with four stages and an answer. `verify` keeps those whose VERIFY finds no error, `vote` those
    with the answer of more than half of all samples, `both` those that pass both.
    """
    problem = asked.problem
    formed = [i for i, output in enumerate(outputs) if check_form(output).well_formed]
    kept = [i for i in formed if how in ("all", "vote") or _is_content(outputs[i], problem)]
    if how in ("vote", "both"):
        kept = _majority(outputs, kept, problem)
    learnt = {outputs[i]: i for i in reversed(kept)}.values()
    return [_own(problem, outputs[i], i in formed, i in learnt) for i in range(len(outputs))]


def _is_content(output: str, problem: Problem) -> bool:
    """Whether the sample's own VERIFY finds no error."""
    graph = parse(output, question=problem.question, format="nrm", language=problem.language)
    return any(step.stage is Stage.VERIFY for step in graph.steps) and not flags_error(graph)


def _majority(outputs: Sequence[str], candidates: Sequence[int], problem: Problem) -> list[int]:
    """The candidates with the answer that more than half of all samples give."""
    poll = Poll(len(outputs), question=problem.question, language=problem.language)
    for i in candidates:
        poll.add(i, outputs[i])
    winner = poll.winner
    return sorted(winner.samples) if winner and 2 * len(winner.samples) > len(outputs) else []


def _own(problem: Problem, output: str, is_formed: bool, is_learnt: bool) -> OwnTrace:
    if not is_learnt:
        return OwnTrace("left" if is_formed else "malformed", problem.task, problem.question)
    gold = problem.accepted or problem.answer
    is_right = grade(output, gold=gold, language=problem.language).strict is True
    return OwnTrace("kept" if is_right else "mistaken", problem.task, problem.question, _row(problem, output))


def _row(problem: Problem, output: str) -> Row:
    """The row to learn: the question and the student's own text."""
    has_tags = TAG.search(output) is not None
    question = write_question(tag_digits(problem.question) if has_tags else problem.question)
    spans = tuple(
        Span(len(question) + field.start, len(question) + field.end, Stage[field.name])
        for field in fields(output)
        if field.name in Stage.__members__
    )
    return Row(problem.question, question + output, "nrm", spans, ((0, len(question)),))
