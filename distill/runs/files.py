"""Atomic writes: to a temporary file that is flushed and renamed; disk errors become one line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.errors import UserError, system_error


@contextmanager
def disk_errors(folder: Path, *, again: str = "try again") -> Iterator[None]:
    """Turn errors of any library about a full or read-only disk, or an impossible path, into one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if found := system_error(error, folder, again=again):
            raise found from error
        raise


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents.

    Raises:
        UserError: the system refuses it.
    """
    try:
        Path(os.path.realpath(path)).mkdir(parents=True, exist_ok=True)  # a link may point to what is not there yet
    except (OSError, ValueError, RecursionError) as error:  # of a NUL in the name, of thousands of folders
        reason = getattr(error, "strerror", None) or error
        raise system_error(error, path) or UserError(
            f"{str(path)[:120]}: no folder can be made here ({reason})"
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: aside, flushed to disk, then renamed over `path`.

    Raises:
        UserError: its folder is not there, or takes no files, as /proc.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _clear(aside)
        with aside.open("xb") as file:  # never through a link that stands there
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, FileNotFoundError):
            raise UserError(f"{path}: no file can be made here; choose another place") from error
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text with LF line ends."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """`write_bytes` for one JSON value, indented; NaN is refused because JSON has none."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """`write_bytes` for one JSON value per line."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to fill; at the end of the block it becomes `path` and replaces an older one."""
    aside = path.with_name(f".{path.name}.part")
    _clear(aside)
    aside.mkdir(parents=True)
    yield aside
    follow_umask(aside)
    for file in aside.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    remove_folder(path)
    aside.replace(path)
    sync_folder(path.parent)


def follow_umask(folder: Path) -> None:
    """Give the files of a new folder the permissions of the umask; safetensors sets its own, narrower ones."""
    mode = folder.stat().st_mode & 0o666
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            file.chmod(mode | (file.stat().st_mode & 0o111))


def remove_folder(path: Path) -> None:
    """Remove a folder (or a file) atomically; of a symbolic link, remove only the link."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    aside = path.with_name(f".{path.name}.removed.part")
    _clear(aside)
    path.replace(aside)
    shutil.rmtree(aside)


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that a killed process left in a folder."""
    for above, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if name.startswith(".") and name.endswith(".part"):
                _clear(Path(above) / name)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, if the system supports it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_json(path: Path) -> Any:
    """The JSON value of a file.

    Raises:
        UserError: the file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not JSON ({error})") from None


def read_jsonl(path: Path) -> Iterator[Any]:
    """The JSON value of each line that `write_jsonl` wrote, one at a time.

    Raises:
        UserError: the file is missing, or a line is not JSON.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with path.open("rb") as file:  # whose lines end with LF alone, unlike those of str.splitlines
        for number, line in enumerate(file, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}: line {number} is not JSON ({error})") from None


def file_digest(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
