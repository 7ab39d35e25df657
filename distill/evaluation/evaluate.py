"""Ask a student questions and measure what it writes.

    metrics, rows = evaluate(model, tokenizer, problems)
    metrics["tasks"]["sorting"]  ->  {"n": 200, "correct": 171, "accuracy": 0.855, "published": 0.0, …}

Decoding is greedy and batched; docs/measures.md says what each measure means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from distill.evaluation.outputs import Output, score_output, score_outputs, summarize_scored
from distill.evaluation.perturb import Redo, perturbed
from parsers import ReasoningGraph
from teachers.problems import Problem, parse_trace
from teachers.symbolic import SOLVERS, Verify, executed_with, solve


def evaluate(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    *,
    harder: Sequence[Problem] = (),
    teachers: Mapping[str, ReasoningGraph] | None = None,
    num_perturbed: int = 200,
    max_new_tokens: int = 384,
    batch_size: int = 64,
    repetition_penalty: float = 1.0,
    logits_processor: Callable[[Any, Any], Any] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(what belongs in metrics.json, one row of samples.jsonl for each problem), by greedy decoding.

    Args:
        harder: the same tasks beyond the training range; their table is `metrics["one_more_digit"]`.
        teachers: question -> the teacher's graph, for RFS. Questions of the nano tasks need none: the symbolic
            teacher solves them here.
        num_perturbed: how many of its own right outputs it gets back with a wrong step, to continue.
        repetition_penalty, logits_processor: as in `students.generation.generate`.
        on_progress: hears how many more questions are answered, `len(problems) + len(harder)` in all.
    """

    def write(outputs: Sequence[Output], progress: Callable[[int], None] | None = on_progress) -> list[Output]:
        return write_on(
            model,
            tokenizer,
            outputs,
            max_new_tokens=max_new_tokens,
            batch_size=batch_size,
            repetition_penalty=repetition_penalty,
            logits_processor=logits_processor,
            on_progress=progress,
        )

    start = time.monotonic()
    outputs = write(unwritten(problems))
    seconds = time.monotonic() - start
    graphs = {**teacher_graphs(problems), **(teachers or {})}
    scored = [score_output(output, graphs.get(output.question)) for output in outputs]
    metrics = summarize_scored(scored, has_teacher=bool(graphs))
    changed = perturbed(
        scored, lambda prefixes: write(prefixes, None), count=num_perturbed, redo=teacher_steps(problems)
    )
    metrics["svr"]["injected"], metrics["perturbation"] = changed["injected"], changed["perturbation"]
    metrics["decoding"] = {
        "seconds": round(seconds, 3),
        "tokens": sum(output.num_tokens or 0 for output in outputs),
        "max_new_tokens": max_new_tokens,
        "batch_size": batch_size,
        "repetition_penalty": repetition_penalty,
    }
    if harder:
        metrics["one_more_digit"] = _beyond(write(unwritten(harder)))
    return metrics, [one.to_row() for one in scored]


def _beyond(outputs: Sequence[Output]) -> dict[str, Any]:
    """Tasks, average and format of questions beyond the training range, on which nothing is published."""
    metrics, _ = score_outputs(outputs)
    for task in metrics["tasks"].values():
        task["published"] = None
    average = {**metrics["average"], "published": None} if metrics["average"] else None
    return {"tasks": metrics["tasks"], "average": average, "format": {**metrics["format"], "published": None}}


def write_on(
    model: Any,
    tokenizer: Any,
    outputs: Sequence[Output],
    *,
    max_new_tokens: int,
    batch_size: int,
    repetition_penalty: float = 1.0,
    logits_processor: Callable[[Any, Any], Any] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[Output]:
    """The outputs, each written to its end by the student, greedily; their text so far may be empty."""
    from students.generation import generate  # here, so that measuring needs no torch

    generations = generate(
        model,
        tokenizer,
        [prompt(tokenizer, output.question) + output.text for output in outputs],
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        repetition_penalty=repetition_penalty,
        logits_processor=logits_processor,
        on_progress=on_progress,
    )
    return [
        replace(output, text=output.text + g.text, finished=g.finished, num_tokens=g.num_tokens)
        for output, g in zip(outputs, generations, strict=True)
    ]


def unwritten(problems: Sequence[Problem]) -> list[Output]:
    """What is still to be written: an empty output for each problem."""
    return [Output(p.question, "", p.accepted or p.answer or None, p.task, p.language) for p in problems]


def prompt(tokenizer: Any, question: str) -> str:
    """How this student is asked: in nano form where it has those markers, else by its chat template, else bare."""
    nano = tokenizer.convert_tokens_to_ids("<INST>")  # `get_vocab` would build 50,000 entries for every question
    if nano is not None and nano != tokenizer.unk_token_id:
        return f"<INST>{question}</INST><THINK>"
    if getattr(tokenizer, "chat_template", None):
        messages = [{"role": "user", "content": question}]
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return f"{question}\n"


def teacher_graphs(problems: Sequence[Problem], *, verify: Verify = "inverse") -> dict[str, ReasoningGraph]:
    """Question -> graph of the symbolic teacher's solution, for the problems that it can solve."""
    return {p.question: parse_trace(solve(p, verify=verify)) for p in _solvable(problems)}


def teacher_steps(problems: Sequence[Problem]) -> Redo:
    """How the symbolic teacher would compute with other values in its steps; None for problems that are not its own."""
    solvable = {problem.question: problem for problem in _solvable(problems)}

    def redo(question: str, changed: Mapping[int, int]) -> list[str] | None:
        return executed_with(solvable[question], changed) if question in solvable else None

    return redo


def _solvable(problems: Sequence[Problem]) -> list[Problem]:
    """Those drawn by draw_problem; others of the same tasks may look otherwise."""
    return [p for p in problems if p.task in SOLVERS and p.id.startswith(f"{p.task}-")]
