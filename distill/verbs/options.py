"""Arguments and options that several verbs share, and their output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


def known_student(context: typer.Context, name: str) -> str:
    """The name of a student that may be there; a wrong one is said before what takes a second to import."""
    from distill.runs.students import student_path

    if not context.resilient_parsing:  # of shell completion
        student_path(name)
    return name


StudentArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDENT", help="A run folder, a saved student, or its name on the Hub.", callback=known_student
    ),
]
RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of one that ships.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override one key of the recipe; repeatable."),
]
OutOption = Annotated[str | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A run folder or a saved student.")]
SamplesOption = Annotated[
    int, typer.Option("--samples", metavar="K", min=1, max=64, help="Draw this many answers and let them vote.")
]
CalculatorOption = Annotated[bool, typer.Option("--calculator", help="Compute what an adapter student writes in <<…=.")]
GuidedOption = Annotated[bool, typer.Option("--guided", help="Hold an adapter student to its four stages; end loops.")]
VoteOption = Annotated[
    str, typer.Option("--vote", metavar="plain|verify", help="plain: most samples win; verify: VERIFY weights them.")
]
RecipeNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A recipe that ships.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
ExportArgument = Annotated[
    str, typer.Argument(metavar="OUT", help="Folder to write; must not exist. For hub: OWNER/NAME.")
]
FormOption = Annotated[str, typer.Option("--to", metavar="merged|llama|gguf|hub", help="Which form to write.")]
DtypeOption = Annotated[
    str | None, typer.Option("--dtype", metavar="f32|f16|bf16|q8_0", help="Of merged and gguf; f16 by default.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="hub: list what would be uploaded, upload nothing.")]


def print_json(value: object) -> None:
    """Print a value as JSON on stdout, in ASCII, because a terminal would obey some control characters."""
    print(json.dumps(value, indent=2))


def console_of(*, stderr: bool = True) -> Console:
    """A console on stderr, or on stdout for the results of a verb."""
    from distill.runs.terminal import PlainConsole

    return PlainConsole(stderr=stderr)
