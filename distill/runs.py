"""The run folder: what one run writes, where, and that every file appears whole or not at all.

runs/miniaxion-tiny-1f0c9a52/
    recipe.yaml  run.json  traces.jsonl  graphs.jsonl  tokenizer/  checkpoints/  history.jsonl
    student/  metrics.json  samples.jsonl  report.html
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from distill.errors import UserError, disk_full
from distill.recipe import Recipe

PACKAGES = (
    "torch", "transformers", "accelerate", "peft", "bitsandbytes", "tokenizers", "sentencepiece", "numpy",
    "math-verify",
)  # fmt: skip
"""Whose versions run.json records."""


@dataclass(frozen=True, slots=True)
class Run:
    """A recipe and the folder of its results."""

    path: Path
    recipe: Recipe

    @property
    def graphs(self) -> Path:
        """graphs.jsonl: what the traces say, and the texts that the student learns."""
        return self.path / "graphs.jsonl"

    @property
    def tokenizer(self) -> Path:
        """Folder of the trained tokenizer."""
        return self.path / "tokenizer"

    @property
    def snapshots(self) -> Path:
        """Folder of the student at moments of training, until they are measured."""
        return self.path / "snapshots"

    @property
    def history(self) -> Path:
        """history.jsonl, the log of training, one entry for each logged step."""
        return self.path / "history.jsonl"

    @property
    def student(self) -> Path:
        """Folder that a user keeps: weights, configuration, tokenizer, model card."""
        return self.path / "student"

    @property
    def rounds(self) -> Path:
        """refine/rounds.json: the yield of the self-error rounds, if the recipe has any."""
        return self.path / "refine" / "rounds.json"

    @property
    def metrics(self) -> Path:
        """metrics.json, the last number-bearing output."""
        return self.path / "metrics.json"

    @property
    def samples(self) -> Path:
        """samples.jsonl, one evaluated question a line."""
        return self.path / "samples.jsonl"

    @property
    def report(self) -> Path:
        """report.html, whose presence says that the run is done."""
        return self.path / "report.html"

    def record(self) -> dict[str, Any]:
        """What run.json holds; empty before the run has begun."""
        return read_json(self.path / "run.json") if (self.path / "run.json").is_file() else {}

    def note(self, **facts: Any) -> None:
        """Add facts to run.json; a mapping is merged into the one that stands there."""
        record = self.record()
        for name, fact in facts.items():
            old = record.get(name)
            record[name] = {**old, **fact} if isinstance(old, dict) and isinstance(fact, dict) else fact
        write_json(self.path / "run.json", record)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds of this phase to run.json, over all sittings that ended regularly."""
        start = time.monotonic()
        yield
        seconds = self.record().get("seconds", {}).get(phase, 0.0) + time.monotonic() - start
        self.note(seconds={phase: round(seconds, 2)})


def find_run(recipe: Recipe, out: str | None = None, *, resume: bool = False, overwrite: bool = False) -> Run:
    """The run of a recipe, to be begun or gone on with; nothing is written yet.

    Raises:
        UserError: the folder exists and neither `resume` nor `overwrite` is asked for, the recipe differs from the one
            to resume, or the folder to overwrite is not a run.
    """
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other; choose one")
    path = Path(out) if out else Path("runs") / f"{recipe.name}-{recipe.fingerprint()}"
    is_run = (path / "recipe.yaml").is_file()
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: a file stands where the run folder should; choose another --out")
    if not is_run and path.is_dir() and any(not _is_leftover(entry) for entry in path.iterdir()):
        raise UserError(f"{path}: the folder exists already and holds no run; choose another --out")
    if is_run and not resume and not overwrite:
        cure = "use --resume to continue it, --overwrite to start anew, or another --out"
        raise UserError(f"{path}: the folder exists already; {cure}")
    if resume and is_run:
        _refuse_changes(path, recipe)
    elif resume and not out:
        _refuse_relatives(path, recipe)
    return Run(path, recipe)


def begin_run(run: Run, *, overwrite: bool = False) -> None:
    """Make the folder with recipe.yaml and run.json in it, where it is not there yet or is to be overwritten."""
    with disk_errors(run.path):
        if overwrite:
            remove_folder(run.path)
        run.path.mkdir(parents=True, exist_ok=True)
        if not (run.path / "run.json").is_file():
            facts = {"recipe": run.recipe.name, "fingerprint": run.recipe.fingerprint(), "seed": run.recipe.seed}
            write_json(run.path / "run.json", {**facts, **machine()})
        if not (run.path / "recipe.yaml").is_file():
            write_text(run.path / "recipe.yaml", run.recipe.to_yaml())


@contextmanager
def only_worker(run: Run) -> Iterator[None]:
    """Hold the run folder for this process; it is free again as soon as the process ends, however it ends.

    Raises:
        UserError: another process works in it.
    """
    try:
        import fcntl
    except ImportError:  # not POSIX
        yield
        return
    with (run.path / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{run.path}: another process is at work in this folder; wait for it or stop it") from None
        yield


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
    """Refuse to start beside runs of the same name: who asks to resume most likely meant one of those."""
    relatives = [file.parent for file in path.parent.glob(f"{recipe.name}-*/recipe.yaml")]
    if relatives:
        newest = max(relatives, key=lambda folder: (folder / "recipe.yaml").stat().st_mtime)
        changes = _changes(newest, recipe)
        cure = "undo that, or leave --resume out to start a new run"
        raise UserError(f"{newest}: cannot resume, the recipe changed since ({changes}); {cure}")


def _changes(path: Path, recipe: Recipe) -> str:
    try:
        old = yaml.safe_load((path / "recipe.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(f"{path / 'recipe.yaml'}: damaged, so the run cannot be resumed; use --overwrite") from None
    return "; ".join(differences(old, recipe.model_dump(mode="json")))


def _is_leftover(entry: Path) -> bool:
    """Whether an entry was left by a process that was killed before the run began."""
    return entry.name in ("run.json", ".lock") or entry.name.endswith(".part")


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


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
    """The commit of this checkout, `-dirty` where tracked files differ from it; None in an installation."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return None
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what a full or read-only disk raises, in whatever library, into one line."""
    try:
        yield
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"{error.filename or folder}: no permission to write here; choose another --out") from error
    except (NotADirectoryError, FileExistsError) as error:
        where = error.filename or folder
        raise UserError(f"{where}: a file stands here, or on the way here; choose another --out") from error
    except Exception as error:
        if full := disk_full(error, folder):
            raise full from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: aside, flushed to disk, then renamed over `path`."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text with LF line ends."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """`write_bytes` for one JSON value, indented; NaN is refused because JSON has none."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """`write_bytes` for one JSON value a line."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end of the block; an older `path` is replaced."""
    aside = path.with_name(f".{path.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    for file in aside.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    remove_folder(path)
    aside.replace(path)
    sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder so that nobody ever sees half of it; no error where there is none."""
    if path.exists():
        aside = path.with_name(f".{path.name}.removed.part")
        shutil.rmtree(aside, ignore_errors=True)
        path.replace(aside)
        shutil.rmtree(aside)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can."""
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
