"""Evaluation of a student: asks it questions by batched greedy decoding and measures its outputs.

    metrics, rows = evaluate(model, tokenizer, problems)
    metrics["tasks"]["sorting"]  ->  {"n": 200, "correct": 171, "accuracy": 0.855, "published": 0.0, …}

Decoding is greedy and batched, but for samples that vote; docs/measures.md says what each measure means.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from distill.data.prompts import prompt
from distill.evaluation.digits import Answered, by_digits
from distill.evaluation.kept import KeptAnswers
from distill.evaluation.outputs import score_output, score_outputs, summarize_scored
from distill.evaluation.perturb import Redo, perturbed
from distill.evaluation.scored import Output, Scored
from distill.evaluation.votes import Sampling, summarize_votes
from distill.recipe.schema import Evaluation
from parsers import ReasoningGraph
from teachers.problems import Problem, parse_trace
from teachers.symbolic import NOTATIONS, Notation, Verify, executed_with, solve

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

    from students.generation import Generation


def evaluate(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    *,
    harder: Mapping[int, Sequence[Problem]] | None = None,
    teachers: Mapping[str, ReasoningGraph] | None = None,
    notation: Notation = "columns",
    num_perturbed: int = 200,
    max_new_tokens: int = 384,
    batch_size: int = 64,
    repetition_penalty: float = 1.0,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    sampling: Sampling | None = None,
    kept: KeptAnswers | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(content of metrics.json, one row of samples.jsonl per problem), by greedy decoding.

    Args:
        harder: number of extra digits to the same tasks with numbers that much longer; `metrics["beyond"]`
            has their tables, `metrics["digits"]` the accuracy of each task by the length of its numbers.
        teachers: question -> the teacher's graph, for RFS. Questions of the nano tasks need none: the symbolic
            teacher solves them here.
        notation: that of the symbolic teacher, which says what a changed step leads to.
        num_perturbed: how many of the student's correct outputs get a wrong step injected, which it then continues.
        repetition_penalty, logits_processor: as in `students.generation.generate`.
        kept: greedy answers that an interrupted evaluation has got already; new ones are added.
        sampling: also draw samples for each problem and let them vote; the result is `metrics["votes"]`.
        on_progress: called with the number of newly answered questions, for problems, harder ones and samples alike.
    """
    how: dict[str, Any] = {
        "max_new_tokens": max_new_tokens,
        "batch_size": batch_size,
        "repetition_penalty": repetition_penalty,
    }
    write = functools.partial(
        write_on, model, tokenizer, **how, logits_processor=logits_processor, kept=kept, on_progress=on_progress
    )
    start = time.monotonic()
    outputs = write(unwritten(problems))
    seconds = time.monotonic() - start
    graphs = {**teacher_graphs(problems), **(teachers or {})}
    scored = [score_output(output, graphs.get(output.question)) for output in outputs]
    metrics = summarize_scored(scored, has_teacher=bool(graphs))
    redo = teacher_steps(problems, notation)
    changed = perturbed(scored, lambda prefixes: write(prefixes, on_progress=None), count=num_perturbed, redo=redo)
    metrics["svr"]["injected"], metrics["perturbation"] = changed["injected"], changed["perturbation"]
    metrics["decoding"] = {
        "seconds": round(seconds, 3),
        "tokens": sum(output.num_tokens or 0 for output in outputs),
        **how,
    }
    if harder:
        metrics |= _wider({extra: write(unwritten(asked)) for extra, asked in harder.items()}, outputs)
    if sampling is not None:
        metrics["votes"] = _votes(write, problems, scored, sampling)
    return metrics, [one.to_row() for one in scored]


def _votes(
    write: Callable[..., list[Output]], problems: Sequence[Problem], greedy: Sequence[Scored], sampling: Sampling
) -> dict[str, Any]:
    """Draw samples for each problem, and count their votes."""
    asked = [output for output in unwritten(problems) for _ in range(sampling.samples)]
    drawn = [score_output(one) for one in write(asked, temperature=sampling.temperature, seed=sampling.seed)]
    groups = [drawn[start : start + sampling.samples] for start in range(0, len(drawn), sampling.samples)]
    return summarize_votes(greedy, groups, sampling.how)


def _wider(groups: dict[int, list[Output]], outputs: Sequence[Output]) -> dict[str, Any]:
    """`beyond` and `digits` of the metrics: outputs on longer numbers, beside those on the tasks' own."""
    tables = {str(extra): _beyond(written) for extra, written in groups.items()}
    taught = [*outputs, *groups.get(0, ())]
    return {"beyond": tables, "digits": by_digits(_answered({**groups, 0: taught}))}


def _answered(groups: Mapping[int, Sequence[Output]]) -> Iterator[Answered]:
    for extra, outputs in groups.items():
        for one in outputs:
            yield one.task, one.question, score_output(one).to_row()["strict"] is True, extra == 0


def _beyond(outputs: Sequence[Output]) -> dict[str, Any]:
    """Tasks, average and format for questions beyond the training range. They have no published results."""
    metrics, _ = score_outputs(outputs)
    for task in metrics["tasks"].values():
        task["published"] = None
    average = {**metrics["average"], "published": None} if metrics["average"] else None
    form = {**metrics["format"], "published": None}
    return {"tasks": metrics["tasks"], "average": average, "format": form, "svr": metrics["svr"]["own"]}


def write_on(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    outputs: Sequence[Output],
    *,
    max_new_tokens: int,
    batch_size: int,
    repetition_penalty: float = 1.0,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    kept: KeptAnswers | None = None,
    on_progress: Callable[[int], None] | None = None,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Output]:
    """The outputs, each continued to its end by the student; their text so far may be empty."""
    from students.generation import generate  # here, so that measuring needs no torch

    write = functools.partial(
        generate,
        model,
        tokenizer,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        repetition_penalty=repetition_penalty,
        logits_processor=logits_processor,
        on_progress=on_progress,
        temperature=temperature,
        seed=seed,
    )
    prompts = [prompt(tokenizer, output.question) + output.text for output in outputs]
    if kept is None or temperature:
        generations = write(prompts)
    else:
        generations = _write_kept(write, tokenizer, prompts, batch_size, kept, on_progress)
    return [
        replace(output, text=output.text + g.text, finished=g.finished, num_tokens=g.num_tokens)
        for output, g in zip(outputs, generations, strict=True)
    ]


def _write_kept(
    write: Callable[..., list[Generation]],
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    batch_size: int,
    kept: KeptAnswers,
    on_progress: Callable[[int], None] | None,
) -> list[Generation]:
    """An answer to each prompt, in the batches of `generate`; each batch is saved at once.

    Where answers are kept by row, only the missing ones make batches.
    """
    lengths = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in prompts]
    order = sorted(range(len(prompts)), key=lengths.__getitem__)
    found = {row: answer for row in order if (answer := kept.get_row(prompts[row]))}
    order = [row for row in order if row not in found]
    if on_progress and found:
        on_progress(len(found))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        asked = [prompts[row] for row in rows]
        answers = kept.get(asked)
        if answers is None:
            answers = write(asked)
            kept.add(asked, answers)
        elif on_progress:
            on_progress(len(asked))
        found.update(zip(rows, answers, strict=True))
    return [found[row] for row in range(len(prompts))]


def decoding_options(settings: Evaluation, tokenizer: PreTrainedTokenizerBase | None) -> dict[str, Any]:
    """Decoding options from the `eval` section of a recipe, as arguments of `evaluate` and `generate`.

    `tokenizer` is the student's; None for an untouched base, which has no stage markers and writes without help.
    """
    from students.processors import processors_of

    options: dict[str, Any] = {
        "max_new_tokens": settings.max_new_tokens,
        "batch_size": settings.batch_size,
        "repetition_penalty": settings.repetition_penalty,
    }
    if tokenizer is not None:
        helpers = processors_of(tokenizer, calculator=settings.calculator, guided=settings.guided)
        options["logits_processor"] = helpers
    return options


def unwritten(problems: Sequence[Problem]) -> list[Output]:
    """An empty output for each problem, to be filled by the student."""
    return [Output(p.question, "", p.accepted or p.answer or None, p.task, p.language) for p in problems]


def teacher_graphs(
    problems: Sequence[Problem], *, verify: Verify = "inverse", notation: Notation = "columns"
) -> dict[str, ReasoningGraph]:
    """Question -> graph of the symbolic teacher's solution, for the problems that it can solve."""
    return {p.question: parse_trace(solve(p, verify=verify, notation=notation)) for p in _solvable(problems)}


def teacher_steps(problems: Sequence[Problem], notation: Notation = "columns") -> Redo:
    """Re-computes the symbolic teacher's steps with changed values; gives None for problems of other teachers."""
    solvable = {problem.question: problem for problem in _solvable(problems)}

    def redo(graph: ReasoningGraph, changed: Mapping[int, int]) -> list[str] | None:
        if graph.question not in solvable:
            return None
        return executed_with(solvable[graph.question], changed, notation=notation)

    return redo


def _solvable(problems: Sequence[Problem]) -> list[Problem]:
    """Problems made by `draw_problem`; problems of the same tasks from elsewhere may be worded differently."""
    return [p for p in problems if p.task in NOTATIONS["columns"] and p.id.startswith(f"{p.task}-")]
