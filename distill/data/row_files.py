"""Reads the rows of a file: JSON lines, a JSON array, CSV, TSV or Parquet, gzipped or not, UTF-8 or UTF-16.

for number, row in read_rows(Path("questions.csv.gz")): ...     (line number, the object or what is wrong with it)
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from distill.errors import UserError

SUPPORTED = "JSON lines, a JSON array, CSV, TSV and Parquet are read, also with .gz"
SHOWN_PROBLEMS = 5
"""Broken lines that an error lists; a file of the wrong kind is broken on every line."""
MAX_FIELD = 10_000_000
"""Characters of one field of a CSV file."""
LISTS = ("data", "rows", "examples", "instances")
"""Names under which a JSON document holds its rows."""

T = TypeVar("T")
Row = dict[str, Any] | str
"""A row, or what is wrong with it."""

_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"ARROW1": "an Arrow file",
    b"SQLite": "an SQLite database",
    b"%PDF": "a PDF",
}


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """(number from 1, row) of each line or row that is not blank.

    Raises:
        UserError: the file cannot be read, or is of a kind that is not supported.
    """
    content = _content(path)
    if content.startswith(b"PAR1"):
        yield from _parquet_rows(path, content)
        return
    kind = next((kind for mark, kind in _BINARY.items() if content.startswith(mark)), None)
    if kind:
        raise UserError(f"{path}: {kind}; {SUPPORTED}")
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix in (".csv", ".tsv"):
        yield from _table_rows(path, content, "\t" if suffix == ".tsv" else ",")
        return
    content = _as_utf8(content)
    if content.lstrip().startswith(b"["):
        yield from _document_rows(content)
    else:
        yield from _line_rows(content)


def convert_rows(path: Path, convert: Callable[[dict[str, Any], int], T], *, example: str) -> list[T]:
    """`convert(row, number)` for each row of a file, in order; blank lines are skipped.

    Args:
        convert: raises ValueError with what is wrong with the row.
        example: a row, for the message about an empty file.

    Raises:
        UserError: the file is missing or empty, or has bad lines; the first are named.
    """
    found: list[T] = []
    problems: list[str] = []
    for number, row in read_rows(path):
        try:
            if isinstance(row, str):
                raise ValueError(row)
            found.append(convert(row, number))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    refuse_lines(path, problems)
    if not found:
        raise UserError(f"{path}: the file is empty; it needs one {example} per line")
    return found


def refuse_lines(path: Path, problems: Sequence[str]) -> None:
    """Raise a UserError that lists the first bad lines and counts the rest."""
    if problems:
        more = [f"and {len(problems) - SHOWN_PROBLEMS} more lines"] if len(problems) > SHOWN_PROBLEMS else []
        raise UserError(*problems[:SHOWN_PROBLEMS], *more, heading=str(path))


def _content(path: Path) -> bytes:
    """The bytes of a regular file, unpacked."""
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if not path.is_file():
        raise UserError(f"{path}: {'a folder' if path.is_dir() else 'not a regular file'}; {SUPPORTED}")
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UserError(f"{path}: a gzip file that is damaged or cut off") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _as_utf8(content: bytes) -> bytes:
    """UTF-16 as UTF-8; anything else unchanged, without its byte-order mark."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return content[2:].decode(encoding, errors="replace").encode("utf-8", errors="replace")
    for start, encoding in ((b"{\0", "utf-16-le"), (b"[\0", "utf-16-le"), (b"\0{", "utf-16-be"), (b"\0[", "utf-16-be")):
        if content.startswith(start):
            return content.decode(encoding, errors="replace").encode("utf-8", errors="replace")
    return content.removeprefix(b"\xef\xbb\xbf")


def _parquet_rows(path: Path, content: bytes) -> Iterator[tuple[int, Row]]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(pyarrow.BufferReader(content)).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: a Parquet file that cannot be read ({str(error).splitlines()[0][:200]})") from None
    yield from enumerate(rows, start=1)


def _table_rows(path: Path, content: bytes, delimiter: str) -> Iterator[tuple[int, Row]]:
    """The rows of a table whose first line names the fields; numbers stay text."""
    try:
        text = _as_utf8(content).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; save the table as CSV in UTF-8") from None
    csv.field_size_limit(MAX_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if None in row:
                yield reader.line_num, "more fields than the first line names"
            else:
                yield reader.line_num, {name: value for name, value in row.items() if value is not None}
    except csv.Error as error:
        yield reader.line_num + 1, f"not CSV ({error})"


def _line_rows(content: bytes) -> Iterator[tuple[int, Row]]:
    """One object per line; or one document, if the first line is not an object by itself."""
    lines = content.split(b"\n")
    first = next((line for line in lines if line.strip()), b"")
    if isinstance(_loaded(first), str) and _is_document(content):
        yield from _document_rows(content)
        return
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = _loaded(line)
            yield number, row if isinstance(row, dict | str) else "not a JSON object"


def _is_document(content: bytes) -> bool:
    return content.lstrip().startswith(b"{") and not isinstance(_loaded(content), str)


def _document_rows(content: bytes) -> Iterator[tuple[int, Row]]:
    """The objects of one JSON array, alone or under one of the usual names; an object without one is the only row."""
    found = _loaded(content)
    if isinstance(found, str):
        yield 1, found
        return
    if isinstance(found, dict):
        found = next((found[name] for name in LISTS if isinstance(found.get(name), list)), [found])
    for number, row in enumerate(found, start=1):
        yield number, row if isinstance(row, dict) else "not a JSON object"


def _loaded(line: bytes) -> dict[str, Any] | list[Any] | str:
    """The object or array of a JSON text, or what is wrong with it."""
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return _unreadable(error)
    return row if isinstance(row, dict | list) else "not a JSON object"


def _unreadable(error: ValueError | RecursionError) -> str:
    """Why `json.loads` could not read something, or its text cannot be written to a file."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg})"
    if isinstance(error, UnicodeDecodeError):
        return "not JSON (not UTF-8 text)"
    if isinstance(error, UnicodeEncodeError):
        return f"holds half of a character, {error.object[error.start]!a}, which no file can"
    cause = "nested too deeply" if isinstance(error, RecursionError) else "a number of thousands of digits"
    return f"not JSON ({cause})"
