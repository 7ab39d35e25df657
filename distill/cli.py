"""The verbs of `distill`, thin: they read the command line, call one function and print what it gives.

    distill run miniaxion_from_teacher --set train.max_minutes=5

Results go to stdout, everything else to stderr. Exit code 0 done, 1 failed, 2 wrong input, 130 interrupted.
Nothing heavy is imported before a verb needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from distill.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="distill",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Distil step-by-step reasoning into small language models. "
    "Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.",
)
recipes_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help="List the recipes that ship.")
app.add_typer(recipes_app, name="recipes")

RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of one that ships.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override one key of the recipe; repeatable."),
]
OutOption = Annotated[str | None, typer.Option("--out", metavar="DIR", help="Folder for what comes out.")]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A run folder or a saved student.")]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with every error.")] = False,
) -> None:
    """Options that come before the verb."""


@app.command()
def run(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    out: OutOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Throw away what the folder holds.")] = False,
    nproc: Annotated[
        int | None, typer.Option("--nproc", min=1, help="Training processes; one a GPU or a core if left out.")
    ] = None,
) -> None:
    """Train a student by a recipe, evaluate it and write the report."""
    from distill.recipe import load_recipe

    checked = load_recipe(recipe, overrides or ())
    from distill.pipeline import run as run_recipe

    print(run_recipe(checked, out=out, resume=resume, overwrite=overwrite, nproc=nproc).path)


@app.command()
def check(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    show_example: Annotated[
        bool, typer.Option("--show-example", help="Print one training example, each token in its stage's colour.")
    ] = False,
) -> None:
    """Validate a recipe, print it resolved, and forecast parameters, tokens, steps, memory and time."""
    from distill.recipe import load_recipe

    checked = load_recipe(recipe, overrides or ())
    from distill.check import check_recipe
    from distill.quiet import quiet_libraries

    quiet_libraries()
    check_recipe(checked, show_example=show_example)


@recipes_app.callback()
def list_recipes(context: typer.Context) -> None:
    """List the recipes that ship, with what each needs."""
    from distill.recipe_io import shipped_recipes

    if context.invoked_subcommand is None:
        paths = shipped_recipes()
        width = max(map(len, paths), default=0)
        for name, path in paths.items():
            comment = [
                line[1:].strip() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")
            ]
            print(f"{name:<{width}}  {comment[0] if comment else ''}")


@recipes_app.command("copy")
def copy_recipe(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe that ships.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; must not exist.")],
) -> None:
    """Copy a recipe that ships, to change it."""
    from distill.errors import unknown_name
    from distill.recipe_io import shipped_recipes
    from distill.runs import disk_errors, write_bytes

    paths = shipped_recipes()
    if name not in paths:
        raise UserError(unknown_name(f'recipe "{name}"', name, list(paths)))
    if file.is_dir():
        file = file / paths[name].name
    if file.exists():
        raise UserError(f"{file}: exists already; choose another name")
    with disk_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, paths[name].read_bytes())
    print(file)


@app.command()
def parse(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Traces: a JSON object a line.")],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.jsonl", help="Where to write the graphs.")],
    format: Annotated[str, typer.Option("--format", metavar="F", help="Format of the traces.")] = "auto",
    draw: Annotated[
        Path | None, typer.Option("--draw", metavar="DIR|FILE.svg", help="Draw every graph, or the first.")
    ] = None,
) -> None:
    """Turn traces into reasoning graphs and say what could not be read."""
    from distill.parse_files import parse_file

    print(parse_file(file, format, out, draw, _console()))


@app.command("eval")
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run folder or a saved student; with --endpoint the name there.")
    ],
    problems: Annotated[
        str, typer.Option("--problems", metavar="FILE|NAME", help="Questions, or a data set: gsm8k, math, vnhsge.")
    ],
    out: OutOption = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="URL", help="Ask an OpenAI-compatible server; its key: OPENAI_API_KEY."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="Questions asked together; 64, or 1 with --endpoint, if left out."),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Longest answer.")] = 384,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the answers an endpoint has given already.")] = False,
) -> None:
    """Ask a student or an endpoint the same questions; writes metrics.json, samples.jsonl and report.html."""
    from distill.eval_files import eval_endpoint, eval_model

    if endpoint is not None:
        asked = eval_endpoint(
            endpoint,
            model,
            problems,
            out,
            _console(),
            parallel=batch_size or 1,
            resume=resume,
            max_new_tokens=max_new_tokens,
        )
        print(asked)
        return
    if resume:
        raise UserError("--resume: goes on with the answers of an --endpoint; a student is asked anew")
    from distill.quiet import quiet_libraries

    quiet_libraries()
    print(eval_model(model, problems, out, _console(), batch_size=batch_size or 64, max_new_tokens=max_new_tokens))


@app.command()
def ask(
    student: Annotated[
        str, typer.Argument(metavar="STUDENT", help="A run folder, a saved student, or its name on the Hub.")
    ],
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="Left out or -: each line of standard input is one.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Longest answer.")] = 384,
    temperature: Annotated[float, typer.Option("--temperature", min=0, help="0 takes the best token.")] = 0.0,
    repetition_penalty: Annotated[
        float, typer.Option("--repetition-penalty", help="Above 1 lowers tokens that are there already.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="What is drawn with a temperature.")] = 0,
    calculator: Annotated[
        bool, typer.Option("--calculator", help="Compute what an adapter student writes in <<…=.")
    ] = False,
) -> None:
    """Ask a student a question; the answer is shown as it is written."""
    from distill.ask import ask as ask_student
    from distill.quiet import quiet_libraries

    quiet_libraries()
    ask_student(
        student,
        question,
        _console(stderr=False),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        repetition_penalty=repetition_penalty,
        seed=seed,
        calculator=calculator,
    )


@app.command()
def score(
    outputs: Annotated[
        Path, typer.Argument(metavar="OUTPUTS.jsonl", help="Outputs: a JSON object a line; or a run folder.")
    ],
    teacher: Annotated[Path | None, typer.Option("--teacher", metavar="TRACES.jsonl", help="Teacher's traces.")] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="OTHER.jsonl", help="Outputs on the same questions, to compare with."),
    ] = None,
    out: OutOption = None,
) -> None:
    """Measure any file of outputs, no model needed."""
    from distill.eval_files import score_file

    score_file(outputs, teacher, out, _console(stderr=False), against=against)


@app.command()
def export(
    model: ModelArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; must not exist.")],
    to: Annotated[str, typer.Option("--to", metavar="llama", help="Which form to write.")] = "llama",
) -> None:
    """Write a student in a form that other software loads."""
    from distill.pipeline import export_model

    print(export_model(model, out, to=to))


def _console(*, stderr: bool = True) -> Console:
    """A console on stderr, or on stdout for what a verb is asked for."""
    from rich.console import Console as RichConsole

    return RichConsole(stderr=stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; a traceback is shown with --debug only."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        code = app(arguments, prog_name="distill", standalone_mode=False)
    except UserError as error:
        _fail(f"error: {error}", 2, debug)
    except USAGE_ERROR as error:
        _fail(f"error: {error.format_message()}; see distill --help", 2, debug)  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        summary = " ".join(str(error).split()) or type(error).__name__
        _fail(f"failed: {type(error).__name__}: {summary[:500]} (this is our bug; --debug shows where)", 1, debug)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code by itself
        print(f"interrupted{'; the same command with --resume continues' * ('run' in arguments)}", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


INTERRUPTED = 130
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer's class of wrong options; its place differs between the versions of typer."""


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    """Called while an exception is handled."""
    if debug:
        raise
    print(message, file=sys.stderr)
    sys.exit(code)
