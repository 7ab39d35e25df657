"""Finds problems that would make a recipe fail on this machine, before a run writes anything."""

from __future__ import annotations

from collections.abc import Iterator

from distill.data.nano import problems_to_ask, training_rows
from distill.data.sources import is_local
from distill.errors import UserError
from distill.forecast.forecast import forecast
from distill.forecast.gpu import gpu_problems, this_machine
from distill.recipe.schema import Recipe, SymbolicTeacher
from distill.tracks.choose import track_of
from distill.tracks.needs import Sample
from distill.tracks.track import Track

CPU_HOURS = 24
"""A student for GPUs that would train longer than this on a CPU is refused where there is no GPU."""


def refuse_impossible(recipe: Recipe, *, may_download: bool = True) -> Sample | None:
    """Refuse a recipe that would fail later; returns the sample of texts, None if they would have to be downloaded.

    Raises:
        UserError: all problems at once.
    """
    track = track_of(recipe)
    machine = this_machine()
    unusable = gpu_problems(machine) if track.needs_gpu or machine.gpus else ()  # else a CPU is all that is needed
    problems = [*unusable, *track.problems(), *dtype_problems(recipe.train.dtype)]
    problems += dict.fromkeys(data_problems(recipe)) if may_download or is_local(recipe) else ()
    if problems:
        raise UserError(*problems, heading=f"recipe {recipe.name}")
    if may_download and track.needs_gpu:
        _refuse_cpu(recipe, track)
    return track.sample(may_download)


def _refuse_cpu(recipe: Recipe, track: Track) -> None:
    """Refuse a student for GPUs that would train for days, if this machine has only a CPU."""
    import torch

    if torch.cuda.is_available() or recipe.train.max_minutes is not None:
        return
    sample, sizes = track.sample(False), track.sizes()
    hours = forecast(recipe, sample, sizes).seconds["CPU"] / 3600 if sample and sizes else 0
    if hours > CPU_HOURS:
        raise UserError(
            f"student: needs a GPU, and there is none here (about {hours:,.0f} hours on this CPU); "
            "nanoreason135m_cpu is the recipe for a CPU",
            heading=f"recipe {recipe.name}",
        )


def data_problems(recipe: Recipe) -> Iterator[str]:
    """Problems of all files that are read before or after training."""
    for read in (training_rows, problems_to_ask):
        try:
            if not (isinstance(recipe.teacher, SymbolicTeacher) and recipe.eval.problems is None):
                read(recipe)
        except UserError as error:
            yield from (f"{error.heading}: {problem}" if error.heading else problem for problem in error.problems)


def dtype_problems(dtype: str) -> Iterator[str]:
    """A problem if this machine cannot compute in `train.dtype`."""
    import torch

    if not torch.cuda.is_available():
        if dtype == "float16":
            yield "train.dtype: float16 is computed on GPUs only, and there is none here; use auto"
    elif dtype == "bfloat16" and (capability := torch.cuda.get_device_capability()) < (8, 0):
        name, version = torch.cuda.get_device_name(), ".".join(map(str, capability))
        yield f"train.dtype: bfloat16 needs compute capability 8.0, this {name} has {version}; use float16"
