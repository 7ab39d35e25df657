"""Nano students: small models that are trained from random weights, with a tokenizer of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from distill.data.known_tasks import KEY
from distill.data.nano import TOKENIZER_TEXTS, symbolic_trace, training_rows, training_traces
from distill.data.rows import Row, encode_row
from distill.data.sources import row_of
from distill.errors import UserError
from distill.recipe.schema import NanoStudent, Recipe, SymbolicTeacher
from distill.runs.folder import Run
from distill.tracks import nano_needs
from distill.tracks.judge_nano import judge
from distill.tracks.track import Card, Track
from parsers import ReasoningGraph
from teachers.problems import Problem, Trace, parse_trace

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from distill.tracks.track import Student
    from students.encoding import Example

QUESTIONS = {"en": "What is 347 + 285?", "pt": "Quanto é 347 + 285?"}
LIMITS = """- Made to study how reasoning is distilled, on the tasks above. Its answers to other questions mean nothing.
- It writes confident steps even if they are wrong. VERIFY finds only a part of the errors (see the measures above).
- Accuracy falls for numbers longer than in training (see the second table of `report.html`).
"""
FRESH = 10**9
"""Where the teacher's problems of round n begin, at n · FRESH: far beyond those that training has seen."""


def nano_track(recipe: Recipe, student: NanoStudent) -> Track:
    """The track of a recipe whose student is this section."""
    languages = recipe.teacher.language if isinstance(recipe.teacher, SymbolicTeacher) else ("en",)
    return Track(
        sources=lambda: [(training_traces(recipe), None)],
        reader=lambda: partial(_read, student),
        tokenizer=partial(_train_tokenizer, recipe, student),
        build=partial(_build, recipe, student),
        load_learner=_load_learner,
        save=_save,
        facts=_cache_facts,
        trains_all_weights=True,
        reference_graphs=partial(_solved, recipe),
        baseline=None,
        validation_size=None,
        validation_batch_size=32,
        ask=ask,
        judge=partial(judge, recipe),
        teacher_examples=teacher_examples,
        problems=partial(nano_needs.problems, recipe, student),
        sample=partial(nano_needs.sample, recipe, student),
        sizes=partial(nano_needs.sizes, student),
        needs_gpu=False,
        card=partial(nano_card, student.size, languages),
    )


def nano_card(name: str, languages: Sequence[str] = ("en",)) -> Card:
    """The card of a nano student that was asked in these languages."""
    return Card(
        title=name,
        summary="A small language model that reasons in four stages: understand, plan, execute, verify.",
        front_matter={
            "license": "apache-2.0",
            "library_name": "transformers",
            "pipeline_tag": "text-generation",
            "language": f"[{', '.join(languages)}]",
            "tags": "[reasoning, distillation, small-language-model]",
        },
        question=QUESTIONS[languages[0]],
        limits=LIMITS,
    )


def _read(student: NanoStudent, trace: Trace) -> Row:
    row = row_of(trace, student.format)
    return replace(row, graph=row.graph or parse_trace(trace))


def _train_tokenizer(recipe: Recipe, student: NanoStudent, run: Run) -> PreTrainedTokenizerBase:
    """A tokenizer trained on training-side texts only."""
    from students.tokenizer import train_tokenizer

    texts = training_rows(recipe, run.graphs).texts(TOKENIZER_TEXTS)
    form = nano_needs.form_of(recipe, student)
    tokenizer = train_tokenizer(texts, vocab_size=student.vocab_size, form=form)
    refuse_unfilled(recipe, student, len(tokenizer))
    return tokenizer


def refuse_unfilled(recipe: Recipe, student: NanoStudent, num_tokens: int) -> None:
    """Refuse a `vocab_size` above the number of pieces that the texts give: the unused rows would never be trained.

    Raises:
        UserError: the tokenizer found fewer pieces than `student.vocab_size`.
    """
    if num_tokens < student.vocab_size and not isinstance(recipe.teacher, SymbolicTeacher):
        raise UserError(
            f"student.vocab_size: {student.vocab_size:,} is more than the texts fill, which is "
            f"{num_tokens:,}; set it to that or less",
            heading=f"recipe {recipe.name}",
        )


def _build(recipe: Recipe, student: NanoStudent, run: Run) -> Student:
    from transformers import AutoTokenizer

    from students.sizes import build_student

    tokenizer = AutoTokenizer.from_pretrained(run.tokenizer, trust_remote_code=False)
    model = build_student(
        student.size,
        tokenizer,
        vocab_size=student.vocab_size,
        max_length=student.max_length,
        seed=recipe.seed,
        **student.sizes,
    )
    if isinstance(recipe.teacher, SymbolicTeacher):
        tasks = [f"{language}/{task}" for language, task in recipe.teacher.task_weights]
        setattr(model.config, KEY, tasks)  # so that whoever asks the student can be told what it knows
    return model, tokenizer


def _load_learner(folder: Path) -> Student:
    from students.generation import load_student

    model, tokenizer = load_student(folder)
    return model.train(), tokenizer


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _cache_facts(model: PreTrainedModel) -> Mapping[str, Any]:
    """Bytes that a token takes in the cache of latent attention, and would with ordinary attention; else nothing."""
    if getattr(model.config, "kv_lora_rank", None) is None:
        return {}
    from students.axion import cache_bytes_per_token

    config: Any = model.config
    latent, ordinary = cache_bytes_per_token(config)
    sizes = {"latent": latent, "ordinary_attention": ordinary, "ratio": ordinary / latent}
    return {"training": {"cache_bytes_per_token": sizes}}


def _solved(recipe: Recipe, problems: Sequence[Problem]) -> Mapping[str, ReasoningGraph]:
    from distill.evaluation.evaluate import teacher_graphs

    teacher = recipe.teacher
    if not isinstance(teacher, SymbolicTeacher):
        return teacher_graphs(problems)
    return teacher_graphs(problems, verify=teacher.verify, notation=teacher.notation)


def ask(run: Run, number: int) -> list[Trace]:
    """Fresh problems of the symbolic teacher, with its solutions; longer ones in each round if the recipe says so."""
    refine = run.recipe.refine
    assert refine is not None
    extra = number * refine.extra_digits
    return [symbolic_trace(run.recipe, number * FRESH + i, extra_digits=extra) for i in range(refine.num_problems)]


def teacher_examples(run: Run, number: int, tokenizer: PreTrainedTokenizerBase) -> Callable[[int, Random], Example]:
    """The teacher's fresh problems of a round."""
    recipe, refine = run.recipe, run.recipe.refine
    assert refine is not None
    first = number * FRESH + refine.num_problems
    return lambda index, random: encode_row(row_of(symbolic_trace(recipe, first + index)), tokenizer)
