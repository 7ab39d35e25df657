"""Nano training and decoding against what a user would write instead, on this machine, in one run.

    python benchmarks/bench_train_nano.py --steps 40 --repeats 3

Training: the training phase of `distill run` against a plain `transformers.Trainer` with padded batches in random
order, on the same student, examples and size of an optimizer step; supervised tokens per second, set-up and compilation
counted for neither (the time they take is printed). The plain trainer finds its examples encoded, ours makes them as it
goes. Decoding: 200 questions in batches
against `model.generate` one question at a time, on the same student and as many new tokens each.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console
from transformers import Trainer, TrainingArguments

from distill.data.nano import problems_to_ask, training_rows
from distill.data.prompts import prompt
from distill.data.rows import encode_row
from distill.recipe.schema import NanoStudent, Recipe, load_recipe
from distill.runs.folder import Run, begin_run
from distill.runs.processes import choose_nproc, usable_cores
from distill.training.batches import collate
from distill.verbs.run import traces_phase, train_phase
from students.generation import generate
from students.sizes import build_student
from students.tokenizer import train_tokenizer

TRAINING_TARGET, DECODING_TARGET = 1.5, 10.0


def main() -> None:
    """Measure, print the two ratios, and exit with 1 if one misses its target."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipe", default="miniaxion_from_teacher")
    arguments.add_argument("--steps", type=int, default=40, help="optimizer steps of each measurement")
    arguments.add_argument("--repeats", type=int, default=3, help="measurements of each, taken in turns")
    arguments.add_argument("--one-by-one", type=int, default=10, help="questions decoded one at a time, of the 200")
    arguments.add_argument("--new-tokens", type=int, default=96, help="tokens written after each question")
    options = arguments.parse_args()
    recipe = load_recipe(options.recipe, [f"train.max_steps={options.steps}", "train.warmup_steps=1"])
    rows = training_rows(recipe)
    assert isinstance(recipe.student, NanoStudent)
    tokenizer = train_tokenizer(rows.texts(2000), vocab_size=recipe.student.vocab_size)
    rows_per_step = recipe.train.per_device_train_batch_size * recipe.train.gradient_accumulation_steps
    examples = [encode_row(row, tokenizer) for row in rows.first(rows_per_step * options.steps)]
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {usable_cores()} cores")
    print(f"{rows_per_step} examples a step, {options.steps} steps, {options.repeats} repeats, recipe {recipe.name}")

    ours, plain = [], []
    for _ in range(options.repeats):
        plain.append(plain_speed(recipe, tokenizer, examples, rows_per_step))
        ours.append(our_speed(recipe, tokenizer))
        print(f"  supervised tokens/s: plain {plain[-1]:,.0f}, ours {ours[-1]:,.0f}", flush=True)
    training = statistics.median(ours) / statistics.median(plain)
    print(f"training: {training:.2f} times as fast (target {TRAINING_TARGET})")

    decoding = decoding_ratio(recipe, tokenizer, options.one_by_one, options.new_tokens)
    print(f"decoding: {decoding:.1f} times as fast (target {DECODING_TARGET})")
    raise SystemExit(training < TRAINING_TARGET or decoding < DECODING_TARGET)


def fresh_student(recipe: Recipe, tokenizer: Any) -> Any:
    """The untrained student of the recipe."""
    student = recipe.student
    assert isinstance(student, NanoStudent)
    return build_student(
        student.size, tokenizer, vocab_size=student.vocab_size, max_length=student.max_length, seed=recipe.seed
    )


def our_speed(recipe: Recipe, tokenizer: Any) -> float:
    """Supervised tokens per second of the training phase of `distill run`, in as many processes as it chooses."""
    quiet = Console(quiet=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run", recipe)
        begin_run(run)
        traces_phase(run, quiet)
        tokenizer.save_pretrained(run.tokenizer)
        started = time.perf_counter()
        train_phase(run, quiet, nproc=choose_nproc(recipe.train.gradient_accumulation_steps))
        facts = run.record()["training"]
    aside = time.perf_counter() - started - facts["elapsed_seconds"]
    print(
        f"  ours: {facts['processes']} processes, {aside:.0f} s of set-up, compilation and checkpoint beside training"
    )
    return facts["supervised_tokens"] / facts["elapsed_seconds"]


class TimedTrainer(Trainer):
    """A plain trainer that knows when its first step began."""

    started = 0.0

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """Note the time at the first batch."""
        self.started = self.started or time.perf_counter()
        return super().get_batch_samples(*args, **kwargs)


def plain_speed(recipe: Recipe, tokenizer: Any, examples: list[Any], rows: int) -> float:
    """Supervised tokens per second of transformers.Trainer, batches padded to their longest example."""

    def padded(batch: list[Any]) -> dict[str, torch.Tensor]:
        values = collate([[example] for example in batch], pad_token_id=tokenizer.pad_token_id)
        return {name: values[name] for name in ("input_ids", "labels", "attention_mask")}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=recipe.train.max_steps or 1,
            per_device_train_batch_size=rows,
            learning_rate=recipe.train.learning_rate,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
        )
        model = fresh_student(recipe, tokenizer)
        trainer = TimedTrainer(model, arguments, data_collator=padded, train_dataset=examples)  # type: ignore[arg-type]
        trainer.train()
        seconds = time.perf_counter() - trainer.started
    return sum(label != -100 for example in examples for label in example.labels[1:]) / seconds


def decoding_ratio(recipe: Recipe, tokenizer: Any, one_by_one: int, new_tokens: int) -> float:
    """Seconds a question of model.generate, one at a time, over those of 200 questions decoded in batches."""
    model = fresh_student(recipe, tokenizer).eval()
    model.generation_config.eos_token_id = None  # an untrained student: all write equally many tokens
    prompts = [prompt(tokenizer, problem.question) for problem in problems_to_ask(recipe)[:200]]
    started = time.perf_counter()
    generate(model, tokenizer, prompts, max_new_tokens=new_tokens, batch_size=recipe.eval.batch_size, stop=None)
    batched = (time.perf_counter() - started) / len(prompts)
    started = time.perf_counter()
    for asked in prompts[:one_by_one]:
        ids = torch.tensor([tokenizer(asked, add_special_tokens=False)["input_ids"]])
        with torch.inference_mode():
            model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, do_sample=False)
    single = (time.perf_counter() - started) / one_by_one
    print(f"  seconds a question: one by one {single:.3f}, batched {batched:.4f}")
    return single / batched


if __name__ == "__main__":
    main()
