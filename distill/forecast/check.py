"""`distill check`: validates a recipe, prints it resolved with a forecast, and shows one training example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatchcase

from rich.console import Console
from rich.table import Table

from distill.errors import UserError
from distill.forecast.forecast import Forecast, forecast, processes_that_fit
from distill.forecast.machines import T4_BYTES, machine_bytes
from distill.forecast.problems import refuse_impossible
from distill.recipe.schema import Recipe
from distill.report.tokens import show_tokens
from distill.runs.memory import cure_for_memory
from distill.runs.processes import choose_nproc
from distill.runs.terminal import PlainConsole, say
from distill.tracks.choose import track_of
from distill.tracks.needs import Sample

ABSURD = 10
"""Times the memory of a machine that no recipe needs on purpose."""


def check_recipe(
    recipe: Recipe, *, show_example: bool = False, as_json: bool = False, console: Console | None = None
) -> None:
    """Print the resolved recipe, its forecast, and whether it fits this machine, on stdout.

    Raises:
        UserError: the recipe cannot work.
    """
    console = console or PlainConsole(stderr=False)
    track = track_of(recipe)
    sample = refuse_impossible(recipe, may_download=False)
    is_assumed = sample is None
    sample = sample or Sample([recipe.student.max_length])
    sizes = track.sizes()
    found = None if sizes is None else forecast(recipe, sample, sizes)
    if as_json:
        console.out(json.dumps(_facts(recipe, found), indent=2, ensure_ascii=False), highlight=False)
        return
    verdict = None if found is None else verdict_of(recipe, found)
    console.print(recipe.to_yaml(), highlight=False, markup=False)
    if sizes is None or found is None or verdict is None:
        console.print("no forecast: the sizes of this base are unknown; download it and set student.base to its folder")
        return
    if licence := track.card().licence:
        say(console, f"licence: {licence}")
    table = Table(show_header=False, box=None)
    for name, value in _rows(found, sample):
        table.add_row(name, value)
    console.print(table)
    for pattern in recipe.train.learning_rate_multipliers if found.trained == found.parameters else ():
        if not any(fnmatchcase(name, pattern) for name, _ in sizes.model.named_parameters()):
            console.print(f'train.learning_rate_multipliers: "{pattern}" matches no parameter and changes nothing')
    if is_assumed:
        say(
            console,
            "the data is on the Hub, so each text is assumed to have student.max_length tokens; count them with "
            "--set data.path=FILE",
        )
    fits, sentence = verdict
    say(console, sentence, style="green" if fits else "red")
    if show_example and sample.example is not None and sample.tokenizer is not None:
        show_tokens(recipe, sample.example, sample.tokenizer, console)
    elif show_example:
        console.print("no example: data and base must be on this machine (--set data.path=FILE, student.base=FOLDER)")


def verdict_of(recipe: Recipe, found: Forecast) -> tuple[bool, str]:
    """Whether training fits into the memory of its machine, with a sentence that says so.

    Raises:
        UserError: it needs many times that memory, so a number in the recipe must be wrong.
    """
    import torch

    needs_gpu = track_of(recipe).needs_gpu
    if torch.cuda.is_available():
        place, memory, count = "this GPU", float(torch.cuda.get_device_properties(0).total_memory), 1
    elif needs_gpu and recipe.train.max_minutes is None:
        place, memory, count = "a T4", T4_BYTES, 1
    else:
        place, memory = "this machine", machine_bytes()
        count = choose_nproc(recipe.train.gradient_accumulation_steps, most=processes_that_fit(recipe))
    sizes = f"{_size(count * found.memory_bytes)} of {_size(memory)}"
    if count * found.memory_bytes > ABSURD * memory:
        raise UserError(f"recipe {recipe.name}: needs {sizes} of {place}; {cure_for_memory(recipe)}")
    if count * found.memory_bytes > memory:
        return False, f"does not fit {place}: {sizes}; {cure_for_memory(recipe)}"
    first = next(iter(found.seconds.values()))
    return True, f"fits {place}: {sizes}, about {_duration(first)} of training"


def _facts(recipe: Recipe, found: Forecast | None) -> dict[str, object]:
    """The forecast for programs; bytes, seconds and counts."""
    if found is None:
        return {"recipe": recipe.model_dump(mode="json"), "forecast": None}
    fits, verdict = verdict_of(recipe, found)
    numbers = {**asdict(found), "memory_bytes": found.memory_bytes, "tokens": found.tokens}
    return {"recipe": recipe.model_dump(mode="json"), "forecast": numbers, "fits": fits, "verdict": verdict}


def _rows(found: Forecast, sample: Sample) -> Iterator[tuple[str, str]]:
    """The forecast in words."""
    if found.trained < found.parameters:
        yield "parameters of the base", f"{found.parameters:,}, frozen"
        yield "trained parameters", f"{found.trained:,} ({found.trained / found.parameters:.1%})"
    else:
        yield "parameters", f"{found.parameters:,}"
    yield "texts to learn from", "endless" if sample.num_texts is None else f"about {sample.num_texts:,}"
    counted = "assumed" if sample.example is None else f"{max(sample.lengths)} at most"
    yield "tokens per example", f"{sample.mean_length:.0f} on average, {counted}"
    yield "tokens a step", f"{found.tokens_per_step:,.0f}"
    yield "steps", f"about {found.steps:,.0f}"
    yield "tokens in all", f"about {_count(found.tokens)}"
    parts = ", ".join(f"{name} {_size(size)}" for name, size in found.memory.items())
    whole = f"about {_size(found.memory_bytes)} a process"
    yield "peak memory", f"{whole} ({parts}), beside what Python and CUDA take"
    times = ", ".join(f"{_duration(seconds)} on {name}" for name, seconds in found.seconds.items())
    yield "training time", f"about {times}; speeds are assumed (distill/forecast/machines.py)"


def _size(size: float) -> str:
    """Bytes in words: 34 MB, 2.1 GB, 5.0 TB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / 1e6:,.0f} MB"


def _count(count: float) -> str:
    """A count in words: 800, 12 thousand, 9.6 million, 3.1 billion."""
    for least, unit, name in ((1e9, 1e9, "billion"), (1e6, 1e6, "million"), (1e4, 1e3, "thousand")):
        if count >= least:
            return f"{count / unit:,.3g} {name}" if count < 1e12 else f"{count / unit:,.0f} {name}"
    return f"{count:,.0f}"


def _duration(seconds: float) -> str:
    """A time in words: 40 seconds, 31 minutes, 5 hours, 3 days, 2 years."""
    day = 86_400
    for least, unit, name in (
        (730 * day, 365 * day, "years"), (2 * day, day, "days"), (7200, 3600, "hours"), (90, 60, "minutes"),
    ):  # fmt: skip
        if seconds >= least:
            return f"{seconds / unit:,.{0 if seconds >= 10 * unit else 1}f} {name}"
    return f"{seconds:.0f} seconds" if seconds >= 1 else "less than a second"
