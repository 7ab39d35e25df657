"""Builds training settings (dtype, stage weights, optimizer arguments) from the `train` and `loss` sections."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import TrainingArguments

from distill.errors import UserError
from distill.recipe.schema import Recipe, Train, Weights
from distill.training.checkpoints import WRITING
from distill.training.schedules import TrainingPlan
from losses import AdaptivePolicy, ConstantPolicy, SchedulePolicy, random_weights
from losses.policies import WeightPolicy
from parsers.graph import NO_STAGE, Stage
from students.precision import best_dtype

ROWS = ("understand", "plan", "execute", "verify", "answer")
"""Rows of the weight table: the stages by value, then tokens outside every stage."""

ENDLESS = 10**9
"""Upper limit of steps where a time budget decides; the plan ends training long before."""


def build_plan(settings: Train) -> TrainingPlan:
    """The schedule of a recipe's `train` section; `max_steps` wins over `max_minutes`."""
    return TrainingPlan(
        max_steps=settings.max_steps,
        budget_seconds=None if settings.max_minutes is None else 60.0 * settings.max_minutes,
        warmup_steps=settings.warmup_steps,
        decay_fraction=settings.decay_fraction,
        shape=settings.lr_scheduler,
    )


def build_policy(weights: Weights, seed: int = 0) -> WeightPolicy:
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
    """The dtype to compute in: `train.dtype`, or with `auto` the best of the device."""
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[wanted]
    return best_dtype(device)


def build_arguments(settings: Train, folder: Path, seed: int) -> TrainingArguments:
    """The part of the settings that transformers handles; `folder` is `checkpoints` in the run folder.

    Raises:
        UserError: the experiment tracker is not installed.
    """
    if settings.report_to != "none" and find_spec(settings.report_to) is None:
        raise UserError(f"train.report_to: {settings.report_to} is not installed; pip install {settings.report_to}")
    use_cpu = not torch.cuda.is_available()
    dtype = choose_dtype(torch.device("cpu" if use_cpu else "cuda"), settings.dtype)
    arguments = TrainingArguments(
        output_dir=str(folder / WRITING),  # from where a whole checkpoint is moved to `folder`
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
        report_to="none" if settings.report_to == "tensorboard" else settings.report_to,  # fit.py says where to
        run_name=folder.parent.name,
        disable_tqdm=True,
        ignore_data_skip=True,  # the batch stream starts at the right batch by itself
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
    )
    # Processes share the micro-batches of a step, so that their number does not change what a step learns from.
    arguments.gradient_accumulation_steps = settings.gradient_accumulation_steps // arguments.world_size
    arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs are several processes, never DataParallel
    return arguments


def stage_weights(recipe: Recipe) -> dict[int, float]:
    """Weight of each stage id at the start of training; NO_STAGE is the answer line."""
    weights = build_policy(recipe.loss.weights, recipe.seed).weights(0.0).tolist()
    return {stage: weights[stage] for stage in (*map(int, Stage), NO_STAGE)}  # the last row is the answer's
