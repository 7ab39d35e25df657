"""`distill parse FILE --format F --out OUT.jsonl [--draw DIR]`: turns traces into reasoning graphs, on all cores.

    {"question": "...", "trace": "..."}   per line; other names and files: data/row_fields.py and data/row_files.py
    ->  {"row": 1, "question": "...", "steps": [...], "answer": "72", ...}   per line, for ReasoningGraph.from_json

Nothing is dropped silently. Lines that are not JSON are listed by number. The `problems` of a graph say what could not
be read. A table at the end counts both.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from distill.data.row_fields import REPLY_FIELDS, SOLUTION_FIELDS, golds_of, question_of, several_solutions, solution_of
from distill.data.row_files import read_rows, refuse_lines
from distill.errors import UserError, unknown_name
from distill.runs.files import disk_errors, make_folder
from distill.runs.processes import usable_cores
from parsers import Stage, parse
from parsers.parse import FORMATS, detect_format
from parsers.reading.coverage import share_read
from parsers.text.markers import TRACES_OF

SAMPLED_ROWS = 200
"""Rows that are looked at to tell whether the stated format is the right one."""
PICTURES = (".png", ".svg", ".pdf")
SMALL_FILE = 300
"""Rows below which one process is faster than starting many."""

_HALLMARKS = {
    "gsm8k": re.compile(r"####|<<|^[ \t]*A:", re.MULTILINE),
    "socratic": re.compile(r"\*\* "),
    "math": re.compile(r"\\boxed"),
    **TRACES_OF,
    "think": re.compile(r"</?think"),
}


def parse_file(file: Path, format: str, out: Path, draw: Path | None, console: Console) -> Path:
    """Parse every trace of a file and write one graph per line; prints a table of counts. Returns `out`.

    Args:
        file: rows with a question and a solution under one of the usual names.
        format: one of the parsers' formats, or "auto" to detect it row by row.
        out: the file to write, atomically; it must not exist yet.
        draw: a folder for one picture per graph, or a picture file for the first graph only.
        console: for progress and the table.

    Raises:
        UserError: unknown format, no such file, no trace in it, the wrong format named, or `out` exists.
    """
    if format != "auto" and format not in FORMATS:
        raise UserError(unknown_name(f'format "{format}"', format, ["auto", *FORMATS]))
    if out.exists():
        raise UserError(f"{out}: exists already; choose another name")
    broken: list[tuple[int, str]] = []
    num_rows = _survey(file, format, broken)
    folder = _picture_folder(draw)
    import datasets

    with tempfile.TemporaryDirectory() as cache, disk_errors(out.parent):
        make_folder(out.parent)
        datasets.disable_progress_bars()
        rows = datasets.Dataset.from_generator(
            _items, gen_kwargs={"file": str(file), "format": format}, cache_dir=cache
        )
        workers = min(usable_cores(), num_rows // (SMALL_FILE // 2)) if num_rows > SMALL_FILE else 1
        if console.is_terminal:
            datasets.enable_progress_bars()
        elif workers > 1:
            console.print(f"parsing {num_rows:,} traces in {workers} processes")
        graphs = rows.map(  # type: ignore[union-attr]
            _parse_row,
            fn_kwargs={"pictures": None if folder is None else str(folder)},
            num_proc=workers if workers > 1 else None,
            remove_columns=["text", "question", "answer"],
            cache_file_name=str(Path(cache) / "graphs.arrow"),
            desc="parsing",
        )
        datasets.enable_progress_bars()
        counts = _Counts(broken)
        _write_lines(out, counts.count(graphs))
    if draw is not None and folder is None:
        _draw_first(out, draw)
    console.print(counts.table(file))
    return out


def _survey(file: Path, format: str, broken: list[tuple[int, str]]) -> int:
    """Counts the rows, notes broken lines, and refuses a file without traces or of another format."""
    num_rows = 0
    fields: Counter[str] = Counter()
    alike: Counter[str] = Counter()
    for number, row in read_rows(file):
        if isinstance(row, str):
            broken.append((number, row))
            continue
        fields.update(row.keys())
        for text, question, _ in _traces(row):
            num_rows += 1
            if num_rows <= SAMPLED_ROWS:
                alike[looks_like(row, text, question, format)] += 1
    if not num_rows:
        if not fields:
            refuse_lines(file, [f"line {number}: {finding}" for number, finding in broken])
        held = f"its rows have {', '.join(fields)}" if fields else "it is empty"
        known = ", ".join((*REPLY_FIELDS, *SOLUTION_FIELDS, "text", "messages"))
        raise UserError(f"{file}: no trace in it; {held}; it needs one of the fields {known}")
    likely, times = alike.most_common(1)[0]
    if format != "auto" and likely != format and times * 2 > alike.total():
        names = ", ".join(list(dict.fromkeys(fields))[:6])
        raise UserError(
            f"{file}: not {format}, it looks like {likely} ({times} of {alike.total()} rows, fields {names}); "
            f"give --format {likely}"
        )
    return num_rows


def _traces(row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(text, question, name) of each solution in a row; a row may hold several solutions, one per model."""
    question = question_of(row) or ""
    several = several_solutions(row)
    if several:
        yield from ((text, question, name) for name, text in several)
        return
    text = solution_of(row)
    if text is not None:
        yield text, question, ""


def looks_like(row: dict[str, Any], text: str, question: str, format: str) -> str:
    """The stated format of a solution if the text has its marks, else the format that marks and fields suggest."""
    if not text.strip():
        return "freeform" if format == "auto" else format
    if format in _HALLMARKS and _HALLMARKS[format].search(text):
        return format
    if "Explanation" in row and "Choice" in row:
        return "vnhsge"
    found = detect_format(text)
    if found == "freeform" and "problem" in row and "solution" in row:
        return "math"
    if format == "auto" or found != "freeform":
        return found
    return (
        format
        if format in ("freeform", "vnhsge") and (format == "freeform" or re.search(r"\bA[.)].*\bB[.)]", question, re.S))
        else found
    )


def _items(file: str, format: str) -> Iterator[dict[str, Any]]:
    """One item a trace, for `datasets`."""
    for number, row in read_rows(Path(file)):
        if isinstance(row, str):
            continue
        for text, question, name in _traces(row):
            likely = looks_like(row, text, question, format)
            yield {
                "row": number,
                "name": name,
                "text": text,
                "question": question,
                "format": likely,
                "stated": format,
                "answer": _stated_answer(row),
            }


def _stated_answer(row: dict[str, Any]) -> str:
    """The gold answer of a reference solution; empty if the row has none, or if a model wrote its text."""
    if any(name in row for name in REPLY_FIELDS) or not any(name in row for name in SOLUTION_FIELDS):
        return ""
    try:
        return next(iter(golds_of(row)), "")
    except ValueError:
        return ""


def _parse_row(item: dict[str, Any], pictures: str | None) -> dict[str, Any]:
    """The graph of one trace as JSON text, and the numbers for the table."""
    graph = parse(item["text"], question=item["question"], format=item["format"])
    problems = list(graph.problems)
    if graph.answer is None and item["answer"]:
        graph = replace(graph, answer=item["answer"])
        problems.append("the answer was taken from the row, not from the solution")
    if not item["question"].strip():
        problems.append("the question is missing")
    if item["stated"] not in ("auto", item["format"]):
        problems.append(f"not {item['stated']}: read as {item['format']}")
    data = graph.to_json() | {"problems": list(dict.fromkeys(problems)), "row": item["row"]}
    if item["name"]:
        data["name"] = item["name"]
    if pictures is not None:
        from distill.report.graph_picture import draw_graph

        name = re.sub(r"[^\w.-]+", "-", item["name"])[:80]  # names of models hold slashes
        draw_graph(graph, Path(pictures) / f"{item['row']:06d}{'-' if name else ''}{name}.png")
    return {
        "graph": json.dumps(data, ensure_ascii=False),
        "problems": data["problems"],
        "stages": [sum(step.stage is stage for step in graph.steps) for stage in Stage],
        "share_read": share_read(graph),
        "checked": sum(step.correct is not None for step in graph.steps),
        "wrong": sum(step.correct is False for step in graph.steps),
    }


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    """Writes a temporary file line by line, and renames it at the end."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


class _Counts:
    """Counts for the table at the end."""

    def __init__(self, broken: list[tuple[int, str]]) -> None:
        self.broken = broken
        self.parsed = self.with_problems = self.checked = self.wrong = self.with_wrong = 0
        self.shares_read: list[float] = []
        self.problems: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.stages = [0] * len(Stage)

    def count(self, graphs: Iterable[Any]) -> Iterator[str]:
        """Count each graph and pass on its JSON text."""
        for row in graphs:
            self.parsed += 1
            self.formats[row["format"]] += 1
            self.with_problems += bool(row["problems"])
            self.problems.update({_kind(problem) for problem in row["problems"]})
            self.stages = [a + b for a, b in zip(self.stages, row["stages"], strict=True)]
            self.shares_read += [row["share_read"]] if row["share_read"] is not None else []
            self.checked += row["checked"]
            self.wrong += row["wrong"]
            self.with_wrong += bool(row["wrong"])
            yield row["graph"]

    def table(self, file: Path) -> Table:
        """The summary: parsed, problems by kind, steps by stage, computations checked and wrong."""
        table = Table(title=str(file), title_justify="left", show_header=False)
        table.add_column("what")
        table.add_column("count", justify="right")
        table.add_row("parsed", f"{self.parsed:,}", style="bold")
        if len(self.formats) > 1:
            for name, times in self.formats.most_common():
                table.add_row(f"  as {name}", f"{times:,}")
        table.add_row("with problems", f"{self.with_problems:,}", style="bold")
        for kind, times in self.problems.most_common():
            table.add_row(f"  {kind}", f"{times:,}")
        if self.broken:
            numbers = ", ".join(str(number) for number, _ in self.broken[:8]) + (", …" if len(self.broken) > 8 else "")
            table.add_row(f"lines left out, not JSON (line {numbers})", f"{len(self.broken):,}", style="bold red")
        table.add_section()
        for stage in Stage:
            table.add_row(f"{stage.name} steps", f"{self.stages[stage]:,}")
        table.add_section()
        if self.shares_read:
            mean = sum(self.shares_read) / len(self.shares_read)
            table.add_row("computing statements read, mean share", f"{mean:.1%}")
        table.add_row("computations checked", f"{self.checked:,}")
        table.add_row("  wrong", f"{self.wrong:,}")
        table.add_row("  solutions with a wrong one", f"{self.with_wrong:,}")
        return table


def _kind(problem: str) -> str:
    """The kind of a problem: its text without numbers and names."""
    kept = problem if problem.startswith(("not ", "the thinking")) else problem.split(": ")[0]
    return re.sub(r"\b\d[\d,]*\b", "N", kept)


def _picture_folder(draw: Path | None) -> Path | None:
    if draw is None or draw.suffix.lower() in PICTURES:
        return None
    if draw.exists() and not draw.is_dir():
        raise UserError(f"{draw}: not a folder; pictures need a folder, or a name that ends in {', '.join(PICTURES)}")
    with disk_errors(draw):
        make_folder(draw)
    return draw


def _draw_first(out: Path, draw: Path) -> None:
    from distill.report.graph_picture import draw_graph
    from parsers import ReasoningGraph

    with out.open(encoding="utf-8") as file:
        draw_graph(ReasoningGraph.from_json(next(file)), draw)
