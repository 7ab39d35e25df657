"""What comes from the Hub: the folder of a student that a name stands for, and the client's errors in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILES = (
    "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt",
    "model*.safetensors", "reasoning/*.safetensors", "verification/*.safetensors",
)  # fmt: skip
"""What a student is made of; nothing that would run code when it is loaded."""


class BaseError(ValueError):
    """A base or a student that cannot be loaded, in one line: what, where, and how to mend it."""


def student_folder(path_or_id: str | Path) -> Path:
    """The folder of a saved student: of that path or in the run of that path, else a name on the Hub, downloaded.

    Raises:
        BaseError: there is no such folder, and no such student on the Hub.
    """
    folder = Path(path_or_id)
    if folder.is_dir():
        return folder / "student" if (folder / "student").is_dir() else folder
    import huggingface_hub

    with in_one_line("student", str(path_or_id)):
        return Path(huggingface_hub.snapshot_download(str(path_or_id), allow_patterns=list(FILES)))


@contextmanager
def in_one_line(what: str, name: str) -> Iterator[None]:
    """Say what the Hub client's long errors mean, as a BaseError `<what> <name>: …`."""
    try:
        yield
    except BaseError:
        raise
    except (OSError, ValueError, KeyError) as error:
        text = " ".join(str(error).split())
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
            reason = text[:300]
        raise BaseError(f"{what} {name}: {reason}") from error
