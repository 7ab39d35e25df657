"""Refine rounds: the student learns from its own correct solutions, and from its own errors with a VERIFY that
corrects them.

    refine/round-0/                    the student after training
    refine/before.jsonl                its answers to the questions of the evaluation
    refine/round-1/samples-0000.jsonl  solutions drawn by the previous round's student, one part per file
    refine/round-1/traces.jsonl        the verdicts on them, and what is learnt
    refine/round-1/checkpoints/ student/
    refine/rounds.json                 counts of every round; the file exists once all rounds are done

Corrections by another writer teach little self-correction (arXiv 2409.12917), so the errors are the student's own. The
checker marks the first wrong EXECUTE step. The teacher writes the VERIFY that finds and corrects it. The loss leaves
out the student's steps from that one on. Files are written atomically, so a killed round can be resumed.

The tracks have different questions and judges (distill/tracks/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from rich.console import Console

from distill.data.nano import problems_to_ask
from distill.data.prompts import prompt
from distill.evaluation.evaluate import decoding_options, unwritten, write_on
from distill.evaluation.outputs import score_output
from distill.recipe.schema import Recipe, Train
from distill.refine.own_judgement import keep_own
from distill.refine.own_traces import count_traces, mixed_example, pools_of
from distill.report.terminal import asking_progress
from distill.runs.files import read_json, read_jsonl, whole_folder, write_json, write_jsonl
from distill.runs.folder import Run
from distill.runs.processes import train_with
from distill.runs.students import load_saved
from distill.runs.terminal import say
from distill.tracks.choose import track_of
from distill.tracks.own_traces import OwnTrace
from distill.tracks.training import fit
from teachers.problems import Trace

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

PART = 50
"""Problems whose solutions are drawn and written together."""


def refine_run(run: Run, console: Console, *, nproc: int = 1) -> None:
    """Run the remaining rounds of a run's recipe; the run's student is then that of the last round.

    Args:
        nproc: processes that train in each round (distill/runs/processes.py).

    Raises:
        UserError: the base of an adapter student cannot be loaded, or memory ran out.
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
            write_jsonl(here / "traces.jsonl", (own.to_json() for own in draw_traces(run, number, console)))
        yields.append({"round": number, "keep": recipe.refine.keep, **count_traces(_own_traces(here))})
        _show(yields[-1], console)
        if not (here / "student").is_dir():
            train_with(partial(train_round, number=number), run, nproc)
    _copy(_folder(run, recipe.refine.rounds) / "student", run.student)
    write_json(run.rounds, yields)


def draw_traces(run: Run, number: int, console: Console) -> list[OwnTrace]:
    """Judged solutions of the student to the problems of a round; parts that are on disk are not drawn again."""
    recipe, track = run.recipe, track_of(run.recipe)
    assert recipe.refine is not None
    num_samples = recipe.refine.num_samples
    asked = track.ask(run, number)
    model: Any = None
    tokenizer: Any = None
    found: list[OwnTrace] = []
    with asking_progress([(f"round {number}", len(asked) * num_samples)], console) as on_progress:
        for start in range(0, len(asked), PART):
            some = [trace for trace in asked[start : start + PART] for _ in range(num_samples)]
            part = _folder(run, number) / f"samples-{start // PART:04d}.jsonl"
            if part.is_file():
                on_progress(len(some))
            else:
                if model is None:
                    model, tokenizer = load_saved(_folder(run, number - 1) / "student")
                seed = Random(f"{recipe.seed}/{number}/{start}").getrandbits(31)
                write_jsonl(part, _draw(model, tokenizer, recipe, some, seed=seed, on_progress=on_progress))
            # One that ran out of tokens is malformed.
            outputs = [row["output"] if row["finished"] else "" for row in read_jsonl(part)]
            for first in range(0, len(some), num_samples):
                found += judged(recipe, some[first], outputs[first : first + num_samples])
    return found


def judged(recipe: Recipe, asked: Trace, outputs: list[str]) -> list[OwnTrace]:
    """The verdict on each solution of one question: by the teacher, or by the student itself."""
    assert recipe.refine is not None
    if recipe.refine.keep != "teacher":
        return keep_own(asked, outputs, recipe.refine.keep)
    track = track_of(recipe)
    return [track.judge(asked, output) for output in outputs]


def _draw(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    asked: list[Trace],
    *,
    seed: int,
    on_progress: Callable[[int], None],
) -> list[dict[str, Any]]:
    """Draw one solution for each of `asked`; returns rows of samples."""
    from students.generation import generate

    assert recipe.refine is not None
    drawn = generate(
        model,
        tokenizer,
        [prompt(tokenizer, trace.problem.question) for trace in asked],
        temperature=recipe.refine.temperature,
        seed=seed,
        on_progress=on_progress,
        **decoding_options(recipe.eval, tokenizer),
    )
    return [
        {"question": trace.problem.question, "output": one.text, "finished": one.finished}
        for trace, one in zip(asked, drawn, strict=True)
    ]


def train_round(run: Run, number: int) -> None:
    """Train the previous round's student on the traces of this round; writes round-N/student. Runs in every process."""
    from distill.training.result import is_first_process, keep_result

    recipe, track, folder = run.recipe, track_of(run.recipe), _folder(run, number)
    model, tokenizer = track.load_learner(_folder(run, number - 1) / "student")
    assert recipe.refine is not None
    first = number if recipe.refine.keep == "teacher" else 1
    pools = pools_of([own for one in range(first, number + 1) for own in _own_traces(_folder(run, one))])
    teacher = track.teacher_examples(run, number, tokenizer)
    result = fit(
        recipe,
        model,
        tokenizer,
        lambda index: mixed_example(recipe, number, pools, teacher, tokenizer, index),
        settings=round_settings(recipe),
        folder=folder,
        seed=recipe.seed + number,
    )
    if is_first_process():
        keep_result(folder, result.history, partial(track.save, model, tokenizer))


def round_settings(recipe: Recipe) -> Train:
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
    """This student's answers to the questions of the evaluation, as lines of samples.jsonl."""
    model, tokenizer = load_saved(student)
    outputs = unwritten(problems_to_ask(recipe))
    with asking_progress([("test questions", len(outputs))], console) as on_progress:
        options = decoding_options(recipe.eval, tokenizer)
        written = write_on(model, tokenizer, outputs, on_progress=on_progress, **options)
    return [score_output(output).to_row() for output in written]


def compare_with_before(run: Run) -> dict[str, Any]:
    """For metrics.json: the yield of the rounds, and the student compared with the one before them."""
    from distill.evaluation.output_files import load_outputs
    from distill.evaluation.paired import compare_outputs

    after, before = (
        [score_output(output) for output in load_outputs(path)]
        for path in (run.samples, run.path / "refine" / "before.jsonl")
    )
    return {"rounds": read_json(run.rounds), "paired": compare_outputs(after, before)}


def _own_traces(folder: Path) -> list[OwnTrace]:
    return [OwnTrace.from_json(row) for row in read_jsonl(folder / "traces.jsonl")]


def _folder(run: Run, number: int) -> Path:
    return run.path / "refine" / f"round-{number}"


def _copy(student: Path, to: Path) -> None:
    import shutil

    with whole_folder(to) as folder:
        shutil.copytree(student, folder, dirs_exist_ok=True)


def _show(found: Mapping[str, Any], console: Console) -> None:
    if found["keep"] != "teacher":
        noise = "" if found["label_noise"] is None else f", {found['label_noise']:.1%} of them wrong"
        kept = f"{found['kept'] + found['mistaken']:,} of {found['samples']:,} drawn solutions kept{noise}"
        return say(console, f"  round {found['round']}: {kept}, {found['malformed']:,} malformed")
    share = 0.0 if found["share_right"] is None else 100 * found["share_right"]
    say(
        console,
        f"  round {found['round']}: of {found['samples']} drawn solutions {share:.1f} % right, {found['corrected']} "
        f"corrected, {found['broken']} broken after right steps, {found['misread']} misread, "
        f"{found['malformed']} malformed",
    )
