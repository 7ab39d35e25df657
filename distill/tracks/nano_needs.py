"""What a nano student will need, found by training a tokenizer on its first texts and building it without weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from distill.data.nano import problems_to_ask, training_rows
from distill.data.rows import encode_row
from distill.data.sources import is_local
from distill.errors import UserError, unknown_name
from distill.recipe.schema import NanoStudent, Recipe, SymbolicTeacher
from distill.tracks.needs import Sample, Sizes, without_masks
from parsers.text.prompts import write_pergunta

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

PROBED_TEXTS = 1_000
"""Texts that a forecast looks at; enough to know mean and longest example to a few percent."""


def problems(recipe: Recipe, student: NanoStudent) -> Iterator[str]:
    """What cannot work in the section of the student."""
    from students.sizes import SIZES
    from students.tokenizer import least_vocab_size

    if student.size not in SIZES:
        yield f"student.size: {unknown_name('student', student.size, list(SIZES))}"
    else:
        try:
            _config(student)
        except ValueError as error:
            yield f"student.sizes: {error}"
    if student.vocab_size < (least := least_vocab_size(form_of(recipe, student))):
        needed = f"markers, bytes and letters need {least}"
        yield f"student.vocab_size: {student.vocab_size} is too small; {needed}"


def form_of(recipe: Recipe, student: NanoStudent) -> str:
    """The student's form for its tokenizer; tags are a form of their own."""
    teacher = recipe.teacher
    return "tagged" if isinstance(teacher, SymbolicTeacher) and teacher.notation == "tags" else student.format


def sample(recipe: Recipe, student: NanoStudent, may_download: bool) -> Sample | None:
    """The first texts, with a tokenizer trained on them; None if they would have to be downloaded.

    Raises:
        UserError: texts or questions are longer than the student's context.
    """
    from students.tokenizer import train_tokenizer

    if not may_download and not is_local(recipe):
        return None
    found = training_rows(recipe)
    rows = list(found.first(PROBED_TEXTS))
    tokenizer = train_tokenizer(
        (row.text for row in rows), vocab_size=student.vocab_size, form=form_of(recipe, student)
    )
    lengths = [len(encode_row(row, tokenizer, student.max_length).input_ids) for row in rows]
    if (longest := max(lengths)) > student.max_length:
        dropped = sum(length > student.max_length for length in lengths)
        raise UserError(
            f"student.max_length: {student.max_length} is shorter than the longest example, {longest} tokens; "
            f"{dropped:,} of the first {len(lengths):,} ({dropped / len(lengths):.0%}) would be dropped; "
            f"set it to {longest} or more",
            heading=f"recipe {recipe.name}",
        )
    _refuse_long_prompts(recipe, student, tokenizer)
    return Sample(lengths, found.size, encode_row(rows[0], tokenizer), tokenizer)


def _refuse_long_prompts(recipe: Recipe, student: NanoStudent, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse questions that leave no room for an answer in the context of a student that learns cut texts."""
    if student.format != "pergunta":
        return
    prompts = [write_pergunta(problem.question) for problem in problems_to_ask(recipe)]
    longest = max((len(tokenizer(prompt, add_special_tokens=False).input_ids) for prompt in prompts), default=0)
    if longest >= student.max_length:
        raise UserError(
            f"student.max_length: {student.max_length} is shorter than the longest question, {longest} tokens; "
            f"set it to more than {longest}",
            heading=f"recipe {recipe.name}",
        )


def sizes(student: NanoStudent) -> Sizes:
    """The sizes of the student; all of its weights are trained."""
    import torch
    from transformers import AutoModelForCausalLM

    from students.cost import multiplied_weights

    config = _config(student)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return Sizes(
        model=model,
        trained=model.num_parameters(),
        frozen_bytes=0,
        multiplied=multiplied_weights(model),
        passes=6,
        build=lambda layers: to_trace(student.size, config),
    )


def to_trace(size: str, config: PretrainedConfig) -> nn.Module:
    """The student in training; experts that are neither chosen nor computed are left out."""
    import torch
    from transformers import DeepseekV3Config

    from students.axion import DENSE, choose_experts_implementation, short_rows_attention
    from students.sizes import untrained

    config = copy.deepcopy(config)
    is_routed = isinstance(config, DeepseekV3Config)
    if is_routed and choose_experts_implementation(config, torch.device("cpu")) != DENSE:
        config.n_routed_experts = config.num_experts_per_tok or 1
    model: Any = untrained(size, config).train()
    if is_routed:
        model.set_experts_implementation(DENSE)
        return without_masks(model, short_rows_attention)
    return model


def _config(student: NanoStudent) -> PretrainedConfig:
    from students.sizes import student_config

    return student_config(student.size, vocab_size=student.vocab_size, max_length=student.max_length, **student.sizes)
