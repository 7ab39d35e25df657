"""What a recipe will need, and whether it can work at all, found without training, GPU or download.

refuse_impossible(recipe)      UserError with everything that would fail later
forecast(recipe)               Forecast(parameters=920833, tokens_per_step=6800, seconds=1800.0, …)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

from distill.errors import UserError, unknown_name
from distill.examples import encode_text, problems_to_ask, training_texts
from distill.processes import usable_cores
from distill.recipe import AdapterStudent, Recipe, SymbolicTeacher
from distill.reference import is_local, student_format
from parsers.prompts import write_pergunta

PROBED_TEXTS = 1_000
"""Texts that a forecast looks at; enough to know mean and longest example to a few percent."""

CPU_FLOPS_PER_CORE = 25e9
"""Float32 operations per second that training reaches on one core of a common server (measured: 50e9 on two)."""

GPU_FLOPS = 5e12


@dataclass(frozen=True, slots=True)
class Forecast:
    """Sizes of a training run; tokens are all tokens of an example, prompt included."""

    parameters: int
    mean_length: float
    longest: int
    num_texts: int | None
    """Texts to learn from; None for an endless stream."""
    tokens_per_step: float
    steps: float
    seconds: float
    memory_bytes: float
    """Of each process that trains, beside what it takes to start Python with torch and transformers."""

    @property
    def tokens(self) -> float:
        """Tokens that the student sees in the whole run."""
        return self.tokens_per_step * self.steps


@dataclass(frozen=True, slots=True)
class Probe:
    """The first texts of a recipe under a tokenizer that was trained on them."""

    tokenizer: Any
    lengths: list[int]
    """Tokens of each of the first texts."""


def refuse_impossible(recipe: Recipe, *, may_download: bool = True) -> Probe | None:
    """Find what would fail later, before anything is written; what was looked at for it.

    None where the data would have to be downloaded and must not be.

    Raises:
        UserError: all problems at once.
    """
    from students.tokenizer import MIN_VOCAB_SIZE, train_tokenizer

    if isinstance(recipe.student, AdapterStudent):
        from distill.adapter_forecast import refuse_impossible_adapter

        return refuse_impossible_adapter(recipe, may_download=may_download)
    student = recipe.student
    is_readable = may_download or is_local(recipe)
    problems = [*_size_problems(student), *dtype_problems(recipe.train.dtype)]
    problems += dict.fromkeys(data_problems(recipe)) if is_readable else ()
    if student.vocab_size < MIN_VOCAB_SIZE:
        needed = f"markers, bytes and letters need {MIN_VOCAB_SIZE}"
        problems.append(f"student.vocab_size: {student.vocab_size} is too small; {needed}")
    if problems:
        raise UserError(*problems, heading=f"recipe {recipe.name}")
    if not is_readable:
        return None
    texts = list(training_texts(recipe).first(PROBED_TEXTS))
    tokenizer = train_tokenizer(texts, vocab_size=student.vocab_size, form=student.format)
    lengths = [len(encode_text(text, tokenizer, student.max_length).input_ids) for text in texts]
    if (longest := max(lengths)) > student.max_length:
        dropped = sum(length > student.max_length for length in lengths)
        raise UserError(
            f"student.max_length: {student.max_length} is shorter than the longest example, {longest} tokens; "
            f"{dropped:,} of the first {len(lengths):,} ({dropped / len(lengths):.0%}) would be dropped; "
            f"set it to {longest} or more",
            heading=f"recipe {recipe.name}",
        )
    _refuse_long_prompts(recipe, tokenizer)
    return Probe(tokenizer, lengths)


def _refuse_long_prompts(recipe: Recipe, tokenizer: Any) -> None:
    """Questions that leave no room for an answer in the context of a student that learns cut texts."""
    student = recipe.student
    if student_format(recipe) != "pergunta":
        return
    prompts = [write_pergunta(problem.question) for problem in problems_to_ask(recipe)]
    longest = max((len(tokenizer(prompt, add_special_tokens=False).input_ids) for prompt in prompts), default=0)
    if longest >= student.max_length:
        raise UserError(
            f"student.max_length: {student.max_length} is shorter than the longest question, {longest} tokens; "
            f"set it to more than {longest}",
            heading=f"recipe {recipe.name}",
        )


def refuse_unfilled(recipe: Recipe, num_tokens: int) -> None:
    """A vocabulary larger than finitely many texts can fill: rows of the table that nothing would ever train.

    Raises:
        UserError: the tokenizer trained on all texts found fewer pieces than `student.vocab_size`.
    """
    wanted = getattr(recipe.student, "vocab_size", 0)
    if num_tokens < wanted and not isinstance(recipe.teacher, SymbolicTeacher):
        raise UserError(
            f"student.vocab_size: {wanted:,} is more than the texts fill, which is "
            f"{num_tokens:,}; set it to that or less",
            heading=f"recipe {recipe.name}",
        )


def forecast(recipe: Recipe, lengths: list[int]) -> Forecast:
    """Parameters, tokens, steps, memory and time; time from the operations of a step, so good to a factor of two."""
    import torch
    from transformers import AutoModelForCausalLM

    from distill.memory import training_bytes
    from students.cost import multiplied_weights
    from students.sizes import student_config

    student: Any = recipe.student
    train = recipe.train
    config = student_config(student.size, vocab_size=student.vocab_size, max_length=student.max_length, **student.sizes)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    examples_per_step = train.per_device_train_batch_size * train.gradient_accumulation_steps
    tokens_per_step = examples_per_step * mean(lengths)
    seconds_per_step = 6 * multiplied_weights(model) * tokens_per_step / _flops()
    if train.max_steps is not None:
        steps, seconds = float(train.max_steps), train.max_steps * seconds_per_step
    else:
        assert train.max_minutes is not None
        steps, seconds = 60 * train.max_minutes / seconds_per_step, 60 * train.max_minutes
    return Forecast(
        parameters=model.num_parameters(),
        mean_length=mean(lengths),
        longest=max(lengths),
        num_texts=training_texts(recipe).size,
        tokens_per_step=tokens_per_step,
        steps=steps,
        seconds=seconds,
        memory_bytes=training_bytes(model, student.size, lengths, train),
    )


def _size_problems(student: Any) -> Iterator[str]:
    from students.sizes import SIZES, student_config

    if student.size not in SIZES:
        yield f"student.size: {unknown_name('student', student.size, list(SIZES))}"
        return
    try:
        student_config(student.size, vocab_size=student.vocab_size, max_length=student.max_length, **student.sizes)
    except ValueError as error:
        yield f"student.sizes: {error}"


def data_problems(recipe: Recipe) -> Iterator[str]:
    """Every file that is read, before or after training."""
    for read in (training_texts, problems_to_ask):
        try:
            if not (isinstance(recipe.teacher, SymbolicTeacher) and recipe.eval.problems is None):
                read(recipe)
        except UserError as error:
            yield from (f"{error.heading}: {problem}" if error.heading else problem for problem in error.problems)


def dtype_problems(dtype: str) -> Iterator[str]:
    """Whether this machine computes in the dtype that is asked for."""
    import torch

    if not torch.cuda.is_available():
        if dtype == "float16":
            yield "train.dtype: float16 is computed on GPUs only, and there is none here; use auto"
    elif dtype == "bfloat16" and (capability := torch.cuda.get_device_capability()) < (8, 0):
        name, version = torch.cuda.get_device_name(), ".".join(map(str, capability))
        yield f"train.dtype: bfloat16 needs compute capability 8.0, this {name} has {version}; use float16"


def _flops() -> float:
    import torch

    return GPU_FLOPS if torch.cuda.is_available() else CPU_FLOPS_PER_CORE * usable_cores()
