"""`distill export`: writes a student in a format that other software loads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from distill.errors import UserError, unknown_name
from distill.runs.files import disk_errors, whole_folder
from distill.runs.quiet import quiet_libraries
from distill.runs.students import student_path

DTYPES = {
    "merged": {"f16": "float16", "bf16": "bfloat16", "f32": "float32"},
    "llama": {},
    "gguf": {"f16": "f16", "f32": "f32", "q8_0": "q8_0"},
    "hub": {},
}
"""Form to the names of its dtypes, the default first, and what its writer calls them."""


def export_student(model: str, out: str, *, to: str, dtype: str | None, dry_run: bool) -> Iterator[str]:
    """Export to the folder `out`, or to the repository `out` on the Hub; returns lines about the written files.

    Raises:
        UserError: as in `export_model` and `push_model`.
    """
    if to != "hub":
        yield str(export_model(model, Path(out), to=to, dtype=dtype))
        return
    _dtype(to, dtype)
    yield from files_for_hub(model, out)
    if not dry_run:
        yield push_model(model, out)


def export_model(model: str, out: Path, *, to: str, dtype: str | None = None) -> Path:
    """Write a student into a new folder, as `merged`, `llama` or `gguf`; returns the folder.

    Raises:
        UserError: no student there, unknown form or dtype, a form for another kind of student, `out` exists.
    """
    held = _dtype(to, dtype)
    if out.exists() or out.is_symlink():
        raise UserError(f"{out}: exists already; choose another folder")
    student = _student(model)
    _check_kind(student, to)
    quiet_libraries()
    with disk_errors(out), whole_folder(out) as aside:
        try:
            notes = _write(student, aside, to, held)
        except ValueError as error:
            raise UserError(f"{model}: {error}") from error
        _write_card(student, aside, notes)
    return out


def files_for_hub(model: str, name: str) -> list[str]:
    """The files that `push_model` would upload, one line each with its size.

    Raises:
        UserError: no student there, or the name is not OWNER/NAME.
    """
    from distill.export.hub import check_name, files_to_upload

    check_name(name)
    return [f"{size:>14,}  {file}" for file, size in files_to_upload(_student(model)).items()]


def push_model(model: str, name: str) -> str:
    """Upload a student to the Hub; returns its address.

    Raises:
        UserError: no student there, a wrong name, no token, or the Hub refuses.
    """
    from distill.export.hub import check_name, push

    check_name(name)
    return push(_student(model), name)


def _dtype(to: str, dtype: str | None) -> str:
    if to not in DTYPES:
        raise UserError(f"--to: {unknown_name('form', to, list(DTYPES))}")
    allowed = DTYPES[to]
    if dtype is None:
        return next(iter(allowed.values()), "")
    if not allowed:
        raise UserError(f"--dtype: not for {to}, only for merged and gguf; leave it out")
    if dtype not in allowed:
        raise UserError(f"--dtype: {unknown_name('dtype', dtype, list(allowed))}")
    return allowed[dtype]


def _student(model: str) -> Path:
    """The folder of a student, with its configuration readable."""
    from students.hub import BaseError, student_folder

    path = student_path(model)
    try:
        folder = student_folder(path)
    except BaseError as error:
        raise UserError(str(error)) from None
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"{model}: config.json is missing or damaged; this student is incomplete") from None
    return folder


def _check_kind(student: Path, to: str) -> None:
    is_adapter = (student / "base.json").is_file()
    if to == "llama" and is_adapter:
        raise UserError(f"{student}: an adapter student cannot be a Llama; use --to merged for a stock model")
    if to == "merged" and not is_adapter:
        raise UserError(f"{student}: a nano student has no adapters to merge; use --to llama for a stock model")


def _write(student: Path, out: Path, to: str, dtype: str) -> str:
    if to == "merged":
        from distill.export.folded import write_merged

        return write_merged(student, out, dtype=dtype)
    if to == "llama":
        from distill.export.stock import write_stock

        return write_stock(student, out)
    if find_spec("gguf") is None:
        raise UserError("--to gguf needs the package gguf; pip install gguf")
    from distill.export.llama_cpp import write_llama_cpp

    return write_llama_cpp(student, out, dtype=dtype)


def _write_card(student: Path, out: Path, notes: str) -> None:
    from distill.export.card import write_card

    write_card(student, out, notes)
