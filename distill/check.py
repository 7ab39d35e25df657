"""`distill check`: a recipe validated, resolved and forecast; and one training example, token by token."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distill.examples import encode_text, training_texts
from distill.forecast import Forecast, forecast, refuse_impossible
from distill.recipe import AdapterStudent, Recipe
from parsers.graph import NO_STAGE, Stage

COLOURS = {Stage.UNDERSTAND: "cyan", Stage.PLAN: "magenta", Stage.EXECUTE: "green", Stage.VERIFY: "yellow"}


def check_recipe(recipe: Recipe, *, show_example: bool = False, console: Console | None = None) -> None:
    """Print the resolved recipe and what it will need, on stdout.

    Raises:
        UserError: the recipe cannot work.
    """
    console = console or Console()
    if isinstance(recipe.student, AdapterStudent):
        from distill.adapter_forecast import check_adapter

        return check_adapter(recipe, console, show_example=show_example)
    probe = refuse_impossible(recipe, may_download=False)
    console.print(recipe.to_yaml(), highlight=False, markup=False)
    if probe is None:
        console.print("no forecast: the data is on the Hub; name a local file with --set data.path=FILE")
        return
    console.print(forecast_table(forecast(recipe, probe.lengths)))
    if show_example:
        show(recipe, probe.tokenizer, console)


def forecast_table(found: Forecast) -> Table:
    """The forecast as rows of words."""
    table = Table(show_header=False, box=None)
    texts = "endless" if found.num_texts is None else f"{found.num_texts:,}"
    for name, value in (
        ("parameters", f"{found.parameters:,}"),
        ("texts to learn from", texts),
        ("tokens an example", f"{found.mean_length:.0f} on average, {found.longest} at most"),
        ("tokens a step", f"{found.tokens_per_step:,.0f}"),
        ("steps", f"about {found.steps:,.0f}"),
        ("tokens in all", f"about {found.tokens / 1e6:,.1f} million"),
        ("memory", f"about {found.memory_bytes / 1e6:,.0f} MB a process, beside Python's own"),
        ("training time", f"about {found.seconds / 60:,.1f} minutes on this machine"),
    ):
        table.add_row(name, value)
    return table


def show(recipe: Recipe, tokenizer: Any, console: Console) -> None:
    """The first training example of a nano student, token by token."""
    show_tokens(recipe, encode_text(training_texts(recipe).text(0), tokenizer), tokenizer, console)


def show_tokens(recipe: Recipe, example: Any, tokenizer: Any, console: Console) -> None:
    """An example: each token in the colour of its stage, with its weight in the loss."""
    weights = stage_weights(recipe)
    legend = Text("\nstage and weight: ")
    for stage in Stage:
        legend.append(f"{stage.name} {weights[stage]:g}  ", style=COLOURS[stage])
    legend.append(f"answer {weights[NO_STAGE]:g}  ", style="bold")
    legend.append("not learnt 0", style="dim")
    console.print(legend)
    table = Table("token", "stage", "weight", box=None)
    line = Text()
    for token_id, label, stage_id in zip(example.input_ids, example.labels, example.stage_ids, strict=True):
        is_learnt = label >= 0
        style = "dim" if not is_learnt else COLOURS[Stage(stage_id)] if stage_id != NO_STAGE else "bold"
        piece = str(tokenizer.decode([token_id]))
        name = Stage(stage_id).name if stage_id != NO_STAGE else "answer" if is_learnt else "prompt"
        line.append(piece, style=style)
        table.add_row(Text(repr(piece)[1:-1], style=style), name, f"{weights[stage_id] if is_learnt else 0:g}")
    console.print(line)
    console.print(table)


def stage_weights(recipe: Recipe) -> dict[int, float]:
    """Weight of each stage id at the start of training; NO_STAGE is the answer line."""
    from distill.train_settings import build_policy

    weights = build_policy(recipe.loss.weights, recipe.seed).weights(0.0).tolist()
    return {stage: weights[stage] for stage in (*map(int, Stage), NO_STAGE)}  # the last row is the answer's
