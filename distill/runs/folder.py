"""The run folder: the path of each file, the rules for starting and resuming a run, its lock and run.json.

runs/miniaxion-tiny-1f0c9a52/
    recipe.yaml  run.json  traces.jsonl  graphs.jsonl  tokenizer/  checkpoints/  history.jsonl
    student/  metrics.json  samples.jsonl  report.html
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.recipe.files import read_recipe
from distill.recipe.schema import Recipe
from distill.runs.files import (
    disk_errors,
    make_folder,
    read_json,
    remove_folder,
    remove_parts,
    write_json,
    write_text,
)

PACKAGES = (
    "torch", "transformers", "accelerate", "peft", "bitsandbytes", "tokenizers", "sentencepiece", "numpy",
    "math-verify",
)  # fmt: skip
"""Whose versions run.json records."""

OUTPUTS = (
    "traces.jsonl", "graphs.jsonl", "errors.jsonl", "tokenizer", "checkpoints", "snapshots", "history.jsonl",
    "student", "refine", "answers.jsonl", "samples.jsonl", "base_samples.jsonl", "metrics.json", "report.html",
    "damaged", "recipe.yaml", "run.json",
)  # fmt: skip
"""All that a run writes into its folder, and all that `--overwrite` removes."""

SCHEMA = 2
"""Version of the files in a run folder. A run of another version cannot be resumed."""


@dataclass(frozen=True, slots=True)
class Run:
    """A recipe and the folder of its results."""

    path: Path
    recipe: Recipe

    @property
    def graphs(self) -> Path:
        """graphs.jsonl: the graphs of the traces, and the texts that the student learns."""
        return self.path / "graphs.jsonl"

    @property
    def tokenizer(self) -> Path:
        """Folder of the trained tokenizer."""
        return self.path / "tokenizer"

    @property
    def snapshots(self) -> Path:
        """Folder of snapshots: the student at moments of training, until they are measured."""
        return self.path / "snapshots"

    @property
    def history(self) -> Path:
        """history.jsonl, the log of training, one entry for each logged step."""
        return self.path / "history.jsonl"

    @property
    def student(self) -> Path:
        """Folder of the finished student: weights, configuration, tokenizer, model card."""
        return self.path / "student"

    @property
    def rounds(self) -> Path:
        """refine/rounds.json: the yield of the self-error rounds, if the recipe has any."""
        return self.path / "refine" / "rounds.json"

    @property
    def metrics(self) -> Path:
        """metrics.json: all measured numbers."""
        return self.path / "metrics.json"

    @property
    def answers(self) -> Path:
        """answers.jsonl: answers of an unfinished evaluation; removed when it is done."""
        return self.path / "answers.jsonl"

    @property
    def samples(self) -> Path:
        """samples.jsonl, one evaluated question per line."""
        return self.path / "samples.jsonl"

    @property
    def report(self) -> Path:
        """report.html; if it exists, the run is done."""
        return self.path / "report.html"

    def record(self) -> dict[str, Any]:
        """The content of run.json; empty before the run begins."""
        return read_json(self.path / "run.json") if (self.path / "run.json").is_file() else {}

    def note(self, **facts: Any) -> None:
        """Add facts to run.json; a mapping is merged into the existing one."""
        record = self.record()
        for name, fact in facts.items():
            old = record.get(name)
            record[name] = {**old, **fact} if isinstance(old, dict) and isinstance(fact, dict) else fact
        write_json(self.path / "run.json", record)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds of this phase to run.json; calls that ended with an error do not count."""
        start = time.monotonic()
        yield
        seconds = self.record().get("seconds", {}).get(phase, 0.0) + time.monotonic() - start
        self.note(seconds={phase: round(seconds, 2)})


def find_run(recipe: Recipe, out: str | None = None, *, resume: bool = False, overwrite: bool = False) -> Run:
    """The run folder of a recipe, new or resumed; writes nothing yet.

    A symbolic link is followed, so that a run may lie on another disk.

    Raises:
        UserError: the folder exists without `resume` or `overwrite`, the recipe differs from the one to resume, or the
            folder holds files that no run wrote.
    """
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other; choose one")
    if out is not None and not out.strip():
        raise UserError("--out: empty; name a folder, or leave the option out")
    path = Path(out) if out else Path("runs") / f"{recipe.name}-{recipe.fingerprint()}"
    with disk_errors(path):
        _refuse_others(path)
        if is_run(path) and not resume and not overwrite:
            cure = "use --resume to continue it, --overwrite to start anew, or another --out"
            raise UserError(f"{path}: the folder exists already; {cure}")
        if resume and is_run(path):
            _refuse_changes(path, recipe)
        elif resume and not out:
            _refuse_relatives(path, recipe)
    return Run(path, recipe)


def is_run(path: Path) -> bool:
    """Whether a folder holds the first files of a run."""
    return (path / "run.json").is_file() and (path / "recipe.yaml").is_file()


def begin_run(run: Run, *, resume: bool = False, overwrite: bool = False) -> None:
    """Make the folder with recipe.yaml and run.json; `overwrite` first removes the files of an earlier run.

    Call it in `only_worker`. It checks the folder again: another process may have begun a run since `find_run`.

    Raises:
        UserError: as in `find_run`.
    """
    find_run(run.recipe, str(run.path), resume=resume, overwrite=overwrite)
    make_folder(run.path)
    with disk_errors(run.path):
        if overwrite and is_run(run.path):
            for name in sorted(OUTPUTS, key=["recipe.yaml", "run.json"].__contains__):  # these two say that it is a run
                remove_folder(run.path / name)
        remove_parts(run.path)
        if not (run.path / "run.json").is_file():
            write_record(run)
        if not (run.path / "recipe.yaml").is_file():
            write_text(run.path / "recipe.yaml", run.recipe.to_yaml())


def write_record(run: Run) -> None:
    """Write the first run.json: the recipe, the versions and the machine."""
    facts = {"recipe": run.recipe.name, "fingerprint": run.recipe.fingerprint(), "seed": run.recipe.seed}
    write_json(run.path / "run.json", {"schema": SCHEMA, **facts, **machine()})


@contextmanager
def only_worker(run: Run) -> Iterator[None]:
    """Make the run folder and lock it for this process; the lock ends with the process, also after a kill.

    The lock file `.NAME.lock` is beside the folder, so that `--overwrite` does not remove it. If it cannot be written
    there, it is inside the folder.

    Raises:
        UserError: another process works in it, or it cannot be made.
    """
    make_folder(run.path)
    lock = _lock_of(run.path)
    with disk_errors(run.path):
        held = _locked(lock)
    if held is None:
        raise UserError(f"{run.path}: another process is at work in this folder; wait for it or stop it")
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(held)


def is_at_work(path: Path) -> bool:
    """Whether a process holds the lock of this run folder; changes nothing."""
    try:
        import fcntl

        with _lock_of(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):  # not POSIX; no lock file, or a file system without locks
        return False
    return False


def _lock_of(path: Path) -> Path:
    real = path.resolve()
    above = real.parent
    return above / f".{real.name}.lock" if real != above and os.access(above, os.W_OK) else real / ".lock"


def _locked(lock: Path) -> int | None:
    """A file descriptor that holds the lock file; None if another process holds it.

    Raises:
        UserError: the lock file is a symbolic link. It is not followed, and no existing file is changed.
    """
    try:
        import fcntl
    except ImportError:  # not POSIX
        return os.open(lock, os.O_RDWR | os.O_CREAT)
    if lock.is_symlink():
        raise UserError(f"{lock}: this symbolic link is in the place of a run's lock file; remove it")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        held = os.open(lock, flags, 0o666)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return None
        except OSError:  # a file system without locks
            return held
        if lock.exists() and os.path.samestat(os.fstat(held), lock.stat()):
            return held
        os.close(held)  # the process that held it has removed it since


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """`key.path: old -> new` for every leaf in which two plain values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = dict.fromkeys([*old, *new])
        return [
            line for name in names for line in differences(old.get(name), new.get(name), f"{key}.{name}".lstrip("."))
        ]
    return [] if old == new else [f"{key}: {_short(old)} -> {_short(new)}"]


def _refuse_changes(path: Path, recipe: Recipe) -> None:
    if changes := _changes(path, recipe):
        cure = "undo that, or start anew with --overwrite or another --out"
        raise UserError(f"{path}: cannot resume, the recipe changed since ({changes}); {cure}")


def _refuse_relatives(path: Path, recipe: Recipe) -> None:
    """Refuse `--resume` for a new recipe beside runs of the same name: most likely one of those was meant."""
    relatives = [file.parent for file in path.parent.glob(f"{recipe.name}-*/recipe.yaml")]
    if relatives:
        newest = max(relatives, key=lambda folder: (folder / "recipe.yaml").stat().st_mtime)
        changes = _changes(newest, recipe)
        cure = "undo that, or leave --resume out to start a new run"
        raise UserError(f"{newest}: cannot resume, the recipe changed since ({changes}); {cure}")


def _changes(path: Path, recipe: Recipe) -> str:
    file = path / "recipe.yaml"
    try:
        old = read_recipe(file).data
    except UserError as error:
        cure = "put the recipe there again, or start anew with --overwrite or another --out"
        raise UserError(f"{error}; it is damaged, so the run cannot be resumed: {cure}") from None
    return "; ".join(differences(old, recipe.model_dump(mode="json")))


def _refuse_others(path: Path) -> None:
    """Refuse a folder with files that no run wrote."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: a file stands where the run folder should; choose another --out")
    if path.is_dir() and not is_run(path) and any(not _is_leftover(entry) for entry in path.iterdir()):
        raise UserError(f"{path}: the folder exists already and holds no run; choose another --out")


def _is_leftover(entry: Path) -> bool:
    """Whether a killed process left this entry, before a run began or while one was removed."""
    return entry.name in ("run.json", ".lock") or (entry.name.startswith(".") and entry.name.endswith(".part"))


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def package_version() -> str:
    """The version of this package; "unknown" in a checkout that is not installed."""
    try:
        return importlib.metadata.version("step-aware-distillation")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def machine() -> dict[str, Any]:
    """Versions, device and commit, for run.json; imports torch only if it is imported already."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"versions": versions, "platform": platform.platform(), "cpus": os.cpu_count(), "commit": commit()}


def commit() -> str | None:
    """The commit of this checkout, with `-dirty` if tracked files were changed; None in an installation."""
    here = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return None
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None
