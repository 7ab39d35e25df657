"""UserError, and how system errors become one: a line that says what happened, where, and what to do.

error: recipes/gsm8k.yaml has 2 problems
  loss.weights.verfy: unknown key, did you mean "verify"? (understand, plan, execute, verify)
  train.max_steps: 0 is too small, 1 at least
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable


class UserError(Exception):
    """A mistake in what the user gave us; the command line shows it without a traceback and exits with 2.

    `problems` are whole sentences without a full stop. One problem is one line; several need a `heading`
    that names the file they are in.
    """

    def __init__(self, *problems: str, heading: str = "") -> None:
        if not problems:
            raise ValueError("an error without a problem")
        self.problems = tuple(map(printable, problems))
        self.heading = printable(heading)
        super().__init__(self.message())

    def message(self) -> str:
        """The text after `error: `, one line for one problem, an indented line each for several."""
        if len(self.problems) == 1:
            return f"{self.heading}: {self.problems[0]}" if self.heading else self.problems[0]
        return "\n  ".join([f"{self.heading or 'input'} has {len(self.problems)} problems", *self.problems])


class Stopped(BaseException):
    """A signal asked to stop; like KeyboardInterrupt, no handler of errors catches it."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        super().__init__(signal.Signals(signum).name)


def near_matches(word: str, allowed: Iterable[str]) -> list[str]:
    """Up to three of `allowed` that look like `word`, the nearest first."""
    names = {name.lower(): name for name in allowed}
    return [names[match] for match in difflib.get_close_matches(word.lower(), list(names), n=3, cutoff=0.6)]


def unknown_name(what: str, word: str, allowed: Sequence[str]) -> str:
    """One sentence that says a name is unknown, with the nearest name and all names."""
    matches = near_matches(word, allowed)
    guess = f', did you mean "{matches[0]}"?' if matches else ""
    return f"unknown {what}{guess} ({', '.join(allowed)})"


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal or a browser would obey and not show: control characters, changes of direction, half characters."""


def printable(text: object) -> str:
    """Text from outside with control characters written out, such as `\\x1b`; safe for a terminal or a page."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
FULL_DISK_HINTS = ("No space left", "PytorchStreamWriter", "unexpected pos")
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
SYSTEM_ERRORS = {
    **dict.fromkeys(NO_PERMISSION, "no permission to write here; choose another place"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a file stands here, or on the way here; choose another place"),
    errno.EISDIR: "a folder stands here; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "symbolic links lead in a circle here; choose another place",
    errno.EBUSY: "in use by the system; choose another place",
    errno.EIO: "the disk cannot be read or written; choose another one",
}
"""Errors of the system about a path that a user chose, and how to mend them."""


RESUME = "repeat with --resume"


def system_error(error: BaseException, folder: Path | None = None, *, again: str = "try again") -> UserError | None:
    """The error to show if a disk, a path or a permission caused `error`; else None.

    Args:
        folder: what was written to, named where the error itself names no file.
        again: what to do once there is space.
    """
    if full := disk_full(error, folder, again=again):
        return full
    if isinstance(error, OSError) and error.errno in SYSTEM_ERRORS and (error.filename or folder):
        return UserError(f"{_name(error.filename or folder)}: {SYSTEM_ERRORS[error.errno]}")
    return None


def disk_full(error: BaseException, folder: Path | None = None, *, again: str = "try again") -> UserError | None:
    """The error to show if `error` came from a full disk, else None.

    Libraries hide ENOSPC: torch raises RuntimeError, safetensors a class of its own; their text is read too.
    """
    for cause in _causes(error):
        is_full = isinstance(cause, OSError) and cause.errno in FULL_DISK
        if is_full or (not isinstance(cause, OSError) and any(hint in str(cause) for hint in FULL_DISK_HINTS)):
            return _full_disk(getattr(cause, "filename", None), folder, again)
    return None


MEMORY_HINTS = ("out of memory", "not enough memory", "can't allocate memory", "std::bad_alloc", "Unable to allocate")


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on a GPU or elsewhere; torch reports this as a RuntimeError, too."""
    return any(
        isinstance(cause, MemoryError)
        or (isinstance(cause, RuntimeError) and any(hint in str(cause) for hint in MEMORY_HINTS))
        for cause in _causes(error)
    )


@contextmanager
def memory_errors(cure: str) -> Iterator[None]:
    """Turn an error about missing memory into a UserError that says what to change.

    Raises:
        UserError: memory ran out in the block.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise UserError(f"not enough memory; {cure}") from error
        raise


@runtime_checkable
class UsageError(Protocol):
    """An error of typer about wrong arguments; its class stands in other places in other versions of typer."""

    def format_message(self) -> str:
        """What is wrong, as a sentence."""
        ...


def explained(error: Exception) -> tuple[str, int]:
    """The line to show for an error, and the exit code."""
    if isinstance(error, UsageError):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "distill"
        return f"error: {error.format_message().rstrip('.')}; see {command} --help", 2
    if isinstance(error, UserError):
        return f"error: {error}", 2
    if found := system_error(error):
        return f"error: {found}", 2
    if out_of_memory(error):
        return "error: not enough memory; take a smaller model or batch, or shorter texts", 2
    summary = " ".join(str(error).split()) or type(error).__name__
    return f"failed: {type(error).__name__}: {summary[:500]} (this is our bug; --debug shows where)", 1


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its chain of causes, each once."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        cause = todo.pop()
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            todo += [cause.__cause__, cause.__context__]


def _full_disk(file: str | None, folder: Path | None, again: str) -> UserError:
    """Names the file of the error, else the fuller of the folder and the folder of temporary files."""
    temporary = Path(tempfile.gettempdir())
    places = [Path(_name(file))] if file else [place for place in (folder, temporary) if place]
    fullest = min(places, key=_free_megabytes)
    return UserError(
        f"{fullest}: the disk is full ({_free_megabytes(fullest):.0f} MB left); free some space and {again}"
    )


def _name(path: object) -> str:
    text = os.fsdecode(path) if isinstance(path, bytes | os.PathLike) else str(path)
    return text if len(text) <= 120 else text[:117] + "..."


def _free_megabytes(folder: Path) -> float:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e6
