"""The training phase of a run: from a run folder with a tokenizer to one with a student. Runs in every process."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from distill.examples import encode_text, training_texts
from distill.runs import Run, whole_folder, write_jsonl


def train_run(run: Run, *, show: bool = True) -> None:
    """Train the student of a run, from its last checkpoint if it has one; writes history.jsonl and student/."""
    from transformers import AutoTokenizer

    from distill.trainer import train
    from students.sizes import build_student

    recipe = run.recipe
    tokenizer = AutoTokenizer.from_pretrained(run.tokenizer)
    student = recipe.student
    model = build_student(
        student.size, tokenizer, vocab_size=student.vocab_size, max_length=student.max_length, seed=recipe.seed
    )
    texts = training_texts(recipe, run.graphs)

    def example(index: int) -> Any:
        return encode_text(texts.text(index), tokenizer)

    if texts.size is not None:
        lengths = [len(example(index).input_ids) for index in range(texts.size)]
        run.note(too_long={"texts": sum(length > student.max_length for length in lengths), "longest": max(lengths)})
    result = train(
        model,
        tokenizer,
        example,
        settings=recipe.train,
        weights=recipe.loss.weights,
        loss_kind=recipe.loss.kind,
        run_dir=run.path,
        seed=recipe.seed,
        max_length=recipe.student.max_length,
        num_examples=texts.size,
        resume=True,
        show=show,
    )
    if is_first_process():
        history = [{name: finite(value) for name, value in entry.items()} for entry in result.history]
        write_jsonl(run.path / "history.jsonl", history)
        facts = {name: fact for name, fact in asdict(result).items() if name != "history"}
        place = {"device": str(model.device), "processes": num_processes(), "parameters": model.num_parameters()}
        run.note(training={**facts, **place})
        with whole_folder(run.student) as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)


def finite(value: Any) -> Any:
    """The value, None where JSON has no such number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def is_first_process() -> bool:
    """Whether this process writes the files; true without several processes."""
    import torch.distributed as dist

    return not dist.is_initialized() or dist.get_rank() == 0


def num_processes() -> int:
    """How many processes train together."""
    import torch.distributed as dist

    return dist.get_world_size() if dist.is_initialized() else 1
