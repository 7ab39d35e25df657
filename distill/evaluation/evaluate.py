"""Ask a student questions and measure what it writes.

    metrics, rows = evaluate(model, tokenizer, problems)
    metrics["tasks"]["sorting"]  ->  {"n": 200, "correct": 171, "accuracy": 0.855, "published": 0.0, …}

Decoding is greedy and batched; docs/measures.md says what each measure means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distill.evaluation.outputs import Output, score_outputs
from parsers import ReasoningGraph, parse
from teachers.problems import Problem
from teachers.symbolic import SOLVERS, solve


def evaluate(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    *,
    harder: Sequence[Problem] = (),
    teachers: Mapping[str, ReasoningGraph] | None = None,
    max_new_tokens: int = 384,
    batch_size: int = 64,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(what belongs in metrics.json, one row of samples.jsonl for each problem), by greedy decoding.

    Args:
        harder: the same tasks beyond the training range; their table is `metrics["one_more_digit"]`.
        teachers: question -> the teacher's graph, for RFS. Questions of the nano tasks need none: the symbolic
            teacher solves them here.
        on_progress: hears how many more questions are answered, `len(problems) + len(harder)` in all.
    """
    options = {"max_new_tokens": max_new_tokens, "batch_size": batch_size, "on_progress": on_progress}
    start = time.monotonic()
    outputs = answer(model, tokenizer, problems, **options)
    seconds = time.monotonic() - start
    graphs = {**teacher_graphs(problems), **(teachers or {})}
    metrics, rows = score_outputs(outputs, teachers=graphs or teachers)
    metrics["decoding"] = {
        "seconds": round(seconds, 3),
        "tokens": sum(output.num_tokens or 0 for output in outputs),
        "max_new_tokens": max_new_tokens,
        "batch_size": batch_size,
    }
    if harder:
        metrics["one_more_digit"] = _beyond(answer(model, tokenizer, harder, **options))
    return metrics, rows


def _beyond(outputs: Sequence[Output]) -> dict[str, Any]:
    """Tasks, average and format of questions beyond the training range, on which nothing is published."""
    metrics, _ = score_outputs(outputs)
    for task in metrics["tasks"].values():
        task["published"] = None
    average = {**metrics["average"], "published": None} if metrics["average"] else None
    return {"tasks": metrics["tasks"], "average": average, "format": {**metrics["format"], "published": None}}


def answer(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    *,
    max_new_tokens: int,
    batch_size: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[Output]:
    """What the student writes for each problem, greedily."""
    from students.generation import generate  # here, so that measuring needs no torch

    generations = generate(
        model,
        tokenizer,
        [prompt(tokenizer, problem.question) for problem in problems],
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        on_progress=on_progress,
    )
    return [
        Output(p.question, g.text, p.answer or None, p.task, p.language, g.finished, g.num_tokens)
        for p, g in zip(problems, generations, strict=True)
    ]


def prompt(tokenizer: Any, question: str) -> str:
    """How this student is asked: in nano form where it has those markers, else by its chat template, else bare."""
    if "<INST>" in tokenizer.get_vocab():
        return f"<INST>{question}</INST><THINK>"
    if getattr(tokenizer, "chat_template", None):
        messages = [{"role": "user", "content": question}]
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return f"{question}\n"


def teacher_graphs(problems: Sequence[Problem]) -> dict[str, ReasoningGraph]:
    """Question -> graph of the symbolic teacher's solution, for the problems that it can solve."""
    return {
        p.question: parse(solve(p).text, question=p.question, format="nrm", language=p.language)
        for p in problems
        if p.task in SOLVERS and p.id.startswith(f"{p.task}-")  # drawn by draw_problem; others may look otherwise
    }
