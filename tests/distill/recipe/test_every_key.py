"""Every key of a recipe changes something. A key that nothing reads is a promise that is not kept.

For each key the table below names two recipes that differ in it alone, and an observer that must see a difference. Keys
of decoding and of refinement rounds are shown to be read, outside distill/recipe, by a run of the whole pipeline.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from distill.recipe.fields import Section
from distill.recipe.reference import sections_of
from distill.recipe.schema import Recipe, load_recipe
from tests.distill.recipe.observers import (
    adapters,
    asked_in_a_round,
    asked_of_the_base,
    base,
    compiled,
    examples_of_a_run,
    injected_errors,
    kept_of_samples,
    mixture,
    model_sizes,
    positions,
    questions,
    run_folder,
    schedule_of_training,
    sent,
    settings_of_a_round,
    solutions,
    taught,
    teacher_model,
    teachers,
    texts,
    tracked,
    trained,
    verdict,
    wanted,
    weights,
)

Observer = Callable[[Recipe, Path], object]
NANO = ("miniaxion_tiny",)
DATA = ("miniaxion_gsm8k", "data.path=$/gsm8k.jsonl")
ADAPTER = (
    "nanoreason135m_cpu", "data.path=$/gsm8k.jsonl", "student.base=$/base", "student.gguf_file=null",
    "student.load_in_4bit=false", "train={max_steps: 2, warmup_steps: 0}",
)  # fmt: skip
BASE = ("student.base=$/base", "student.gguf_file=null", "train.dtype=float32")
MODEL = ("nanoreason05b_cpu", "data.path=$/gsm8k.jsonl", *BASE, "teacher.num_samples=3", "teacher.max_per_problem=3")
MODELS = (
    "nanoreason05b_cpu", "teacher.datasets={gsm8k: {path: $/gsm8k.jsonl, test_path: $/test.jsonl}}", *BASE,
)  # fmt: skip
LOCAL = (*MODEL, "teacher.kind=local", "teacher.model=some/model")
ENDPOINT = (*MODEL, "teacher.kind=endpoint", "teacher.model=some", "teacher.url=http://localhost:1/v1")
MIXED = (*MODEL, "teacher.mix.other.kind=reference")
MIXED_LOCAL = (*MODEL, "teacher.mix={other: {kind: local, model: a/b}}")
MIXED_ENDPOINT = (*MODEL, "teacher.mix={other: {kind: endpoint, model: b, url: http://localhost:1/v1}}")
SEVERAL = ("miniaxion_gsm8k", "teacher.datasets={gsm8k: {path: $/gsm8k.jsonl, test_path: $/other.jsonl}}")
TRAIN = (
    "miniaxion_tiny", "student.size=miniaxion-5m",
    "train={max_steps: 6, warmup_steps: 1, per_device_train_batch_size: 4, gradient_accumulation_steps: 2, "
    "compile: off, dtype: float32, logging_steps: 2, learning_rate: 1e-2}",
)  # fmt: skip
ADAPTIVE, RANDOM = ((*TRAIN, f"loss.weights={{policy: {policy}}}") for policy in ("adaptive", "random"))


@dataclass(frozen=True)
class Case:
    """Two recipes, `context` without and with `change`, that the observer must tell apart."""

    context: tuple[str, ...]
    change: str
    observer: Observer


REFINED = ("miniaxion_from_teacher", "refine={}")
CASES = {
    "name": Case(NANO, "name=other", run_folder),
    "seed": Case(NANO, "seed=1", texts),
    "teacher.symbolic.language": Case(("miniaxion_tiny", "teacher.tasks={}"), "teacher.language=pt", texts),
    "teacher.symbolic.tasks": Case(NANO, "teacher.tasks={sorting: 1}", texts),
    "teacher.symbolic.error_rate": Case(NANO, "teacher.error_rate=1", texts),
    "teacher.symbolic.max_digits": Case(NANO, "teacher.max_digits=6", texts),
    "teacher.symbolic.notation": Case(NANO, "teacher.notation=tags", texts),
    "teacher.symbolic.slip_rate": Case(("miniaxion_verify",), "teacher.slip_rate=1", texts),
    "teacher.symbolic.verify": Case(NANO, "teacher.verify=steps", texts),
    "teacher.reference.dataset": Case(DATA, "teacher.dataset=math", solutions),
    "teacher.reference.datasets": Case(SEVERAL, "teacher.datasets={math: {path: $/gsm8k.jsonl}}", texts),
    "teacher.reference.error_rate": Case(ADAPTER, "teacher.error_rate=1", injected_errors),
    "teacher.self.kind": Case(MODEL, "teacher={kind: local, model: other}", wanted),
    "teacher.self.model": Case(LOCAL, "teacher.model=other", wanted),
    "teacher.self.url": Case(ENDPOINT, "teacher.url=http://localhost:2/v1", sent),
    "teacher.self.gguf_file": Case(LOCAL, "teacher.gguf_file=$/other.gguf", teacher_model),
    "teacher.self.load_in_4bit": Case(LOCAL, "teacher.load_in_4bit=true", teacher_model),
    "teacher.self.dataset": Case(MODEL, "teacher.dataset=math", wanted),
    "teacher.self.datasets": Case(MODELS, "teacher.datasets={math: {path: $/gsm8k.jsonl}}", wanted),
    "teacher.self.problems": Case(
        ("nanoreason05b_cpu", *BASE, "teacher.problems=$/gsm8k.jsonl"), "teacher.problems=$/other.jsonl", wanted
    ),
    "teacher.self.num_problems": Case(MODEL, "teacher.num_problems=3", wanted),
    "teacher.self.num_samples": Case(MODEL, "teacher.num_samples=2", wanted),
    "teacher.self.temperature": Case(MODEL, "teacher.temperature=0", wanted),
    "teacher.self.max_new_tokens": Case(MODEL, "teacher.max_new_tokens=77", wanted),
    "teacher.self.concurrency": Case(ENDPOINT, "teacher.concurrency=3", sent),
    "teacher.self.answer_seconds": Case(ENDPOINT, "teacher.answer_seconds=5", sent),
    "teacher.self.store": Case(MODEL, "teacher.store=other", taught),
    "teacher.self.form": Case(MODEL, "teacher.form=light", taught),
    "teacher.self.min_rfs": Case(MODEL, "teacher.min_rfs=0", taught),
    "teacher.self.max_per_problem": Case(MODEL, "teacher.max_per_problem=1", taught),
    "teacher.self.show_reference": Case(MODEL, "teacher.show_reference=false", taught),
    "teacher.self.weight": Case(MIXED, "teacher.weight=2", taught),
    "teacher.self.mix": Case(MODEL, "teacher.mix={published: {kind: reference}}", taught),
    "teacher.mix.kind": Case(MIXED, "teacher.mix.other.kind=self", teachers),
    "teacher.mix.model": Case(MIXED_LOCAL, "teacher.mix.other.model=a/c", teachers),
    "teacher.mix.url": Case(MIXED_ENDPOINT, "teacher.mix.other.url=http://localhost:2/v1", teachers),
    "teacher.mix.gguf_file": Case(MIXED_LOCAL, "teacher.mix.other.gguf_file=$/other.gguf", teachers),
    "teacher.mix.load_in_4bit": Case(MIXED_LOCAL, "teacher.mix.other.load_in_4bit=true", teachers),
    "teacher.mix.weight": Case(MIXED, "teacher.mix.other.weight=0.3", taught),
    "teacher.datasets.limit": Case(SEVERAL, "teacher.datasets.gsm8k.limit=2", solutions),
    "teacher.datasets.path": Case(SEVERAL, "teacher.datasets.gsm8k.path=$/other.jsonl", solutions),
    "teacher.datasets.test_path": Case(SEVERAL, "teacher.datasets.gsm8k.test_path=$/gsm8k.jsonl", solutions),
    "data.path": Case(DATA, "data.path=$/other.jsonl", solutions),
    "data.test_path": Case(DATA, "data.test_path=$/other.jsonl", solutions),
    "parser.format": Case(DATA, "parser.format=freeform", texts),
    "student.nano.size": Case(NANO, "student.size=miniaxion1-0.9m", model_sizes),
    "student.nano.sizes": Case(NANO, "student.sizes={intermediate_size: 24}", model_sizes),
    "student.nano.vocab_size": Case(NANO, "student.vocab_size=600", model_sizes),
    "student.nano.max_length": Case(("miniaxion_tiny", "eval.max_new_tokens=8"), "student.max_length=16", verdict),
    "student.nano.format": Case(DATA, "student.format=pergunta", texts),
    "student.adapter.base": Case(ADAPTER, "student.base=other", base),
    "student.adapter.gguf_file": Case(ADAPTER, "student.gguf_file=$/other.gguf", base),
    "student.adapter.load_in_4bit": Case(ADAPTER, "student.load_in_4bit=true", base),
    "student.adapter.gradient_checkpointing": Case(ADAPTER, "student.gradient_checkpointing=true", model_sizes),
    "student.adapter.max_length": Case(ADAPTER, "student.max_length=1024", model_sizes),
    "loss.kind": Case(TRAIN, "loss.kind=dft", trained),
    "loss.skip_perplexity": Case(ADAPTER, "loss.skip_perplexity=2.5", examples_of_a_run),
    "loss.weights.adaptive.minimum": Case(ADAPTIVE, "loss.weights.minimum=0.99", weights),
    "loss.weights.adaptive.maximum": Case(ADAPTIVE, "loss.weights.maximum=1.01", weights),
    "loss.weights.adaptive.smoothing": Case(ADAPTIVE, "loss.weights.smoothing=0.1", weights),
    "loss.weights.random.minimum": Case(RANDOM, "loss.weights.minimum=0.9", trained),
    "loss.weights.random.maximum": Case(RANDOM, "loss.weights.maximum=1.1", weights),
    "train.max_steps": Case(TRAIN, "train.max_steps=5", trained),
    "train.max_minutes": Case(("miniaxion_from_teacher",), "train.max_minutes=1", schedule_of_training),
    "train.muon_learning_rate": Case((*TRAIN, "train.optim=muon"), "train.muon_learning_rate=0.1", trained),
    "train.learning_rate_multipliers": Case(TRAIN, 'train.learning_rate_multipliers={"*": 2}', trained),
    "train.decay_fraction": Case(TRAIN, "train.decay_fraction=0.6", trained),
    "train.balancing_rate": Case((*TRAIN, "student.size=axion1-350k"), "train.balancing_rate=0.5", trained),
    "train.position_gap": Case(("miniaxion_tiny",), "train.position_gap=2", positions),
    "train.compile": Case(TRAIN, "train.compile=on", compiled),
    "train.report_to": Case(TRAIN, "train.report_to=trackio", tracked),
    "train.save_steps": Case(TRAIN, "train.save_steps=2", trained),
    "train.save_minutes": Case(TRAIN, "train.save_minutes=1e-9", trained),
    "eval.num_questions_per_task": Case(NANO, "eval.num_questions_per_task=3", questions),
    "eval.seed": Case(NANO, "eval.seed=2", questions),
    "eval.base_prompt": Case(ADAPTER, "eval.base_prompt=student", asked_of_the_base),
    "eval.problems": Case(NANO, "eval.problems=$/other.jsonl", questions),
    "refine.max_steps": Case(REFINED, "refine.max_steps=7", settings_of_a_round),
    "refine.learning_rate_scale": Case(REFINED, "refine.learning_rate_scale=0.1", settings_of_a_round),
    "refine.teacher_share": Case(REFINED, "refine.teacher_share=0.9", mixture),
    "refine.extra_digits": Case(REFINED, "refine.extra_digits=2", asked_in_a_round),
    "refine.keep": Case(REFINED, "refine.keep=vote", kept_of_samples),
    "refine.corrected_share": Case(REFINED, "refine.corrected_share=0.9", mixture),
}
CASES |= {
    f"train.{key}": Case(TRAIN, f"train.{key}={value}", trained)
    for key, value in {
        "per_device_train_batch_size": 3, "gradient_accumulation_steps": 1, "learning_rate": 1e-3, "optim": "muon",
        "lr_scheduler": "linear", "warmup_steps": 3, "weight_decay": 0, "max_grad_norm": 0.1, "dtype": "bfloat16",
        "batching": "padded", "logging_steps": 3,
    }.items()
}  # fmt: skip
CASES |= {
    f"loss.weights.{policy}.{stage}": Case(
        (*TRAIN, f"loss.weights={{policy: {policy}}}"), f"loss.weights.{stage}=3", weights
    )
    for policy in ("constant", "schedule", "adaptive")
    for stage in ("understand", "plan", "execute", "verify", "answer")
}
CASES |= {
    f"student.{adapter}.{key}": Case(ADAPTER, f"student.{adapter}.{key}={value}", adapters)
    for adapter in ("reasoning", "verification")
    for key, value in {"r": 3, "lora_alpha": 5, "lora_dropout": 0.5, "target_modules": "[q_proj]"}.items()
}
SEEN: dict[tuple[tuple[str, ...], Observer], object] = {}
"""What observers saw of recipes without a change, each once."""
READ_BY_A_RUN = {
    "eval.batch_size", "eval.max_new_tokens", "eval.repetition_penalty", "eval.calculator", "eval.guided",
    "refine.rounds", "refine.num_problems", "refine.num_samples", "refine.temperature",
}  # fmt: skip


def keys(section: type[Section] = Recipe, path: str = "") -> Iterator[str]:
    """Every key, `teacher.symbolic.language` for one of a branch of a union; the tags of unions only select classes."""
    for name, field in section.model_fields.items():
        inner = sections_of(field.annotation)
        is_tag = get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
        if (not inner and not is_tag) or get_origin(field.annotation) is dict:
            yield f"{path}{name}"
        for below in inner:
            tag = below.model_fields.get(field.discriminator or "")
            branch = f".{get_args(tag.annotation)[0]}" if tag else ""
            parent = path.removesuffix("reference.").removesuffix("self.").removesuffix("adapter.")
            yield from keys(below, f"{parent}{name}{branch}.")


def recipe_of(context: tuple[str, ...], folder: Path, *changes: str) -> Recipe:
    name, *overrides = context
    return load_recipe(name, [override.replace("$", str(folder)) for override in (*overrides, *changes)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """Solutions that read as GSM8K and as MATH, others, and the base."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "base").symlink_to(tiny_base)
    for name, first in (("gsm8k", 20), ("other", 40), ("test", 60)):
        rows = [_solution(n) for n in range(first, first + 8)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def _solution(n: int) -> dict[str, str]:
    question = f"Rui packs {n} pens and {n + 3} clips. How many things?"
    marked = f"{n}+{n + 3} = <<{n}+{n + 3}={2 * n + 3}>>{2 * n + 3} things.\n#### {2 * n + 3}"
    boxed = f"There are ${n} + {n + 3} = \\boxed{{{2 * n + 3}}}$ things."
    return {"question": question, "answer": marked, "problem": question, "solution": boxed}


def test_every_key_is_listed_once():
    listed = [*CASES, *READ_BY_A_RUN]
    assert sorted({*keys()}) == sorted(listed)


@pytest.mark.parametrize("key", CASES)
def test_a_key_changes_something(key: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    case = CASES[key]
    monkeypatch.chdir(tmp_path)
    before = (case.context, case.observer)
    if before not in SEEN:
        SEEN[before] = case.observer(recipe_of(case.context, folder), tmp_path / "a")
    assert SEEN[before] != case.observer(recipe_of(case.context, folder, case.change), tmp_path / "b")


@pytest.mark.parametrize("observer", sorted({case.observer for case in CASES.values()}, key=lambda o: o.__name__))
def test_an_observer_sees_no_difference_where_there_is_none(
    observer: Observer, folder: Path, tmp_path: Path, monkeypatch
):
    case = next(case for case in CASES.values() if case.observer is observer)
    monkeypatch.chdir(tmp_path)
    first, second = (observer(recipe_of(case.context, folder), tmp_path / name) for name in ("a", "b"))
    assert first == second


def test_a_run_reads_the_keys_of_decoding_and_of_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from distill.verbs.run import run

    read: set[tuple[str, str]] = set()
    get = Section.__getattribute__

    def recording(self: Section, name: str) -> object:
        if not sys._getframe(1).f_globals.get("__name__", "").startswith(("distill.recipe", "pydantic", __name__)):
            read.add((type(self).__name__, name))
        return get(self, name)

    recipe = load_recipe(
        "miniaxion_tiny",
        ["train={max_steps: 2, warmup_steps: 0, compile: off}", "eval.num_questions_per_task=1", "eval.max_new_tokens=4",
         "refine={rounds: 1, num_problems: 2, num_samples: 1, max_steps: 1}"],
    )  # fmt: skip
    monkeypatch.setattr(Section, "__getattribute__", recording)
    run(recipe, out=str(tmp_path / "run"), nproc=1)
    classes = {"eval": "Evaluation", "refine": "Refine"}
    unread = {key for key in READ_BY_A_RUN if (classes[key.split(".")[0]], key.split(".")[1]) not in read}
    assert not unread
