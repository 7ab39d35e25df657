"""Self-error rounds: the student learns from its own right chains and from its own errors, put right by the teacher.

    refine/round-0/                    the student that training made
    refine/before.jsonl                what it answers to the questions of the evaluation
    refine/round-1/samples-0000.jsonl  solutions that the student of the round before drew, a part at a time
    refine/round-1/traces.jsonl        what is learnt from them
    refine/round-1/checkpoints/ student/
    refine/rounds.json                 the yield of every round; its presence says that all are done

Corrections that somebody else wrote teach little self-correction (arXiv 2409.12917), so the errors are the student's
own: the checker marks the first wrong EXECUTE step, the teacher writes the VERIFY that finds and mends it, and the loss
leaves out the student's steps from that one on. Everything appears whole or not at all, so that a killed round goes on.

This file is the same for both tracks; what is asked, how a solution is judged, encoded and learnt differs
(refine_nano.py, refine_adapter.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from distill import refine_adapter, refine_nano
from distill.evaluation.evaluate import prompt, unwritten, write_on
from distill.evaluation.outputs import score_output
from distill.examples import problems_to_ask
from distill.own_traces import count_traces, mixed_example, pools_of
from distill.processes import train_with
from distill.recipe import AdapterStudent, Recipe
from distill.runs import Run, read_json, read_jsonl, whole_folder, write_json, write_jsonl
from distill.show_metrics import asking_progress
from teachers.problems import Trace

PART = 50
"""Problems whose solutions are drawn and written together."""


def refine_run(run: Run, console: Console, *, nproc: int = 1) -> None:
    """All rounds of a run's recipe, from where they stand; its student is then that of the last round.

    Args:
        nproc: processes that train in each round (distill/processes.py).

    Raises:
        UserError: the base of an adapter student cannot be loaded, or memory does not suffice.
    """
    recipe, answers, first = run.recipe, run.path / "refine" / "before.jsonl", _folder(run, 0) / "student"
    assert recipe.refine is not None
    answers.parent.mkdir(exist_ok=True)
    if not first.is_dir():
        _copy(run.student, first)
    if not answers.is_file():
        write_jsonl(answers, _answers(first, recipe, console))
    yields = []
    for number in range(1, recipe.refine.rounds + 1):
        here = _folder(run, number)
        if not (here / "traces.jsonl").is_file():
            here.mkdir(exist_ok=True)
            write_jsonl(here / "traces.jsonl", draw_traces(run, number, console))
        yields.append({"round": number, **count_traces(list(read_jsonl(here / "traces.jsonl")))})
        _show(yields[-1], console)
        if not (here / "student").is_dir():
            train_with(partial(train_round, number=number), run, nproc)
    _copy(_folder(run, recipe.refine.rounds) / "student", run.student)
    write_json(run.rounds, yields)


def draw_traces(run: Run, number: int, console: Console) -> list[dict[str, Any]]:
    """What the student draws for the problems of a round, judged; parts that are written already are not drawn again.

    One row of traces.jsonl a solution: its question and the fields of OwnTrace.
    """
    recipe, track = run.recipe, _track(run.recipe)
    assert recipe.refine is not None
    num_samples = recipe.refine.num_samples
    asked = track.ask(run, number)
    model: Any = None
    tokenizer: Any = None
    found: list[dict[str, Any]] = []
    with asking_progress(len(asked) * num_samples, console) as on_progress:
        for start in range(0, len(asked), PART):
            some = [trace for trace in asked[start : start + PART] for _ in range(num_samples)]
            part = _folder(run, number) / f"samples-{start // PART:04d}.jsonl"
            if part.is_file():
                on_progress(len(some))
            else:
                if model is None:
                    model, tokenizer = track.load(_folder(run, number - 1) / "student")
                seed = Random(f"{recipe.seed}/{number}/{start}").getrandbits(31)
                write_jsonl(part, _draw(model, tokenizer, recipe, some, seed=seed, on_progress=on_progress))
            for trace, row in zip(some, read_jsonl(part), strict=True):
                whole = row["output"] if row["finished"] else ""  # one that ran out of tokens is malformed
                found.append({"question": trace.problem.question, **asdict(track.judge(recipe, trace, whole))})
    return found


def _draw(
    model: Any, tokenizer: Any, recipe: Recipe, asked: list[Trace], *, seed: int, on_progress: Any
) -> list[dict[str, Any]]:
    """One drawn solution for each of `asked`, as rows of samples."""
    from students.generation import generate

    assert recipe.refine is not None
    drawn = generate(
        model,
        tokenizer,
        [prompt(tokenizer, trace.problem.question) for trace in asked],
        temperature=recipe.refine.temperature,
        seed=seed,
        on_progress=on_progress,
        **_decoding(recipe, tokenizer),
    )
    return [
        {"question": trace.problem.question, "output": one.text, "finished": one.finished}
        for trace, one in zip(asked, drawn, strict=True)
    ]


def _decoding(recipe: Recipe, tokenizer: Any) -> dict[str, Any]:
    """How the student writes, as in the evaluation: its errors are then those that it makes when it is used."""
    from students.calculator import Calculator

    settings = recipe.eval
    return {
        "max_new_tokens": settings.max_new_tokens,
        "batch_size": settings.batch_size,
        "repetition_penalty": settings.repetition_penalty,
        "logits_processor": Calculator(tokenizer) if settings.calculator else None,
    }


def train_round(run: Run, number: int) -> None:
    """Train the student of the round before on the traces of this one; round-N/student. Runs in every process."""
    from distill.training import finite, is_first_process

    recipe, track, folder = run.recipe, _track(run.recipe), _folder(run, number)
    model, tokenizer = track.load_learner(recipe, _folder(run, number - 1) / "student")
    pools, encoders = pools_of(list(read_jsonl(folder / "traces.jsonl"))), track.encoders(run, number, tokenizer)
    result = track.fit(
        recipe,
        model,
        tokenizer,
        lambda index: mixed_example(recipe, number, pools, encoders, index),
        settings=round_settings(recipe),
        run_dir=folder,
        seed=recipe.seed + number,
        resume=True,
    )
    if is_first_process():
        write_jsonl(folder / "history.jsonl", [{k: finite(v) for k, v in entry.items()} for entry in result.history])
        with whole_folder(folder / "student") as student:
            track.save(recipe, model, tokenizer, student)


def round_settings(recipe: Recipe) -> Any:
    """The `train` section for one round: fewer steps and a lower learning rate."""
    train, refine = recipe.train, recipe.refine
    assert refine is not None
    changes: dict[str, Any] = {
        "max_steps": refine.max_steps,
        "max_minutes": None,
        "warmup_steps": min(train.warmup_steps, refine.max_steps // 10),
        "learning_rate": train.learning_rate * refine.learning_rate_scale,
    }
    if train.muon_learning_rate is not None:
        changes["muon_learning_rate"] = train.muon_learning_rate * refine.learning_rate_scale
    return train.model_copy(update=changes)


def _answers(student: Path, recipe: Recipe, console: Console) -> list[dict[str, Any]]:
    """Lines as of samples.jsonl: what this student answers to the questions of the evaluation."""
    model, tokenizer = _track(recipe).load(student)
    outputs = unwritten(problems_to_ask(recipe))
    with asking_progress(len(outputs), console) as on_progress:
        written = write_on(model, tokenizer, outputs, on_progress=on_progress, **_decoding(recipe, tokenizer))
    return [score_output(output).to_row() for output in written]


def compare_with_before(run: Run) -> dict[str, Any]:
    """For metrics.json: the yield of the rounds, and the student paired with the one that they began with."""
    from distill.evaluation.paired import compare_outputs
    from distill.output_files import load_outputs

    after, before = (
        [score_output(output) for output in load_outputs(path)]
        for path in (run.samples, run.path / "refine" / "before.jsonl")
    )
    return {"rounds": read_json(run.rounds), "paired": compare_outputs(after, before)}


def _folder(run: Run, number: int) -> Path:
    return run.path / "refine" / f"round-{number}"


def _track(recipe: Recipe) -> Any:
    """The functions that differ: ask, judge, load, load_learner, encoders, fit, save."""
    return refine_adapter if isinstance(recipe.student, AdapterStudent) else refine_nano


def _copy(student: Path, to: Path) -> None:
    import shutil

    with whole_folder(to) as folder:
        shutil.copytree(student, folder, dirs_exist_ok=True)


def _show(found: Mapping[str, Any], console: Console) -> None:
    share = 0.0 if found["share_right"] is None else 100 * found["share_right"]
    console.print(
        f"  round {found['round']}: of {found['samples']} drawn solutions {share:.1f} % right, {found['corrected']} "
        f"corrected, {found['broken']} broken after right steps, {found['misread']} misread, "
        f"{found['malformed']} malformed",
        highlight=False,
        soft_wrap=True,
    )
