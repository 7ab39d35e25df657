"""Forecast of a recipe: parameters, tokens, steps, memory and time, without training, GPU or download.

forecast(recipe, sample, sizes)   ->  Forecast(parameters=920833, steps=5300.0, memory={"weights": …}, seconds={…}, …)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.forecast.machines import common_gpus, here, machine_bytes
from distill.recipe.schema import Recipe
from distill.tracks.choose import track_of
from distill.tracks.needs import Sample, Sizes

if TYPE_CHECKING:
    from collections.abc import Mapping


LEFT_OUT = 2.0
"""Memory that a process on a CPU is given, as a multiple of its forecast: that leaves out Python, the copies while a
base is loaded, and what malloc keeps. Two processes of a float32 0.5B base, forecast at 7 GB each, were killed on a
machine of 24 GB."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Sizes of a training run; tokens include the prompts."""

    parameters: int
    """Of the student, or of its base without adapters."""
    trained: int
    tokens_per_step: float
    steps: float
    memory: Mapping[str, float]
    """Part to bytes at the peak, in each process that trains, beside what Python and CUDA take."""
    seconds: Mapping[str, float]
    """Machine to training time, from the operations of a step; good to a factor of two."""

    @property
    def tokens(self) -> float:
        """Tokens of the whole run."""
        return self.tokens_per_step * self.steps

    @property
    def memory_bytes(self) -> float:
        """The peak, all parts together."""
        return sum(self.memory.values())


def forecast(recipe: Recipe, sample: Sample, sizes: Sizes) -> Forecast:
    """Parameters, tokens, steps, memory and time of a recipe whose student has these sizes and learns such texts."""
    import torch

    from distill.forecast.memory import training_bytes

    track, train = track_of(recipe), recipe.train
    machines = common_gpus(train.dtype) if track.needs_gpu else here()
    tokens = train.per_device_train_batch_size * train.gradient_accumulation_steps * sample.mean_length
    step_seconds = {name: sizes.passes * sizes.multiplied * tokens / speed for name, speed in machines.items()}
    if train.max_steps is not None:
        steps = float(train.max_steps)
        seconds = {name: steps * each for name, each in step_seconds.items()}
    else:
        assert train.max_minutes is not None
        used = "CPU" if track.needs_gpu and not torch.cuda.is_available() else next(iter(machines))
        steps = 60 * train.max_minutes / step_seconds[used]
        seconds = dict.fromkeys(machines, 60 * train.max_minutes)
    return Forecast(
        parameters=sizes.model.num_parameters(),
        trained=sizes.trained,
        tokens_per_step=tokens,
        steps=steps,
        memory=training_bytes(sizes, sample, train, on_gpu=track.needs_gpu or torch.cuda.is_available()),
        seconds=seconds,
    )


def processes_that_fit(recipe: Recipe) -> int | None:
    """How many training processes the memory of this machine carries, one at least; None where each has a GPU.

    Every text is taken to be as long as it may be, so the number needs no data and is the same when a run is resumed.
    """
    import torch

    track = track_of(recipe)
    sizes = None if torch.cuda.is_available() or not track.needs_gpu else track.sizes()
    if sizes is None:  # a nano student fits any machine
        return None
    needed = LEFT_OUT * forecast(recipe, Sample([recipe.student.max_length]), sizes).memory_bytes
    return max(1, int(machine_bytes() // needed))
