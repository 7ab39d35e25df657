"""Adapter students: a pretrained base with frozen weights, and LoRA adapters, which alone are trained and saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from distill.data.adapter import HeldOut, learnable, reference_graphs, shuffled_sources
from distill.data.bases import BaseFacts, base_errors, base_of, base_tokenizer, find_base, licence_of
from distill.data.examples import learnable_examples
from distill.data.rows import Row
from distill.data.sources import load_test_problems
from distill.recipe.schema import AdapterStudent, ModelTeacher, Recipe
from distill.runs.files import read_jsonl
from distill.runs.folder import Run
from distill.traces.mixture import describe_teachers
from distill.tracks import adapter_needs
from distill.tracks.judge_adapter import judge
from distill.tracks.track import Baseline, Card, Track
from parsers import ReasoningGraph
from teachers.problems import Problem, Trace

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from distill.tracks.track import Student
    from students.encoding import Example

VALIDATION_EXAMPLES = 200
"""More would hardly narrow the loss down, and on a CPU take longer than asking the questions."""


def adapter_track(recipe: Recipe, student: AdapterStudent) -> Track:
    """The track of a recipe whose student is this section."""
    return Track(
        sources=partial(shuffled_sources, recipe),
        reader=partial(_reader, recipe),
        tokenizer=lambda run: base_tokenizer(student),
        build=lambda run: build_student(recipe, student),
        load_learner=partial(_load_learner, recipe, student),
        save=partial(_save, student),
        facts=partial(_facts, student),
        trains_all_weights=False,
        reference_graphs=partial(_references, recipe),
        baseline=Baseline(
            name=student.base, held_as=lambda: base_of(student).held_as, load=partial(_load_base, student)
        ),
        validation_size=VALIDATION_EXAMPLES,
        validation_batch_size=2,
        ask=ask,
        judge=judge,
        teacher_examples=teacher_examples,
        problems=partial(adapter_needs.problems, student),
        sample=partial(adapter_needs.sample, recipe, student),
        sizes=partial(adapter_needs.sizes, student),
        needs_gpu=True,
        card=partial(_card, recipe, student),
    )


def _card(recipe: Recipe, student: AdapterStudent) -> Card:
    base = find_base(student.base) or BaseFacts(student.base, {})
    return Card(
        title=recipe.name,
        summary=f"Adapters that make {student.base} reason in four stages: understand, plan, execute, verify.",
        front_matter={
            "license": base.licence_id,
            "library_name": "peft",
            "base_model": student.base,
            "pipeline_tag": "text-generation",
            "tags": "[reasoning, distillation, lora]",
        },
        question="A box holds 12 eggs. How many eggs are in 7 boxes?",
        licence=f"Of the base: {base.licence}. It applies to models made from it, including these adapters."
        + _licence_of_teacher(recipe),
        usage="`reasoning/` and `verification/` are ordinary PEFT adapters; plain PEFT loads either one.",
    )


def _licence_of_teacher(recipe: Recipe) -> str:
    """The licence of a teacher that is a model; it may forbid training other models on its texts."""
    if not isinstance(recipe.teacher, ModelTeacher):
        return ""
    names = [name for name in describe_teachers(recipe) if name != "reference"]
    return "".join(f" Of the teacher {name}: {licence_of(name)}." for name in names)


def _reader(recipe: Recipe) -> Callable[[Trace], Row]:
    test = HeldOut(problem.question for problem in load_test_problems(recipe))
    return lambda trace: learnable(trace, recipe, test)


def build_student(recipe: Recipe, student: AdapterStudent) -> Student:
    """(model, tokenizer) before training, on this process's device in the recipe's dtype.

    Raises:
        UserError: the base cannot be loaded, or has no modules of the names in `target_modules`.
    """
    import torch

    from distill.training.settings import choose_dtype
    from students.adapter import build_adapter_student

    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if torch.cuda.is_available() else "cpu"
    model: Any
    with base_errors():
        model, tokenizer = build_adapter_student(
            base_of(student),
            reasoning=student.reasoning.model_dump(mode="json"),
            verification=student.verification.model_dump(mode="json") if student.verification else None,
            seed=recipe.seed,
            dtype=choose_dtype(torch.device(device), recipe.train.dtype),
            device=device,
        )
    if student.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model, tokenizer


def _load_learner(recipe: Recipe, student: AdapterStudent, folder: Path) -> Student:
    """The adapters of a saved student on the base as the recipe holds it."""
    from students.adapter import load_adapters

    model: Any
    model, tokenizer = build_student(recipe, student)
    with base_errors():
        load_adapters(model, folder)
    return model, tokenizer


def _save(student: AdapterStudent, model: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    from peft import PeftModel

    from students.adapter import save_adapter_student

    assert isinstance(model, PeftModel)
    save_adapter_student(model, tokenizer, base_of(student), folder)


def _facts(student: AdapterStudent, model: PreTrainedModel) -> Mapping[str, Any]:
    base = find_base(student.base)
    licence = {"licence": base.licence} if base else {}
    return {
        "training": {"trained_parameters": num_trained(model)},
        "base": {"name": student.base, "source": base_of(student).source, **licence},
    }


def num_trained(model: PreTrainedModel) -> int:
    """The number of trained parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _references(recipe: Recipe, problems: Sequence[Problem]) -> Mapping[str, ReasoningGraph]:
    asked = {problem.question for problem in problems}
    return {question: graph for question, graph in reference_graphs(recipe).items() if question in asked}


def _load_base(student: AdapterStudent) -> Student:
    from students.adapter import load_base

    with base_errors():
        return load_base(base_of(student))


def ask(run: Run, number: int) -> list[Trace]:
    """The questions of a round, drawn from the training questions, with their reference solutions."""
    assert run.recipe.refine is not None
    rows = zip(read_jsonl(run.path / "traces.jsonl"), read_jsonl(run.graphs), strict=True)
    learnt = [trace for trace, row in rows if row["side"] == "training" and not row["unused"]]
    usable = list({trace["problem"]["question"]: trace for trace in learnt}.values())
    count = min(run.recipe.refine.num_problems, len(usable))
    return [_trace(row) for row in Random(f"ask/{run.recipe.seed}/{number}").sample(usable, count)]


def _trace(row: dict[str, Any]) -> Trace:
    problem = row["problem"]
    return Trace(**{**row, "problem": Problem(**{**problem, "accepted": tuple(problem["accepted"])})})


def teacher_examples(run: Run, number: int, tokenizer: PreTrainedTokenizerBase) -> Callable[[int, Random], Example]:
    """The training examples, in a new random order."""
    teachers, _ = learnable_examples(run.recipe, run.graphs, tokenizer)
    return lambda index, random: random.choice(teachers)
