"""The student at a few moments of training, kept until accuracy has been measured on each: how fast it came.

snapshots/step-0000710/    weights after a sixth of training
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from distill.evaluation.accuracy import accuracy, grade
from distill.evaluation.evaluate import unwritten, write_on
from distill.runs import Run, whole_folder
from teachers.problems import Problem

if TYPE_CHECKING:
    from distill.trainer import StageTrainer

PARTS = 6
"""Equal parts of training; a snapshot stands at the end of each but the last, which the student itself is."""
QUESTIONS = 10
"""Of each task: enough for the shape of a curve, and seconds to ask."""


class Snapshots(TrainerCallback):
    """Saves the student in `folder` whenever a part of training ends; costs no training time, which counts steps."""

    def __init__(self, trainer: StageTrainer, tokenizer: Any, folder: Path) -> None:
        self.trainer, self.tokenizer, self.folder, self.parts_done = trainer, tokenizer, folder, 0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """A resumed run goes on after the parts that it has."""
        self.parts_done = self._parts()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Before the checkpoint of this step is written, so that a resumed run misses none."""
        parts, before = self._parts(), self.parts_done
        self.parts_done = parts
        if before < parts < PARTS and self.trainer.args.should_save:
            with whole_folder(self.folder / f"step-{self.trainer.steps_done:07d}") as folder:
                self.trainer._save(str(folder))
                self.tokenizer.save_pretrained(folder)

    def _parts(self) -> int:
        return int(PARTS * self.trainer.plan.progress(self.trainer.steps_done))


def accuracy_curve(run: Run, problems: Sequence[Problem], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`step`, `n`, `correct`, `accuracy` and its `interval` for each snapshot of a run, greedily on `few(problems)`.

    `rows` are the lines of samples.jsonl. Their answers to the same questions are the last point, unless self-error
    rounds came after training.
    """
    from students.generation import load_student

    asked, found, settings = few(problems), [], run.recipe.eval
    for folder in sorted(run.snapshots.glob("step-*")):
        model, tokenizer = load_student(folder)
        written = write_on(
            model,
            tokenizer,
            unwritten(asked),
            max_new_tokens=settings.max_new_tokens,
            repetition_penalty=settings.repetition_penalty,
            batch_size=settings.batch_size,
        )
        right = [grade(one.text, gold=one.gold or "", language=one.language).strict for one in written]
        found.append({"step": int(folder.name.partition("-")[2]), **accuracy(sum(right), len(right))})
    if found and not run.recipe.refine:
        questions = {problem.question for problem in asked}
        right = [bool(row["strict"]) for row in rows if row["question"] in questions]
        found.append({"step": run.record()["training"]["steps"], **accuracy(sum(right), len(right))})
    return found


def few(problems: Sequence[Problem], count: int = QUESTIONS) -> list[Problem]:
    """The first `count` problems of every task and language."""
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for problem in problems:
        key = (problem.language, problem.task)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= count:
            kept.append(problem)
    return kept
