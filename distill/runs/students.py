"""Find and load a saved student: in a run folder, in a folder of its own, or on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import UserError
from students.hub import shipped_students

if TYPE_CHECKING:
    from torch import nn
    from transformers import LogitsProcessorList, PreTrainedTokenizerBase


def student_path(model: str) -> str:
    """The path of the student in a run folder or in its own folder; names of shipped students and of the Hub stay."""
    path = Path(model)
    if (path / "student" / "config.json").is_file():
        return str(path / "student")
    if (path / "recipe.yaml").is_file():
        raise UserError(f"{path}: this run has no student yet; finish it with distill run … --resume")
    if path.is_dir() and not (path / "config.json").is_file():
        raise UserError(f"{path}: neither a run folder nor a saved student (no config.json here or in student/)")
    if path.exists():
        return model
    shipped = shipped_students()
    if model not in shipped and (path.is_absolute() or model.startswith(".") or model.count("/") != 1):
        raise UserError(f"{model}: no such folder, no student that ships ({', '.join(shipped)}), no name on the Hub")
    return model


def load_saved(folder: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of the student that a run saved.

    Raises:
        UserError: its base cannot be loaded.
    """
    from students.generation import load_student
    from students.hub import BaseError

    try:
        return load_student(folder)
    except BaseError as error:
        raise UserError(str(error), heading="student") from error


def loaded(student: str) -> tuple[Any, Any]:
    """(model, tokenizer) of the student at a path that `student_path` gave.

    Raises:
        UserError: it cannot be loaded.
    """
    from students.generation import load_student

    try:
        return load_student(student)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{student}: no student can be loaded from here ({reason})") from error


def helpers_of(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, *, calculator: bool, guided: bool
) -> LogitsProcessorList | None:
    """The `logits_processor` of `generate` for `--calculator` and `--guided`; None without them.

    Raises:
        UserError: one of them is wanted for a nano student.
    """
    from students.processors import processors_of

    if calculator and not hasattr(model, "peft_config"):
        raise UserError("--calculator: nano students write no <<…>>; it is for adapter students")
    if guided and not hasattr(model, "peft_config"):
        raise UserError("--guided: nano students have markers of their own; it is for adapter students")
    return processors_of(tokenizer, calculator=calculator, guided=guided)
