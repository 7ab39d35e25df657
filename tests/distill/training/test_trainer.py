"""Training as a whole: the loss of a step, resume bit for bit, the time budget, and what may go wrong."""

from __future__ import annotations

import errno
import io
import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from distill.errors import Stopped, UserError
from distill.recipe.schema import AdaptiveWeights, ConstantWeights, ScheduleWeights, Train
from distill.training import trainer as trainer_module
from distill.training.batches import Batches
from distill.training.checkpoints import last_sound_checkpoint
from distill.training.compilation import repeated_layers
from distill.training.fit import train
from distill.training.loss import shifted
from distill.training.progress import LiveProgress
from distill.training.settings import build_plan
from distill.training.stage_log import StageLog
from distill.training.trainer import TrainResult
from losses import stage_weighted_nll
from students.encoding import Example
from students.miniaxion import MiniAxionConfig, MiniAxionForCausalLM

TOKENIZER = SimpleNamespace(pad_token_id=0)
SCALAR = 1e-5
"""float32 losses of order three, through two small layers."""


def example(index: int) -> Example:
    """A chain x -> 3x + 1 mod 31 in four stages and an answer; four tokens of question."""
    draw = random.Random(index)
    ids = [draw.randrange(1, 31)]
    while len(ids) < 12 + index % 17:
        ids.append((3 * ids[-1] + 1) % 31)
    stages = [5 * i // (len(ids) - 4) for i in range(len(ids) - 4)]
    return Example(ids, [-100] * 4 + ids[4:], [-1] * 4 + [-1 if stage == 4 else stage for stage in stages])


def student(dropout: float = 0.0, seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    sizes = {"vocab_size": 32, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, attention_dropout=dropout))


def settings(**changes: Any) -> Train:
    values = {
        "max_steps": 12, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "warmup_steps": 2,
        "logging_steps": 4, "save_steps": 5, "compile": "off", "dtype": "float32",
    }  # fmt: skip
    return Train(**values | changes)


def learn(model: nn.Module, folder: Path, examples: Callable[[int], Any] = example, **changes: Any) -> TrainResult:
    weights = changes.pop("weights", ConstantWeights())
    options = {name: changes.pop(name) for name in ("resume", "seed", "num_examples") if name in changes}
    made = changes.pop("settings", None) or settings(**changes)
    return train(model, TOKENIZER, examples, settings=made, weights=weights, run_dir=folder, show=False, **options)


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def timeless(result: TrainResult) -> list[dict[str, float]]:
    return [{k: v for k, v in e.items() if "second" not in k} for e in result.history]


def test_loss_of_the_first_step_is_that_of_its_examples(tmp_path: Path) -> None:
    weights = ConstantWeights(understand=0.5, plan=2, execute=3, verify=0.0, answer=0.7)
    model = student()
    batch = Batches(example, pad_token_id=0, batch_size=8, layout="padded").batch(0)
    labels, stages = shifted(batch)
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = stage_weighted_nll(logits, labels, stages, torch.tensor([0.5, 2, 3, 0, 0.7])).item()
    result = learn(model, tmp_path, max_steps=1, warmup_steps=0, logging_steps=1, weights=weights)
    entry = result.history[0]
    assert entry["loss"] == pytest.approx(expected, abs=SCALAR)
    assert entry["supervised_tokens"] == int((labels != -100).sum())
    assert {"nll_understand", "nll_plan", "nll_execute", "nll_verify", "nll_answer"} <= set(entry)


def test_it_learns_and_logs_every_stage(tmp_path: Path) -> None:
    result = learn(student(), tmp_path, max_steps=60, learning_rate=1e-2)
    first, last = result.history[0], result.history[-1]
    assert result.steps == 60
    assert not result.is_cut_short
    for stage in ("plan", "execute", "verify", "answer"):
        assert last[f"nll_{stage}"] < 0.5 * first[f"nll_{stage}"]
    assert [entry["step"] for entry in result.history] == list(range(4, 61, 4))


@pytest.mark.parametrize("layout", ["length_grouped", "packed", "padded"])
def test_micro_batches_do_not_matter(tmp_path: Path, layout: str) -> None:
    weights = ConstantWeights(execute=3.0, plan=0.2)
    losses = []
    for rows, accumulation in [(8, 1), (4, 2), (1, 8)]:
        result = learn(
            student(), tmp_path / f"{rows}", max_steps=4, logging_steps=1, per_device_train_batch_size=rows,
            gradient_accumulation_steps=accumulation, batching=layout, weights=weights,
        )  # fmt: skip
        losses.append([entry["loss"] for entry in result.history])
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert losses[2] == pytest.approx(losses[0], abs=1e-4)


def dying_at(step: int) -> Callable[[int], Example]:
    """Examples that end the process in this step, in whatever order they are asked for."""
    asked = itertools.count()

    def dying(index: int) -> Example:
        if next(asked) >= 8 * step:
            raise KeyboardInterrupt
        return example(index)

    return dying


SCHEDULE = ScheduleWeights(policy="schedule", execute=[(0.0, 1.0), (1.0, 3.0)])


@pytest.mark.parametrize(
    ("optim", "weights"),
    [("adamw", AdaptiveWeights(policy="adaptive", smoothing=0.5)), ("muon", SCHEDULE)],
    ids=["adamw-adaptive", "muon-schedule"],
)
def test_killed_and_resumed_ends_with_the_same_bits(tmp_path: Path, optim: str, weights: Any) -> None:
    whole = student(dropout=0.2)
    expected = learn(whole, tmp_path / "whole", optim=optim, weights=weights, num_examples=37)
    for killed_at in (3, 8):  # before and after the first checkpoint
        folder, model = tmp_path / f"killed-{killed_at}", student(dropout=0.2)
        with pytest.raises(KeyboardInterrupt):
            learn(model, folder, dying_at(killed_at), optim=optim, weights=weights, num_examples=37)
        torch.manual_seed(99)
        model = student(dropout=0.2, seed=99 if killed_at == 8 else 0)
        result = learn(model, folder, optim=optim, weights=weights, num_examples=37, resume=True)
        assert equal(model, whole)
        assert timeless(result) == timeless(expected)


def test_a_finished_run_is_taken_up_without_training(tmp_path: Path) -> None:
    whole, again = student(), student(seed=1)
    expected = learn(whole, tmp_path)

    def untouched(index: int) -> Example:
        raise AssertionError("trained again")

    result = learn(again, tmp_path, untouched, resume=True)
    assert equal(whole, again)
    assert result == expected


class Clock:
    """A perf_counter by which every step takes as long as we say."""

    def __init__(self, seconds_of_step: Callable[[int], float]) -> None:
        self.now, self.calls, self.seconds_of_step = 0.0, 0, seconds_of_step

    def perf_counter(self) -> float:
        self.calls += 1
        if self.calls % 2 == 0:
            self.now += self.seconds_of_step(self.calls // 2)
        return self.now


def test_a_time_budget_ends_in_time_and_max_steps_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "time", Clock(lambda _: 1.0))
    budgeted, repeated = student(), student()
    result = learn(budgeted, tmp_path / "a", max_steps=None, max_minutes=20 / 60, decay_fraction=0.25)
    assert (result.steps, result.elapsed_seconds, result.is_cut_short) == (20, 20, False)
    again = learn(repeated, tmp_path / "b", max_steps=20, decay_fraction=0.25)
    assert equal(budgeted, repeated)
    assert timeless(again) == timeless(result)


def test_a_budget_is_not_overrun_and_time_survives_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "time", Clock(lambda step: 1.0 if step <= 15 else 4.0))
    result = learn(student(), tmp_path / "slow", max_steps=None, max_minutes=20 / 60, decay_fraction=0.25)
    assert result.is_cut_short
    assert result.steps == 17  # 15 at 1 s, then 19, then 23 > 1.02 · 20
    monkeypatch.setattr(trainer_module, "time", Clock(lambda _: 1.0))
    with pytest.raises(KeyboardInterrupt):
        learn(student(), tmp_path / "killed", dying_at(13), max_steps=None, max_minutes=20 / 60, decay_fraction=0.25)
    monkeypatch.setattr(trainer_module, "time", Clock(lambda _: 1.0))
    result = learn(
        student(), tmp_path / "killed", max_steps=None, max_minutes=20 / 60, decay_fraction=0.25, resume=True
    )
    assert (result.steps, result.elapsed_seconds) == (20, 20)


def test_checkpoints_are_whole_few_and_hold_no_code(tmp_path: Path) -> None:
    learn(student(), tmp_path, optim="muon")
    folder = tmp_path / "checkpoints"
    assert sorted(p.name for p in folder.iterdir()) == ["checkpoint-10", "checkpoint-12"]
    newest = last_sound_checkpoint(folder)
    assert newest is not None
    assert newest.name == "checkpoint-12"
    assert (newest / "model.safetensors").exists()
    assert not (newest / "training_args.bin").exists()
    for name in ("optimizer.pt", "scheduler.pt"):
        torch.load(newest / name, weights_only=True)


def test_an_unfinished_checkpoint_is_not_seen(tmp_path: Path) -> None:
    whole, model = student(), student()
    learn(whole, tmp_path)
    folder = tmp_path / "checkpoints"
    (folder / "checkpoint-12" / "stage_trainer.json").unlink()
    (folder / ".writing" / "checkpoint-11").mkdir(parents=True)
    learn(model, tmp_path, resume=True)
    assert equal(whole, model)


def test_the_disk_may_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trainer_module, "publish", full)
    with pytest.raises(UserError, match="disk is full"):
        learn(student(), tmp_path)
    assert last_sound_checkpoint(tmp_path / "checkpoints") is None


def test_a_loss_that_is_not_a_number_stops_with_a_cure(tmp_path: Path) -> None:
    model = student()
    with torch.no_grad():
        model.lm_head.weight[3] = float("nan")
    with pytest.raises(UserError, match=r"lower train\.learning_rate"):
        learn(model, tmp_path)
    assert last_sound_checkpoint(tmp_path / "checkpoints") is None


def test_compiling_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, model = student(), student()
    learn(plain, tmp_path / "plain")

    def broken(self: nn.Module, **_: Any) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("no such instruction")

        self._compiled_call_impl = fail

    monkeypatch.setattr(nn.Module, "compile", broken)
    monkeypatch.setattr("distill.training.compilation.can_compile", lambda _: True)
    learn(model, tmp_path / "auto", compile="auto")
    assert equal(plain, model)
    with pytest.raises(UserError, match=r"train\.compile: failed with RuntimeError"):
        learn(student(), tmp_path / "on", compile="on")


def test_repeated_layers_are_those_of_the_decoder() -> None:
    assert len(repeated_layers(student())) == 2
    mini = MiniAxionForCausalLM(MiniAxionConfig(vocab_size=32, hidden_size=32, intermediate_size=32, rank=4))
    assert len(repeated_layers(mini)) == 6
    assert repeated_layers(nn.Linear(2, 2)) == []


def test_the_nano_student_trains_the_same_packed_and_grouped(tmp_path: Path) -> None:
    losses = []
    for layout in ("length_grouped", "packed"):
        torch.manual_seed(0)
        config = MiniAxionConfig(vocab_size=32, hidden_size=32, intermediate_size=32, rank=4, head_dim=8)
        model = MiniAxionForCausalLM(config)
        result = learn(model, tmp_path / layout, batching=layout, max_steps=4, logging_steps=1)
        losses.append([entry["loss"] for entry in result.history])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_progress_shows_the_stages_and_the_time_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(student(), TOKENIZER, example, settings=settings(), weights=ConstantWeights(), run_dir=tmp_path)
    shown = " ".join(capsys.readouterr().err.split())
    assert "step 12 of 12" in shown
    assert all(word in shown for word in ("understand", "execute", "tokens/s", "0:00 left"))


@pytest.fixture
def signum(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal with a handler, as in a terminal; under nohup it would be ignored, and stay so."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], indirect=True)
def test_a_signal_saves_a_checkpoint_from_which_training_resumes(tmp_path: Path, signum: int) -> None:
    whole, model = student(dropout=0.2), student(dropout=0.2)
    expected = learn(whole, tmp_path / "whole")
    asked = itertools.count()

    def examples(index: int) -> Example:
        if next(asked) == 8 * 7:  # in the eighth step
            os.kill(os.getpid(), signum)
        return example(index)

    with pytest.raises(KeyboardInterrupt if signum == signal.SIGINT else Stopped):
        learn(model, tmp_path / "stopped", examples)
    newest = last_sound_checkpoint(tmp_path / "stopped" / "checkpoints")
    assert newest is not None and newest.name == "checkpoint-8"
    again = student(dropout=0.2, seed=9)
    result = learn(again, tmp_path / "stopped", resume=True)
    assert equal(again, whole)
    assert timeless(result) == timeless(expected)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "trainer_state.json"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole, model = student(), student(seed=1)
    learn(whole, tmp_path)
    (tmp_path / "checkpoints" / "checkpoint-12" / name).write_bytes(b"")
    learn(model, tmp_path, resume=True)
    assert equal(whole, model)
    shown = capsys.readouterr().err
    assert f"checkpoint-12 is damaged ({name}: 0 bytes" in shown and "resuming from checkpoint-10" in shown


def test_an_experiment_tracker_gets_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"train\.report_to: trackio is not installed; pip install trackio"):
        learn(student(), tmp_path, report_to="trackio")
    told: list[dict[str, float]] = []

    class Tracker(TrainerCallback):
        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            told.append(logs)

    monkeypatch.setattr("distill.training.settings.find_spec", lambda name: name)
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "trackio", Tracker)
    result = learn(student(), tmp_path, report_to="trackio")
    assert told == [{name: value for name, value in entry.items() if name != "step"} for entry in result.history]
    assert {"loss", "nll_execute", "learning_rate"} <= told[0].keys()


def test_tensorboard_writes_into_the_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    learn(student(), tmp_path, report_to="tensorboard")
    assert list((tmp_path / "tensorboard").glob("events.*"))
    assert not (tmp_path / "checkpoints" / ".writing").exists()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_takes_a_while_is_said_at_once(is_terminal: bool) -> None:
    plan, console = build_plan(settings()), Console(file=io.StringIO(), force_terminal=is_terminal, width=80)
    progress = LiveProgress(plan, StageLog(), console)
    with progress.waiting("compiling [layers]"):
        time.sleep(0.3)
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert "compiling [layers]" in shown
        assert ("0:00:00" in shown) == is_terminal  # the seconds so far
