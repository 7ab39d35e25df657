"""`distill parse FILE --format F --out OUT.jsonl [--draw DIR]`: traces to reasoning graphs, on all cores, row by row.

    {"question": "...", "trace": "..."}   a line, or a published file of GSM8K, MATH or VNHSGE
    ->  {"row": 1, "question": "...", "steps": [...], "answer": "72", ...}   a line, for ReasoningGraph.from_json

Nothing is dropped in silence: lines that are no JSON are numbered, what a graph could not read stands in its problems,
and a table at the end counts both.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from distill.errors import UserError, unknown_name
from distill.problem_files import read_rows, refuse_lines, unreadable
from distill.processes import usable_cores
from distill.runs import disk_errors
from parsers import Stage, parse
from parsers.parse import FORMATS, detect_format
from parsers.prose import NO_LANGUAGE

TEXT_FIELDS = ("trace", "output", "solution", "Explanation", "answer", "text", "completion", "response")
QUESTION_FIELDS = ("question", "problem", "Question", "prompt")
SAMPLED_ROWS = 200
"""Rows that are looked at to tell whether the stated format is the right one."""
PICTURES = (".png", ".svg", ".pdf")
SMALL_FILE = 300
"""Rows below which one process is faster than starting many."""

_HALLMARKS = {
    "gsm8k": re.compile(r"####|<<|^[ \t]*A:", re.MULTILINE),
    "socratic": re.compile(r"\*\* "),
    "math": re.compile(r"\\boxed"),
    "staged": re.compile(r"\[(?:UNDERSTAND|PLAN|EXECUTE|VERIFY|ANSWER)\]"),
    "nrm": re.compile(r"<(?:INST|THINK|STEP|ANS)>"),
    "thinkset": re.compile(r"<\\?(?:USER|THINK|ANSWER)>"),
    "think": re.compile(r"</?think"),
}


def parse_file(file: Path, format: str, out: Path, draw: Path | None, console: Console) -> Path:
    """Parse every trace of a file and write one graph a line; prints a table of what was found. Returns `out`.

    Args:
        file: JSON objects, one a line or in one array, with a question and a solution under one of the usual names.
        format: one of the parsers' formats, or "auto" to tell it row by row.
        out: where to write; appears whole or not at all, and must not exist yet.
        draw: a folder for one picture a graph, or a picture file for the first graph alone.
        console: where progress and table go.

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
        out.parent.mkdir(parents=True, exist_ok=True)
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
            remove_columns=["text", "question"],
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
    for number, row in _rows(file):
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
        held = f"its rows hold {', '.join(fields)}" if fields else "it is empty"
        raise UserError(f"{file}: no trace in it; {held}, one of {', '.join(TEXT_FIELDS)} is due")
    likely, times = alike.most_common(1)[0]
    if format != "auto" and likely != format and times * 2 > alike.total():
        names = ", ".join(list(dict.fromkeys(fields))[:6])
        raise UserError(
            f"{file}: not {format}, it looks like {likely} ({times} of {alike.total()} rows, fields {names}); "
            f"give --format {likely}"
        )
    return num_rows


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The objects of a file, numbered from 1: one a line, or the elements of one array."""
    if file.is_file():
        with file.open("rb") as stream:
            start = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"["):
            try:
                rows = json.loads(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
                json.dumps(rows, ensure_ascii=False).encode()
            except (ValueError, RecursionError) as error:
                raise UserError(f"{file}: {unreadable(error)}") from None
            for number, row in enumerate(rows, start=1):
                yield number, row if isinstance(row, dict) else "a JSON object is due"
            return
    yield from read_rows(file)


def _traces(row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(text, question, name) of each solution in a row; rows of model solutions hold several, by model."""
    question = next((row[name] for name in QUESTION_FIELDS if isinstance(row.get(name), str)), "")
    if isinstance(row.get("Body"), str):
        question = f"{row['Body'].strip()} {question}".strip()
    several = [
        (name, value["solution"])
        for name, value in row.items()
        if isinstance(value, dict) and isinstance(value.get("solution"), str)
    ]
    if several:
        yield from ((text, question, name) for name, text in several)
        return
    text = next((row[name] for name in TEXT_FIELDS if isinstance(row.get(name), str)), None)
    if text is not None:
        yield text, question, ""


def looks_like(row: dict[str, Any], text: str, question: str, format: str) -> str:
    """The format of a solution: the stated one where the text has its marks, else what its marks and fields tell."""
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
    for number, row in _rows(Path(file)):
        if isinstance(row, str):
            continue
        for text, question, name in _traces(row):
            likely = looks_like(row, text, question, format)
            yield {"row": number, "name": name, "text": text, "question": question, "format": likely, "stated": format}


def _parse_row(item: dict[str, Any], pictures: str | None) -> dict[str, Any]:
    """The graph of one trace as JSON text, and the numbers for the table."""
    graph = parse(item["text"], question=item["question"], format=item["format"])
    problems = list(graph.problems)
    if not item["question"].strip():
        problems.append("the question is missing")
    if graph.language == "und" and item["text"].strip():
        problems.append(NO_LANGUAGE)
    if item["stated"] not in ("auto", item["format"]):
        problems.append(f"not {item['stated']}: read as {item['format']}")
    data = graph.to_json() | {"problems": list(dict.fromkeys(problems)), "row": item["row"]}
    if item["name"]:
        data["name"] = item["name"]
    if pictures is not None:
        from distill.draw import draw_graph

        draw_graph(graph, Path(pictures) / f"{item['row']:06d}{'-' if item['name'] else ''}{item['name']}.png")
    return {
        "graph": json.dumps(data, ensure_ascii=False),
        "problems": data["problems"],
        "stages": [sum(step.stage is stage for step in graph.steps) for stage in Stage],
        "checked": sum(step.correct is not None for step in graph.steps),
        "wrong": sum(step.correct is False for step in graph.steps),
    }


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    """Writes a file line by line, aside, and renames it when it is whole."""
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
    """What the table at the end says, counted while the graphs are written."""

    def __init__(self, broken: list[tuple[int, str]]) -> None:
        self.broken = broken
        self.parsed = self.with_problems = self.checked = self.wrong = self.with_wrong = 0
        self.problems: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.stages = [0] * len(Stage)

    def count(self, graphs: Any) -> Iterator[str]:
        """The graphs as JSON text, each counted as it passes."""
        for row in graphs:
            self.parsed += 1
            self.formats[row["format"]] += 1
            self.with_problems += bool(row["problems"])
            self.problems.update({_kind(problem) for problem in row["problems"]})
            self.stages = [a + b for a, b in zip(self.stages, row["stages"], strict=True)]
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
        table.add_row("computations checked", f"{self.checked:,}")
        table.add_row("  wrong", f"{self.wrong:,}")
        table.add_row("  solutions with a wrong one", f"{self.with_wrong:,}")
        return table


def _kind(problem: str) -> str:
    """A problem without the numbers and names that differ from row to row."""
    kept = problem if problem.startswith(("not ", "the thinking")) else problem.split(": ")[0]
    return re.sub(r"\b\d[\d,]*\b", "N", kept)


def _picture_folder(draw: Path | None) -> Path | None:
    if draw is None or draw.suffix.lower() in PICTURES:
        return None
    if draw.exists() and not draw.is_dir():
        raise UserError(f"{draw}: not a folder; pictures need a folder, or a name that ends in {', '.join(PICTURES)}")
    with disk_errors(draw):
        draw.mkdir(parents=True, exist_ok=True)
    return draw


def _draw_first(out: Path, draw: Path) -> None:
    from distill.draw import draw_graph
    from parsers import ReasoningGraph

    with out.open(encoding="utf-8") as file:
        draw_graph(ReasoningGraph.from_json(next(file)), draw)
