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
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from distill.evaluation.accuracy import grade
from distill.evaluation.evaluate import prompt, unwritten, write_on
from distill.evaluation.formatting import check_form
from distill.evaluation.outputs import score_output
from distill.evaluation.statistics import wilson
from distill.examples import THINK, encode_text, problems_to_ask, stage_spans, symbolic_trace
from distill.recipe import Recipe, Refine, SymbolicTeacher
from distill.runs import Run, read_json, whole_folder, write_json, write_jsonl
from distill.show_metrics import asking_progress
from parsers import ReasoningGraph, Stage, parse
from teachers.problems import Problem
from teachers.symbolic import Verify, correct, solve

FRESH = 10**9
"""Where the teacher's problems of round n begin, at n · FRESH: far beyond those that training has seen."""
PART = 50
"""Problems whose solutions are drawn and written together."""


@dataclass(frozen=True, slots=True)
class OwnTrace:
    """One drawn solution. `kind` says what it is, `text` what is learnt from it, "" where nothing is.

    right: the teacher's steps and the right answer. broken: the teacher's steps, but VERIFY or the answer went wrong;
    the teacher's trace is learnt. corrected: a wrong step, with the VERIFY that mends it. misread: UNDERSTAND or PLAN
    is not the teacher's. malformed: not four stages in order. other: nothing wrong was found, yet not the teacher's.
    """

    kind: str
    task: str
    text: str = ""
    ignored: tuple[tuple[int, int], ...] = ()
    """Characters that are not learnt: the steps from the first wrong one on."""
    first_wrong: int | None = None


def refine_run(run: Run, console: Console) -> None:
    """All rounds of a run's recipe, from where they stand; its student is then that of the last round."""
    recipe, folder = run.recipe, run.path / "refine"
    assert recipe.refine is not None
    folder.mkdir(exist_ok=True)
    if not (folder / "round-0" / "student").is_dir():
        _copy(run.student, folder / "round-0" / "student")
    if not (folder / "before.jsonl").is_file():
        write_jsonl(folder / "before.jsonl", _answers(folder / "round-0" / "student", recipe, console))
    yields = []
    for number in range(1, recipe.refine.rounds + 1):
        here, before = folder / f"round-{number}", folder / f"round-{number - 1}" / "student"
        if not (here / "traces.jsonl").is_file():
            here.mkdir(exist_ok=True)
            write_jsonl(here / "traces.jsonl", map(asdict, draw_traces(recipe, number, before, here, console)))
        yields.append({"round": number, **count_traces(_read(here / "traces.jsonl"))})
        _show(yields[-1], console)
        if not (here / "student").is_dir():
            _train(recipe, number, before, here)
    _copy(folder / f"round-{recipe.refine.rounds}" / "student", run.student)
    write_json(run.rounds, yields)


def draw_traces(recipe: Recipe, number: int, student: Path, folder: Path, console: Console) -> list[OwnTrace]:
    """What the student draws for the problems of a round, read; parts that are written already are not drawn again."""
    from students.generation import generate, load_student

    refine, teacher = recipe.refine, recipe.teacher
    assert refine is not None and isinstance(teacher, SymbolicTeacher)
    problems = [symbolic_trace(recipe, number * FRESH + i).problem for i in range(refine.num_problems)]
    model = tokenizer = None
    found: list[OwnTrace] = []
    with asking_progress(len(problems) * refine.num_samples, console) as on_progress:
        for start in range(0, len(problems), PART):
            asked = [p for p in problems[start : start + PART] for _ in range(refine.num_samples)]
            part = folder / f"samples-{start // PART:04d}.jsonl"
            if part.is_file():
                texts = [row["output"] for row in _read(part)]
                on_progress(len(texts))
            else:
                if model is None:
                    model, tokenizer = load_student(student)
                drawn = generate(
                    model,
                    tokenizer,
                    [prompt(tokenizer, problem.question) for problem in asked],
                    max_new_tokens=recipe.eval.max_new_tokens,
                    temperature=refine.temperature,
                    seed=Random(f"{recipe.seed}/{number}/{start}").getrandbits(31),
                    batch_size=recipe.eval.batch_size,
                    on_progress=on_progress,
                )
                texts = [generation.text for generation in drawn]
                rows = [{"question": p.question, "output": text} for p, text in zip(asked, texts, strict=True)]
                write_jsonl(part, rows)
            found += [read_sample(p, text, teacher.verify) for p, text in zip(asked, texts, strict=True)]
    return found


def read_sample(problem: Problem, output: str, verify: Verify) -> OwnTrace:
    """What one drawn solution is, and what is learnt from it."""
    form = check_form(output)
    if not form.well_formed:
        return OwnTrace("malformed", problem.task)
    graph = parse(output, question=problem.question, format="nrm", language=problem.language)
    taught = solve(problem, verify=verify).text
    teacher = parse(taught, question=problem.question, format="nrm", language=problem.language)
    if any(_texts(graph, stage) != _texts(teacher, stage) for stage in (Stage.UNDERSTAND, Stage.PLAN)):
        return OwnTrace("misread", problem.task)
    gold = problem.accepted or problem.answer
    is_right = grade(output, gold=gold, language=problem.language).strict
    execute = _texts(graph, Stage.EXECUTE)
    if execute == _texts(teacher, Stage.EXECUTE):
        return OwnTrace("right" if is_right else "broken", problem.task, taught)
    mended = correct(problem, execute, verify=verify)
    if mended is None:
        return OwnTrace("other", problem.task)
    text, first = mended
    step = [step for step in graph.steps if step.stage is Stage.EXECUTE][first]
    if step.correct is not False and is_right:
        return OwnTrace("other", problem.task)  # another way to the right answer is no error
    return OwnTrace("corrected", problem.task, text, (_from_step(text, first),), first)


def count_traces(traces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The yield of a round: how many solutions were of which kind, in all and in each task."""
    kinds = Counter(trace["kind"] for trace in traces)
    right = kinds["right"]
    places = Counter(trace["first_wrong"] + 1 for trace in traces if trace["first_wrong"] is not None)
    tasks = dict.fromkeys(trace["task"] for trace in traces)
    return {
        "samples": len(traces),
        **{kind: kinds[kind] for kind in ("right", "broken", "corrected", "misread", "malformed", "other")},
        "distinct": len({trace["text"] for trace in traces if trace["text"]}),
        "share_right": right / len(traces) if traces else None,
        "interval": list(wilson(right, len(traces))),
        "first_wrong": dict(sorted(places.items())),
        "tasks": {task: dict(Counter(trace["kind"] for trace in traces if trace["task"] == task)) for task in tasks},
    }


Pools = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""What is learnt of a round's traces: the right ones, and the corrected ones."""


def pools_of(traces: Sequence[dict[str, Any]]) -> Pools:
    """The traces of a round that have a text, right and corrected."""
    learnt = [trace for trace in traces if trace["text"]]
    return (
        [trace for trace in learnt if trace["kind"] != "corrected"],
        [trace for trace in learnt if trace["kind"] == "corrected"],
    )


def mixed_example(recipe: Recipe, number: int, pools: Pools, tokenizer: Any, index: int) -> Any:
    """Example number `index` of a round: fresh from the teacher, an own right chain, or an own error put right."""
    refine, (right, corrected) = recipe.refine, pools
    assert refine is not None
    random = Random(f"refine/{recipe.seed}/{number}/{index}")
    is_fresh, is_corrected = random.random() < refine.teacher_share, random.random() < refine.corrected_share
    pool = (corrected or right) if is_corrected else (right or corrected)
    if is_fresh or not pool:
        return encode_text(symbolic_trace(recipe, number * FRESH + refine.num_problems + index).text, tokenizer)
    trace = random.choice(pool)
    return encode_own(trace["text"], trace["ignored"], tokenizer)


def encode_own(text: str, ignored: Sequence[Sequence[int]], tokenizer: Any) -> Any:
    """The Example of a text whose steps not to be learnt are known."""
    from students.encoding import encode

    spans = [(start, end) for start, end in ignored]
    return encode(text, stage_spans(text), tokenizer, supervised_from=text.find(THINK) + len(THINK), ignored=spans)


def _train(recipe: Recipe, number: int, before: Path, folder: Path) -> None:
    from distill.trainer import train
    from distill.training import finite
    from students.generation import load_student

    refine = recipe.refine
    assert refine is not None
    model, tokenizer = load_student(before)
    pools = pools_of(_read(folder / "traces.jsonl"))
    result = train(
        model.train(),
        tokenizer,
        lambda index: mixed_example(recipe, number, pools, tokenizer, index),
        settings=round_settings(recipe, refine),
        weights=recipe.loss.weights,
        loss_kind=recipe.loss.kind,
        run_dir=folder,
        seed=recipe.seed + number,
        max_length=recipe.student.max_length,
        resume=True,
    )
    write_jsonl(folder / "history.jsonl", [{k: finite(v) for k, v in entry.items()} for entry in result.history])
    with whole_folder(folder / "student") as student:
        model.save_pretrained(student)
        tokenizer.save_pretrained(student)


def round_settings(recipe: Recipe, refine: Refine) -> Any:
    """The `train` section for one round: fewer steps and a lower learning rate."""
    train, scale = recipe.train, refine.learning_rate_scale
    changes: dict[str, Any] = {
        "max_steps": refine.max_steps,
        "max_minutes": None,
        "warmup_steps": min(train.warmup_steps, refine.max_steps // 10),
        "learning_rate": train.learning_rate * scale,
    }
    if train.muon_learning_rate is not None:
        changes["muon_learning_rate"] = train.muon_learning_rate * scale
    return train.model_copy(update=changes)


def _answers(student: Path, recipe: Recipe, console: Console) -> list[dict[str, Any]]:
    """Lines as of samples.jsonl: what this student answers to the questions of the evaluation."""
    from students.generation import load_student

    model, tokenizer = load_student(student)
    outputs = unwritten(problems_to_ask(recipe))
    with asking_progress(len(outputs), console) as on_progress:
        written = write_on(
            model,
            tokenizer,
            outputs,
            max_new_tokens=recipe.eval.max_new_tokens,
            batch_size=recipe.eval.batch_size,
            on_progress=on_progress,
        )
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


def _texts(graph: ReasoningGraph, stage: Stage) -> list[str]:
    return [step.text for step in graph.steps if step.stage is stage]


def _from_step(text: str, first: int) -> tuple[int, int]:
    """The characters of EXECUTE from its step number `first`, counted from 0, to its end."""
    position, end = text.index("[EXECUTE]"), text.index("[VERIFY]")
    for _ in range(first + 1):
        position = text.index("<STEP>", position) + 1
    return position - 1, end


def _copy(student: Path, to: Path) -> None:
    import shutil

    with whole_folder(to) as folder:
        shutil.copytree(student, folder, dirs_exist_ok=True)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _show(found: dict[str, Any], console: Console) -> None:
    share = 0.0 if found["share_right"] is None else 100 * found["share_right"]
    console.print(
        f"  round {found['round']}: of {found['samples']} drawn solutions {share:.1f} % right, {found['corrected']} "
        f"corrected, {found['broken']} broken after right steps, {found['misread']} misread, "
        f"{found['malformed']} malformed",
        highlight=False,
        soft_wrap=True,
    )
