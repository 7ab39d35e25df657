"""Exports of a student against the student: the same greedy text, and the accuracy of small files.

    python -m benchmarks.bench_export miniaxion1                  llama, gguf f32, f16, q8_0
    python -m benchmarks.bench_export miniaxion1 --adapters       merged: the same student as a base, adapters upon it

Asks the test questions of the nano tasks, greedily: the student through `students.generation.generate`, stock exports
through transformers' own `generate`, GGUF files through a real llama.cpp (package xllamacpp). Exits with 1 where a
target is missed.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.llama_cpp_server import llama_cpp_server
from distill.data.prompts import prompt
from distill.evaluation.accuracy import grade
from distill.verbs.export import export_model
from parsers.text.markers import END_ANSWER
from students.adapter import Base, build_adapter_student, load_adapter_student, save_adapter_student
from students.generation import end_ids, generate, load_student, text_of
from teachers.nano_tasks import TASKS, draw_problems
from teachers.problems import Problem

MAX_NEW_TOKENS, SEED, POINTS = 300, 4_021, 1.0
"""Longest answer; seed of questions that no run draws; what q8_0 may lose."""
MIN_SAME = 1.0
"""Share of equal texts that float32 forms must reach."""


def main() -> None:
    """Export, ask, compare, print; exit with 1 where a target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", help="a nano student: a run folder, a saved student, or one that ships")
    arguments.add_argument("--adapters", action="store_true", help="measure an adapter student with that base")
    arguments.add_argument("--questions", type=int, default=200)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        student = with_adapters(options.model, Path(folder)) if options.adapters else options.model
        base = options.model if options.adapters else None
        misses = measure(student, Path(folder), options.questions, base=base)
    if misses:
        raise SystemExit(f"missed: {', '.join(misses)}")


def measure(student: str, folder: Path, count: int, *, base: str | None) -> list[str]:
    """Print a line for each form; the names of those that miss their target. An adapter student has a `base`."""
    problems = list(itertools.islice(draw_problems(dict.fromkeys(TASKS, 1.0), seed=SEED, split="test"), count))
    _, tokenizer = load_student(student, device="cpu")
    texts = [prompt(tokenizer, problem.question) for problem in problems]
    written = ask_student(student, texts)
    before = accuracy(problems, written)
    print(f"{count} questions; the student: {before:.1f} % correct", flush=True)
    if base:
        changed = sum(a != b for a, b in zip(written, ask_student(base, texts), strict=True))
        print(f"its adapters change {changed} of {count} texts of the base", flush=True)
    misses: list[str] = []
    stock = ("merged", "f32") if base else ("llama", None)
    for form, dtype in [stock, ("gguf", "f32"), ("gguf", "f16"), ("gguf", "q8_0")]:
        out = export_model(student, folder / f"{form}-{dtype}", to=form, dtype=dtype)
        ask = ask_llama_cpp if form == "gguf" else ask_transformers
        found = list(ask(out, texts))
        same = sum(a == b for a, b in zip(written, found, strict=True))
        after = accuracy(problems, found)
        print(f"{form} {dtype or 'f32'}: {same} of {count} texts equal, {after:.1f} % correct", flush=True)
        is_missed = abs(after - before) > POINTS if dtype == "q8_0" else dtype != "f16" and same < MIN_SAME * count
        misses += [f"{form} {dtype}"] if is_missed else []
    return misses


def ask_student(student: str, texts: Sequence[str]) -> list[str]:
    """What the student itself writes after each text, in float32 as the files are."""
    if (Path(student) / "base.json").is_file():
        model, tokenizer = load_adapter_student(Path(student), dtype=torch.float32, device="cpu")
    else:
        model, tokenizer = load_student(student, device="cpu")
    return [
        one.text.removesuffix(END_ANSWER) for one in generate(model, tokenizer, texts, max_new_tokens=MAX_NEW_TOKENS)
    ]


def ask_transformers(folder: Path, texts: Sequence[str]) -> Iterator[str]:
    """What a stock model writes after each text, one by one."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    ends = sorted(end_ids(model, tokenizer, END_ANSWER))
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        out = model.generate(ids, max_new_tokens=MAX_NEW_TOKENS, do_sample=False, eos_token_id=ends,
                             attention_mask=torch.ones_like(ids), pad_token_id=0)  # fmt: skip
        yield text_of(tokenizer, out[0, ids.shape[1] :].tolist()).removesuffix(END_ANSWER)


def ask_llama_cpp(folder: Path, texts: Sequence[str]) -> Iterator[str]:
    """What llama.cpp writes after each text, one by one."""
    with llama_cpp_server(folder / "model.gguf") as post:
        for text in texts:
            body = {"prompt": text, "n_predict": MAX_NEW_TOKENS, "temperature": 0}
            yield post("/completion", body)["content"]


def accuracy(problems: Sequence[Problem], texts: Sequence[str]) -> float:
    """Percent of texts whose answer field holds an accepted answer."""
    right = [
        any(
            grade(f"{text}{END_ANSWER}", gold=gold, language=problem.language).strict
            for gold in (problem.answer, *problem.accepted)
        )
        for problem, text in zip(problems, texts, strict=True)
    ]
    return 100 * sum(right) / len(right)


def with_adapters(model: str, folder: Path) -> str:
    """An adapter student whose base is the student as a stock Llama, with adapters that change what it writes."""
    base = Base(str(export_model(model, folder / "base", to="llama")))
    lora = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"]}
    student, tokenizer = build_adapter_student(base, reasoning=lora, verification=None, seed=0, dtype=torch.float32)
    torch.manual_seed(SEED)
    with torch.no_grad():
        for name, weight in student.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.05)
    save_adapter_student(student, tokenizer, base, folder / "student")
    return str(folder / "student")


if __name__ == "__main__":
    main()
