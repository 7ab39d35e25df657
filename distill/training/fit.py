"""Training from start to end: builds the trainer and its callbacks, finds the checkpoint to resume from, trains.

result = train(model, tokenizer, examples, settings=recipe.train, weights=recipe.loss.weights, run_dir=run, seed=0)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback

from distill.errors import RESUME, disk_full
from distill.recipe.schema import Train, Weights
from distill.runs.signals import stop_requests
from distill.training.batches import Batches, Example
from distill.training.checkpoints import last_sound_checkpoint
from distill.training.memory import kept_memory
from distill.training.progress import LiveProgress
from distill.training.settings import build_arguments, build_plan, build_policy
from distill.training.snapshots import Snapshots
from distill.training.trainer import StageTrainer, TrainResult
from students.cost import even_length


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Callable[[int], Example | None],
    *,
    settings: Train,
    weights: Weights,
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
        examples: index to Example, the same at every call; `num_examples` of them, or an endless stream.
        settings, weights, loss_kind: the keys `train`, `loss.weights` and `loss.kind` of a recipe.
        run_dir: checkpoints go to its folder `checkpoints`.
        resume: continue from the newest undamaged checkpoint, if there is one.
        show: live progress on stderr.
        snapshots: folder for the student at a few moments of training (distill/training/snapshots.py); none where None.

    Raises:
        UserError: the loss is not finite, no example fits in `max_length`, the disk is full, or every checkpoint is
            damaged.
        Stopped, KeyboardInterrupt: a signal asked to stop; the last step is saved if it ended in time.
    """
    folder = Path(run_dir) / "checkpoints"
    batches = Batches(
        examples,
        pad_token_id=pad if isinstance(pad := tokenizer.pad_token_id, int) else 0,
        batch_size=settings.per_device_train_batch_size,
        num_examples=num_examples,
        batches_per_step=settings.gradient_accumulation_steps,
        max_length=max_length,
        layout=settings.batching,
        even_length=even_length(model),
        seed=seed,
        position_gap=settings.position_gap,
    )
    trainer = StageTrainer(
        model,
        build_arguments(settings, folder, seed),
        batches=batches,
        policy=build_policy(weights, seed),
        plan=build_plan(settings),
        settings=settings,
        loss_kind=loss_kind,
    )
    if kept := kept_memory(model, trainer.args.world_size):
        trainer.add_callback(kept)
    if snapshots is not None:
        trainer.add_callback(Snapshots(snapshots, trainer.plan, partial(_save, model, tokenizer)))
    _run(trainer, folder, resume=resume, show=show)
    return trainer.result()


def _run(trainer: StageTrainer, folder: Path, *, resume: bool, show: bool) -> None:
    """Train from the newest sound checkpoint in `folder`, or from the start; the first process shows what is done."""
    progress, is_first = LiveProgress(trainer.plan, trainer.stage_log), trainer.is_world_process_zero()
    if show and is_first:
        trainer.add_callback(progress)
        trainer.waiting = progress.waiting
    if is_first and trainer.settings.report_to == "tensorboard":
        trainer.add_callback(_tensorboard(folder.parent / "tensorboard"))
    checkpoint = last_sound_checkpoint(folder, progress.say if is_first else lambda _: None) if resume else None
    if checkpoint is not None:
        trainer.restore(checkpoint)
        if is_first and show:
            progress.say(f"resuming at step {trainer.steps_done:,}, from {checkpoint.name}")
    if trainer.plan.is_over(trainer.steps_done):
        return
    try:
        with stop_requests() as trainer.stop:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except (OSError, RuntimeError) as error:
        raise disk_full(error, folder, again=RESUME) or error from error
    finally:
        progress.close()
        trainer.close()


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tensorboard(folder: Path) -> TrainerCallback:
    """The callback of transformers with a folder of ours; its default is the folder of unfinished checkpoints."""
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    return TensorBoardCallback(SummaryWriter(str(folder)))
