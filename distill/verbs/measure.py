"""`distill eval` measures a model on a file of questions; `distill score` measures a file of outputs.

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

from distill.data.question_files import load_problems
from distill.errors import UserError, memory_errors, unknown_name
from distill.evaluation.output_files import duplicates, load_outputs, load_trace_texts
from distill.evaluation.outputs import score_output, score_outputs, summarize_scored
from distill.evaluation.paired import compare_outputs
from distill.evaluation.scored import Output, Scored
from distill.evaluation.votes import Sampling
from distill.report.terminal import asking_progress, show_metrics
from distill.runs.files import disk_errors, make_folder, write_json, write_jsonl
from distill.runs.students import helpers_of, loaded, student_path
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
    calculator: bool = False,
    guided: bool = False,
    sampling: Sampling | None = None,
) -> Path:
    """Ask a student the questions of a file; returns the new folder with metrics.json, samples.jsonl and report.html.

    `model` is a run folder, the folder of a saved student, or a name on the Hub. `problems` is a file or the name of a
    data set. `out` is `evals/<model>-<problems>` by default. `sampling` is that of `evaluate`.

    Raises:
        UserError: the file has bad lines, there is no student, the folder exists, or a nano student shall have a
            calculator or its loops ended.
    """
    from distill.evaluation.evaluate import evaluate

    questions, teachers = load_questions(problems)
    path = student_path(model)
    folder = new_folder(evaluation_folder(model, problems) if out is None else out)
    student, tokenizer = loaded(path)
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "batch_size": batch_size}
    options["logits_processor"] = helpers_of(student, tokenizer, calculator=calculator, guided=guided)
    cure = f"lower --batch-size (now {batch_size}) or --max-new-tokens ({max_new_tokens})"
    parts = [("questions", len(questions)), ("samples", len(questions) * sampling.samples if sampling else 0)]
    with memory_errors(cure), asking_progress(parts, console) as on_progress:
        metrics, rows = evaluate(
            student,
            tokenizer,
            questions,
            teachers=teachers,
            sampling=sampling,
            on_progress=on_progress,
            **options,
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
    """Ask an OpenAI-compatible endpoint; returns a folder as `eval_model` does, with the raw answers in it.

    Raises:
        UserError: as in `eval_model`, or the endpoint refuses or does not answer. Answers so far stay in
            answers.jsonl, and `resume` reuses them.
    """
    from distill.evaluation.endpoint import ask_all, checked_endpoint
    from distill.evaluation.evaluate import teacher_graphs, unwritten

    questions, teachers = load_questions(problems)
    endpoint = checked_endpoint(url, model, max_new_tokens)
    folder = Path(evaluation_folder(model, problems) if out is None else out)
    kept = folder / "answers.jsonl"
    if not resume and kept.is_file():
        raise UserError(f"{folder}: the folder exists; continue with --resume, or choose another --out")
    if not kept.is_file():
        new_folder(folder)
    with disk_errors(folder), asking_progress([("questions", len(questions))], console) as on_progress:
        make_folder(folder)
        asked = [question.question for question in questions]
        answers = ask_all(endpoint, asked, kept, parallel=parallel, on_progress=on_progress, on_wait=console.print)
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
    """Measure a file of outputs (or the samples of a run folder); shows and returns the metrics.

    Without gold answers there is no accuracy, only format and RFS. `out` is a folder for metrics.json, samples.jsonl
    and report.html.

    Args:
        teacher: traces to measure RFS against, joined by equal question.
        against: other outputs on the same questions, compared question by question with the gold answers of
            `outputs`.

    Raises:
        UserError: a file has bad lines, shares no question with the outputs, or `out` exists.
    """
    folder = None if out is None else new_folder(out)
    found = load_outputs(Path(outputs))
    others = load_outputs(Path(against)) if against is not None else None
    teachers, notes = None, [duplicates([output.question for output in found]), _empty(found)]
    if teacher is not None:
        traces = load_trace_texts(Path(teacher))
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
    """The section `paired` of metrics.json, and notes on outputs that could not be compared."""
    golds = {one.output.question: one.output.gold for one in reversed(scored)}
    num_other = sum(o.gold is not None and golds.get(o.question) not in (None, o.gold) for o in others)
    graded = [score_output(replace(other, gold=golds.get(other.question))) for other in others]
    found = compare_outputs(scored, graded)
    if not found["joined"]:
        raise UserError(f"{against}: none of its questions is in {outputs}; questions are joined by equal text")
    notes = [duplicates([other.question for other in others], f"questions of {against}")]
    counts = (found["only_here"], outputs), (found["only_there"], against)
    if left := ", ".join(f"{count} of {file}" for count, file in counts if count):
        notes.append(f"questions that only one file has, not compared: {left}")
    if num_other:
        notes.append(f"{num_other} outputs of {against} have another gold answer; that of {outputs} was used")
    if found["strict"] is None:
        notes.append("no gold answers: the two files cannot be compared by accuracy")
    return {"against": against, "names": [Path(against).stem, Path(outputs).stem], **found}, notes


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
    """The default folder of an evaluation."""
    return Path("evals") / f"{Path(model).name}-{Path(problems).stem}"


def _write(folder: Path, metrics: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    from distill.report.page import write_report

    with disk_errors(folder):
        make_folder(folder)
        write_jsonl(folder / "samples.jsonl", rows)
        write_json(folder / "metrics.json", metrics)
        write_report(folder)


def _empty(outputs: list[Output]) -> str:
    empty = sum(not output.text.strip() for output in outputs)
    return f"{empty} of {len(outputs)} outputs are empty" if empty else ""


def new_folder(out: str | Path) -> Path:
    """Check the folder to write to; it must be new or empty."""
    if not str(out):
        raise UserError("--out: empty; name a folder, or leave the option out")
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already; choose another --out")
    if above := next((parent for parent in folder.parents if parent.is_file()), None):
        raise UserError(f"{folder}: {above} is a file, not a folder; choose another --out")
    return folder


def _add_notes(metrics: dict[str, Any], notes: list[str]) -> None:
    metrics["notes"] = [*metrics["notes"], *(note for note in notes if note)]
