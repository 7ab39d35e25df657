"""`distill run` with an adapter student: data that is verified and kept apart, training that resumes, base and student."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rich.console import Console
from safetensors.torch import load_file

from distill.data.adapter import HeldOut as Questions
from distill.data.adapter import learnable
from distill.data.examples import learnable_examples
from distill.data.mistakes import with_error
from distill.data.rows import Row, encode_row, load_rows
from distill.errors import UserError
from distill.evaluation.kept import KeptAnswers
from distill.recipe.files import shipped_recipes
from distill.recipe.schema import Recipe, load_recipe
from distill.runs.files import read_json, read_jsonl, write_jsonl
from distill.runs.folder import Run, begin_run
from distill.verbs.evaluate_ahead import ask_ahead
from distill.verbs.evaluate_phase import evaluate_phase
from distill.verbs.run import run
from parsers import Stage, parse
from parsers.graph import Span
from students.adapter import Base, load_tokenizer
from teachers.problems import Problem, Trace

AdapterRecipe = Callable[..., Recipe]


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


def trace(n: int) -> Trace:
    one = row(n)
    return Trace(Problem(one["question"], str(n + n // 2), "gsm8k"), one["answer"], "gsm8k", "reference")


def test_an_injected_error_is_followed_found_and_mended(adapter_recipe: AdapterRecipe, data: Path) -> None:
    recipe = adapter_recipe(data, teacher={"kind": "reference", "error_rate": 1.0})
    found = [learnable(trace(n), recipe, Questions([])) for n in range(20, 60, 2)]
    changed = [one for one in found if one.injected]
    assert len(changed) > 10
    for one in changed:
        graph = parse(one.text, question=one.question, format="staged")
        wrong = [step for step in graph.steps if step.stage is Stage.EXECUTE and step.correct is False]
        assert len(wrong) == 1 and len(one.ignored) == 1
        start, end = one.ignored[0]
        assert one.text[start:end].rstrip().endswith(wrong[0].text)
        assert one.unused is None and "is wrong" in one.text
        assert Row.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_an_error_is_none_where_it_cannot_be_followed() -> None:
    assert with_error(Trace(Problem("q", "1"), "no numbers\n#### 1", "gsm8k", "reference"), Random(0)) is None
    assert with_error(Trace(Problem("q", "1"), "$1+1=2$", "math", "reference"), Random(0)) is None


def test_solutions_that_are_wrong_or_tested_on_are_left_out_with_their_reason(
    adapter_recipe: AdapterRecipe, data: Path
) -> None:
    recipe = adapter_recipe(data, teacher={"kind": "reference", "error_rate": 0.0})
    good = trace(40)
    wrong = Trace(Problem(good.problem.question, "61", "gsm8k"), good.text, "gsm8k", "reference")
    assert learnable(good, recipe, Questions([])).unused is None
    assert learnable(wrong, recipe, Questions([])).unused == "the structured answer is not the gold answer"
    asked = Questions([good.problem.question.upper() + " Think."])
    assert learnable(good, recipe, asked).unused == "shares its words with a test question"
    assert learnable(good, recipe, Questions(["Ana has some pens."])).unused is None


def test_what_is_learnt_is_the_answer_without_its_wrong_step(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(Base(str(tiny_base)))
    text = "[UNDERSTAND]\nGiven: 2.\n[EXECUTE]\n1. 2 + 2 = 5\n[VERIFY]\nStep 1 is wrong.\n[ANSWER] 4"
    start = text.index("1. 2")
    execute, verify, answer = (text.index(marker) for marker in ("[EXECUTE]", "[VERIFY]", "[ANSWER]"))
    spans = (
        Span(0, execute, Stage.UNDERSTAND),
        Span(execute, verify, Stage.EXECUTE),
        Span(verify, answer, Stage.VERIFY),
    )
    example = encode_row(Row("2 + 2?", text, "staged", spans, ((start, start + 13),)), tokenizer)
    learnt = tokenizer.decode([label for label in example.labels if label >= 0])
    assert learnt == text[:start] + text[start + 13 :] + "<|im_end|>"
    prompt = tokenizer.decode(example.input_ids[: example.labels.index(next(x for x in example.labels if x >= 0))])
    assert prompt == "<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n"
    for stage, part in ((0, text[:execute]), (2, text[execute:verify]), (3, text[verify:answer])):
        of_stage = [i for i, found in zip(example.input_ids, example.stage_ids, strict=True) if found == stage]
        assert tokenizer.decode(of_stage) == part


def results(folder: Path) -> dict[str, Any]:
    metrics = read_json(folder / "metrics.json")
    del metrics["decoding"]["seconds"], metrics["training"]["elapsed_seconds"]
    weights = {p.parent.name: p.read_bytes() for p in (folder / "student").glob("*/adapter_model.safetensors")}
    return {"metrics": metrics, "weights": weights, "samples": (folder / "samples.jsonl").read_text()}


def test_a_run_ends_with_base_and_student_and_resumes_bit_for_bit(
    adapter_recipe: AdapterRecipe, tiny_base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(quiet=True)
    recipe = adapter_recipe(data)
    whole = run(recipe, out=str(tmp_path / "whole"), console=console, nproc=1).path
    metrics = read_json(whole / "metrics.json")
    assert metrics["base"]["n"] == metrics["n"] == 2
    assert metrics["base"]["accuracy"]["strict"]["n"] == 2 and metrics["base"]["tokens_per_answer"] > 0
    record = read_json(whole / "run.json")
    assert record["traces"]["unused"] == {"shares its words with a test question": 2}
    assert record["traces"]["injected_errors"]["gsm8k"] > 5 and record["training"]["trained_parameters"] > 0
    checkpoint = next((whole / "checkpoints").glob("checkpoint-*"))
    trained = load_file(checkpoint / "model.safetensors")
    assert trained and all(
        ".lora_" in name or ".trainable_tokens_" in name for name in trained
    )  # the base is not copied
    assert "Base and student" in (whole / "report.html").read_text()
    assert tiny_base.name in (whole / "student" / "README.md").read_text()

    from distill.training.trainer import StageTrainer

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


@pytest.mark.slow
def test_an_evaluation_on_two_processes_ends_as_on_one(
    adapter_recipe: AdapterRecipe, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(quiet=True)
    recipe = adapter_recipe(data, eval={"num_questions_per_task": 2, "max_new_tokens": 12, "batch_size": 1})
    this = run(recipe, out=str(tmp_path / "run"), console=console, nproc=1)
    names = ("metrics.json", "samples.jsonl", "base_samples.jsonl")
    for name in names:
        shutil.move(this.path / name, tmp_path / name)
    shutil.rmtree(tmp_path / "base_answers")
    ask_ahead(this, 2)
    base_file = next((tmp_path / "base_answers").iterdir())
    student, base = ([json.loads(line) for line in file.read_text().splitlines()] for file in (this.answers, base_file))
    assert (len(student), len(base)) == (2, 4), "the base is asked in two ways; no question is asked twice"
    asked: list[str] = []
    monkeypatch.setattr(KeptAnswers, "add", lambda self, prompts, answers: asked.extend(prompts))
    evaluate_phase(this, console)
    assert not set(asked) & {row["prompt"] for row in student + base}, "no question is asked again"

    def measured(folder: Path) -> dict[str, Any]:
        metrics = read_json(folder / "metrics.json")
        del metrics["decoding"]["seconds"]
        return metrics

    assert measured(this.path) == measured(tmp_path)
    assert all((this.path / name).read_bytes() == (tmp_path / name).read_bytes() for name in names[1:])


def test_a_data_set_without_anything_to_learn_is_refused(
    adapter_recipe: AdapterRecipe, tiny_base: Path, data: Path, tmp_path: Path
) -> None:
    recipe = adapter_recipe(data, student={"max_length": 64})
    this = Run(tmp_path / "run", recipe)
    begin_run(this)
    from distill.verbs.trace import write_graphs

    write_graphs(this)
    tokenizer = load_tokenizer(Base(str(tiny_base)))
    with pytest.raises(UserError, match=r"no example is left to learn from: of \d+, \d+ are longer than"):
        learnable_examples(this.recipe, this.graphs, tokenizer)
    examples = [encode_row(one, tokenizer) for one in load_rows(this.graphs, "training")]
    assert any("[VERIFY]" in tokenizer.decode(example.input_ids) for example in examples)
    rows = [{**row, "unused": "no answer was found"} for row in read_jsonl(this.graphs)]
    write_jsonl(this.graphs, rows)
    with pytest.raises(UserError, match=f"of {len(rows)}, .*, {len(rows)} unused: no answer was found"):
        learnable_examples(this.recipe, this.graphs, tokenizer)


def solved(asked: str) -> tuple[int, Any]:
    """A right solution in free words of a question of `row`; of others an answer that is wrong."""
    n = int(next(word for word in asked.split() if word.isdigit()))
    text = (
        f"Her brother has half as many pens: \\[ {n} / 2 = {n // 2} \\]\n"
        f"Together they have both: \\[ {n} + {n // 2} = {n + n // 2} \\]\nThe answer is \\boxed{{{n + n // 2}}}."
    )
    return 200, {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in shipped_recipes() if load_recipe(n).student.kind == "adapter"])
def test_every_adapter_recipe_that_ships_takes_two_steps(
    name: str, tiny_base: Path, data: Path, tmp_path: Path, endpoint_stub: Any
) -> None:
    endpoint_stub.reply = solved
    overrides = [
        f"student.base={tiny_base}", "student.gguf_file=null", "student.load_in_4bit=false", "student.max_length=1024",
        "teacher.datasets={}", f"data.path={data / 'train.jsonl'}", "train.max_steps=2", "train.warmup_steps=1",
        "train.dtype=float32", "eval.num_questions_per_task=2", "eval.max_new_tokens=8",
    ]  # fmt: skip
    if load_recipe(name).teacher.kind == "self":  # the tiny base solves nothing
        overrides += [
            "teacher.kind=endpoint", "teacher.model=stub", f"teacher.url={endpoint_stub.url}",
            f"teacher.store={tmp_path / 'store'}", "teacher.num_samples=1",
        ]  # fmt: skip
    if load_recipe(name).refine:
        overrides += ["refine.num_problems=2", "refine.num_samples=1", "refine.max_steps=2"]
    recipe = load_recipe(name, overrides)
    folder = run(recipe, out=str(tmp_path / "run"), console=Console(quiet=True), nproc=1).path
    metrics = read_json(folder / "metrics.json")
    assert metrics["training"]["steps"] == 2 and metrics["base"]["n"] == 2


@pytest.mark.slow
def test_two_processes_learn_what_one_does(adapter_recipe: AdapterRecipe, data: Path, tmp_path: Path) -> None:
    recipe = adapter_recipe(data, train={"gradient_accumulation_steps": 2, "max_steps": 2, "save_steps": 10})
    losses = []
    for nproc in (1, 2):
        folder = run(recipe, out=str(tmp_path / str(nproc)), console=Console(quiet=True), nproc=nproc).path
        losses.append([json.loads(line)["nll"] for line in (folder / "history.jsonl").read_text().splitlines()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
