"""An interrupted evaluation: what was answered is not asked again, and the result is that of an undisturbed one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from distill.evaluation.evaluate import unwritten, write_on
from distill.evaluation.kept import KeptAnswers, base_answers
from students.generation import Generation
from teachers.problems import Problem

PROBLEMS = [Problem("x" * n, str(n)) for n in (9, 3, 7, 1, 5)]


class Tokenizer:
    """As many tokens as letters, and no markers, so that a question stands bare."""

    unk_token_id = 0
    bos_token = None
    chat_template = None

    def convert_tokens_to_ids(self, token: str) -> int:
        return 0

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [1] * len(text)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The batches that the model is asked; it fails at the third."""
    batches: list[list[str]] = []

    def generate(model: Any, tokenizer: Any, prompts: Sequence[str], **options: Any) -> list[Generation]:
        batches.append(list(prompts))
        if len(batches) == model.fails_at:
            raise KeyboardInterrupt
        return [Generation(f"{len(prompt)} letters\n\ud83d", 3, True) for prompt in prompts]

    monkeypatch.setattr("students.generation.generate", generate)
    return batches


def write(path: Path, fails_at: int = 0) -> list[str]:
    model: Any = SimpleNamespace(fails_at=fails_at)
    tokenizer: Any = Tokenizer()
    kept = KeptAnswers(path)
    outputs = write_on(model, tokenizer, unwritten(PROBLEMS), max_new_tokens=5, batch_size=2, kept=kept)
    return [output.text for output in outputs]


def test_batches_that_were_answered_are_not_asked_again(tmp_path: Path, asked: list[list[str]]) -> None:
    whole = write(tmp_path / "undisturbed.jsonl")
    undisturbed = list(asked)
    assert [text.split()[0] for text in whole] == ["10", "4", "8", "2", "6"], "in the order of the problems"
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "kept.jsonl", fails_at=3)
    asked.clear()
    assert write(tmp_path / "kept.jsonl") == whole
    assert asked == undisturbed[2:], "only the batch that failed, as it would have been asked"


def test_half_a_line_does_not_count(tmp_path: Path, asked: list[list[str]]) -> None:
    path = tmp_path / "kept.jsonl"
    whole = write(path)
    path.write_bytes(path.read_bytes()[:-5])
    asked.clear()
    assert write(path) == whole and len(asked) == 1
    asked.clear()
    assert write(path) == whole and not asked, "what was written behind half a line is read"


def test_a_base_is_asked_once_for_all_runs_of_a_folder(tmp_path: Path) -> None:
    answer, how = Generation("4", 1, True), {"dtype": "float32", "batch_size": 5}
    base_answers(tmp_path, "org/base", how, 8).add(["2 + 2?"], [answer])
    assert base_answers(tmp_path, "org/base", dict(how), 8).get(["2 + 2?"]) == [answer]
    for other in (("org/base", {**how, "batch_size": 6}), ("org/other", how)):
        assert base_answers(tmp_path, *other, 8).get(["2 + 2?"]) is None
    assert all(path.parent == tmp_path / "base_answers" for path in tmp_path.rglob("*.jsonl"))


def test_an_answer_of_a_base_counts_for_any_limit_that_it_does_not_depend_on(tmp_path: Path) -> None:
    written = {"short": Generation("4", 3, True), "long": Generation("4", 8, True), "cut": Generation("4", 5, False)}
    base_answers(tmp_path, "base", {}, 9).add(list(written), list(written.values()))
    for limit, counted in ((9, {"short", "long"}), (5, {"short", "cut"}), (3, {"short"}), (2, set())):
        kept = base_answers(tmp_path, "base", {}, limit)
        assert {prompt for prompt in written if kept.get_row(prompt) == written[prompt]} == counted


def test_more_questions_to_a_base_ask_only_for_the_new_ones(tmp_path: Path, asked: list[list[str]]) -> None:
    model: Any = SimpleNamespace(fails_at=0)
    tokenizer: Any = Tokenizer()
    seen: list[int] = []
    for problems in (PROBLEMS[:2], PROBLEMS):
        kept = base_answers(tmp_path, "base", {}, 5)
        write_on(
            model, tokenizer, unwritten(problems), max_new_tokens=5, batch_size=2, kept=kept, on_progress=seen.append
        )
    assert [[len(prompt) for prompt in batch] for batch in asked] == [[4, 10], [2, 6], [8]]
    assert seen == [2], "what was known counts as progress at once"
