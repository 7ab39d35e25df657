"""Every rule of the stage words matches its example and not its counter-example."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from parsers.reading.stage_words import KINDS, RULES, Rule
from parsers.reading.stages import says_error


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.language}-{rule.kind}-{rule.example[:30]}")
def test_rule_matches_its_example_only(rule: Rule) -> None:
    assert rule.kind in KINDS
    assert rule.example == rule.example.lower() and rule.counter == rule.counter.lower()
    pattern = re.compile(rule.match)
    assert pattern.search(rule.example)
    assert not pattern.search(rule.counter)
    if rule.kind in ("check", "error"):
        assert any(stem in rule.example for stem in rule.stems)


def test_every_language_has_every_kind_that_a_stage_needs() -> None:
    needed = {"check", "settles", "verdict", "error", "no_error", "define", "asked", "world", "plan", "method",
              "assume", "conclude", "closing", "relation", "opener"}  # fmt: skip
    for language in ("en", "pt", "vi"):
        assert needed <= {rule.kind for rule in RULES if rule.language == language}


def test_sentences_that_say_an_error_was_found_are_told_from_those_that_only_looked() -> None:
    sentences = tomllib.loads(Path(__file__).with_name("flags.toml").read_text(encoding="utf-8"))
    found = [sentence for sentence in sentences["error"] if says_error(sentence)]
    false = [sentence for sentence in sentences["looked"] if says_error(sentence)]
    assert len(found) / (len(found) + len(false)) >= 0.95, false
    assert len(found) / len(sentences["error"]) >= 0.95
