"""Votes of a pretrained base on GSM8K, in its own words: greedy, maj@K plain and weighted by its checks, pass@K.

    python -m benchmarks.bench_votes --gguf model.gguf --test gsm8k/test.jsonl --store votes

Answers are kept in the folder --store as soon as they are written; the same command goes on after a kill. Questions are
drawn by seed. Prints both votes on the same samples, with the paired difference to the greedy answer and its interval.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.data.prompts import prompt
from distill.evaluation.outputs import score_output
from distill.evaluation.scored import Output, Scored
from distill.evaluation.votes import SAMPLING_TEMPERATURE, summarize_votes
from students.adapter import Base, load_base
from students.continuous import ContinuousBatch, Row
from students.decoding import Decoding
from students.generation import text_of
from teachers.datasets import load_dataset_traces
from teachers.problems import Problem
from teachers.prompts import ask, words_key
from teachers.store import Answer, Request, TraceStore

SAY_SECONDS = 60.0


def main() -> None:
    """Ask what the store lacks, then count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--test", required=True, help="GSM8K's test.jsonl")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--rows", type=int, default=96, help="answers written at the same time")
    parser.add_argument("--max-new-tokens", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    traces = list(load_dataset_traces("gsm8k", split="test", path=options.test))
    problems = [trace.problem for trace in random.Random(options.seed).sample(traces, options.questions)]
    wanted = {
        request.key: (problem, request)
        for problem in problems
        for sample in range(options.samples + 1)  # number 0 is the greedy one
        for request in [request_of(problem, sample, options)]
    }
    with TraceStore(options.store) as store:
        fill(store, wanted, options)
        answers = store.answers()
        greedy = [scored(problem, answers[request_of(problem, 0, options).key]) for problem in problems]
        groups = [
            [
                scored(problem, answers[request_of(problem, sample, options).key])
                for sample in range(1, options.samples + 1)
            ]
            for problem in problems
        ]
    report(greedy, groups)


def request_of(problem: Problem, sample: int, options: argparse.Namespace) -> Request:
    """Sample 0 is greedy, the others are drawn."""
    sampling = (
        ("temperature", SAMPLING_TEMPERATURE if sample else 0.0),
        ("max_new_tokens", options.max_new_tokens),
        ("seed", options.seed),
    )
    message = ask(problem.question, problem.language)
    return Request(problem.question, Path(options.gguf).name, words_key(message), sampling, sample)


def fill(store: TraceStore, wanted: dict[str, tuple[Problem, Request]], options: argparse.Namespace) -> None:
    """Write the answers that the store lacks."""
    known = store.answers()
    queue = deque(one for key, one in wanted.items() if key not in known)
    if not queue:
        return
    model, tokenizer = load_base(Base("base", options.gguf))
    batch, writing = ContinuousBatch(model, tokenizer, stop=None), dict[Any, Request]()
    start = said = time.monotonic()
    total, num_tokens = len(queue), 0
    while queue or writing:
        joining = {}
        while queue and len(writing) + len(joining) < options.rows:
            problem, request = queue.popleft()
            asked = prompt(tokenizer, ask(problem.question, problem.language))
            ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
            how = Decoding(temperature=float(dict(request.sampling)["temperature"] or 0))
            joining[Row(ids, options.max_new_tokens, how, int(request.key[:7], 16))] = request
        writing.update(joining)
        num_tokens += len(batch.step([*joining]))
        for row in [row for row in writing if row.finish]:
            request, text = writing.pop(row), text_of(tokenizer, row.written, None)
            store.append(Answer(request.key, request.question, text, row.finish == "stop", len(row.written)))
        if time.monotonic() - said > SAY_SECONDS:
            said, left = time.monotonic(), len(queue) + len(writing)
            print(f"{total - left} of {total} answers, {num_tokens / (said - start):.0f} tokens/s", flush=True)


def scored(problem: Problem, answer: Answer) -> Scored:
    """An answer, graded."""
    gold = problem.accepted or problem.answer
    return score_output(
        Output(problem.question, answer.text, gold, problem.task, problem.language, answer.finished, answer.num_tokens)
    )


def report(greedy: Sequence[Scored], groups: Sequence[Sequence[Scored]]) -> None:
    """Both votes on the same samples."""
    for how in ("plain", "verify"):
        print(json.dumps(summarize_votes(greedy, groups, how), indent=2))


if __name__ == "__main__":
    main()
