"""What a user did wrong, in words that say what, where and how to mend it.

error: recipes/gsm8k.yaml has 2 problems
  loss.weights.verfy: unknown key, did you mean "verify"? (understand, plan, execute, verify)
  train.max_steps: 0 is too small, 1 at least
"""

from __future__ import annotations

import difflib
import errno
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path


class UserError(Exception):
    """A mistake in what the user gave us; the command line shows it without a traceback and exits with 2.

    `problems` are whole sentences without a full stop. One problem is one line; several need a `heading`
    that names the file they are in.
    """

    def __init__(self, *problems: str, heading: str = "") -> None:
        if not problems:
            raise ValueError("an error without a problem")
        self.problems = problems
        self.heading = heading
        super().__init__(self.message())

    def message(self) -> str:
        """The text after `error: `, one line for one problem, an indented line each for several."""
        if len(self.problems) == 1:
            return f"{self.heading}: {self.problems[0]}" if self.heading else self.problems[0]
        return "\n  ".join([f"{self.heading or 'input'} has {len(self.problems)} problems", *self.problems])


def near_matches(word: str, allowed: Iterable[str]) -> list[str]:
    """Up to three of `allowed` that look like `word`, the nearest first."""
    names = {name.lower(): name for name in allowed}
    return [names[match] for match in difflib.get_close_matches(word.lower(), list(names), n=3, cutoff=0.6)]


def unknown_name(what: str, word: str, allowed: Sequence[str]) -> str:
    """One sentence that says a name is unknown, with the nearest name and all names."""
    matches = near_matches(word, allowed)
    guess = f', did you mean "{matches[0]}"?' if matches else ""
    return f"unknown {what}{guess} ({', '.join(allowed)})"


FULL_DISK_HINTS = ("No space left", "PytorchStreamWriter", "unexpected pos")


def disk_full(error: BaseException, folder: Path) -> UserError | None:
    """The error to show if `error` came from a full disk under `folder`, else None.

    Libraries hide ENOSPC: torch raises RuntimeError, safetensors a class of its own; their text is read too.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        cause = todo.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        is_hidden = not isinstance(cause, OSError) and any(hint in str(cause) for hint in FULL_DISK_HINTS)
        if is_hidden or (isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)):
            left = f"{_free_megabytes(folder)} MB left"
            return UserError(f"{folder}: the disk is full ({left}); free some space and repeat with --resume")
        todo += [cause.__cause__, cause.__context__]
    return None


def _free_megabytes(folder: Path) -> str:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return f"{shutil.disk_usage(folder).free / 1e6:.0f}"
