"""The Trainer of all students: stage-weighted loss over whole optimizer steps, time budget, atomic checkpoints.

Everything that trains goes through `StageTrainer`, a `transformers.Trainer`; gradient accumulation, several processes,
mixed precision and gradient clipping are its own. `distill.training.fit.train` builds and runs it.

Only public methods and callbacks of `transformers.Trainer` are used. Two choices make that possible:

- the trainer's model is a `StudentLoss`, which maps a batch to its loss and whose state is what training changes;
- the trainer writes a checkpoint into `checkpoints/.writing`, and the callback `on_save` publishes it.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate.utils import broadcast
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from distill.errors import UserError
from distill.runs.signals import StopRequest
from distill.training.balancing import ExpertBalance
from distill.training.batches import Batches, BatchStream
from distill.training.checkpoints import StageState, publish, read_state, write_state
from distill.training.compilation import can_compile, compile_modules, repeated_layers, undo_compilation
from distill.training.loss import Batch, StudentLoss, TokenLoss, weight_sum
from distill.training.optimizers import build_optimizer
from distill.training.schedules import TrainingPlan
from distill.training.settings import ROWS
from distill.training.stage_log import StageLog
from losses.policies import WeightPolicy

if TYPE_CHECKING:
    from distill.recipe.schema import Train

DEFAULT_SAVE_MINUTES = 5.0
SMALLEST_SCALE = 2.0**-10
"""Gradient scaling starts at 65,536 and halves where gradients overflow; below this they are not finite at all."""


@dataclass(frozen=True)
class TrainResult:
    """The result of training. `train.max_steps=<steps>` repeats it, unless `is_cut_short`."""

    steps: int
    elapsed_seconds: float
    supervised_tokens: int
    is_cut_short: bool
    """The time budget was overrun before the schedule ended."""
    history: list[dict[str, float]]
    """One entry for each logged step: loss, nll, nll_<stage>, learning_rate, elapsed_seconds …"""


class StageTrainer(Trainer):
    """transformers.Trainer with the stage-weighted loss over whole optimizer steps and a plan that may end by time."""

    def __init__(
        self,
        student: PreTrainedModel,
        args: TrainingArguments,
        *,
        batches: Batches,
        policy: WeightPolicy,
        plan: TrainingPlan,
        settings: Train,
        loss_kind: str = "nll",
    ) -> None:
        self.student, self.batches, self.policy, self.plan, self.settings = student, batches, policy, plan, settings
        self.waiting: Callable[[str], AbstractContextManager[None]] = lambda text: nullcontext()
        self.stop = StopRequest()
        self.stage_log = StageLog()
        self.balance = ExpertBalance(student, rate=settings.balancing_rate)
        self.steps_done = 0
        self._stage_weights = policy.weights(0.0)
        self._step_totals = torch.zeros(2, len(ROWS), dtype=torch.float64, device=args.device)
        self._saved_at = 0.0
        self._started = 0.0
        self.loss = StudentLoss(student, is_packed=batches.layout == "packed", kind=loss_kind)
        super().__init__(model=self.loss, args=args)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Hooks(self))

    # Data and loss

    def get_train_dataloader(self) -> DataLoader:  # noqa: D102
        world = self.args.world_size
        first = self.steps_done * self.args.gradient_accumulation_steps * world
        stream = BatchStream(self.batches, first_batch=first, rank=self.args.process_index, world_size=world)
        # A generator of its own: the loader must not draw from the one that dropout draws from.
        return DataLoader(stream, batch_size=None, generator=torch.Generator())

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Tensor]:
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
    ) -> Tensor:
        """This micro-batch's share of the step's loss, times the number of processes: gradients are averaged."""
        loss, totals = model(**inputs, stage_weights=self._stage_weights, denominator=num_items_in_batch)
        self._step_totals += totals
        self.balance.count(inputs["attention_mask"])
        return loss * self.args.world_size

    def finish_step(self) -> None:
        """After the optimizer: update the experts' biases, the weight policy, the log and the plan."""
        self.balance.finish_step(self._over_processes)
        totals = self._sum_step()
        self.policy.update(totals)
        self.steps_done += 1
        seconds = time.perf_counter() - self._started
        if self.args.world_size > 1:  # one clock for all
            clock = broadcast(torch.tensor(seconds, dtype=torch.float64, device=self.args.device))
            assert isinstance(clock, Tensor)
            seconds = clock.item()
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

    def _sum_step(self) -> Tensor:
        """(2, 5) totals of the step over all processes; the same sum passes on a signal that one process received."""
        totals = self._step_totals.cpu()
        if self.args.world_size > 1:
            flags = torch.tensor(self.stop.flags(), dtype=totals.dtype, device=self.args.device)
            sums = self._over_processes(torch.cat([self._step_totals.flatten(), flags])).cpu()
            totals = sums[: totals.numel()].reshape(totals.shape)
            self.stop.take(sums[totals.numel() :].tolist())
        self._step_totals = torch.zeros_like(self._step_totals)
        return totals

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Write one entry of the history, with the losses of every stage since the last."""
        if "loss" not in logs or not self.stage_log.steps:
            return
        entry = self.stage_log.entry(self._stage_weights, self.plan.elapsed_seconds) | self.balance.entry()
        entry |= {key: logs[key] for key in ("grad_norm", "learning_rate") if key in logs}
        self.state.log_history.append({**entry, "step": self.state.global_step})
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, entry)

    def result(self) -> TrainResult:
        """The result so far."""
        total = self.plan.total_steps
        return TrainResult(
            steps=self.steps_done,
            elapsed_seconds=self.plan.elapsed_seconds,
            supervised_tokens=self.stage_log.supervised_tokens,
            is_cut_short=total is None or self.steps_done < total,
            history=list(self.state.log_history),
        )

    # Model, optimizer, schedule

    def compile(self) -> None:
        """Compile the student's layers and its loss if the settings and the machine allow it."""
        layers = repeated_layers(self.student)
        losses = [module for module in self.loss.modules() if isinstance(module, TokenLoss)]
        is_wanted = bool(layers) and self.settings.compile != "off" and can_compile(self.args.device)
        with self.waiting("compiling the student's layers, about half a minute") if is_wanted else nullcontext():
            compile_modules(
                [*layers, *losses] if layers else [],
                wanted=self.settings.compile,
                device=self.args.device,
                warm_up=self._warm_up,
            )

    def _warm_up(self) -> None:
        """Run forward and backward on the first two batches of the run, also in a resumed run; keep no gradients."""
        devices = [self.args.device] if self.args.device.type == "cuda" else []
        model = self.model_wrapped
        assert model is not None
        with torch.random.fork_rng(devices):
            for k in range(2):
                inputs = {name: values.to(self.args.device) for name, values in self.batches.batch(k).items()}
                model.train()
                one = torch.ones((), device=self.args.device)
                loss, _ = model(**inputs, stage_weights=self._stage_weights, denominator=one)
                loss.backward()
        model.zero_grad()

    def close(self) -> None:
        """Undo compilation, stop counting experts and remove half-written checkpoints."""
        undo_compilation(repeated_layers(self.student))
        self.balance.close()
        if self.args.should_save:
            shutil.rmtree(str(self.args.output_dir), ignore_errors=True)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:  # noqa: D102
        if self.optimizer is None:
            s = self.settings
            self.optimizer = build_optimizer(
                model or self.student,
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

    def floating_point_ops(self, inputs: Batch) -> int:
        """Always zero: counting operations would cost more than it is worth."""
        return 0

    # Checkpoints

    def publish_checkpoint(self) -> None:
        """Move the checkpoint that the trainer has just written to its place, atomically; called in every process."""
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            written = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
            (written / "training_args.bin").unlink(missing_ok=True)  # a pickle, and nobody reads it
            write_state(written, self._stage_state())
            publish(written, written.parent.parent)
        self.accelerator.wait_for_everyone()

    def restore(self, checkpoint: Path) -> None:
        """Load weights, stage state and history; `train(resume_from_checkpoint=)` also loads the optimizer."""
        self.loss.load_state_dict(load_file(checkpoint / "model.safetensors"), strict=False)
        state = read_state(checkpoint)
        self.steps_done = state["steps_done"]
        self.plan.load_state_dict(state["plan"])
        self.policy.load_state_dict(state["policy"])
        self.stage_log.load_state_dict(state["log"])
        self.balance.load_state_dict(state["balance"])
        self._saved_at = self.plan.elapsed_seconds
        self.state.log_history = TrainerState.load_from_json(str(checkpoint / "trainer_state.json")).log_history

    def _stage_state(self) -> StageState:
        return {
            "steps_done": self.steps_done,
            "plan": self.plan.state_dict(),
            "policy": self.policy.state_dict(),
            "log": self.stage_log.state_dict(),
            "balance": self.balance.state_dict(),
        }

    def is_time_to_save(self) -> bool:
        """Whether a checkpoint is due: by steps, by minutes, or every five minutes by default."""
        if self.settings.save_steps:
            return self.steps_done % self.settings.save_steps == 0
        minutes = self.settings.save_minutes or DEFAULT_SAVE_MINUTES
        if self.plan.elapsed_seconds - self._saved_at < 60 * minutes:
            return False
        self._saved_at = self.plan.elapsed_seconds
        return True

    def _over_processes(self, values: Tensor) -> Tensor:
        if self.args.world_size == 1:
            return values
        total = self.accelerator.reduce(values, "sum")
        assert isinstance(total, Tensor)
        return total


class _Hooks(TrainerCallback):
    """Forwards callbacks to our trainer, for events without a public method to override in `transformers.Trainer`."""

    def __init__(self, trainer: StageTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.trainer.compile()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.trainer.finish_step()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        if self.trainer.plan.is_over(self.trainer.steps_done):
            control.should_training_stop = control.should_log = control.should_save = True
        elif self.trainer.stop.heed():
            control.should_training_stop = control.should_save = True
        elif self.trainer.is_time_to_save():
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.trainer.publish_checkpoint()
