"""From the `train` and `loss` sections of a recipe to what training is built of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from distill.schedules import TrainingPlan
from losses import AdaptivePolicy, ConstantPolicy, SchedulePolicy, random_weights
from losses.policies import WeightPolicy
from students.precision import best_dtype

ROWS = ("understand", "plan", "execute", "verify", "answer")
"""Rows of the weight table: the stages by value, then tokens outside every stage."""

ENDLESS = 10**9
"""Upper limit of steps where a time budget decides; the plan ends training long before."""


def build_plan(settings: Any) -> TrainingPlan:
    """The schedule of a recipe's `train` section; `max_steps` wins over `max_minutes`."""
    return TrainingPlan(
        max_steps=settings.max_steps,
        budget_seconds=None if settings.max_minutes is None else 60.0 * settings.max_minutes,
        warmup_steps=settings.warmup_steps,
        decay_fraction=settings.decay_fraction,
        shape=settings.lr_scheduler,
    )


def build_policy(weights: Any, seed: int = 0) -> WeightPolicy:
    """The weight policy of a recipe's `loss.weights` section; `seed` is the recipe's, for weights that are drawn."""
    if weights.policy == "random":
        return ConstantPolicy(random_weights(seed, minimum=weights.minimum, maximum=weights.maximum))
    rows = [getattr(weights, name) for name in ROWS]
    if weights.policy == "schedule":
        return SchedulePolicy(rows)
    if weights.policy == "adaptive":
        return AdaptivePolicy(rows, minimum=weights.minimum, maximum=weights.maximum, smoothing=weights.smoothing)
    return ConstantPolicy(rows)


def choose_dtype(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """The dtype to compute in: the one that is asked for, or with `auto` the best of the device."""
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[wanted]
    return best_dtype(device)


def build_arguments(settings: Any, folder: Path, seed: int) -> TrainingArguments:
    """The part of the settings that transformers handles."""
    use_cpu = not torch.cuda.is_available()
    dtype = choose_dtype(torch.device("cpu" if use_cpu else "cuda"), settings.dtype)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=settings.max_steps or ENDLESS,
        per_device_train_batch_size=settings.per_device_train_batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        max_grad_norm=settings.max_grad_norm,
        learning_rate=settings.learning_rate,
        logging_steps=settings.logging_steps,
        logging_nan_inf_filter=False,
        save_strategy="no",  # the stage trainer decides, by steps or by time
        use_cpu=use_cpu,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        seed=seed,
        report_to="none",
        disable_tqdm=True,
        use_cache=True,  # would be written into the configuration of the student
        ignore_data_skip=True,  # the batch stream starts at the right batch by itself
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
    )
    # Processes share the micro-batches of a step, so that their number does not change what a step learns from.
    arguments.gradient_accumulation_steps = settings.gradient_accumulation_steps // arguments.world_size
    arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs are several processes, never DataParallel
    return arguments
