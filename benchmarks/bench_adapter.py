"""Adapter training against trl.SFTTrainer: same base, texts, rows of a batch and total rank, one side a process.

    python benchmarks/bench_adapter.py --data train.jsonl --steps 10

Ours trains two adapters and the markers under stage weights; SFTTrainer one LoRA of the same total rank on the same
supervised tokens, with its own padding and loss. Measured: seconds for each supervised token of the whole training, and
the highest memory of the process, on a GPU of the allocator. Sides take turns. Four rows a batch and solutions of up to
640 tokens unless --set says otherwise.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TIME_TARGET, MEMORY_TARGET = 0.8, 1.0


def main() -> None:
    """Measure, print the two ratios, and exit with 1 if one misses its target."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipe", default="nanoreason135m_cpu")
    arguments.add_argument("--data", required=True, help="GSM8K training file; its test.jsonl stands beside it")
    arguments.add_argument("--steps", type=int, default=10, help="optimizer steps of each measurement")
    arguments.add_argument("--repeats", type=int, default=1, help="measurements of each side")
    arguments.add_argument("--set", action="append", default=[], help="override of the recipe; repeatable")
    arguments.add_argument("--side", choices=["ours", "trl"], help=argparse.SUPPRESS)
    options = arguments.parse_args()
    overrides = [
        f"data.path={options.data}", f"train.max_steps={options.steps}", "train.warmup_steps=1",
        "train.per_device_train_batch_size=4", "student.max_length=640",
        "train.logging_steps=1", "train.save_steps=1000000", *options.set,
    ]  # fmt: skip
    if options.side:
        print(json.dumps({"ours": run_ours, "trl": run_trl}[options.side](options.recipe, overrides)))
        return
    found: dict[str, list[dict[str, float]]] = {"trl": [], "ours": []}
    for _ in range(options.repeats):
        for side, results in found.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
            done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
            results.append(json.loads(done.stdout.splitlines()[-1]))
            print(side, results[-1], flush=True)
    times = {side: statistics.median(r["seconds_per_token"] for r in results) for side, results in found.items()}
    memory = {side: max(r["peak_bytes"] for r in results) for side, results in found.items()}
    time_ratio, memory_ratio = times["ours"] / times["trl"], memory["ours"] / memory["trl"]
    print(f"time for a supervised token: {time_ratio:.2f} of SFTTrainer's (target {TIME_TARGET})")
    print(f"peak memory: {memory_ratio:.2f} of SFTTrainer's (target {MEMORY_TARGET})")
    sys.exit(time_ratio > TIME_TARGET or memory_ratio > MEMORY_TARGET)


def prepared(recipe: Any, tokenizer: Any) -> list[Any]:
    """The examples of the first steps, the same for both sides."""
    from distill.data.adapter import HeldOut, learnable
    from distill.data.rows import encode_row
    from distill.data.sources import load_traces

    wanted = rows_of_a_step(recipe) * (recipe.train.max_steps or 1)
    found: list[Any] = []
    for trace in load_traces(recipe):
        row = learnable(trace, recipe, HeldOut([]))
        if row.unused is None:
            example = encode_row(row, tokenizer)
            if len(example.input_ids) <= recipe.student.max_length:
                found.append(example)
        if len(found) == wanted:
            break
    return found


def rows_of_a_step(recipe: Any) -> int:
    """Examples of an optimizer step."""
    return recipe.train.per_device_train_batch_size * recipe.train.gradient_accumulation_steps


def run_ours(name: str, overrides: list[str]) -> dict[str, float]:
    """Our trainer on two adapters."""
    from distill.recipe.schema import load_recipe
    from distill.tracks.adapter import build_student
    from distill.training.fit import train

    recipe: Any = load_recipe(name, overrides)
    model, tokenizer = build_student(recipe, recipe.student)
    examples = prepared(recipe, tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            model, tokenizer, examples.__getitem__, settings=recipe.train.model_copy(update={"compile": "off"}),
            weights=recipe.loss.weights, run_dir=Path(folder), max_length=recipe.student.max_length,
            num_examples=len(examples), show=False,
        )  # fmt: skip
    return measured(result.elapsed_seconds, result.supervised_tokens)


def run_trl(name: str, overrides: list[str]) -> dict[str, float]:
    """SFTTrainer on one LoRA of the rank that ours has in all."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from distill.data.bases import base_of
    from distill.recipe.schema import load_recipe
    from distill.training.settings import choose_dtype
    from students.adapter import load_base
    from students.dual_lora import add_markers

    recipe: Any = load_recipe(name, overrides)
    use_cpu, train, student = not torch.cuda.is_available(), recipe.train, recipe.student
    dtype = choose_dtype(torch.device("cpu" if use_cpu else "cuda"), train.dtype)
    model, tokenizer = load_base(base_of(student), dtype=dtype)
    add_markers(model, tokenizer)
    examples = prepared(recipe, tokenizer)
    rank = student.reasoning.r + (student.verification.r if student.verification else 0)
    clock: dict[str, float] = {}

    class Clock(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock["start"] = time.perf_counter()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            clock["end"] = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        settings = SFTConfig(
            output_dir=folder, max_steps=train.max_steps, per_device_train_batch_size=train.per_device_train_batch_size,
            gradient_accumulation_steps=train.gradient_accumulation_steps, learning_rate=train.learning_rate,
            max_length=student.max_length, gradient_checkpointing=student.gradient_checkpointing, use_cpu=use_cpu,
            bf16=dtype == torch.bfloat16, fp16=dtype == torch.float16, save_strategy="no", report_to="none",
            optim="adamw_torch" if use_cpu else "paged_adamw_8bit", dataset_kwargs={"skip_prepare_dataset": True},
        )  # fmt: skip
        trainer = SFTTrainer(
            model=model,
            args=settings,
            train_dataset=Dataset.from_list([{"input_ids": e.input_ids, "labels": e.labels} for e in examples]),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=rank,
                lora_alpha=2 * rank,
                target_modules=list(student.reasoning.target_modules),
                task_type="CAUSAL_LM",
            ),
            callbacks=[Clock()],
        )
        trainer.train()
    tokens = sum(label >= 0 for example in examples for label in example.labels[1:])
    return measured(clock["end"] - clock["start"], tokens)


def measured(seconds: float, tokens: int) -> dict[str, float]:
    """What one side took; memory of the whole process, on a GPU of the allocator."""
    import torch

    on_gpu = torch.cuda.is_available()
    peak = torch.cuda.max_memory_allocated() if on_gpu else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds_per_token": seconds / tokens, "tokens": float(tokens), "peak_bytes": float(peak)}


if __name__ == "__main__":
    main()
