"""`distill run` with an adapter student: data that is verified and kept apart, training that resumes, base and student."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rich.console import Console

from distill.adapter_data import MARKER, encode_staged, learnable, read_examples, staged_spans
from distill.adapter_data import HeldOut as Questions
from distill.adapter_errors import with_error
from distill.adapter_training import learnable_examples
from distill.errors import UserError
from distill.pipeline import run
from distill.recipe import Recipe, load_recipe
from distill.recipe_io import shipped_recipes
from distill.runs import Run, begin_run, read_json
from parsers import Stage, parse
from students.adapter import Base, load_tokenizer
from teachers.problems import Problem, Trace


def row(n: int) -> dict[str, str]:
    return {
        "question": f"Ana has {n} pens and her brother has half as many. How many pens do they have together, in box {n}?",
        "answer": f"Her brother has {n}/2 = <<{n}/2={n // 2}>>{n // 2} pens.\n"
        f"Together they have {n}+{n // 2} = <<{n}+{n // 2}={n + n // 2}>>{n + n // 2} pens.\n#### {n + n // 2}",
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Training and test files of own questions; the last two of training stand in the test file as well."""
    rows = [row(n) for n in range(20, 80, 2)]
    other = [
        {"question": f"What do {n} apples at 3 coins each cost?", "answer": f"<<{n}*3={3 * n}>>\n#### {3 * n}"}
        for n in range(4)
    ]
    for name, content in (("train", rows + other), ("test", other[2:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in content))
    return tmp_path


def recipe_of(base: Path, data: Path, **changes: Any) -> Recipe:
    lora = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    values: dict[str, Any] = {
        "name": "tiny",
        "teacher": {"kind": "reference", "error_rate": 0.5},
        "data": {"path": str(data / "train.jsonl")},
        "student": {
            "kind": "adapter", "base": str(base), "load_in_4bit": False, "reasoning": lora,
            "verification": lora, "max_length": 1024,
        },
        "train": {
            "max_steps": 4, "warmup_steps": 1, "per_device_train_batch_size": 2, "dtype": "float32",
            "save_steps": 2, "logging_steps": 1, "learning_rate": 1e-3, "weight_decay": 0,
        },
        "eval": {"num_questions_per_task": 2, "max_new_tokens": 12, "calculator": True},
    }  # fmt: skip
    for key, change in changes.items():
        values[key] = values[key] | change if isinstance(change, dict) else change
    return Recipe.model_validate(values)


def trace(n: int) -> Trace:
    one = row(n)
    return Trace(Problem(one["question"], str(n + n // 2), "gsm8k"), one["answer"], "gsm8k", "reference")


def test_an_injected_error_is_followed_found_and_mended(tiny_base: Path, data: Path) -> None:
    recipe = recipe_of(tiny_base, data, teacher={"kind": "reference", "error_rate": 1.0})
    found = [learnable(trace(n), recipe, Questions([])) for n in range(20, 60, 2)]
    changed = [one for one in found if one["injected"]]
    assert len(changed) > 10
    for one in changed:
        graph = parse(one["text"], question=one["question"], format="staged")
        wrong = [step for step in graph.steps if step.stage is Stage.EXECUTE and step.correct is False]
        assert len(wrong) == 1 and len(one["wrong"]) == 1
        start, end = one["wrong"][0]
        assert one["text"][start:end].rstrip().endswith(wrong[0].text)
        assert one["unused"] is None and "is wrong" in one["text"]


def test_an_error_is_none_where_it_cannot_be_followed() -> None:
    assert with_error(Trace(Problem("q", "1"), "no numbers\n#### 1", "gsm8k", "reference"), Random(0)) is None
    assert with_error(Trace(Problem("q", "1"), "$1+1=2$", "math", "reference"), Random(0)) is None


def test_solutions_that_are_wrong_or_tested_on_are_left_out_with_their_reason(tiny_base: Path, data: Path) -> None:
    recipe = recipe_of(tiny_base, data, teacher={"kind": "reference", "error_rate": 0.0})
    good = trace(40)
    wrong = Trace(Problem(good.problem.question, "61", "gsm8k"), good.text, "gsm8k", "reference")
    assert learnable(good, recipe, Questions([]))["unused"] is None
    assert learnable(wrong, recipe, Questions([]))["unused"] == "the structured answer is not the gold answer"
    asked = Questions([good.problem.question.upper() + " Think."])
    assert learnable(good, recipe, asked)["unused"] == "shares its words with a test question"
    assert learnable(good, recipe, Questions(["Ana has some pens."]))["unused"] is None


def test_what_is_learnt_is_the_answer_without_its_wrong_step(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(Base(str(tiny_base)))
    text = "[UNDERSTAND]\nGiven: 2.\n[EXECUTE]\n1. 2 + 2 = 5\n[VERIFY]\nStep 1 is wrong.\n[ANSWER] 4"
    start = text.index("1. 2")
    example = encode_staged("2 + 2?", text, tokenizer, wrong=[(start, start + 13)])
    learnt = tokenizer.decode([label for label in example.labels if label >= 0])
    assert learnt == text[:start] + text[start + 13 :] + "<|im_end|>"
    prompt = tokenizer.decode(example.input_ids[: example.labels.index(next(x for x in example.labels if x >= 0))])
    assert prompt == "<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n"
    names = [text[span.start : span.end].split("]")[0][1:] for span in staged_spans(text)]
    assert names == ["UNDERSTAND", "EXECUTE", "VERIFY"] == [Stage(s.stage).name for s in staged_spans(text)]


def results(folder: Path) -> dict[str, Any]:
    metrics = read_json(folder / "metrics.json")
    del metrics["decoding"]["seconds"], metrics["training"]["elapsed_seconds"]
    weights = {p.parent.name: p.read_bytes() for p in (folder / "student").glob("*/adapter_model.safetensors")}
    return {"metrics": metrics, "weights": weights, "samples": (folder / "samples.jsonl").read_text()}


def test_a_run_ends_with_base_and_student_and_resumes_bit_for_bit(
    tiny_base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(quiet=True)
    recipe = recipe_of(tiny_base, data)
    whole = run(recipe, out=str(tmp_path / "whole"), console=console, nproc=1).path
    metrics = read_json(whole / "metrics.json")
    assert metrics["base"]["n"] == metrics["n"] == 2
    assert metrics["base"]["accuracy"]["strict"]["n"] == 2 and metrics["base"]["tokens_per_answer"] > 0
    record = read_json(whole / "run.json")
    assert record["traces"]["unused"] == {"shares its words with a test question": 2}
    assert record["traces"]["injected_errors"]["gsm8k"] > 5 and record["training"]["trained_parameters"] > 0
    checkpoint = next((whole / "checkpoints").glob("checkpoint-*"))
    assert not (checkpoint / "model.safetensors").exists()
    assert (checkpoint / "verification" / "adapter_model.safetensors").is_file()
    assert "Base and student" in (whole / "report.html").read_text()
    assert tiny_base.name in (whole / "student" / "README.md").read_text()

    from distill.trainer import StageTrainer

    finish, count = StageTrainer.finish_step, 0

    def killed_in_the_third(self: StageTrainer) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        finish(self)

    monkeypatch.setattr(StageTrainer, "finish_step", killed_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, out=str(tmp_path / "cut"), console=console, nproc=1)
    monkeypatch.setattr(StageTrainer, "finish_step", finish)
    again = run(recipe, out=str(tmp_path / "cut"), resume=True, console=console, nproc=1).path
    assert results(again) == results(whole)


def test_a_data_set_without_anything_to_learn_is_refused(tiny_base: Path, data: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tiny_base, data, student={"max_length": 64})
    this = Run(tmp_path / "run", recipe)
    begin_run(this)
    from distill.adapter_data import write_adapter_graphs

    write_adapter_graphs(this)
    tokenizer = load_tokenizer(Base(str(tiny_base)))
    with pytest.raises(UserError, match=r"no example is left to learn from: of \d+, \d+ are longer than"):
        learnable_examples(this, tokenizer)
    assert any(MARKER.search(tokenizer.decode(e.input_ids)) for e in read_examples(this.graphs, "training", tokenizer))


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in shipped_recipes() if load_recipe(n).student.kind == "adapter"])
def test_every_adapter_recipe_that_ships_takes_two_steps(
    name: str, tiny_base: Path, data: Path, tmp_path: Path
) -> None:
    overrides = [
        f"student.base={tiny_base}", "student.gguf_file=null", "student.load_in_4bit=false", "student.max_length=1024",
        "teacher.datasets={}", f"data.path={data / 'train.jsonl'}", "train.max_steps=2", "train.warmup_steps=1",
        "train.dtype=float32", "eval.num_questions_per_task=2", "eval.max_new_tokens=8",
    ]  # fmt: skip
    if load_recipe(name).refine:
        overrides += ["refine.num_problems=2", "refine.num_samples=1", "refine.max_steps=2"]
    recipe = load_recipe(name, overrides)
    folder = run(recipe, out=str(tmp_path / "run"), console=Console(quiet=True), nproc=1).path
    metrics = read_json(folder / "metrics.json")
    assert metrics["training"]["steps"] == 2 and metrics["base"]["n"] == 2


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tiny_base: Path, data: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tiny_base, data, train={"gradient_accumulation_steps": 2, "max_steps": 2, "save_steps": 10})
    losses = []
    for nproc in (1, 2):
        folder = run(recipe, out=str(tmp_path / str(nproc)), console=Console(quiet=True), nproc=nproc).path
        losses.append([json.loads(line)["nll"] for line in (folder / "history.jsonl").read_text().splitlines()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
