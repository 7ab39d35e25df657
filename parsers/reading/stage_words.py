"""The words that show the stage of a statement in English, Portuguese and Vietnamese; rules in stage_words.*.toml.

The kinds of rules, and what a matching statement does:

    check     checks an earlier result; `opens`: it may announce a passage of checks                    VERIFY
    settles   gives the verdict of a check, which ends the passage         verdict  is only a verdict
    error     says that it found an error          no_error  sounds similar, but only looks for one or finds none
    define    introduces an unknown    asked  says what is given or asked    world  states a fact       UNDERSTAND
    plan      announces work           method announces work, even if it has numbers                    PLAN
    assume    makes an assumption      conclude  draws a conclusion       closing  gives the answer     EXECUTE
    formula   names a formula          relation  relates quantities in words
    opener    words before the statement without content: "Hmm,", "Okay, so"

All patterns expect lower case. A check or error rule is tried only if one of its stems occurs, which saves time on long
texts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

KINDS = (
    "check", "error", "settles", "verdict", "no_error", "define", "asked", "world", "plan", "method", "assume",
    "conclude", "closing", "formula", "relation", "opener",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern of stage words, with a text that it must match and a text that it must not match."""

    kind: str
    language: str
    match: str
    example: str
    counter: str
    stems: tuple[str, ...] = ()
    opens: bool = False


def _rules(language: str) -> Iterator[Rule]:
    path = Path(__file__).with_name(f"stage_words.{language}.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    parts: dict[str, str] = entries.pop("parts")
    for kind, table in entries.items():
        for entry in table:
            match = re.sub(r"<(\w+)>", lambda found: parts[found[1]], entry["match"])
            stems, opens = tuple(entry.get("stems", ())), entry.get("opens", False)
            yield Rule(kind, language, match, entry["example"], entry["counter"], stems, opens)


RULES = tuple(rule for language in ("en", "pt", "vi") for rule in _rules(language))


@dataclass(frozen=True, slots=True)
class StageWords:
    """The compiled rules of one language: a pattern for each kind; checks and errors have one pattern per rule."""

    checks: tuple[Check, ...]
    stems: re.Pattern[str]
    """Matches any stem of the checks; for most statements, this one search shows that no check applies."""
    settles: Phrasing
    verdict: Phrasing
    errors: tuple[Check, ...]
    error_stems: re.Pattern[str]
    no_error: re.Pattern[str]
    define: Phrasing
    asked: Phrasing
    world: Phrasing
    plan: Phrasing
    method: Phrasing
    assume: Phrasing
    conclude: Phrasing
    closing: Phrasing
    formula: Phrasing
    relation: Phrasing
    opener: Phrasing

    def is_check(self, words: str) -> bool:
        """Whether a statement checks a result."""
        return bool(self.stems.search(words)) and _finds(self.checks, words)

    def says_error(self, words: str) -> bool:
        """Whether a statement, in lower case, says that something is wrong."""
        return bool(self.error_stems.search(words)) and _finds(self.errors, self.no_error.sub(" ", words))

    def announces_check(self, words: str) -> bool:
        """Whether a statement may open a passage of checks."""
        return _finds((check for check in self.checks if check.opens), words)


@dataclass(frozen=True, slots=True)
class Phrasing:
    """The rules of one kind; those for the start of a text are separate, so that they are tried only once."""

    begins: re.Pattern[str]
    holds: re.Pattern[str]

    def search(self, words: str) -> re.Match[str] | None:
        """A match anywhere in the text."""
        return self.begins.match(words) or self.holds.search(words)

    def match(self, words: str) -> re.Match[str] | None:
        """A match at the start of the text."""
        return self.begins.match(words) or self.holds.match(words)


def _phrasing(patterns: Iterable[str]) -> Phrasing:
    begins, holds = [], []
    for alternative in (part for pattern in patterns for part in alternatives(pattern)):
        (begins if alternative.startswith("^") else holds).append(f"(?:{alternative})")
    return Phrasing(*(re.compile("|".join(parts) or r"(?!)") for parts in (begins, holds)))


def alternatives(pattern: str) -> list[str]:
    """The top-level alternatives of a pattern: "a|(b|c)d" gives "a" and "(b|c)d"."""
    parts, depth, start = [], 0, 0
    for token in _PIECE.finditer(pattern):
        depth += (token[0] == "(") - (token[0] == ")")
        if token[0] == "|" and not depth:
            parts.append(pattern[start : token.start()])
            start = token.end()
    return [*parts, pattern[start:]]


_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[(|)]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled rule of kind check or error."""

    stems: tuple[str, ...]
    pattern: re.Pattern[str]
    opens: bool


def _finds(checks: Iterable[Check], words: str) -> bool:
    for check in checks:
        for stem in check.stems:
            if stem in words:
                if check.pattern.search(words):
                    return True
                break
    return False


@cache
def stage_words(language: str) -> StageWords:
    """The rules of a language; for any other language, the rules of all three."""
    rules = [rule for rule in RULES if rule.language == language] or RULES
    checks, errors = (
        tuple(Check(rule.stems, re.compile(rule.match), rule.opens) for rule in rules if rule.kind == kind)
        for kind in KINDS[:2]
    )
    rows = {kind: [rule.match for rule in rules if rule.kind == kind] for kind in KINDS[2:]}
    no_error = re.compile("|".join(f"(?:{row})" for row in rows.pop("no_error")))
    phrasings = {kind: _phrasing(patterns) for kind, patterns in rows.items()}
    stems, error_stems = _any_stem(checks), _any_stem(errors)
    return StageWords(checks, stems, errors=errors, error_stems=error_stems, no_error=no_error, **phrasings)


def _any_stem(checks: Iterable[Check]) -> re.Pattern[str]:
    """A pattern for any stem, grouped by first letter, so that `re` does not try every stem at every position."""
    groups: dict[str, list[str]] = {}
    stems = {stem for check in checks for stem in check.stems}
    for stem in sorted(stem for stem in stems if not any(other in stem for other in stems - {stem})):
        groups.setdefault(stem[0], []).append(re.escape(stem[1:]))
    return re.compile("|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in groups.items()))
