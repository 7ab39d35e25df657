"""The trace store: answers of teachers that are models. `append` writes each answer to disk before it returns.

    with TraceStore(Path("traces/qwen2.5-0.5b")) as store:
        for request in store.claim(requests, most=16):     # requests that are not answered and not taken
            store.append(Answer(request.key, request.question, text))

    traces/qwen2.5-0.5b/
        answers-3f9a….jsonl     one file per writer, one answer per line; lines are appended and flushed, never changed
        claims-3f9a….jsonl      requests that this writer has taken; invalid when its process ends, also after a kill
        .lock                   held while a writer takes requests

A kill may leave an incomplete last line, without a line feed. Each writer has its own files, so nothing follows such a
line. It is skipped, and its question is asked again. `datasets.load_dataset("json", data_files="…/answers-*")` streams
the same files.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Request:
    """A request for one answer. Requests with equal fields have equal keys and are sent once.

    `sampling` holds the decoding options: temperature, top_p, max_new_tokens, seed.
    """

    question: str
    teacher: str
    """The model and its revision, as the teacher reports them."""
    template: str
    """Hash of the prompt's words."""
    sampling: tuple[tuple[str, float | int | None], ...]
    sample: int = 0
    """Number of the answer if several are drawn for one question."""

    @property
    def key(self) -> str:
        """SHA-256 of all fields, 32 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a request: `text`, or the reason in `failure` if it has none."""

    key: str
    question: str
    text: str
    finished: bool = True
    """Whether the teacher ended the text itself, before the token limit."""
    num_tokens: int | None = None
    failure: str | None = None
    teacher: str = ""
    template: str = ""
    sampling: dict[str, float | int | None] = field(default_factory=dict)
    sample: int = 0


class TraceStore:
    """A folder of answers that several processes may fill at the same time.

    Raises:
        OSError: the folder cannot be created, read or written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.torn = 0
        """Number of incomplete lines after a kill; their requests count as not answered."""
        self._writer = uuid.uuid4().hex
        self._answers: dict[str, Answer] = {}
        self._read_to: dict[Path, int] = {}
        self._file: IO[bytes] | None = None
        self._claims: IO[bytes] | None = None

    def answers(self) -> dict[str, Answer]:
        """Maps key to answer, from the complete lines of all writers on disk; the first answer of a key counts."""
        self.torn = 0
        for path in sorted(self.folder.glob("answers-*.jsonl")):
            self._read_on(path)
        return self._answers

    def claim(self, requests: Sequence[Request], *, most: int) -> list[Request]:
        """Take up to `most` requests that are neither answered nor taken by a live process."""
        with self._locked():
            answered, taken = self.answers(), self._taken_by_others()
            free: dict[str, Request] = {}
            for request in requests:
                if len(free) == most:
                    break
                if (key := request.key) not in answered and key not in taken:
                    free.setdefault(key, request)
            self._write_claims(free)
        return list(free.values())

    def append(self, answer: Answer) -> None:
        """Write an answer to disk; it is flushed when this returns."""
        if self._file is None:
            self._file = (self.folder / f"answers-{self._writer}.jsonl").open("ab")
        line = json.dumps(asdict(answer), ensure_ascii=False) + "\n"
        self._file.write(line.encode("utf-8", "surrogatepass"))
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> TraceStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release requests that were claimed but not answered."""
        for file in (self._file, self._claims):
            if file is not None:
                file.close()
        self._file = self._claims = None
        (self.folder / f"claims-{self._writer}.jsonl").unlink(missing_ok=True)

    def _read_on(self, path: Path) -> None:
        start = self._read_to.get(path, 0)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.torn += end < len(data)
        self._read_to[path] = start + end
        for line in data[:end].splitlines():
            answer = _answer(line)
            if answer is not None:
                self._answers.setdefault(answer.key, answer)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _taken_by_others(self) -> set[str]:
        """Keys in the claims of live writers; the claims of ended writers are deleted."""
        taken: set[str] = set()
        for path in self.folder.glob("claims-*.jsonl"):
            if path.name == f"claims-{self._writer}.jsonl":
                continue
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:  # its writer is alive and holds the lock
                    taken.update(file.read().decode().split())
                else:
                    path.unlink(missing_ok=True)
        return taken

    def _write_claims(self, keys: Iterable[str]) -> None:
        if self._claims is None:
            self._claims = (self.folder / f"claims-{self._writer}.jsonl").open("w+b")
            fcntl.flock(self._claims, fcntl.LOCK_EX)
        self._claims.seek(0)
        self._claims.truncate()
        self._claims.write("".join(f"{key}\n" for key in keys).encode())
        self._claims.flush()


def _answer(line: bytes) -> Answer | None:
    """The answer of a line; None for a damaged line, which counts as not answered."""
    try:
        row: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
        return Answer(**row)
    except (ValueError, TypeError, RecursionError):
        return None
