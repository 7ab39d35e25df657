"""The verbs of `distill`. Each reads its command line, calls one function and prints the result.

    distill run miniaxion_from_teacher --set train.max_minutes=5

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.
A verb imports heavy modules only when it needs them, so `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from distill.errors import Stopped, UserError, explained, printable
from distill.verbs import options as shared
from distill.verbs.options import console_of, print_json

INTERRUPTED = 130

app = typer.Typer(
    name="distill",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Distil step-by-step reasoning into small language models. "
    "Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.",
)
recipes_app = typer.Typer(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    help="List the recipes that ship.",
)
app.add_typer(recipes_app, name="recipes")


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with every error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version of this package and of torch.")] = False,
) -> None:
    """Options that come before the verb."""
    if version:
        from distill.runs.folder import machine, package_version

        facts = machine()
        versions = facts["versions"]
        print(f"distill {package_version()} · torch {versions.get('torch')} · Python {versions['python']}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def run(
    recipe: shared.RecipeArgument,
    overrides: shared.SetOption = None,
    out: shared.OutOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Remove the earlier run in the folder.")] = False,
    nproc: Annotated[
        int | None, typer.Option("--nproc", min=1, help="Training processes. Default: one per GPU or core.")
    ] = None,
) -> None:
    """Train the student of a recipe, evaluate it and write the report."""
    from distill.recipe.schema import load_recipe

    checked = load_recipe(recipe, overrides or ())
    from distill.verbs.run import run as run_recipe

    print(printable(run_recipe(checked, out=out, resume=resume, overwrite=overwrite, nproc=nproc).path))


@app.command()
def trace(
    recipe: shared.RecipeArgument, overrides: shared.SetOption = None, as_json: shared.JsonOption = False
) -> None:
    """Let a teacher that is a model solve the recipe's problems; solutions are kept and reused."""
    from distill.recipe.schema import load_recipe
    from distill.verbs.trace import show_trace

    show_trace(load_recipe(recipe, overrides or ()), console_of(), as_json=as_json)


@app.command()
def check(
    recipe: shared.RecipeArgument,
    overrides: shared.SetOption = None,
    show_example: Annotated[
        bool, typer.Option("--show-example", help="Print one training example, each token in its stage's colour.")
    ] = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Validate a recipe, print it resolved, and forecast parameters, tokens, steps, memory and time."""
    from distill.recipe.schema import load_recipe

    checked = load_recipe(recipe, overrides or ())
    from distill.forecast.check import check_recipe
    from distill.runs.quiet import quiet_libraries

    quiet_libraries()
    check_recipe(checked, show_example=show_example, as_json=as_json)


@recipes_app.callback()
def list_recipes(context: typer.Context, as_json: shared.JsonOption = False) -> None:
    """List the recipes that ship, with machine and time."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        from distill.recipe.shipped import describe_shipped

        print_json([asdict(recipe) | {"path": str(recipe.path)} for recipe in describe_shipped()])
    else:
        from distill.verbs.recipes import show_recipes

        show_recipes(console_of(stderr=False))


@recipes_app.command("show")
def show_recipe(name: shared.RecipeNameArgument) -> None:
    """Print a recipe that ships."""
    from distill.verbs.recipes import recipe_text

    print(recipe_text(name), end="")


@recipes_app.command("copy")
def copy_recipe(
    name: shared.RecipeNameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File or folder to write to; the file must not exist.")],
) -> None:
    """Copy a recipe that ships, to edit it."""
    from distill.verbs import recipes

    print(printable(recipes.copy_recipe(name, file)))


@app.command()
def parse(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Traces: one JSON object per line.")],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.jsonl", help="Where to write the graphs.")],
    format: Annotated[str, typer.Option("--format", metavar="F", help="Format of the traces.")] = "auto",
    draw: Annotated[
        Path | None, typer.Option("--draw", metavar="DIR|FILE.svg", help="Draw all graphs, or only the first.")
    ] = None,
) -> None:
    """Turn traces into reasoning graphs and count what could not be read."""
    from distill.verbs.parse import parse_file

    print(printable(parse_file(file, format, out, draw, console_of())))


@app.command("eval")
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run folder or saved student; with --endpoint, its name.")
    ],
    problems: Annotated[
        str, typer.Option("--problems", metavar="FILE|NAME", help="Questions, or a data set: gsm8k, math, vnhsge.")
    ],
    out: shared.OutOption = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="URL", help="Ask an OpenAI-compatible server; its key: OPENAI_API_KEY."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="Questions asked together. Default: 64; with --endpoint, 1."),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Longest answer.")] = 384,
    resume: Annotated[bool, typer.Option("--resume", help="Ask only for missing answers.")] = False,
    calculator: shared.CalculatorOption = False,
    guided: shared.GuidedOption = False,
    samples: shared.SamplesOption = 1,
    vote: shared.VoteOption = "plain",
) -> None:
    """Measure a student or an endpoint on questions; writes metrics.json, samples.jsonl and report.html."""
    from distill.runs.quiet import quiet_libraries
    from distill.verbs.measure import eval_endpoint, eval_model
    from distill.verbs.sampling import sampling_of

    sampling = sampling_of(samples, vote)
    if endpoint is not None:
        local = {"--samples": sampling is not None, "--calculator": calculator, "--guided": guided}
        if wanted := [option for option, is_set in local.items() if is_set]:
            raise UserError(f"{wanted[0]}: not with --endpoint; it needs a student that is loaded on this machine")
        asked = eval_endpoint(
            endpoint,
            model,
            problems,
            out,
            console_of(),
            parallel=batch_size or 1,
            resume=resume,
            max_new_tokens=max_new_tokens,
        )
        print(printable(asked))
        return
    if resume:
        raise UserError("--resume: works only with --endpoint; leave --resume out")
    quiet_libraries()
    asked = eval_model(
        model,
        problems,
        out,
        console_of(),
        batch_size=batch_size or 64,
        max_new_tokens=max_new_tokens,
        calculator=calculator,
        guided=guided,
        sampling=sampling,
    )
    print(printable(asked))


@app.command()
def ask(
    student: shared.StudentArgument,
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="Default or -: lines of standard input.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Longest answer.")] = 384,
    temperature: Annotated[
        float | None, typer.Option("--temperature", min=0, help="Default: 0 (best token), or 0.7 with --samples.")
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option("--repetition-penalty", help="Above 1: tokens already in the text get less likely.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the random draws.")] = 0,
    calculator: shared.CalculatorOption = False,
    guided: shared.GuidedOption = False,
    samples: shared.SamplesOption = 1,
    vote: shared.VoteOption = "plain",
    raw: Annotated[bool, typer.Option("--raw", help="Show the raw text with its markers.")] = False,
) -> None:
    """Ask a student a question, show its stages and check each computation."""
    from distill.verbs.ask import ask as ask_student

    ask_student(
        student,
        question,
        console_of(stderr=False),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        repetition_penalty=repetition_penalty,
        seed=seed,
        calculator=calculator,
        guided=guided,
        raw=raw,
        samples=samples,
        vote=vote,
    )


@app.command()
def chat(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL…", help="Run folders, saved students, or names on the Hub.")
    ],
    host: Annotated[
        str, typer.Option("--host", metavar="H", help="Address to serve on. Default: this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", min=0, max=65535, help="0 takes a free port.")] = 8321,
    api_key: Annotated[
        str | None, typer.Option("--api-key", metavar="KEY", envvar="DISTILL_API_KEY", help="Key that requests need.")
    ] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Let everybody in who can reach the host.")] = False,
    calculator: shared.CalculatorOption = False,
    guided: shared.GuidedOption = False,
) -> None:
    """Serve a page to try students on, and an OpenAI-compatible endpoint."""
    from distill.verbs.chat import chat as serve_chat

    serve_chat(
        models,
        console_of(),
        host=host,
        port=port,
        api_key=api_key,
        no_auth=no_auth,
        calculator=calculator,
        guided=guided,
    )


@app.command()
def score(
    outputs: Annotated[
        Path, typer.Argument(metavar="OUTPUTS.jsonl", help="Outputs: a JSON object a line; or a run folder.")
    ],
    teacher: Annotated[Path | None, typer.Option("--teacher", metavar="TRACES.jsonl", help="Teacher's traces.")] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="OTHER.jsonl", help="Other outputs on the same questions, to compare with."),
    ] = None,
    out: shared.OutOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Measure a file of outputs; needs no model."""
    from distill.verbs.measure import score_file

    found = score_file(outputs, teacher, out, console_of(stderr=as_json), against=against)
    if as_json:
        print_json(found)


@app.command()
def export(
    model: shared.ModelArgument,
    out: shared.ExportArgument,
    to: shared.FormOption = "llama",
    dtype: shared.DtypeOption = None,
    dry_run: shared.DryRunOption = False,
) -> None:
    """Write a student in a format that other software loads, or upload it to the Hub."""
    from distill.verbs.export import export_student

    for line in export_student(model, out, to=to, dtype=dtype, dry_run=dry_run):
        print(printable(line))


@app.command("runs")
def list_runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds run folders.")] = Path("runs"),
    as_json: shared.JsonOption = False,
) -> None:
    """List runs with their state, accuracy and training time."""
    from distill.verbs import runs

    if as_json:
        print_json([asdict(one) for one in runs.list_runs(folder)])
    else:
        runs.show_runs(folder, console_of(stderr=False))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A finished run.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The run to compare it with.")],
    as_json: shared.JsonOption = False,
) -> None:
    """Compare two runs: measures, questions that only one got right, recipe keys that differ."""
    from distill.verbs.runs import compare_runs

    found = compare_runs(first, second, console_of(stderr=False), as_json=as_json)
    if as_json:
        print_json(found)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    open_it: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Rewrite a run's report.html."""
    from distill.verbs.runs import rebuild_report

    print(printable(rebuild_report(run, open_it=open_it)))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; a traceback is shown with --debug only."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    cure = "; the same command with --resume continues" if "run" in arguments else ""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # of terminals that do not show every character
    try:
        code = app(arguments, prog_name="distill", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Stopped as stop:
        print(f"stopped by {stop}{cure}", file=sys.stderr)
        sys.exit(128 + stop.signum)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        if debug:
            raise
        if isinstance(error, typer.Abort) and isinstance(error.__cause__, EOFError):  # so does typer read any EOFError
            error = error.__cause__
        from distill.runs.terminal import wrapped

        message, code = explained(error)
        print(wrapped(printable(message), sys.stderr), file=sys.stderr)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code by itself
        print(f"interrupted{cure}", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)
