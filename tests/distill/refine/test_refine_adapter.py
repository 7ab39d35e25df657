"""Self-error rounds of an adapter student: what its solutions are taken for, what is learnt of them, a run killed often."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from distill.data.rows import encode_row
from distill.recipe.schema import Recipe
from distill.refine import rounds as refine
from distill.refine.own_traces import mixed_example, pools_of
from distill.runs.files import read_json
from distill.runs.folder import Run
from distill.tracks.adapter import ask, teacher_examples
from distill.tracks.judge_adapter import judge
from distill.training import result as result_module
from distill.verbs import run as pipeline
from students.adapter import Base, load_tokenizer
from teachers.problems import Problem, Trace

QUESTION = "A baker has 60 rolls and sells a third of them. How many rolls are left?"
REFERENCE = "She sells 60/3 = <<60/3=20>>20 rolls.\n60-20 = <<60-20=40>>40 rolls are left.\n#### 40"
ASKED = Trace(Problem(QUESTION, "40", "gsm8k"), REFERENCE, "gsm8k", "reference")
HEAD = (
    "[UNDERSTAND]\nGiven: 60 rolls; a third of them. Asked: How many rolls are left?\n"
    "[PLAN]\n1. Rolls sold\n2. Rolls left\n[EXECUTE]\n"
)
RIGHT = HEAD + "1. 60 / 3 = <<60/3=20>>20\n2. 60 - 20 = <<60-20=40>>40\n[VERIFY]\n40 + 20 = 60. Correct.\n[ANSWER] 40"
SLIP = HEAD + "1. 60 / 3 = <<60/3=25>>25\n2. 60 - 25 = <<60-25=35>>35\n[VERIFY]\n35 + 25 = 60. Correct.\n[ANSWER] 35"
ASTRAY = HEAD + "1. 60 / 3 = 20\n2. 60 + 20 = 80\n[VERIFY]\n80 - 20 = 60. Correct.\n[ANSWER] 80"
MENDED = "[VERIFY]\nStep 1 is wrong: 60 / 3 = 20, not 25.\nSo step 2 becomes 60 - 20 = 40, not 35.\n[ANSWER] 40"
ROUNDS: dict[str, dict[str, Any]] = {
    "teacher": {"error_rate": 0.3},
    "train": {"max_steps": 2, "save_steps": 1},
    "refine": {"num_problems": 4, "num_samples": 2, "max_steps": 2, "teacher_share": 0.3},
    "eval": {"max_new_tokens": 6},
}
AdapterRecipe = Callable[..., Recipe]


def sample(output: str, asked: Trace = ASKED):
    return judge(asked, output)


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (RIGHT, "right"),
        (RIGHT.replace("40 + 20 = 60. Correct.", "Fine."), "right"),
        (RIGHT.replace("40 + 20 = 60. Correct.", "Step 2 is wrong."), "right"),  # its false alarm is not learnt
        (RIGHT.replace("[ANSWER] 40", "[ANSWER] 39"), "broken"),
        (SLIP, "corrected"),
        (SLIP.replace("[ANSWER] 35", "[ANSWER] 40"), "corrected"),  # it mended the slip itself
        (ASTRAY, "corrected"),
        (SLIP.replace("<<60-25=35>>35", "<<60-25=40>>40"), "other"),  # two slips that end right
        (HEAD + "1. Some are sold\n2. The rest stays\n[VERIFY]\nFine.\n[ANSWER] 35", "other"),
        (RIGHT.replace("60 rolls", "66 rolls"), "misread"),
        (RIGHT.replace("[PLAN]", ""), "malformed"),
        (RIGHT.replace("[ANSWER] 40", ""), "malformed"),
        ("", "malformed"),
    ],
)
def test_what_a_solution_is(output: str, kind: str) -> None:
    found = sample(output)
    assert found.kind == kind and found.task == "gsm8k"
    assert (found.row is not None) == (kind in ("right", "broken", "corrected"))
    if found.row and kind in ("right", "broken"):
        assert found.row.text == RIGHT and not found.row.ignored  # VERIFY is written anew, the answer is the gold one
    if found.row and kind == "corrected":
        assert found.row.text.endswith("[ANSWER] 40") and "is wrong" in found.row.text


def test_a_slip_is_mended_by_computing_on_from_it() -> None:
    found = sample("\n" + SLIP.replace("35 + 25 = 60. Correct.", "All is well.") + "\n")
    assert found.row is not None and found.row.text == SLIP[: SLIP.index("[VERIFY]")] + MENDED
    (begin, end), *more = found.row.ignored
    assert found.row.text[begin:end] == "1. 60 / 3 = <<60/3=25>>25\n2. 60 - 25 = <<60-25=35>>35\n"
    assert not more and found.first_wrong == 0


def test_a_wrong_turn_is_mended_by_the_reference() -> None:
    found = sample(ASTRAY)
    assert found.row is not None
    assert (
        found.row.text
        == ASTRAY[: ASTRAY.index("[VERIFY]")] + "[VERIFY]\nStep 2 is wrong: 60 - 20 = 40, not 80.\n[ANSWER] 40"
    )
    assert found.row.ignored == ((0, found.row.text.index("[VERIFY]")),) and found.first_wrong == 1
    early = sample(ASTRAY.replace("60 / 3 = 20", "60 * 3 = 180").replace("60 + 20 = 80", "180 - 60 = 120"))
    assert "[VERIFY]\nStep 1 is wrong: 60 / 3 = 20, not 180.\n60 - 20 = 40.\n[ANSWER] 40" in early.row.text


@pytest.mark.parametrize(
    "reference", ["It follows.\n#### 40", "60/3 = <<60/3=20>>20\n#### 40", "60/3 = 21\n60-20 = 40\n#### 40"]
)
def test_a_reference_that_does_not_compute_the_answer_mends_nothing(reference: str) -> None:
    asked = Trace(ASKED.problem, reference, "gsm8k", "reference")
    assert sample(ASTRAY, asked).kind == "other"
    assert sample(SLIP, asked).kind == "corrected"


def test_what_is_learnt_of_it_token_by_token(tiny_base: Path) -> None:
    tokenizer, found = load_tokenizer(Base(str(tiny_base))), sample(SLIP)
    assert found.row is not None
    example = encode_row(found.row, tokenizer)
    learnt = tokenizer.decode([label for label in example.labels if label >= 0])
    assert learnt == HEAD + MENDED + "<|im_end|>"


def row(n: int) -> dict[str, str]:
    return {
        "question": f"Box {n} has {n} red pens and half as many blue. How many in all?",
        "answer": f"There are {n}/2 = <<{n}/2={n // 2}>>{n // 2} blue pens.\n"
        f"In all there are {n}+{n // 2} = <<{n}+{n // 2}={n + n // 2}>>{n + n // 2} pens.\n#### {n + n // 2}",
    }


def written(question: str) -> str:
    """A solution that a better student might write: right, or with a slip where the number of the box is high."""
    n = int(question.split()[1])
    half = n // 2 + (n > 40)
    return (
        f"[UNDERSTAND]\nGiven: {n} red pens; half as many. Asked: How many in all?\n[PLAN]\n1. Blue\n2. All\n"
        f"[EXECUTE]\n1. {n} / 2 = {half}\n2. {n} + {half} = {n + half}\n[VERIFY]\nGood.\n[ANSWER] {n + half}"
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Training and test files of own questions."""
    for name, numbers in (("train", range(20, 80, 2)), ("test", range(90, 96, 2))):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row(n)) + "\n" for n in numbers))
    return tmp_path


@pytest.fixture
def better_student(monkeypatch: pytest.MonkeyPatch) -> None:
    """The student draws, and what an untrained one draws is replaced by solutions that can be judged."""
    draw: Callable[..., list[dict[str, Any]]] = refine._draw

    def better(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
        rows = draw(*arguments, **options)
        return [{**one, "output": written(one["question"]), "finished": True} for one in rows]

    monkeypatch.setattr(refine, "_draw", better)
    monkeypatch.setattr(refine, "PART", 2)


def result(run: Run) -> dict[str, Any]:
    weights = {p.parent.name: p.read_bytes() for p in run.student.glob("*/adapter_model.safetensors")}
    return {"weights": weights, "rounds": read_json(run.rounds)}


def test_a_whole_run_and_one_killed_before_every_write(
    adapter_recipe: AdapterRecipe, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better_student: None
) -> None:
    console = Console(quiet=True)
    whole = pipeline.run(adapter_recipe(data, **ROUNDS), out=str(tmp_path / "whole"), console=console, nproc=1)
    found = result(whole)
    (one,) = found["rounds"]
    assert one["samples"] == 8 and one["right"] and one["corrected"] and one["right"] + one["corrected"] == 8
    assert set(found["weights"]) == {"reasoning", "verification"}
    before = whole.path / "refine" / "round-0" / "student"
    for name, weights in found["weights"].items():
        assert (before / name / "adapter_model.safetensors").read_bytes() != weights
    metrics = read_json(whole.metrics)
    assert metrics["refine"]["rounds"] == found["rounds"] and metrics["refine"]["paired"]["strict"]["n"] == 2
    assert "Self-error rounds" in whole.report.read_text()

    again = Run(tmp_path / "again", whole.recipe)
    shutil.copytree(whole.path, again.path, ignore=shutil.ignore_patterns("refine", "student"))
    shutil.copytree(before, again.student)
    seen: set[Path] = set()
    kills = 0
    while not again.rounds.is_file() and kills < 20:
        with monkeypatch.context() as patch:
            first: list[Path] = []
            for module in (refine, result_module):
                for name in {"write_json", "write_jsonl", "whole_folder"} & vars(module).keys():
                    patch.setattr(module, name, mortal(getattr(module, name), seen, first))
            try:
                refine.refine_run(again, console)
            except KeyboardInterrupt:
                kills += 1
    assert kills == len(seen) - 1 == 8 and result(again) == found


def mortal(write: Callable[..., Any], seen: set[Path], first: list[Path]) -> Callable[..., Any]:
    """The same function, but the run dies before it writes the second path that no run has written before."""

    def wrapped(path: Path, *arguments: Any) -> Any:
        if path not in seen and first:
            raise KeyboardInterrupt
        first.extend({path} - seen)
        seen.add(path)
        return write(path, *arguments)

    return wrapped


def test_questions_and_mix_come_from_the_training_side(
    adapter_recipe: AdapterRecipe, tiny_base: Path, data: Path, tmp_path: Path
) -> None:
    from distill.verbs.trace import write_graphs

    recipe = adapter_recipe(
        data,
        **ROUNDS | {"refine": {**ROUNDS["refine"], "num_problems": 1000, "teacher_share": 0.5, "corrected_share": 0.2}},
    )
    run = Run(tmp_path, recipe)
    write_graphs(run)
    questions = [trace.problem.question for trace in ask(run, 1)]
    learnt = [json.loads(line) for line in run.graphs.read_text().splitlines()]
    assert sorted(questions) == sorted(one["question"] for one in learnt if one["side"] == "training")
    assert questions != [trace.problem.question for trace in ask(run, 2)]
    tokenizer = load_tokenizer(Base(str(tiny_base)))
    pools, teacher = pools_of([sample(RIGHT), sample(SLIP)]), teacher_examples(run, 1, tokenizer)
    examples = [mixed_example(recipe, 1, pools, teacher, tokenizer, index) for index in range(200)]
    texts = [tokenizer.decode(example.input_ids) for example in examples]
    right, corrected = (sum("baker" in text and ("is wrong" in text) == wrong for text in texts) for wrong in (0, 1))
    assert 60 < right < 100 and 8 < corrected < 34  # 80 and 20 are expected
