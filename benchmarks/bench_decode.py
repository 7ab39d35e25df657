"""Decoding a pretrained base on a CPU: ours, ours of another commit, transformers and llama.cpp on the same questions.

    python benchmarks/bench_decode.py --gguf qwen2.5-coder-0.5b-instruct-q4_k_m.gguf --before ../commit-before

64 prompts begin with the same 400 tokens and end in questions of their own; greedy, at most 320 tokens each, no stop
but the end of the text. Every side runs in a process of its own and loads the model anew, which is not timed. Measured:
seconds from the prompts to the texts, written tokens a second. llama.cpp holds the weights in the file's own type,
the others in --dtype.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SIDES = ("ours", "before", "generate", "continuous", "llama.cpp")
PREFIX = "You solve problems of arithmetic. Name what is given, plan, compute each step, and check the result. "
PREFIX_TOKENS = 400


def main() -> None:
    """Measure each side and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True, help="the model, for all sides")
    parser.add_argument("--before", type=Path, help="a checkout of another commit, for the side 'before'")
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=320, help="longest answer")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run(options)))
        return
    for side in options.sides.split(","):
        if side == "before" and options.before is None:
            continue
        root = options.before if side == "before" else Path(__file__).parents[1]
        environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": str(options.threads)}
        command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, env=environment, check=False)
        if done.returncode:
            print(f"{side}: failed with {done.returncode}", flush=True)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        rate = found["tokens"] / found["seconds"]
        print(f"{side}: {found['tokens']:,} tokens in {found['seconds']:.0f} s, {rate:.1f} tokens/s", flush=True)


def run(options: argparse.Namespace) -> dict[str, float]:
    """Seconds and written tokens of one side."""
    if options.side == "llama.cpp":
        return run_llama_cpp(options)
    import torch

    from students.adapter import Base, load_base

    model, tokenizer = load_base(Base("base", options.gguf), dtype=getattr(torch, options.dtype))
    texts = prompts(tokenizer, options.questions)
    write = {"ours": ours, "before": ours, "generate": stock, "continuous": continuous}[options.side]
    start = time.perf_counter()
    tokens = write(model, tokenizer, texts, options.tokens)
    return {"seconds": time.perf_counter() - start, "tokens": tokens}


def prompts(tokenizer: Any, count: int) -> list[str]:
    """Texts that begin with the same PREFIX_TOKENS tokens."""
    ids = tokenizer(PREFIX * (PREFIX_TOKENS // 10), add_special_tokens=False)["input_ids"]
    beginning = str(tokenizer.decode(ids[:PREFIX_TOKENS]))
    questions = (
        f"A shop sells {3 + i} boxes of {12 + i % 7} pens on Monday and {5 + i % 11} boxes on Tuesday. "
        f"Each pen costs ${2 + i % 3}. How much money does the shop take on the two days?"
        for i in range(count)
    )
    return [f"{beginning}\n\nQuestion: {question}\nAnswer, step by step:" for question in questions]


def ours(model: Any, tokenizer: Any, texts: list[str], limit: int) -> int:
    """All rows in one batch of `students.generation.generate`."""
    from students.generation import generate

    found = generate(model, tokenizer, texts, max_new_tokens=limit, batch_size=len(texts), stop=None)
    return sum(one.num_tokens for one in found)


def stock(model: Any, tokenizer: Any, texts: list[str], limit: int) -> int:
    """`model.generate` on the padded batch."""
    batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    out = model.generate(**batch, max_new_tokens=limit, do_sample=False)
    written = out[:, batch["input_ids"].shape[1] :]
    return int((written != tokenizer.pad_token_id).sum())


def continuous(model: Any, tokenizer: Any, texts: list[str], limit: int) -> int:
    """transformers' continuous batching."""
    from transformers import GenerationConfig

    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    settings = GenerationConfig(
        max_new_tokens=limit,
        do_sample=False,
        eos_token_id=model.generation_config.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    found = model.generate_batch(inputs=ids, generation_config=settings)
    return sum(len(one.generated_tokens) for one in found.values())


def run_llama_cpp(options: argparse.Namespace) -> dict[str, float]:
    """The server of llama.cpp with 16 slots, asked for completions of the same texts."""
    from concurrent.futures import ThreadPoolExecutor

    from transformers import AutoTokenizer

    xllamacpp: Any = importlib.import_module("xllamacpp")
    file, slots = Path(options.gguf), min(16, options.questions)
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, trust_remote_code=False)
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_parallel = options.gguf, slots
    settings.n_ctx = slots * (PREFIX_TOKENS + 200 + options.tokens)
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = options.threads
    server: Any = xllamacpp.Server(settings)

    def ask(text: str) -> int:
        request = {"prompt": text, "n_predict": options.tokens, "temperature": 0, "cache_prompt": True}
        reply = server.handle_completions(request)
        reply = json.loads(reply) if isinstance(reply, str) else reply
        return int(reply.get("tokens_predicted") or reply["usage"]["completion_tokens"])

    texts = prompts(tokenizer, options.questions)
    start = time.perf_counter()
    with ThreadPoolExecutor(slots) as pool:
        tokens = sum(pool.map(ask, texts))
    return {"seconds": time.perf_counter() - start, "tokens": tokens}


if __name__ == "__main__":
    main()
