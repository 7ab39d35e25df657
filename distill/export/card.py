"""The card of an export: the student's own card, and a section about this format."""

from __future__ import annotations

import re
from pathlib import Path


def write_card(student: Path, out: Path, notes: str) -> None:
    """Write README.md; it tells the Hub which library loads the export."""
    own = student / "README.md"
    text = own.read_text(encoding="utf-8") if own.is_file() else f"# {student.name}\n"
    text = re.sub(r"^library_name: .*$", "library_name: transformers", text, count=1, flags=re.MULTILINE)
    (out / "README.md").write_text(f"{text.rstrip()}\n\n## This export\n\n{notes}\n", encoding="utf-8")
