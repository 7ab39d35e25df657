"""What an adapter recipe will need and whether it can work, without training, GPU or download.

    forecast_adapter(recipe, facts).memory   ->  {"weights": 2.05e9, "adapters": 3.6e8, …}, bytes at the peak

Sizes of the base come from recipes/bases/ or the config.json of a local folder; lengths of the texts from a count made
once over each data set.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from distill.adapter_bases import BaseFacts, find_base
from distill.adapter_training import base_of, cure_for_memory
from distill.errors import UserError
from distill.forecast import CPU_FLOPS_PER_CORE, data_problems, dtype_problems
from distill.processes import usable_cores
from distill.recipe import AdapterStudent, Recipe, ReferenceTeacher
from distill.reference import is_local
from distill.student_loss import MAX_CHUNK_LOGITS

T4_FLOPS = 12e12
"""Operations a second that QLoRA training is assumed to reach on a T4 (of 65e12 in float16); not measured here."""

T4_BYTES = 15e9
BFLOAT16_FLOPS_PER_CORE = 47e9
"""What training reaches on a core that multiplies bfloat16; measured: 59 steps of nanoreason135m_cpu, 8 solutions of up
to 640 tokens each, in 922 seconds, in two processes on two cores that were not quiet."""

CPU_HOURS = 24
"""A run that takes longer than this on a CPU is refused where there is no GPU."""

NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8
"""Bytes a weight: 4 bit, an 8-bit scale for each 64, a 32-bit scale for each 256 of those (arXiv 2305.14314)."""

CHUNK_BYTES = 12
"""Bytes a logit of the loss: half-precision logits and their gradient, float32 logits and softmax."""


@dataclass(frozen=True, slots=True)
class DatasetSize:
    """Training texts of a data set that are used, and tokens of one with its prompt, on average."""

    texts: int
    tokens: float


SIZES = {"gsm8k": DatasetSize(6_660, 344), "math": DatasetSize(10_600, 455), "vnhsge": DatasetSize(88, 483)}
"""Counted with SmolLM2's tokenizer on 700 and 400 solutions drawn from GSM8K and MATH, and on all of VNHSGE."""


@dataclass(frozen=True, slots=True)
class AdapterForecast:
    """Sizes of a training run; bytes at the peak of the step with the longest rows, by part."""

    base_parameters: int
    trained_parameters: int
    texts: int
    mean_length: float
    tokens_per_step: float
    steps: float
    memory: dict[str, float]
    seconds: dict[str, float]
    """Device to training time."""


def refuse_impossible_adapter(recipe: Recipe, *, may_download: bool = True) -> None:
    """Find what would fail later, before anything is written.

    Raises:
        UserError: all problems at once.
    """
    import torch

    student = recipe.student
    assert isinstance(student, AdapterStudent)
    problems = [*_missing_packages(student), *_missing_base(student), *dtype_problems(recipe.train.dtype)]
    problems += dict.fromkeys(data_problems(recipe)) if may_download or is_local(recipe) else ()
    facts = find_base(student.base)
    if may_download and facts is not None and not torch.cuda.is_available():
        hours = forecast_adapter(recipe, facts).seconds["CPU"] / 3600
        if hours > CPU_HOURS and recipe.train.max_minutes is None:
            problems.append(
                f"student.base: {student.base} needs a GPU, and there is none here (about {hours:,.0f} hours on this "
                "CPU); nanoreason135m_cpu is the recipe for a CPU"
            )
    if problems:
        raise UserError(*problems, heading=f"recipe {recipe.name}")
    if may_download:
        from distill.adapter_training import base_tokenizer

        base_tokenizer(recipe)


def forecast_adapter(recipe: Recipe, facts: BaseFacts) -> AdapterForecast:
    """Parameters, tokens, steps, memory by part and time; memory assumes the longest rows that may come."""
    import torch

    student, train = recipe.student, recipe.train
    assert isinstance(student, AdapterStudent)
    try:
        base = _sizes(facts.config)
    except (TypeError, ValueError, KeyError) as error:
        cause = str(error).partition("\n")[0][:100]
        raise UserError(f"student.base: {facts.name}: its config.json is of no causal model ({cause})") from None
    trained = sum(lora_parameters(base, lora) for lora in (student.reasoning, student.verification) if lora)
    trained += 5 * base.hidden * (1 if base.is_tied else 2)  # the markers
    texts, mean_length = expected_texts(recipe)
    tokens_per_step = train.per_device_train_batch_size * train.gradient_accumulation_steps * mean_length
    passes = 6 if student.gradient_checkpointing else 4  # forward, backward to the inputs, forward again
    operations = passes * (base.total + trained) * tokens_per_step
    speeds = {"T4": T4_FLOPS, "2 x T4": 2 * T4_FLOPS, "CPU": _cpu_flops(train.dtype) * usable_cores()}
    step_seconds = {name: operations / speed for name, speed in speeds.items()}
    here = "T4" if torch.cuda.is_available() else "CPU"
    steps = float(train.max_steps or 60 * (train.max_minutes or 0) / step_seconds[here])
    return AdapterForecast(
        base_parameters=base.total,
        trained_parameters=trained,
        texts=texts,
        mean_length=mean_length,
        tokens_per_step=tokens_per_step,
        steps=steps,
        memory=memory_parts(recipe, base, trained),
        seconds={
            name: steps * seconds if train.max_steps else 60 * (train.max_minutes or 0)
            for name, seconds in step_seconds.items()
        },
    )


def _cpu_flops(dtype: str) -> float:
    """Operations a second of one core in the dtype that a CPU trains in."""
    import torch

    from distill.train_settings import choose_dtype
    from students import precision

    chosen = choose_dtype(torch.device("cpu"), "auto" if dtype == "float16" else dtype)  # float16 is for GPUs only
    is_fast = chosen == torch.bfloat16 and precision.cpu_multiplies_bfloat16()
    return BFLOAT16_FLOPS_PER_CORE if is_fast else CPU_FLOPS_PER_CORE


@dataclass(frozen=True, slots=True)
class BaseSizes:
    """Sizes of a base: its linear layers by name, (in, out) for each layer of the stack, and the rest."""

    hidden: int
    layers: int
    vocabulary: int
    linear: dict[str, tuple[int, int, int]]
    """Name of a module to how many there are, and their width in and out."""
    total: int
    is_tied: bool

    @property
    def linear_parameters(self) -> int:
        """Weights that are held in 4 bit: all linear layers but the head."""
        return sum(count * width_in * width_out for count, width_in, width_out in self.linear.values())


def _sizes(config: dict[str, Any]) -> BaseSizes:
    import torch
    from torch import nn
    from transformers import AutoConfig, AutoModelForCausalLM

    full = AutoConfig.for_model(**config)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(full)
    linear: dict[str, tuple[int, int, int]] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and module is not model.get_output_embeddings():
            short = name.rpartition(".")[2]
            count = linear.get(short, (0, 0, 0))[0]
            linear[short] = (count + 1, module.in_features, module.out_features)
    return BaseSizes(
        hidden=full.hidden_size,
        layers=full.num_hidden_layers,
        vocabulary=full.vocab_size,
        linear=linear,
        total=model.num_parameters(),
        is_tied=bool(full.tie_word_embeddings),
    )


def lora_parameters(base: BaseSizes, lora: Any) -> int:
    """r · (in + out) of every module that an adapter changes."""
    changed = [sizes for name, sizes in base.linear.items() if name in lora.target_modules]
    return sum(lora.r * count * (width_in + width_out) for count, width_in, width_out in changed)


def memory_parts(recipe: Recipe, base: BaseSizes, trained: int) -> dict[str, float]:
    """Bytes at the peak of a step whose rows are `max_length` long, compute in half precision."""
    student, train = recipe.student, recipe.train
    assert isinstance(student, AdapterStudent)
    row_tokens = train.per_device_train_batch_size * student.max_length
    inner = max(width_out for _, _, width_out in base.linear.values())
    layer = row_tokens * 2 * (10 * base.hidden + 5 * inner)
    kept = base.layers * row_tokens * 2 * base.hidden + layer if student.gradient_checkpointing else base.layers * layer
    rest = base.total - base.linear_parameters
    return {
        "weights": base.linear_parameters * (NF4_BYTES if student.load_in_4bit else 2) + 2 * rest,
        "adapters": 8.0 * trained,  # float32, and their gradients
        "optimizer": (2.0 if train.optim == "paged_adamw_8bit" else 8.0) * trained,
        "activations": float(kept),
        "loss": float(CHUNK_BYTES * min(MAX_CHUNK_LOGITS, row_tokens * base.vocabulary)),
    }


def expected_texts(recipe: Recipe) -> tuple[int, float]:
    """How many texts a recipe will have, and the mean tokens of one; counted once for each data set."""
    teacher = recipe.teacher
    assert isinstance(teacher, ReferenceTeacher)
    limits = {name: source.limit for name, source in teacher.datasets.items()} or {teacher.dataset: None}
    counts = {name: min(limit or SIZES[name].texts, SIZES[name].texts) for name, limit in limits.items()}
    total = sum(counts.values())
    return total, sum(count * SIZES[name].tokens for name, count in counts.items()) / total


def check_adapter(recipe: Recipe, console: Console, *, show_example: bool = False) -> None:
    """Print the resolved recipe, the base's licence and the forecast; what to change where it does not fit a T4.

    Raises:
        UserError: the recipe cannot work.
    """
    student = recipe.student
    assert isinstance(student, AdapterStudent)
    refuse_impossible_adapter(recipe, may_download=False)
    console.print(recipe.to_yaml(), highlight=False, markup=False)
    facts = find_base(student.base)
    if facts is None:
        console.print(f"no forecast: nothing is known of the sizes of {student.base}; download it and name its folder")
        return
    console.print(f"licence of the base: {facts.licence}", highlight=False)
    found = forecast_adapter(recipe, facts)
    table = Table(show_header=False, box=None)
    for name, value in _rows(found):
        table.add_row(name, value)
    console.print(table)
    if (peak := sum(found.memory.values())) > T4_BYTES:
        console.print(f"does not fit a T4 ({peak / 1e9:.1f} of {T4_BYTES / 1e9:.0f} GB): {cure_for_memory(recipe)}")
    if show_example:
        _show_example(recipe, console)


def _show_example(recipe: Recipe, console: Console) -> None:
    """The first solution as it is learnt, where data and base are on this machine: nothing is downloaded for it."""
    from distill.adapter_data import HeldOut, encode_staged, learnable
    from distill.adapter_training import base_tokenizer
    from distill.check import show_tokens
    from distill.reference import load_traces
    from students.dual_lora import STAGED_MARKERS

    assert isinstance(recipe.student, AdapterStudent)
    if not is_local(recipe) or not Path(base_of(recipe.student).source).exists():
        console.print("no example: data and base must be on this machine (--set data.path=FILE, student.base=FOLDER)")
        return
    row, tokenizer = learnable(load_traces(recipe)[0], recipe, HeldOut([])), base_tokenizer(recipe)
    tokenizer.add_tokens(list(STAGED_MARKERS))
    example = encode_staged(row["question"], row["text"], tokenizer, wrong=row["wrong"])
    show_tokens(recipe, example, tokenizer, console)


def _rows(found: AdapterForecast) -> Iterator[tuple[str, str]]:
    yield "parameters of the base", f"{found.base_parameters:,}, frozen"
    share = found.trained_parameters / found.base_parameters
    yield "trained parameters", f"{found.trained_parameters:,} ({share:.1%})"
    yield "texts to learn from", f"about {found.texts:,}"
    yield "tokens an example", f"about {found.mean_length:.0f}, prompt included"
    yield "tokens a step", f"about {found.tokens_per_step:,.0f}"
    yield "steps", f"about {found.steps:,.0f}"
    yield "tokens in all", f"about {found.tokens_per_step * found.steps / 1e6:,.1f} million"
    parts = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in found.memory.items())
    yield "peak memory", f"about {sum(found.memory.values()) / 1e9:.1f} GB ({parts}) beside what CUDA takes"
    times = ", ".join(f"{_duration(seconds)} on {name}" for name, seconds in found.seconds.items())
    yield "training time", f"about {times}; GPU speeds are assumed, not measured"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:,.0f} minutes" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def _missing_base(student: AdapterStudent) -> Iterator[str]:
    """A folder that is no base; whether a name is one on the Hub is not known here."""
    name = student.base
    is_folder = name.startswith((".", "/", "~")) or name.count("/") > 1
    if is_folder and base_of(student).source == name and not (Path(name) / "config.json").is_file():
        yield f"student.base: {name} is no folder with a config.json; name one, or a base on the Hub (owner/name)"


def _missing_packages(student: AdapterStudent) -> Iterator[str]:
    def is_missing(package: str) -> bool:
        return importlib.util.find_spec(package) is None

    if is_missing("peft"):
        yield "student.kind: adapters need peft; pip install 'step-aware-distillation[adapter]'"
    if student.load_in_4bit and is_missing("bitsandbytes"):
        yield "student.load_in_4bit: bitsandbytes is not installed; pip install bitsandbytes, or set it to false"
