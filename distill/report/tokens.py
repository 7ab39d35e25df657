"""One training example on a terminal: each token in the colour of its stage, with its weight in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distill.recipe.schema import Recipe
from parsers.graph import NO_STAGE, Stage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from students.encoding import Example

COLOURS = {Stage.UNDERSTAND: "cyan", Stage.PLAN: "magenta", Stage.EXECUTE: "green", Stage.VERIFY: "yellow"}


def show_tokens(recipe: Recipe, example: Example, tokenizer: PreTrainedTokenizerBase, console: Console) -> None:
    """Print an example: each token in the colour of its stage, with its weight in the loss."""
    from distill.training.settings import stage_weights

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
