"""Measuring by files: a student on a file of questions, or any file of outputs without a model.

distill eval runs/miniaxion-1f0c9a52 --problems questions.jsonl     {"question", "answer", "task"?} a line
distill score outputs.jsonl --teacher traces.jsonl                  {"question", "output", "gold"?, "task"?} a line
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from distill.errors import UserError
from distill.evaluation.outputs import Output, score_outputs
from distill.problem_files import SHOWN_PROBLEMS, load_problems, read_rows
from distill.runs import disk_errors, write_json, write_jsonl
from parsers import parse

OUTPUT_FIELDS = ("output", "trace")
GOLD_FIELDS = ("gold", "reference")
TRACE_FIELDS = ("trace", "text", "output", "solution", "answer")


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

    `model` is a run folder, the folder of a saved student, or a name on the Hub; `out` is `evals/<model>-<file>`
    where None.

    Raises:
        UserError: the file has bad lines, there is no student, or the folder exists.
    """
    from distill.evaluation.evaluate import evaluate
    from distill.report import write_report
    from students.generation import load_student

    questions = load_problems(problems)
    path = student_path(model)
    folder = new_folder(out or Path("evals") / f"{Path(model).name}-{Path(problems).stem}")
    try:
        student, tokenizer = load_student(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no student can be loaded from here ({str(error).splitlines()[0][:200]})") from None
    with asking_progress(len(questions), console) as on_progress:
        metrics, rows = evaluate(
            student, tokenizer, questions, max_new_tokens=max_new_tokens, batch_size=batch_size, on_progress=on_progress
        )
    _add_notes(metrics, [_duplicates([question.question for question in questions])])
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_jsonl(folder / "samples.jsonl", rows)
        write_json(folder / "metrics.json", {"model": str(model), "problems": str(problems), **metrics})
        write_report(folder)
    show_metrics(metrics, console)
    return folder


def score_file(
    outputs: str | Path, teacher: str | Path | None, out: str | Path | None, console: Console
) -> dict[str, Any]:
    """Measure a file of outputs, against the traces of a teacher where given; shows the metrics and gives them.

    Without gold answers there is no accuracy, format and RFS are still given. With `out` the folder gets metrics.json,
    samples.jsonl and report.html.

    Raises:
        UserError: a file has bad lines, no question of the outputs is in the teacher's file, or `out` exists.
    """
    from distill.report import write_report

    folder = new_folder(out) if out else None
    found = _load(Path(outputs), _read_output)
    teachers, notes = None, [_duplicates([output.question for output in found])]
    empty = sum(not output.text.strip() for output in found)
    notes.append(f"{empty} of {len(found)} outputs are empty" if empty else "")
    if teacher is not None:
        traces = _load(Path(teacher), _read_trace)
        teachers = {question: parse(text, question=question) for question, text in reversed(traces)}
        joined = sum(output.question in teachers for output in found)
        if not joined:
            raise UserError(
                f"{teacher}: none of its {len(teachers)} questions is in {outputs}; questions are joined by equal text"
            )
        notes += [_duplicates([question for question, _ in traces], "teacher traces")]
        notes += [f"{joined} of {len(found)} outputs have a teacher trace" if joined < len(found) else ""]
    metrics, rows = score_outputs(found, teachers=teachers)
    _add_notes(metrics, notes)
    if folder is not None:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_jsonl(folder / "samples.jsonl", rows)
            write_json(
                folder / "metrics.json", {"outputs": str(outputs), "teacher": teacher and str(teacher), **metrics}
            )
            write_report(folder)
    show_metrics(metrics, console)
    return metrics


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


def new_folder(out: str | Path) -> Path:
    """The folder to write to, which must not hold anything yet."""
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already; choose another --out")
    return folder


@contextmanager
def asking_progress(total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Shows how many questions are answered, on a terminal; gives the function to call with each further number."""
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)


def show_metrics(metrics: Mapping[str, Any], console: Console) -> None:
    """A table of the tasks, then one line for each other measure, and the notes."""
    if metrics["tasks"]:
        table = Table("task", "published", "ours", "95 % interval", "n", box=None, pad_edge=False)
        for name, task in metrics["tasks"].items():
            low, high = task["interval"]
            table.add_row(
                name,
                _percent(task["published"]),
                _percent(task["accuracy"]),
                f"{100 * low:.1f} – {100 * high:.1f}",
                str(task["n"]),
            )
        average = metrics["average"]
        table.add_row("average", _percent(average["published"]), _percent(average["accuracy"]), "", "")
        console.print(table)
    if metrics["accuracy"]:
        strict, lenient = metrics["accuracy"]["strict"], metrics["accuracy"]["lenient"]
        low, high = (100 * bound for bound in strict["interval"])
        console.print(
            f"accuracy   strict {_percent(strict['accuracy'])} ({low:.1f} – {high:.1f}), lenient "
            f"{_percent(lenient['accuracy'])}, n {strict['n']}, time-outs {strict['timeouts']}",
            highlight=False,
        )
    shares = metrics["format"]
    named = ("well_formed", "thinking_rate", "step_format", "answer_completion")
    console.print(
        "format     " + ", ".join(f"{n.replace('_', ' ')} {_percent(shares[n])}" for n in named), highlight=False
    )
    if metrics["rfs"] is not None:
        console.print(
            f"RFS        {metrics['rfs']:.3f}, strict {metrics['rfs_strict']:.3f}, over {metrics['num_rfs']} outputs",
            highlight=False,
        )
    own = metrics["svr"]["own"]
    if own:
        console.print(
            f"SVR        {_percent(own['rate'])} of {own['wrong']} wrong results flagged and corrected; false alarms "
            f"{_percent(own['false_alarm_rate'])}, right answers broken {_percent(own['broken_rate'])}",
            highlight=False,
        )
    injected, perturbation = metrics["svr"]["injected"], metrics["perturbation"]
    if injected:
        console.print(
            f"           of {injected['wrong']} injected errors {_percent(injected['detection_rate'])} flagged, "
            f"{_percent(injected['rate'])} corrected",
            highlight=False,
        )
    if perturbation and perturbation["n"]:
        console.print(
            f"perturbed  {_percent(perturbation['share'])} of {perturbation['n']} changed steps were computed on with",
            highlight=False,
        )
    for note in metrics["notes"]:
        console.print(f"note: {note}", highlight=False)


def _load(path: Path, read: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """What `read` makes of each line; it raises ValueError with what is wrong."""
    found, problems = [], []
    for number, row in read_rows(path):
        try:
            if isinstance(row, str):
                raise ValueError(row)
            found.append(read(row))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        more = [f"and {len(problems) - SHOWN_PROBLEMS} more lines"] if len(problems) > SHOWN_PROBLEMS else []
        raise UserError(*problems[:SHOWN_PROBLEMS], *more, heading=str(path))
    if not found:
        raise UserError(f"{path}: empty; one JSON object a line is due")
    return found


def _read_output(row: dict[str, Any]) -> Output:
    question, text = _text(row, ("question",)), _text(row, OUTPUT_FIELDS, may_be_empty=True)
    gold = next((row[name] for name in GOLD_FIELDS if row.get(name) is not None), None)
    if isinstance(gold, bool) or not isinstance(gold, str | int | float | list | None):
        raise ValueError("gold is neither text, a number nor a list of accepted answers")
    if isinstance(gold, float) and not math.isfinite(gold):
        raise ValueError(f"gold is {gold}, which is no number in JSON")
    if isinstance(gold, list):
        if not gold or not all(isinstance(one, str) for one in gold):
            raise ValueError("gold as a list holds the accepted answers as text")
    elif gold is not None:
        gold = str(gold).rpartition("####")[2].strip() or None
    task, language = row.get("task") or "", row.get("language") or "auto"
    if not isinstance(task, str) or language not in ("auto", "en", "pt", "vi", "und"):
        raise ValueError("task is text and language one of auto, en, pt, vi, und")
    return Output(question, text, gold, task, language)


def _read_trace(row: dict[str, Any]) -> tuple[str, str]:
    return _text(row, ("question",)), _text(row, TRACE_FIELDS)


def _text(row: Mapping[str, Any], names: tuple[str, ...], *, may_be_empty: bool = False) -> str:
    """The first of the fields that is there."""
    name = next((name for name in names if name in row), None)
    if name is None:
        wanted = " or ".join(f'"{name}"' for name in names)
        raise ValueError(f"the field {wanted} is missing (it has {', '.join(row) or 'none'})")
    if not isinstance(row[name], str):
        raise ValueError(f'"{name}" is not text')
    if not may_be_empty and not row[name].strip():
        raise ValueError(f'"{name}" is blank')
    return row[name]


def _duplicates(questions: list[str], what: str = "questions") -> str:
    repeated = sum(count - 1 for count in Counter(questions).values())
    return f"{repeated} of {len(questions)} {what} repeat an earlier question" if repeated else ""


def _add_notes(metrics: dict[str, Any], notes: list[str]) -> None:
    metrics["notes"] = [*metrics["notes"], *(note for note in notes if note)]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
