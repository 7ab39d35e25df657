"""Measuring by files: a student on a file of questions, or any file of outputs without a model.

distill eval runs/miniaxion-1f0c9a52 --problems questions.jsonl     {"question", "answer", "task"?} a line
distill eval some-model --problems gsm8k --endpoint http://localhost:8000/v1
distill score outputs.jsonl --teacher traces.jsonl                  {"question", "output", "gold"?, "task"?} a line
distill score runs/a --against runs/b                               which is better on the same questions
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from distill.errors import UserError, unknown_name
from distill.evaluation.outputs import Output, Scored, score_output, score_outputs, summarize_scored
from distill.evaluation.paired import compare_outputs
from distill.output_files import duplicates, load_outputs, load_rows, read_trace
from distill.problem_files import load_problems
from distill.runs import disk_errors, write_json, write_jsonl
from distill.show_metrics import asking_progress, show_metrics
from parsers import ReasoningGraph, parse
from teachers.datasets import CARDS, DatasetError, load_dataset_traces
from teachers.problems import Problem, parse_trace


def eval_model(
    model: str,
    problems: str | Path,
    out: str | Path | None,
    console: Console,
    *,
    batch_size: int = 64,
    max_new_tokens: int = 384,
) -> Path:
    """Ask a student the questions of a file; the new folder with metrics.json, samples.jsonl and report.html.

    `model` is a run folder, the folder of a saved student, or a name on the Hub; `problems` a file or the name of a
    data set; `out` is `evals/<model>-<problems>` where None.

    Raises:
        UserError: the file has bad lines, there is no student, or the folder exists.
    """
    from distill.evaluation.evaluate import evaluate

    questions, teachers = load_questions(problems)
    path = student_path(model)
    folder = new_folder(out or evaluation_folder(model, problems))
    student, tokenizer = loaded(path)
    with asking_progress(len(questions), console) as on_progress:
        metrics, rows = evaluate(
            student,
            tokenizer,
            questions,
            teachers=teachers,
            max_new_tokens=max_new_tokens,
            batch_size=batch_size,
            on_progress=on_progress,
        )
    _add_notes(metrics, [duplicates([question.question for question in questions])])
    _write(folder, {"model": str(model), "problems": str(problems), **metrics}, rows)
    show_metrics(metrics, console)
    return folder


def eval_endpoint(
    url: str,
    model: str,
    problems: str | Path,
    out: str | Path | None,
    console: Console,
    *,
    parallel: int = 1,
    max_new_tokens: int = 384,
    resume: bool = False,
) -> Path:
    """Ask the questions at an OpenAI-compatible endpoint; a folder as of `eval_model`, and the answers as they came.

    Raises:
        UserError: as `eval_model`, or the endpoint refuses or does not answer. Answers so far stay in answers.jsonl,
            and with `resume` they are not asked for again.
    """
    from distill.endpoint import ask_all, checked_endpoint
    from distill.evaluation.evaluate import teacher_graphs, unwritten

    questions, teachers = load_questions(problems)
    endpoint = checked_endpoint(url, model, max_new_tokens)
    folder = Path(out or evaluation_folder(model, problems))
    kept = folder / "answers.jsonl"
    if not resume and kept.is_file():
        raise UserError(f"{folder}: exists already; use --resume to go on with its answers, or another --out")
    if not kept.is_file():
        new_folder(folder)
    with disk_errors(folder), asking_progress(len(questions), console) as on_progress:
        folder.mkdir(parents=True, exist_ok=True)
        asked = [question.question for question in questions]
        answers = ask_all(endpoint, asked, kept, parallel=parallel, on_progress=on_progress)
    outputs = [
        replace(output, text=found.output, finished=found.finished, num_tokens=found.num_tokens)
        for output in unwritten(questions)
        for found in [answers[output.question]]
    ]
    teachers = {**teacher_graphs(questions), **teachers}
    metrics, rows = score_outputs(outputs, teachers=teachers or None)
    _add_notes(metrics, [duplicates(asked), _empty(outputs)])
    _write(folder, {"model": model, "endpoint": endpoint.url, "problems": str(problems), **metrics}, rows)
    show_metrics(metrics, console)
    return folder


def score_file(
    outputs: str | Path,
    teacher: str | Path | None,
    out: str | Path | None,
    console: Console,
    *,
    against: str | Path | None = None,
) -> dict[str, Any]:
    """Measure a file of outputs (or the samples of a run folder); shows the metrics and gives them.

    Without gold answers there is no accuracy, format and RFS are still given. With `out` the folder gets metrics.json,
    samples.jsonl and report.html.

    Args:
        teacher: traces to measure RFS against, joined by equal question.
        against: other outputs on the same questions, compared question by question under the gold answers of
            `outputs`.

    Raises:
        UserError: a file has bad lines, shares no question with the outputs, or `out` exists.
    """
    folder = new_folder(out) if out else None
    found = load_outputs(Path(outputs))
    others = load_outputs(Path(against)) if against is not None else None
    teachers, notes = None, [duplicates([output.question for output in found]), _empty(found)]
    if teacher is not None:
        traces = load_rows(Path(teacher), read_trace)
        teachers = {question: parse(text, question=question) for question, text in reversed(traces)}
        joined = sum(output.question in teachers for output in found)
        if not joined:
            raise UserError(
                f"{teacher}: none of its {len(teachers)} questions is in {outputs}; questions are joined by equal text"
            )
        notes += [duplicates([question for question, _ in traces], "teacher traces")]
        notes += [f"{joined} of {len(found)} outputs have a teacher trace" if joined < len(found) else ""]
    scored = [score_output(output, (teachers or {}).get(output.question)) for output in found]
    metrics = summarize_scored(scored, has_teacher=teachers is not None)
    if others is not None:
        metrics["paired"], more = _paired(scored, others, outputs, str(against))
        notes += more
    _add_notes(metrics, notes)
    if folder is not None:
        names = {"outputs": str(outputs), "teacher": teacher and str(teacher)}
        _write(folder, {**names, **metrics}, [one.to_row() for one in scored])
    show_metrics(metrics, console)
    return metrics


def _paired(
    scored: list[Scored], others: list[Output], outputs: str | Path, against: str
) -> tuple[dict[str, Any], list[str]]:
    """What stands under `paired` in metrics.json, and the notes on what could not be compared."""
    golds = {one.output.question: one.output.gold for one in reversed(scored)}
    num_other = sum(o.gold is not None and golds.get(o.question) not in (None, o.gold) for o in others)
    graded = [score_output(replace(other, gold=golds.get(other.question))) for other in others]
    found = compare_outputs(scored, graded)
    if not found["joined"]:
        raise UserError(f"{against}: none of its questions is in {outputs}; questions are joined by equal text")
    notes = [duplicates([other.question for other in others], f"questions of {against}")]
    left = [f"{found['only_here']} of {outputs}" * bool(found["only_here"])]
    left += [f"{found['only_there']} of {against}" * bool(found["only_there"])]
    if any(left):
        notes.append(f"questions that only one file has, not compared: {', '.join(filter(None, left))}")
    if num_other:
        notes.append(f"{num_other} outputs of {against} have another gold answer; that of {outputs} was used")
    if found["strict"] is None:
        notes.append("no gold answers: the two files cannot be compared by accuracy")
    return {"against": against, **found}, notes


def load_questions(problems: str | Path) -> tuple[list[Problem], dict[str, ReasoningGraph]]:
    """The questions of a file, or of the test split of a data set with the graphs of its reference solutions.

    Raises:
        UserError: the file has bad lines, or the data set cannot be read.
    """
    name = str(problems)
    if name not in CARDS or Path(name).exists():
        if not Path(name).exists() and Path(name).suffix == "":
            raise UserError(f"--problems: {unknown_name(f'file or data set {name}', name, list(CARDS))}")
        return load_problems(problems), {}
    try:
        traces = list(load_dataset_traces(name, split="test"))
    except DatasetError as error:
        raise UserError(str(error)) from None
    return [trace.problem for trace in traces], {trace.problem.question: parse_trace(trace) for trace in traces}


def evaluation_folder(model: str, problems: str | Path) -> Path:
    """Where an evaluation goes by default."""
    return Path("evals") / f"{Path(model).name}-{Path(problems).stem}"


def _write(folder: Path, metrics: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    from distill.report import write_report

    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_jsonl(folder / "samples.jsonl", rows)
        write_json(folder / "metrics.json", metrics)
        write_report(folder)


def _empty(outputs: list[Output]) -> str:
    empty = sum(not output.text.strip() for output in outputs)
    return f"{empty} of {len(outputs)} outputs are empty" if empty else ""


def student_path(model: str) -> str:
    """Where the student of a run folder, or of its own folder, is; a name on the Hub is given back as it is."""
    path = Path(model)
    if (path / "student" / "config.json").is_file():
        return str(path / "student")
    if (path / "recipe.yaml").is_file():
        raise UserError(f"{path}: this run has no student yet; finish it with distill run … --resume")
    if path.is_dir() and not (path / "config.json").is_file():
        raise UserError(f"{path}: neither a run folder nor a saved student (no config.json here or in student/)")
    if not path.exists() and (path.is_absolute() or model.startswith(".") or model.count("/") != 1):
        raise UserError(f"{model}: no such folder, and no name on the Hub (owner/name)")
    return model


def loaded(student: str) -> tuple[Any, Any]:
    """(model, tokenizer) of the student at a path that `student_path` gave.

    Raises:
        UserError: it cannot be loaded.
    """
    from students.generation import load_student

    try:
        return load_student(student)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{student}: no student can be loaded from here ({reason})") from None


def new_folder(out: str | Path) -> Path:
    """The folder to write to, which must not hold anything yet."""
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already; choose another --out")
    if above := next((parent for parent in folder.parents if parent.is_file()), None):
        raise UserError(f"{folder}: {above} is a file, not a folder; choose another --out")
    return folder


def _add_notes(metrics: dict[str, Any], notes: list[str]) -> None:
    metrics["notes"] = [*metrics["notes"], *(note for note in notes if note)]
