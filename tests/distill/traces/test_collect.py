"""Asking a teacher, the store, and `distill run` with a model as teacher, against a server that fails as real ones do."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from distill.data.rows import load_rows
from distill.errors import UserError
from distill.evaluation import endpoint as endpoint_module
from distill.recipe.schema import Recipe, load_recipe
from distill.report.licences import licences
from distill.runs.files import read_json, read_jsonl
from distill.runs.folder import Run, begin_run
from distill.traces.collect import collect
from distill.traces.mixture import SURPLUS
from distill.verbs.run import run
from distill.verbs.trace import trace_recipe, write_graphs

LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}


def question(n: int) -> str:
    return f"Rui packs {n} pens and {n + 3} clips into one box. How many things are in the box?"


def completion(text: Any, **more: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": text}, "finish_reason": "stop", **more}],
        "usage": {"completion_tokens": 7},
    }


def solve(asked: str) -> tuple[int, Any]:
    """A right solution in free words."""
    a, b = (int(number) for number in re.findall(r"\d+", asked)[:2])
    return 200, completion(
        f"Rui packs {a} pens.\n\nTo find the number of things, we add the pens and the clips: "
        f"\\[ {a} + {b} = {a + b} \\]\nSo there are \\boxed{{{a + b}}} things."
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Problems with reference solutions; the last of training is a test question, and one stands there twice."""
    rows = [
        {"question": question(n), "answer": f"{n}+{n + 3} = <<{n}+{n + 3}={2 * n + 3}>>{2 * n + 3}\n#### {2 * n + 3}"}
        for n in range(20, 50)
    ]
    twice = {**rows[0], "question": rows[0]["question"].upper()}
    for name, content in (("train", [*rows, twice]), ("test", [rows[-1]])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    return tmp_path


def recipe_of(base: Path, data: Path, **teacher: Any) -> Recipe:
    is_file = "problems" in teacher
    return Recipe.model_validate(
        {
            "name": "own-words",
            "teacher": {"kind": "self", "num_samples": 1, "store": str(data / "store"), "max_new_tokens": 40, **teacher},
            "data": {} if is_file else {"path": str(data / "train.jsonl")},
            "student": {
                "kind": "adapter", "base": str(base), "load_in_4bit": False, "reasoning": LORA,
                "verification": LORA, "max_length": 1024,
            },
            "train": {
                "max_steps": 2, "warmup_steps": 0, "per_device_train_batch_size": 2, "dtype": "float32",
                "logging_steps": 1,
            },
            "eval": {"num_questions_per_task": 1, "max_new_tokens": 8},
        }
    )  # fmt: skip


def silent() -> Console:
    return Console(file=io.StringIO())


def served(base: Path, data: Path, stub: Any, **teacher: Any) -> Recipe:
    return recipe_of(base, data, kind="endpoint", url=stub.url, model="stub", concurrency=4, **teacher)


def test_every_problem_is_asked_once_and_the_second_call_asks_nothing(
    tiny_base: Path, data: Path, endpoint_stub: Any
) -> None:
    endpoint_stub.reply = solve
    recipe = served(tiny_base, data, endpoint_stub, num_samples=2)
    found = collect(recipe, silent())["gsm8k"]
    assert len(endpoint_stub.asked) == 2 * 29  # without the test question and the double
    assert found.counts["left_out"] == {
        "near duplicate of another problem": 1, "shares its words with a test question": 1,
    }  # fmt: skip
    assert found.counts["alone"] == {
        "asked": 58, "answered": 58, "read": 58, "right": 58, "kept": 58, "tokens": 58 * 7, "rejected": {}, "failed": {},
    }  # fmt: skip
    body = endpoint_stub.asked[0]
    assert "step by step" in body["messages"][0]["content"] and body["temperature"] == 0.7
    assert body["max_tokens"] == 40 and len({one["seed"] for one in endpoint_stub.asked}) == 58
    again = collect(recipe, silent())["gsm8k"]
    assert len(endpoint_stub.asked) == 58 and again.counts == found.counts


def test_a_problem_that_was_not_solved_is_asked_again_with_its_reference(
    tiny_base: Path, data: Path, endpoint_stub: Any
) -> None:
    def reply(asked: str) -> tuple[int, Any]:
        has_reference = "<<" in asked
        return solve(asked) if has_reference or "21 pens" not in asked else (200, completion("It is \\boxed{1}."))

    endpoint_stub.reply = reply
    counts = collect(served(tiny_base, data, endpoint_stub), silent())["gsm8k"].counts
    assert counts["alone"]["right"] == 28 and counts["alone"]["rejected"] == {"its answer is not the gold answer": 1}
    assert counts["with_reference"]["asked"] == counts["with_reference"]["kept"] == 1
    off = collect(served(tiny_base, data, endpoint_stub, show_reference=False), silent())["gsm8k"].counts
    assert "with_reference" not in off


@pytest.mark.parametrize(
    ("status", "reply", "reason"),
    [
        (429, {"error": "slow down"}, "status 429 (slow down)"),
        (500, "broken", "status 500 (broken)"),
        (200, "<html>sign in</html>", "not a chat completion"),
        (200, "{", "not a chat completion"),
        (200, {"choices": []}, "not a chat completion"),
        (200, completion(""), "an empty answer"),
        (200, completion([{"type": "text", "text": " "}]), "an empty answer"),
        (400, {"error": "too long"}, "status 400 (too long)"),
    ],
)
def test_a_failure_is_counted_with_its_reason_and_asked_again_later(
    tiny_base: Path, data: Path, endpoint_stub: Any, status: int, reply: Any, reason: str
) -> None:
    endpoint_stub.reply = lambda asked: (status, reply) if "25 pens" in asked else solve(asked)
    recipe = served(tiny_base, data, endpoint_stub, show_reference=False)
    counts = collect(recipe, silent())["gsm8k"].counts["alone"]
    assert counts["answered"] == 28 and list(counts["failed"].values()) == [1]
    assert reason in next(iter(counts["failed"]))
    endpoint_stub.reply, so_far = solve, len(endpoint_stub.asked)
    counts = collect(recipe, silent())["gsm8k"].counts["alone"]
    assert counts["answered"] == 29 and counts["failed"] == {} and len(endpoint_stub.asked) == so_far + 1


def test_content_as_a_list_and_reasoning_apart_are_read(tiny_base: Path, data: Path, endpoint_stub: Any) -> None:
    def reply(asked: str) -> tuple[int, Any]:
        text = solve(asked)[1]["choices"][0]["message"]["content"]
        return 200, completion([{"type": "text", "text": text}])

    endpoint_stub.reply = reply
    assert collect(served(tiny_base, data, endpoint_stub), silent())["gsm8k"].counts["alone"]["kept"] == 29


@pytest.mark.parametrize("status", [401, 404])
def test_what_every_question_would_meet_stops_at_once(
    tiny_base: Path, data: Path, endpoint_stub: Any, status: int
) -> None:
    endpoint_stub.reply = lambda asked: (status, {"error": "no"})
    with pytest.raises(UserError, match="OPENAI_API_KEY" if status == 401 else "status 404"):
        collect(served(tiny_base, data, endpoint_stub), silent())
    assert len(endpoint_stub.asked) <= 4


def test_a_dead_server_is_left_after_some_failures(tiny_base: Path, data: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(endpoint_module, "MAX_RETRIES", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    recipe = recipe_of(tiny_base, data, kind="endpoint", url="http://127.0.0.1:9/v1", model="m", concurrency=1)
    with pytest.raises(UserError, match="is a server running there"):
        collect(recipe, silent())


def test_a_slow_drip_is_cut_off(tiny_base: Path, data: Path, endpoint_stub: Any, monkeypatch: Any) -> None:
    import threading

    monkeypatch.setattr(endpoint_module, "MAX_RETRIES", 0)
    never = threading.Event()
    endpoint_stub.reply = lambda asked: (200, never.wait(20)) if "25 pens" in asked else solve(asked)
    recipe = served(tiny_base, data, endpoint_stub, show_reference=False, answer_seconds=5)
    counts = collect(recipe, silent())["gsm8k"].counts["alone"]
    never.set()
    assert counts["answered"] == 28 and "raise teacher.answer_seconds" in next(iter(counts["failed"]))


def test_run_learns_what_was_verified_and_says_how_much(tiny_base: Path, data: Path, endpoint_stub: Any) -> None:
    endpoint_stub.reply = lambda asked: solve(asked) if "25 pens" not in asked else (200, completion("\\boxed{1}"))
    recipe = served(tiny_base, data, endpoint_stub, show_reference=False)
    done = run(recipe, out=str(data / "run"), nproc=1, console=silent())
    facts = done.record()["traces"]
    assert facts["teacher"] == "stub" and facts["yield"]["gsm8k"]["alone"]["kept"] == 28
    rows = [*load_rows(done.graphs, "training"), *load_rows(done.graphs, "validation")]
    assert len(rows) == 28 and all(row.text.startswith("[UNDERSTAND]") for row in rows)
    (error,) = read_jsonl(done.path / "errors.jsonl")
    assert error["reason"] == "its answer is not the gold answer" and not error["right"]
    page = done.report.read_text(encoding="utf-8")
    assert "What the teacher wrote" in page and "its answer is not the gold answer" in page
    assert "stub" in (done.student / "README.md").read_text(encoding="utf-8")
    metrics = read_json(done.metrics)
    assert metrics["base"]["prompt"] == "best" and metrics["base"]["by_student_prompt"]["n"] == metrics["n"]
    assert metrics["paired"]["joined"] == metrics["n"]


def test_nothing_verified_stops_before_training_and_says_why(tiny_base: Path, data: Path) -> None:
    recipe = recipe_of(tiny_base, data, num_problems=3, concurrency=3)
    with pytest.raises(UserError, match="none of 6 solutions is verified") as caught:
        run(recipe, out=str(data / "run"), nproc=1, console=silent())
    assert "× cut off at teacher.max_new_tokens" in str(caught.value) and not (data / "run" / "student").exists()
    counts = [int(count) for count in re.findall(r"(\d+) ×", str(caught.value))]
    store = list((data / "store").glob("answers-*.jsonl"))
    assert (
        sum(len(list(read_jsonl(file))) for file in store) == sum(counts) > 0
    )  # an untrained base may write blanks only


def test_a_file_of_questions_is_asked_and_its_test_side_kept_apart(
    tiny_base: Path, data: Path, endpoint_stub: Any
) -> None:
    endpoint_stub.reply = solve
    file = data / "own.jsonl"
    rows = [{"question": question(n), "answer": str(2 * n + 3)} for n in range(100, 130)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = served(tiny_base, data, endpoint_stub, problems=str(file))
    counts = collect(recipe, silent())["own.jsonl"].counts
    assert 20 <= counts["problems"] < 30 and counts["alone"]["kept"] == counts["problems"]
    assert "with_reference" not in counts


def test_trace_is_for_teachers_that_are_models(tiny_base: Path, data: Path) -> None:
    recipe = recipe_of(tiny_base, data)
    plain = Recipe.model_validate({**recipe.model_dump(mode="json"), "teacher": {"kind": "reference"}})
    with pytest.raises(UserError, match="reference needs no store of traces"):
        trace_recipe(plain, silent())


def test_teachers_are_mixed_by_weight(tiny_base: Path, data: Path, endpoint_stub: Any) -> None:
    endpoint_stub.reply = solve
    published = {"kind": "reference", "weight": 0.5}
    recipe = served(tiny_base, data, endpoint_stub, show_reference=False, mix={"published": published})
    alone = Run(data / "alone", served(tiny_base, data, endpoint_stub, show_reference=False))
    run = Run(data / "run", recipe)
    for one in (alone, run):
        begin_run(one)
    usable, counts = write_graphs(alone, silent())["training"], write_graphs(run, silent())
    of_model, of_reference = counts["datasets"]["gsm8k, endpoint"], counts["datasets"]["gsm8k, published"]
    assert of_model == usable > 20 and of_reference == of_model // 2
    assert counts["yield"].keys() == {"gsm8k, endpoint"} and counts["unused"][SURPLUS] > 0
    assert counts["teacher"] == "stub; reference"
    texts = [row.text for row in load_rows(run.graphs, "training") if row.unused is None]
    assert sum("we add the pens" in text for text in texts) >= of_model - of_reference, "in the model's own words"
    named = [licence.name for licence in licences(recipe.model_dump(mode="json")) if licence.part == "teacher"]
    assert named == ["stub, in its own words", "reference solutions"]


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ({"endpoint": {"kind": "self"}}, "teacher.mix.endpoint: this is the name of the first teacher"),
        ({"other": {"kind": "local"}}, "teacher.mix.other.model: needed with kind local"),
        ({"other": {"kind": "reference", "model": "m"}}, "teacher.mix.other.model: not for kind reference"),
        ({"other": {"kind": "self", "weight": 0}}, "teacher.mix.other.weight"),
    ],
)
def test_what_is_wrong_with_a_mixture_is_said(tmp_path: Path, mix: dict[str, Any], message: str) -> None:
    path = tmp_path / "recipe.yaml"
    teacher = {"kind": "endpoint", "url": "http://localhost:1/v1", "model": "m", "mix": mix}
    student = {"kind": "adapter", "base": "a/b"}
    path.write_text(json.dumps({"name": "x", "teacher": teacher, "student": student, "train": {"max_steps": 1}}))
    with pytest.raises(UserError, match=re.escape(message)):
        load_recipe(str(path))
