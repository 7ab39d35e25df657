"""Links out of docs/ lead to the repository: the site holds the pages of docs/ only."""

from __future__ import annotations

import re
from typing import Any

REPOSITORY = "https://github.com/OWNER/step-aware-distillation/blob/main/"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for each page."""
    return re.sub(r"\]\(\.\./", f"]({REPOSITORY}", markdown)
