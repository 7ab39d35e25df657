"""The training phase of a run: from a run folder with a tokenizer to one with a student. Runs in every process."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.examples import encode_text, training_texts
from distill.recipe import AdapterStudent
from distill.runs import Run, whole_folder, write_jsonl


def train_run(run: Run) -> None:
    """Train the student of a run, from its last checkpoint if it has one; writes history.jsonl and student/."""
    from transformers import AutoTokenizer

    from distill.trainer import train
    from students.encoding import Example, compact
    from students.sizes import build_student

    recipe = run.recipe
    if isinstance(recipe.student, AdapterStudent):
        from distill.adapter_training import train_adapter

        return train_adapter(run)
    tokenizer = AutoTokenizer.from_pretrained(run.tokenizer)
    student = recipe.student
    model = build_student(
        student.size,
        tokenizer,
        vocab_size=student.vocab_size,
        max_length=student.max_length,
        seed=recipe.seed,
        **student.sizes,
    )
    texts = training_texts(recipe, run.graphs)

    def encoded(index: int) -> Example:
        return encode_text(texts.text(index), tokenizer, student.max_length)

    examples: Callable[[int], Example] = encoded
    if texts.size is not None:  # encoded once, not again in every epoch and process
        kept = [compact(encoded(index)) for index in range(texts.size)]
        lengths = [len(example.input_ids) for example in kept]
        run.note(too_long={"texts": sum(length > student.max_length for length in lengths), "longest": max(lengths)})
        examples = kept.__getitem__
    result = train(
        model,
        tokenizer,
        examples,
        settings=recipe.train,
        weights=recipe.loss.weights,
        loss_kind=recipe.loss.kind,
        run_dir=run.path,
        seed=recipe.seed,
        max_length=recipe.student.max_length,
        num_examples=texts.size,
        resume=True,
        snapshots=run.snapshots,
    )

    def save(folder: Path) -> None:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    keep_result(run, result, model, save, **cache_facts(model.config))


def keep_result(run: Run, result: Any, model: Any, save: Callable[[Path], None], **facts: Any) -> None:
    """Write history.jsonl, the facts of training to run.json, and student/, which `save` fills; in one process."""
    if is_first_process():
        history = [{name: finite(value) for name, value in entry.items()} for entry in result.history]
        write_jsonl(run.history, history)
        facts |= {name: fact for name, fact in asdict(result).items() if name != "history"}
        place = {"device": str(model.device), "processes": num_processes(), "parameters": model.num_parameters()}
        run.note(training={**facts, **place})
        with whole_folder(run.student) as folder:
            save(folder)


def cache_facts(config: Any) -> dict[str, Any]:
    """Bytes that a token takes in the cache of latent attention, and would with ordinary attention; else nothing."""
    if getattr(config, "kv_lora_rank", None) is None:
        return {}
    from students.axion import cache_bytes_per_token

    latent, ordinary = cache_bytes_per_token(config)
    return {"cache_bytes_per_token": {"latent": latent, "ordinary_attention": ordinary, "ratio": ordinary / latent}}


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
