"""Checks an adapter recipe's base by its configuration and tokenizer, without its weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.data.bases import BaseFacts, base_of
from distill.data.prompts import prompt
from distill.errors import UserError
from distill.recipe.schema import AdapterStudent

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EXPERT_LAYERS = ("gate_proj", "up_proj", "down_proj")


def base_problems(student: AdapterStudent, facts: BaseFacts | None) -> Iterator[str]:
    """Known problems of a base; if it is not on this machine, those that its configuration shows."""
    found = list(_model_problems(student, facts)) if facts is not None else []
    source = base_of(student).source
    yield from found or (_tokenizer_problems(student, source) if Path(source).exists() else ())


def empty_model(config: dict[str, Any]) -> PreTrainedModel:
    """The model of a configuration, without weights.

    Raises:
        ValueError: it is not of a causal language model, or its sizes are impossible.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from students.hub import refuse_absurd

    try:
        full = AutoConfig.for_model(**config)
        refuse_absurd(full)
        if full.get_text_config() is not full:
            raise ValueError(f"{full.model_type} also reads pictures or sound; choose a text-only model")
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(full, trust_remote_code=False)
    except Exception as error:  # whatever the class of the model raises on numbers that cannot be
        cause = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(f"its config.json describes no causal language model that works here ({cause})") from error


def linear_layers(model: PreTrainedModel) -> dict[str, tuple[int, int, int]]:
    """Last part of a name -> (number of linear layers of that name, width in, width out), without the output head."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    found: dict[str, tuple[int, int, int]] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | Conv1D) and module is not model.get_output_embeddings():
            short = name.rpartition(".")[2]
            width_in, width_out = module.weight.shape if isinstance(module, Conv1D) else module.weight.shape[::-1]
            found[short] = (found.get(short, (0, 0, 0))[0] + 1, width_in, width_out)
    return found


def _model_problems(student: AdapterStudent, facts: BaseFacts) -> Iterator[str]:
    try:
        model = empty_model(facts.config)
    except ValueError as error:
        yield f"student.base: {facts.name}: {error}"
        return
    layers = linear_layers(model)
    has_experts = any(parameter.dim() == 3 for parameter in model.parameters())
    for name, lora in (("reasoning", student.reasoning), ("verification", student.verification)):
        targets = lora.target_modules if lora else ()
        if has_experts and (experts := [target for target in targets if target in EXPERT_LAYERS]):
            cure = f"the experts of this base ({', '.join(experts)}) cannot be adapted; name attention layers only"
            yield f"student.{name}.target_modules: {cure}"
        elif missing := [target for target in targets if target not in layers]:
            cure = f"no layer {', '.join(missing)} in this base; it has {', '.join(layers)}"
            yield f"student.{name}.target_modules: {cure}"


def _tokenizer_problems(student: AdapterStudent, source: str) -> Iterator[str]:
    from students.adapter import BaseError, load_tokenizer

    try:
        prompt(load_tokenizer(base_of(student)), "What is 4 + 5?")
    except (BaseError, UserError) as error:
        yield f"student.base: {source}: {error}"
