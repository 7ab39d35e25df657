"""The one Trainer: stage-weighted loss, time budget, checkpoints that appear whole, exact resume.

    result = train(model, tokenizer, examples, settings=recipe.train, weights=recipe.loss.weights, run_dir=run, seed=0)

Everything that trains goes through `StageTrainer`, a `transformers.Trainer`; gradient accumulation, several processes,
mixed precision and gradient clipping are its own.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging

from distill.balancing import ExpertBalance
from distill.checkpoints import last_checkpoint, publish, read_state, write_state
from distill.compilation import can_compile, compile_modules, repeated_layers, undo_compilation
from distill.data import Batches, BatchStream, Example
from distill.errors import UserError, disk_full
from distill.optimizers import build_optimizer
from distill.progress import LiveProgress
from distill.schedules import TrainingPlan
from distill.snapshots import Snapshots
from distill.stage_log import StageLog
from distill.student_loss import Batch, StudentLoss, TokenLoss, weight_sum
from distill.train_settings import ROWS, build_arguments, build_plan, build_policy
from losses.policies import WeightPolicy
from students.cost import even_length

DEFAULT_SAVE_MINUTES = 5.0
SMALLEST_SCALE = 2.0**-10
"""Gradient scaling starts at 65,536 and halves where gradients overflow; below this they are not finite at all."""


@dataclass(frozen=True)
class TrainResult:
    """What training did. `train.max_steps=<steps>` repeats it, unless `is_cut_short`."""

    steps: int
    elapsed_seconds: float
    supervised_tokens: int
    is_cut_short: bool
    """The time budget was overrun before the schedule ended."""
    history: list[dict[str, float]]
    """One entry for each logged step: loss, nll, nll_<stage>, learning_rate, elapsed_seconds …"""


def train(
    model: nn.Module,
    tokenizer: Any,
    examples: Callable[[int], Example | None],
    *,
    settings: Any,
    weights: Any,
    loss_kind: str = "nll",
    run_dir: Path,
    seed: int = 0,
    max_length: int = 512,
    num_examples: int | None = None,
    resume: bool = False,
    show: bool = True,
    snapshots: Path | None = None,
) -> TrainResult:
    """Train `model` in place on `examples` and return what was done.

    Args:
        examples: index to Example, the same at every call; `num_examples` of them, or endlessly many.
        settings: the `train` section of a recipe.
        weights: its `loss.weights` section.
        loss_kind: its `loss.kind`, a key of losses.TOKEN_LOSSES.
        run_dir: checkpoints go to its folder `checkpoints`.
        resume: continue from the last whole checkpoint, if there is one.
        show: live progress on stderr.
        snapshots: folder for the student at a few moments of training (distill/snapshots.py); none where None.

    Raises:
        UserError: the loss is not finite, no example fits in `max_length`, or the disk is full.
    """
    folder = Path(run_dir) / "checkpoints"
    arguments = build_arguments(settings, folder, seed)
    batches = Batches(
        examples,
        pad_token_id=tokenizer.pad_token_id or 0,
        batch_size=settings.per_device_train_batch_size,
        num_examples=num_examples,
        batches_per_step=settings.gradient_accumulation_steps,
        max_length=max_length,
        layout=settings.batching,
        even_length=even_length(model),
        seed=seed,
    )
    trainer = StageTrainer(
        model,
        arguments,
        batches=batches,
        policy=build_policy(weights, seed),
        plan=build_plan(settings),
        settings=settings,
        loss_kind=loss_kind,
    )
    if snapshots is not None:
        trainer.add_callback(Snapshots(trainer, tokenizer, snapshots))
    progress = LiveProgress(trainer)
    if show and trainer.is_world_process_zero():
        trainer.add_callback(progress)
        trainer.say = progress.say
    checkpoint = last_checkpoint(folder) if resume else None
    if checkpoint is not None and trainer.is_finished(checkpoint):
        trainer.restore(checkpoint)
    else:
        try:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        finally:
            progress.close()
            undo_compilation(repeated_layers(model))
            trainer.balance.close()
    return trainer.result()


class StageTrainer(Trainer):
    """transformers.Trainer with the stage-weighted loss over whole optimizer steps and a plan that may end by time."""

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: nn.Module,
        args: TrainingArguments,
        *,
        batches: Batches,
        policy: WeightPolicy,
        plan: TrainingPlan,
        settings: Any,
        loss_kind: str = "nll",
    ) -> None:
        self.batches, self.policy, self.plan, self.settings = batches, policy, plan, settings
        self.loss_kind = loss_kind
        self.say: Callable[[str], None] = lambda text: None
        self.stage_log = StageLog()
        self.balance = ExpertBalance(model, rate=settings.balancing_rate)
        self.steps_done = 0
        self._stage_weights = policy.weights(0.0)
        self._step_totals = torch.zeros(2, len(ROWS), dtype=torch.float64, device=args.device)
        self._writing_to: Path | None = None
        self._saved_at = 0.0
        self._started = 0.0
        super().__init__(model=model, args=args)  # type: ignore[arg-type]
        self.remove_callback(PrinterCallback)
        self.add_callback(_StepHooks(self))

    # Data and loss

    def get_train_dataloader(self) -> DataLoader:  # noqa: D102
        world = self.args.world_size
        first = self.steps_done * self.args.gradient_accumulation_steps * world
        stream = BatchStream(self.batches, first_batch=first, rank=self.args.process_index, world_size=world)
        # A generator of its own: the loader must not draw from the one that dropout draws from.
        return DataLoader(stream, batch_size=None, generator=torch.Generator())

    def get_batch_samples(
        self, epoch_iterator: Iterator, num_batches: int, device: torch.device
    ) -> tuple[list, Tensor | int | None]:
        """The micro-batches of the next optimizer step, and the weight sum of the step over all processes."""
        self._started = time.perf_counter()
        samples = [next(epoch_iterator) for _ in range(num_batches)]
        self._stage_weights = self.policy.weights(self.plan.progress(self.steps_done))
        denominator = weight_sum(samples, self._stage_weights).to(device)
        return samples, self._over_processes(denominator)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """This micro-batch's share of the step's loss; times the processes, whose gradients are averaged."""
        loss, totals = model(**inputs, stage_weights=self._stage_weights, denominator=num_items_in_batch)
        self._step_totals += totals
        self.balance.count(inputs["attention_mask"])
        return loss * self.args.world_size

    def finish_step(self) -> None:
        """After the optimizer: loads to the experts' biases, losses to policy and log, time to the plan."""
        self.balance.finish_step(self._over_processes)
        totals = self._over_processes(self._step_totals).cpu()
        self._step_totals = torch.zeros_like(self._step_totals)
        self.policy.update(totals)
        self.steps_done += 1
        seconds = time.perf_counter() - self._started
        if self.args.world_size > 1:  # one clock for all
            clock: Any = broadcast(torch.tensor(seconds, dtype=torch.float64, device=self.args.device))
            seconds = float(clock)
        self.plan.advance(self.steps_done, self.plan.elapsed_seconds + seconds)
        self.stage_log.add(totals, self._stage_weights, seconds)
        if not math.isfinite(self.stage_log.loss):
            raise UserError(
                f"train: the loss is not a number after step {self.steps_done:,}; lower train.learning_rate "
                f"(now {self.settings.learning_rate:g}) or set train.dtype to float32"
            )
        scaler = self.accelerator.scaler
        if scaler is not None and scaler.get_scale() < SMALLEST_SCALE:
            raise UserError(
                f"train: no float16 scale is small enough after step {self.steps_done:,}, so steps are skipped; lower "
                f"train.learning_rate (now {self.settings.learning_rate:g}); the last good checkpoint stays"
            )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Write one entry of the history, with the losses of every stage since the last."""
        if "loss" not in logs or not self.stage_log.steps:
            return
        entry = self.stage_log.entry(self._stage_weights, self.plan.elapsed_seconds) | self.balance.entry()
        entry |= {key: logs[key] for key in ("grad_norm", "learning_rate") if key in logs}
        self.state.log_history.append({**entry, "step": self.state.global_step})
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, entry)

    def result(self) -> TrainResult:
        """What has been done so far."""
        total = self.plan.total_steps
        return TrainResult(
            steps=self.steps_done,
            elapsed_seconds=self.plan.elapsed_seconds,
            supervised_tokens=self.stage_log.supervised_tokens,
            is_cut_short=total is None or self.steps_done < total,
            history=list(self.state.log_history),
        )

    # Model, optimizer, schedule

    def _wrap_model(self, model: nn.Module, training: bool = True, dataloader: DataLoader | None = None) -> nn.Module:
        if not training or model is not self.model:
            return model
        wrapped = StudentLoss(model, is_packed=self.batches.layout == "packed", kind=self.loss_kind)
        return self.accelerator.prepare_model(wrapped)

    def _prepare_for_training(self, max_steps: int, train_dataloader: DataLoader, resume_from_checkpoint: Any) -> Any:
        prepared = super()._prepare_for_training(max_steps, train_dataloader, resume_from_checkpoint)
        if self.settings.compile != "off" and can_compile(self.args.device):
            self.say("compiling the student's layers, about half a minute")
        layers = repeated_layers(self.model)  # type: ignore[arg-type]
        losses = [module for module in prepared[0].modules() if isinstance(module, TokenLoss)]
        self.is_compiled = compile_modules(
            [*layers, *losses] if layers else [],
            wanted=self.settings.compile,
            device=self.args.device,
            warm_up=lambda: self._warm_up(prepared[0]),
        )
        return prepared

    def _warm_up(self, model: nn.Module) -> None:
        """Forward and backward on the first two batches of the run, also of a resumed one; leaves nothing behind."""
        devices = [self.args.device] if self.args.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            for k in range(2):
                inputs = self._prepare_inputs(self.batches.batch(k))
                model.train()
                one = torch.ones((), device=self.args.device)
                loss, _ = model(**inputs, stage_weights=self._stage_weights, denominator=one)
                loss.backward()
        model.zero_grad()

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: D102
        if self.optimizer is None:
            s, trained = self.settings, model or self.model
            assert isinstance(trained, nn.Module)
            self.optimizer = build_optimizer(
                trained,
                kind=s.optim,
                learning_rate=s.learning_rate,
                weight_decay=s.weight_decay,
                muon_learning_rate=s.muon_learning_rate,
                learning_rate_multipliers=s.learning_rate_multipliers,
            )
        return self.optimizer

    def create_scheduler(  # noqa: D102
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, self.plan.multiplier)
        return self.lr_scheduler

    def floating_point_ops(self, inputs: Any) -> int:
        """Nothing: counting costs more than it tells here."""
        return 0

    # Checkpoints

    def is_finished(self, checkpoint: Path) -> bool:
        """Whether this checkpoint is the end of the plan."""
        state = read_state(checkpoint)
        plan = build_plan(self.settings)
        plan.load_state_dict(state["plan"])
        return plan.is_over(state["steps_done"])

    def restore(self, checkpoint: Path) -> None:
        """Take up weights and state without training on."""
        self._load_from_checkpoint(str(checkpoint))
        history = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["log_history"]
        self.state.log_history = history

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._writing_to or self.args.output_dir)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Written aside, flushed, renamed: a checkpoint is whole or not there."""
        folder = Path(str(self.args.output_dir))
        self._writing_to, name = folder / ".writing", f"checkpoint-{self.state.global_step}"
        try:
            if self.args.should_save:
                shutil.rmtree(self._writing_to, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                write_state(self._writing_to / name, self._state())
                publish(self._writing_to / name, folder)
                shutil.rmtree(self._writing_to)
        except (OSError, RuntimeError) as error:
            raise disk_full(error, folder) or error from error
        finally:
            self._writing_to = None
        self.accelerator.wait_for_everyone()

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        """Safetensors and configuration; no pickled arguments."""
        folder = output_dir or str(self.args.output_dir)
        if self.args.should_save and hasattr(self.model, "peft_config"):  # the adapters alone
            self.model.save_pretrained(folder, save_embedding_layers=False)  # type: ignore[operator, union-attr]
        elif self.args.should_save:
            shows_bars = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
            # As the model names its weights, which is how a resumed trainer takes them up, not as they are published.
            self.model.save_pretrained(  # type: ignore[operator, union-attr]
                folder, state_dict=state_dict, save_original_format=False
            )
            if shows_bars:
                logging.enable_progress_bar()

    def _state(self) -> dict[str, Any]:
        return {
            "steps_done": self.steps_done,
            "plan": self.plan.state_dict(),
            "policy": self.policy.state_dict(),
            "log": self.stage_log.state_dict(),
            "balance": self.balance.state_dict(),
        }

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if hasattr(self.model, "peft_config"):  # transformers would leave one of two adapters active
            from students.adapter import load_adapters

            load_adapters(self.model, resume_from_checkpoint)  # type: ignore[arg-type]
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[arg-type]
        state = read_state(Path(resume_from_checkpoint))
        self.steps_done = state["steps_done"]
        self.plan.load_state_dict(state["plan"])
        self.policy.load_state_dict(state["policy"])
        self.stage_log.load_state_dict(state["log"])
        self.balance.load_state_dict(state.get("balance", []))
        self._saved_at = self.plan.elapsed_seconds

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Warn of weights that are missing, but not of those tied to one that is there."""
        tied = getattr(self.model, "_tied_weights_keys", None) or {}
        load_result.missing_keys[:] = [key for key in load_result.missing_keys if key not in tied]
        super()._issue_warnings_after_load(load_result)

    def is_time_to_save(self) -> bool:
        """By steps, by minutes, or every five minutes where the settings say neither."""
        if self.settings.save_steps:
            return self.steps_done % self.settings.save_steps == 0
        minutes = self.settings.save_minutes or DEFAULT_SAVE_MINUTES
        if self.plan.elapsed_seconds - self._saved_at < 60 * minutes:
            return False
        self._saved_at = self.plan.elapsed_seconds
        return True

    def _over_processes(self, values: Tensor) -> Tensor:
        return self.accelerator.reduce(values, "sum") if self.args.world_size > 1 else values  # type: ignore[return-value]


class _StepHooks(TrainerCallback):
    """Calls the trainer back at the two moments that a subclass cannot override."""

    def __init__(self, trainer: StageTrainer) -> None:
        self.trainer = trainer

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.trainer.finish_step()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer.plan.is_over(self.trainer.steps_done):
            control.should_training_stop = control.should_log = control.should_save = True
        elif self.trainer.is_time_to_save():
            control.should_save = True
