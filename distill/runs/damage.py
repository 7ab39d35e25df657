"""Checks the files of a run for damage before training starts.

Damaged files are moved to damaged/ in the run folder, and their phase is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.runs.files import read_jsonl, remove_folder
from distill.runs.folder import SCHEMA, Run, write_record

METRICS = ("tasks", "average", "accuracy", "format", "svr", "notes")
"""What every metrics.json holds."""


def mend(run: Run, say: Callable[[str], None]) -> None:
    """Move damaged outputs of a resumed run aside, so that their phases repeat; `say` reports each.

    A student is rebuilt from the last checkpoint.

    Raises:
        UserError: another version of this software wrote the files.
    """
    if found := record_damage(run.path / "run.json"):
        _set_aside(run, [run.path / "run.json"])
        write_record(run)
        say(f"run.json is damaged ({found}): begun anew; times and counts of finished phases are lost")
    elif (schema := run.record().get("schema", 1)) != SCHEMA:
        cure = "start anew with --overwrite or another --out"
        raise UserError(f"{run.path}: cannot resume, another version wrote it (schema {schema}, not {SCHEMA}); {cure}")
    refined = [run.path / "refine"]
    phases: list[tuple[list[Path], list[Path]]] = [  # outputs of a phase, and what else rests on them
        ([run.path / "traces.jsonl", run.graphs], []),
        ([run.tokenizer], []),
        ([run.student, run.history], [run.rounds]),
        (refined, [run.student]),
        ([run.metrics, run.samples], []),
        ([run.report], []),
    ]
    for outputs, resting in phases:
        if found := next(filter(None, map(damage, outputs)), None):
            _set_aside(run, [*outputs, *resting])
            say(f"{found}: set aside in {run.path / 'damaged'}, made again")


def record_damage(path: Path) -> str | None:
    """What is wrong with a run.json; None if nothing."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(record, dict) or "fingerprint" not in record:
        return "no record of a run"
    seconds = record.get("seconds", {})
    if not isinstance(seconds, dict) or not all(type(value) in (int, float) for value in seconds.values()):
        return "its seconds are no numbers"
    return None


def damage(path: Path) -> str | None:
    """`file: what is wrong` for an output of a phase or a file in it; None if it is sound or missing."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if "checkpoints" in file.parts[len(path.parts) :]:  # training looks for damage in them itself
            continue
        try:
            if file.is_file() and (check := CHECKS.get(file.name) or CHECKS.get(file.suffix)):
                check(file)
        except UserError as error:
            return str(error)
        except Exception as error:  # safetensors and tokenizers have classes of their own
            return f"{file}: damaged ({' '.join(str(error).split())[:100] or type(error).__name__})"
    return None


def _check_json(file: Path) -> Any:
    value = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(value, dict | list):
        raise ValueError("no JSON object")
    return value


def _check_object(file: Path) -> None:
    if not isinstance(_check_json(file), dict):
        raise ValueError("no JSON object")


def _check_metrics(file: Path) -> None:
    if lacking := set(METRICS) - set(_check_json(file)):
        raise ValueError(f"without {', '.join(sorted(lacking))}")


def _check_lines(file: Path) -> None:
    if not all(isinstance(row, dict) for row in read_jsonl(file)):
        raise ValueError("a line is no JSON object")


def _check_some_lines(file: Path) -> None:
    if file.stat().st_size == 0:
        raise ValueError("empty")
    _check_lines(file)


def _check_weights(file: Path) -> None:
    from safetensors import safe_open

    with safe_open(file, framework="numpy"):  # reads the header and compares it with the length of the file
        pass


def _check_tokenizer(file: Path) -> None:
    from tokenizers import Tokenizer

    Tokenizer.from_file(str(file))


def _check_page(file: Path) -> None:
    if not file.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("no whole page")


CHECKS: dict[str, Callable[[Path], Any]] = {
    "metrics.json": _check_metrics,
    "config.json": _check_object,
    "graphs.jsonl": _check_some_lines,
    "samples.jsonl": _check_some_lines,
    "tokenizer.json": _check_tokenizer,
    "report.html": _check_page,
    ".json": _check_json,
    ".jsonl": _check_lines,
    ".safetensors": _check_weights,
}
"""By name, else by ending."""


def _set_aside(run: Run, paths: list[Path]) -> None:
    """Move outputs to damaged/; the report, which rests on all of them, is written again."""
    aside = run.path / "damaged"
    aside.mkdir(exist_ok=True)
    for path in paths:
        if path.exists():
            remove_folder(aside / path.name)
            path.replace(aside / path.name)
    run.report.unlink(missing_ok=True)
