"""Finds a saved student by name: a student that ships, a local folder, or a download from the Hub."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PretrainedConfig

FILES = (
    "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt",
    "model*.safetensors", "reasoning/*.safetensors", "verification/*.safetensors",
)  # fmt: skip
"""What a student is made of; nothing that would run code when it is loaded."""


SHIPPED = Path(__file__).parent / "shipped"
"""Students that come with this package, a folder each."""


class BaseError(ValueError):
    """A base or a student that cannot be loaded, in one line: what, where, and how to mend it."""


def shipped_students() -> dict[str, Path]:
    """Name to folder of the students that ship."""
    return {path.parent.name: path.parent for path in sorted(SHIPPED.glob("*/config.json"))}


def student_folder(path_or_id: str | Path) -> Path:
    """The folder of a saved student: a path, a run folder, a student that ships, or a download from the Hub.

    Raises:
        BaseError: there is no such folder, and no such student on the Hub.
    """
    folder = Path(path_or_id)
    if folder.is_dir():
        return folder / "student" if (folder / "student").is_dir() else folder
    if shipped := shipped_students().get(str(path_or_id)):
        return shipped
    import huggingface_hub

    with in_one_line("student", str(path_or_id)):
        return Path(huggingface_hub.snapshot_download(str(path_or_id), allow_patterns=list(FILES)))


@contextmanager
def in_one_line(what: str, name: str) -> Iterator[None]:
    """Say what the Hub client's long errors, and those of damaged files, mean, as a BaseError `<what> <name>: …`.

    Damaged files raise whatever their reader does: SafetensorError, struct.error, TypeError, KeyError, RecursionError.
    """
    try:
        yield
    except BaseError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        if "out of memory" in text or "can't allocate memory" in text:  # torch raises RuntimeErrors
            raise
        lower = text.lower()
        if "gated" in text:
            reason = f"accept its licence at https://huggingface.co/{name} and log in with `hf auth login`"
        elif any(words in lower for words in ("connect", "offline", "outgoing traffic")):
            reason = "it is not on this machine and the Hub cannot be reached; name a local folder"
        elif any(
            words in lower
            for words in ("not a valid model id", "not a local folder", "repo id", "repository not found")
        ):
            reason = "neither a folder here nor a model on the Hub that you may see"
        else:
            reason = f"damaged or not supported here: {type(error).__name__}, {text[:200]}"
        raise BaseError(f"{what} {name}: {reason}") from error


MOST_LAYERS, LARGEST_SIZE = 2_000, 10_000_000
"""Above these a configuration is damaged; building the model would take all time or memory."""
SIZE_ENDINGS = ("size", "heads", "_dim", "rank", "experts", "n_embd", "n_head")


def refuse_absurd(config: PretrainedConfig) -> None:
    """Check the numbers of a configuration before a model is built from it.

    Raises:
        ValueError: a number is impossible for a model.
    """
    for key, value in config.to_dict().items():
        most = MOST_LAYERS if key.endswith(("layers", "n_layer")) else LARGEST_SIZE
        is_size = key.endswith((*SIZE_ENDINGS, "layers", "n_layer"))
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"config.json: {key} is {value}")
        if is_size and type(value) in (int, float) and not 0 <= value <= most:
            raise ValueError(f"config.json: {key} is {value:,}")
