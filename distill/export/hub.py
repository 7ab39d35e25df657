"""Uploads a student to the Hugging Face Hub, with the token of `hf auth login` or HF_TOKEN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from distill.errors import UserError
from students.hub import FILES

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
UPLOADED = (*FILES, "reasoning/*.json", "verification/*.json", "README.md")


def files_to_upload(student: Path) -> Mapping[str, int]:
    """Name to size in bytes of a student's files: weights, configuration, tokenizer and card."""
    found = {path for pattern in UPLOADED for path in student.glob(pattern) if path.is_file()}
    return {path.relative_to(student).as_posix(): path.stat().st_size for path in sorted(found)}


def check_name(name: str) -> None:
    """Refuse an impossible repository name.

    Raises:
        UserError: it is not OWNER/NAME.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"{name}: not a name on the Hub; give OWNER/NAME")


def push(student: Path, name: str) -> str:
    """Upload a student to a repository, a new private one if there is none; returns its address.

    Raises:
        UserError: there is no token, or the Hub refuses.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if huggingface_hub.get_token() is None:
        raise UserError("no token for the Hub, so nothing was uploaded; log in with `hf auth login`, or set HF_TOKEN")
    api = huggingface_hub.HfApi()
    try:
        address = api.create_repo(name, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=name, folder_path=student, allow_patterns=list(UPLOADED), commit_message=f"Upload {name}"
        )
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no answer"
        raise UserError(
            f"{name}: the Hub refused the upload ({status}); check the name and the token's rights"
        ) from None
    except (OSError, OfflineModeIsEnabled) as error:
        raise UserError(f"{name}: the Hub cannot be reached ({type(error).__name__}); try again later") from None
    return str(address)
