"""Self-error rounds: what a drawn solution is taken for, what is learnt from it, and a whole run that was killed."""

from __future__ import annotations

import io
import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from distill.data.rows import Row, encode_row
from distill.errors import UserError
from distill.recipe.schema import load_recipe
from distill.refine import rounds as refine
from distill.refine.own_traces import count_traces, mixed_example, pools_of
from distill.refine.rounds import round_settings
from distill.runs.folder import Run
from distill.tracks.judge_nano import read_sample
from distill.tracks.nano import teacher_examples
from distill.tracks.own_traces import OwnTrace
from distill.verbs import run as pipeline
from parsers import Stage
from students.tokenizer import train_tokenizer
from teachers.problems import Problem
from teachers.symbolic import solve

SUM = Problem("What is 34 + 48?", "82", "arithmetic", expression="34+48")
HEAD = "[UNDERSTAND]<STEP>34+48[PLAN]<STEP>add"
RIGHT = HEAD + "[EXECUTE]<STEP>4+8=12<STEP>3+4+1=8[VERIFY]<STEP>4+8=12, 12<STEP>3+4+1=8, 8<STEP>ok</THINK><ANS>82</ANS>"
SLIP = HEAD + "[EXECUTE]<STEP>4+8=13<STEP>3+4+1=8[VERIFY]<STEP>4+8=13, 13<STEP>3+4+1=8, 8<STEP>ok</THINK><ANS>83</ANS>"
TINY = [
    "train.max_steps=4", "train.warmup_steps=1", "train.save_steps=2", "eval.num_questions_per_task=2",
    "teacher.verify=steps", "teacher.error_rate=0.3", "refine.num_problems=6", "refine.num_samples=2",
    "refine.max_steps=3", "refine.rounds=2",
]  # fmt: skip


def sample(output: str, problem: Problem = SUM):
    return read_sample(problem, output, "steps")


def test_the_teacher_writes_what_the_cases_below_start_from() -> None:
    assert solve(SUM, verify="steps").text.endswith(RIGHT)


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (RIGHT, "right"),
        (RIGHT.replace("<ANS>82", "<ANS>28"), "broken"),
        (RIGHT.replace("4+8=12, 12", "4+8=12, 12 wrong"), "right"),
        (SLIP, "corrected"),
        (SLIP.replace("<ANS>83", "<ANS>82"), "corrected"),  # whatever the answer: the step re-computes wrong
        (RIGHT.replace("3+4+1=8", "3+4+0=7").replace("82", "72"), "corrected"),  # the carry is lost, the answer wrong
        (RIGHT.replace("3+4+1=8[V", "3+1+4=8[V"), "other"),  # another way to the right answer
        (RIGHT.replace("<STEP>3+4+1=8[V", "[V"), "other"),  # a step too few
        (RIGHT.replace("<STEP>34+48[P", "<STEP>34+84[P"), "misread"),
        (RIGHT.replace("add", "multiply"), "misread"),
        (RIGHT.replace("</ANS>", ""), "malformed"),
        (RIGHT.replace("[PLAN]<STEP>add", ""), "malformed"),
        ("", "malformed"),
    ],
)
def test_what_a_solution_is(output: str, kind: str) -> None:
    found = sample(output)
    assert found.kind == kind
    assert (found.row is not None) == (kind in ("right", "broken", "corrected"))


def test_an_error_is_learnt_with_the_verify_that_mends_it_and_without_what_is_wrong() -> None:
    found = sample(SLIP.replace("3+4+1=8[V", "3+4+2=9[V"))  # two errors: from the first on nothing is learnt
    assert found.first_wrong == 0
    assert found.row is not None
    text, (question, *wrong) = found.row.text, found.row.ignored
    assert text[slice(*question)] == f"<INST>{SUM.question}</INST><THINK>"
    assert [text[start:end] for start, end in wrong] == ["<STEP>4+8=13", "<STEP>3+4+2=9"]
    assert text.endswith("[VERIFY]<STEP>4+8=12, 13 wrong<STEP>3+4+1=8<STEP>ok</THINK><ANS>82</ANS>")
    assert text.startswith(f"<INST>{SUM.question}</INST><THINK>{HEAD}")


def test_what_is_learnt_of_it_token_by_token() -> None:
    tokenizer = train_tokenizer([solve(SUM, verify="steps").text] * 20, vocab_size=512)
    found = sample(SLIP).row
    assert found is not None
    example = encode_row(found, tokenizer)
    learnt = tokenizer.decode([label for label in example.labels if label >= 0])
    assert "=13" not in learnt and "4+8=12, 13 wrong" in learnt and "[EXECUTE]" in learnt and "What" not in learnt
    stages = [stage for stage in example.stage_ids if stage >= 0]
    assert all(a <= b for a, b in pairwise(stages)) and set(stages) == set(map(int, Stage))


def test_the_yield_is_counted() -> None:
    found = count_traces(list(map(sample, [RIGHT, RIGHT, SLIP, ""])))
    assert (found["samples"], found["right"], found["corrected"], found["malformed"]) == (4, 2, 1, 1)
    assert (found["distinct"], found["share_right"], found["first_wrong"]) == (2, 0.5, {1: 1})
    assert found["tasks"] == {"arithmetic": {"right": 2, "corrected": 1, "malformed": 1}}


def test_right_chains_of_problems_that_are_always_solved_are_left_out() -> None:
    def trace(question: str, kind: str) -> OwnTrace:
        return OwnTrace(kind, "", question, None if kind == "malformed" else Row(question, f"{question} {kind}"))

    always, sometimes, never = (
        [trace("a", "right"), trace("a", "right")],
        [trace("b", "right"), trace("b", "malformed")],
        [trace("c", "corrected"), trace("c", "broken")],
    )
    assert pools_of([*always, *sometimes, *never]) == ([sometimes[0].row, never[1].row], [never[0].row])
    assert pools_of(always) == ([one.row for one in always], [])  # nothing else to learn from
    assert pools_of([]) == ([], [])


def test_shares_of_the_mix() -> None:
    tokenizer = train_tokenizer([solve(SUM, verify="steps").text] * 20, vocab_size=512)
    own = [sample(output) for output in (RIGHT, SLIP)]
    assert [OwnTrace.from_json(json.loads(json.dumps(one.to_json()))) for one in own] == own

    def shares(*overrides: str) -> tuple[float, float]:
        recipe = load_recipe("miniaxion_tiny", [*TINY, *overrides])
        teacher, pools = teacher_examples(Run(Path(), recipe), 1, tokenizer), pools_of(own)
        texts = [
            tokenizer.decode(mixed_example(recipe, 1, pools, teacher, tokenizer, index).input_ids)
            for index in range(300)
        ]
        right = sum("34 + 48" in text and "wrong" not in text for text in texts)
        return right / 300, sum("34 + 48" in text and "wrong" in text for text in texts) / 300

    right, corrected = shares("refine.teacher_share=0.5", "refine.corrected_share=0.2")
    assert 0.32 < right < 0.48 and 0.05 < corrected < 0.16  # 0.4 and 0.1
    assert shares("refine.teacher_share=1") == (0, 0)
    assert shares("refine.teacher_share=0", "refine.corrected_share=1") == (0, 1)


def test_a_round_is_shorter_and_gentler() -> None:
    recipe = load_recipe("miniaxion_from_teacher", ["refine.max_steps=200", "refine.learning_rate_scale=0.5"])
    settings = round_settings(recipe)
    assert (settings.max_steps, settings.max_minutes, settings.warmup_steps) == (200, None, 20)
    assert settings.learning_rate == recipe.train.learning_rate / 2
    assert settings.muon_learning_rate == pytest.approx(2e-3)


def test_only_the_symbolic_teacher_puts_errors_right() -> None:
    with pytest.raises(UserError, match=r"refine: .*the symbolic teacher"):
        load_recipe("miniaxion_gsm8k", ["refine.rounds=1"])


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_whole_run_killed_between_and_within_rounds(tmp_path: Path, monkeypatch) -> None:
    console = Console(file=io.StringIO(), width=200)
    recipe = load_recipe("miniaxion_tiny", TINY)
    whole = pipeline.run(recipe, out=str(tmp_path / "whole"), nproc=1, console=console)
    rounds = json.loads(whole.rounds.read_text())
    assert [found["samples"] for found in rounds] == [12, 12]
    assert weights(whole.student) == weights(whole.path / "refine" / "round-2" / "student")
    assert weights(whole.student) != weights(whole.path / "refine" / "round-0" / "student")
    metrics = json.loads(whole.metrics.read_text())
    assert metrics["refine"]["rounds"] == rounds
    assert metrics["refine"]["paired"]["strict"]["n"] == metrics["n"]

    # Killed while round 1 trains, then while round 2 draws.
    def killed(*_, **__):
        raise KeyboardInterrupt

    for name in ("train_round", "draw_traces"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(refine, name, killed)
            pipeline.run(recipe, out=str(tmp_path / "killed"), resume=True, nproc=1, console=console)
        assert (tmp_path / "killed" / "refine" / "round-1" / "traces.jsonl").is_file()
    again = pipeline.run(recipe, out=str(tmp_path / "killed"), resume=True, nproc=1, console=console)
    assert json.loads(again.rounds.read_text()) == rounds
    assert weights(again.student) == weights(whole.student)


@pytest.mark.slow
def test_two_processes_train_the_student_of_a_round(tmp_path: Path) -> None:
    overrides = [*TINY, "refine.rounds=1", "train.per_device_train_batch_size=4", "train.gradient_accumulation_steps=2"]
    recipe = load_recipe("miniaxion_tiny", overrides)
    one, two = (Run(tmp_path / str(nproc), recipe) for nproc in (1, 2))
    pipeline.run(recipe, out=str(one.path), nproc=1, console=Console(quiet=True))
    shutil.copytree(one.path, two.path)
    two.rounds.unlink()
    shutil.rmtree(two.path / "refine" / "round-1" / "checkpoints")
    shutil.rmtree(two.path / "refine" / "round-1" / "student")
    refine.refine_run(two, Console(quiet=True), nproc=2)
    first, second = (
        load_file(folder.path / "refine" / "round-1" / "student" / "model.safetensors") for folder in (one, two)
    )
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=2e-3, rtol=2e-2)
