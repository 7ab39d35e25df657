"""Keeps the answers of evaluations on disk, so that no question is asked twice.

    runs/miniaxion-1f0c9a52/answers.jsonl    {"prompt": "…", "text": "…", "num_tokens": 87, "finished": true} a line
    runs/base_answers/Qwen2.5-3B-….jsonl     the same of an untouched base, for all runs in that folder

The first file is removed when metrics.json exists. Its batches of questions do not depend on what is answered, so a
resumed evaluation gives the same answers as an uninterrupted one.

The second file stays, and each of its answers counts by itself: a run with more questions, or with longer answers, asks
only for what is missing. The missing questions then share batches with other questions, and rounding in bfloat16 may
decide a near tie otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from students.generation import Generation


@dataclass(slots=True)
class KeptAnswers:
    """The answers of one model with one set of decoding options. Several processes may add to the file.

    `by_row`: a question that is answered does not need the rest of its batch. `max_new_tokens`: answers that another
    limit cut off, or that are longer, do not count.
    """

    path: Path
    found: dict[str, tuple[str, int, bool]] = field(default_factory=dict)
    by_row: bool = False
    max_new_tokens: int | None = None

    def __post_init__(self) -> None:
        """Read what an earlier evaluation wrote; a line that a kill cut off is no answer."""
        data = self.path.read_bytes() if self.path.is_file() else b""
        for line in data.splitlines():
            try:
                row = json.loads(line)
                answer = str(row["text"]), int(row["num_tokens"]), bool(row["finished"])
                if self._counts(*answer[1:]):
                    self.found[row["prompt"]] = answer
            except (ValueError, LookupError, TypeError):
                continue

    def _counts(self, num_tokens: int, finished: bool) -> bool:
        limit = self.max_new_tokens
        return limit is None or (num_tokens <= limit if finished else num_tokens == limit)

    def get(self, prompts: Sequence[str]) -> list[Generation] | None:
        """The answers to a batch of prompts; None unless all are there."""
        from students.generation import Generation

        rows = [self.found.get(prompt) for prompt in prompts]
        return [Generation(*row) for row in rows if row is not None] if None not in rows else None

    def get_row(self, prompt: str) -> Generation | None:
        """The answer to one prompt; None unless answers count by row and this one is there."""
        from students.generation import Generation

        row = self.found.get(prompt) if self.by_row else None
        return None if row is None else Generation(*row)

    def add(self, prompts: Sequence[str], answers: Sequence[Generation]) -> None:
        """Append the answers to a batch in one write, because other processes may write to the file, too."""
        lines = []
        for prompt, answer in zip(prompts, answers, strict=True):
            self.found[prompt] = answer.text, answer.num_tokens, answer.finished
            row = {"prompt": prompt, "text": answer.text}
            row |= {"num_tokens": answer.num_tokens, "finished": answer.finished}
            lines.append(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            is_cut = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"  # by a kill
            file.write((b"\n" if is_cut else b"") + b"".join(lines))


def base_answers(runs: Path, name: str, how: Mapping[str, object], max_new_tokens: int) -> KeptAnswers:
    """The answers of a base in the runs of a folder; `how` is everything else that its answers depend on."""
    digest = hashlib.sha256(json.dumps([name, how], sort_keys=True).encode()).hexdigest()[:8]
    path = runs / "base_answers" / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[-60:]}-{digest}.jsonl"
    return KeptAnswers(path, by_row=True, max_new_tokens=max_new_tokens)
