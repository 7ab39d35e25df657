"""Asks the questions of an evaluation on every GPU of this machine, a share on each, before the evaluation itself.

    answers.jsonl and base_answers/…    batches 1, 3, 5, … by the first GPU, 2, 4, 6, … by the second

The evaluation finds them all there. Each process loads the student, then the untouched base. The batches are those
that one GPU alone would be asked, so the answers are the same. Kaggle lends two T4, never one: without this the second
would wait.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from distill.data.nano import problems_beyond, problems_to_ask
from distill.errors import memory_errors
from distill.evaluation.evaluate import decoding_options, unwritten, write_on
from distill.evaluation.kept import KeptAnswers
from distill.report.terminal import asking_progress
from distill.runs.folder import Run
from distill.runs.memory import cure_in_phase
from distill.runs.processes import train_with
from distill.runs.students import load_saved
from distill.runs.terminal import PlainConsole
from distill.tracks.choose import track_of
from distill.verbs.evaluate_phase import BASE_PROMPTS, answers_of_base, evaluate_base
from students.generation import Generation


def ask_ahead(run: Run, nproc: int | None = None) -> None:
    """Keep the answers of a run's student and base, as `nproc` processes write them; where None, one a GPU.

    Nothing happens with one process, or for a student that needs no GPU.

    Raises:
        UserError: the student or its base cannot be loaded, or memory does not suffice.
    """
    import torch

    if nproc is None:
        nproc = torch.cuda.device_count() if torch.cuda.is_available() else 1
    if nproc > 1 and track_of(run.recipe).needs_gpu:
        train_with(ask_share, run, nproc)


@dataclass(slots=True)
class Share(KeptAnswers):
    """The answers of a model for the process `rank` of `size`: it is told that those of the others are there."""

    rank: int = 0
    size: int = 1
    batch: int = 0

    def get(self, prompts: Sequence[str]) -> list[Generation] | None:
        """None for a batch that this process has to ask."""
        is_mine = self.batch % self.size == self.rank
        self.batch += 1
        found = KeptAnswers.get(self, prompts)
        return found if found is not None or is_mine else [Generation("", 0, False)] * len(prompts)


def ask_share(run: Run) -> None:
    """The work of one process: every `WORLD_SIZE`-th batch, from number `RANK` on."""
    import torch

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    recipe, track = run.recipe, track_of(run.recipe)
    problems, harder = problems_to_ask(recipe), problems_beyond(recipe)
    ways = () if track.baseline is None else BASE_PROMPTS[recipe.eval.base_prompt]
    parts = [("questions", len(problems) + sum(map(len, harder.values())))]
    parts += [(f"the base, {way} prompt", len(problems)) for way in ways]
    kept = Share(run.answers, rank=rank, size=size)
    with (
        memory_errors(cure_in_phase(recipe, "evaluate")),
        asking_progress(parts, PlainConsole(quiet=rank > 0)) as on_progress,
    ):
        model, tokenizer = load_saved(run.student)
        for asked in (problems, *harder.values()):
            options = decoding_options(recipe.eval, tokenizer)
            write_on(model, tokenizer, unwritten(asked), kept=kept, on_progress=on_progress, **options)
        del model
        if track.baseline is not None:
            base = track.baseline.load()
            of_base = answers_of_base(run, base, track.baseline.held_as())
            known = Share(
                of_base.path, by_row=of_base.by_row, max_new_tokens=of_base.max_new_tokens, rank=rank, size=size
            )
            for way in ways:
                evaluate_base(recipe, base, problems, way, known, on_progress)
