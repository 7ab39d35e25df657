"""Decides the stage of a statement by what it does: restate, announce, compute or check. It uses rules, not a model.

    "Jill works 35 hours per week."                  ->  UNDERSTAND  (every number is given)
    "Next, let's calculate her earnings:"            ->  PLAN        (announces, does not compute)
    "The weekly earnings are 35 * 20 = 700."         ->  EXECUTE
    "700 / 20 = 35, so the result is correct."       ->  VERIFY      (checks an earlier result)

The words of the three languages are in `stage_words`; `Facts` describes the numbers of a statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.graph import Stage
from parsers.reading.stage_words import StageWords, stage_words

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the reader of a text knows about the numbers of one statement and about the text before it."""

    computes: bool = False
    """It has an operation or a relation between numbers or unknowns."""
    unequal: bool = False
    """It has an expression, but no equation."""
    equates: bool = False
    """It has an equation whose last side is a number or arithmetic."""
    linked: bool = False
    """It is mathematical prose, which computes with the problem's numbers and rarely restates them."""
    worded: bool = False
    """It relates only quantities named in words: Total = A + B."""
    numbers: int = 0
    given: bool = False
    """The problem states every number in it."""
    recalled: bool = False
    """It has an earlier result that the problem does not state."""
    stands: bool = False
    """There is a result before it."""
    rechecks: bool = False
    """Its equation leads from a result back to the operands of that result."""
    checking: bool = False
    """A passage of checks is open."""
    closing: bool = False
    """It states the final answer."""
    leads: bool = False
    """It ends in a colon and announces what follows."""
    restates: bool = False
    """The problem contains nearly all its words."""


def says_error(words: str, language: str = "und") -> bool:
    """Whether the statement says that something is wrong ("that can't be right"), not only that it checks."""
    return stage_words(language).says_error(words.lower())


def classify(words: str, facts: Facts, language: str = "und") -> Stage:
    """The stage of a statement, from its own words (without headings and labels) and the facts about it."""
    words, known = words.lower(), stage_words(language)
    if facts.stands and len(words) < MAX_VERDICT and known.verdict.match(words):
        return Stage.VERIFY
    if (opener := known.opener.match(words)) is not None:
        words = words[opener.end() :]
        if not words.strip(" .,!?*"):
            return Stage.PLAN  # "Hmm." says nothing yet
    if _is_check(words, facts, known):
        return Stage.VERIFY
    if facts.closing:
        return Stage.EXECUTE
    if known.define.match(words) and not (facts.computes and facts.numbers > 1):
        return Stage.UNDERSTAND
    if facts.computes:
        return _computing(words, facts, known)
    return _wording(words, facts, known)


MAX_VERDICT = 80
"""A statement that is only a verdict is shorter than this many characters."""


def _is_check(words: str, facts: Facts, known: StageWords) -> bool:
    if not facts.stands or (facts.closing and not re.search(r"\bcheck|verif|confirm", words)):
        return False
    return facts.rechecks or facts.checking or known.is_check(words) or known.says_error(words)


def _computing(words: str, facts: Facts, known: StageWords) -> Stage:
    """The stage of a statement with an equation or expression: EXECUTE, except facts, questions and bare formulas."""
    if facts.unequal and known.asked.search(words) and not known.conclude.match(words):
        return Stage.UNDERSTAND
    if not facts.numbers and known.formula.search(words) and known.plan.search(words):
        return Stage.PLAN
    if facts.numbers == 1 and not facts.recalled and known.world.search(words) and not known.conclude.match(words):
        return Stage.UNDERSTAND
    return Stage.EXECUTE


def _wording(words: str, facts: Facts, known: StageWords) -> Stage:
    """The stage of a statement that does not compute: from its words, otherwise from what it states."""
    assumes = bool(known.assume.search(words))
    if not facts.recalled and not assumes and known.asked.search(words):
        return Stage.UNDERSTAND
    if assumes and facts.numbers:
        return Stage.EXECUTE
    if known.method.search(words):
        return Stage.PLAN
    if facts.equates and facts.numbers and not facts.leads:
        return _telling(words, facts, known)
    if facts.worded and known.conclude.match(words):
        return Stage.EXECUTE
    if facts.worded or ((facts.given or not facts.numbers or facts.leads) and known.plan.search(words)):
        return Stage.PLAN
    return _telling(words, facts, known)


def _telling(words: str, facts: Facts, known: StageWords) -> Stage:
    """The stage of a statement without an operation: it restates the problem, or states what follows from it."""
    if facts.leads and not facts.numbers:
        return Stage.PLAN
    if facts.recalled:
        return Stage.EXECUTE
    concludes = bool(known.conclude.match(words))
    told = facts.numbers and facts.given
    if not concludes and not told and not _DIGIT.search(words) and known.relation.search(words):
        return Stage.PLAN
    if facts.numbers and not facts.given:
        return Stage.UNDERSTAND if not concludes and known.world.search(words) else Stage.EXECUTE
    if concludes:
        return Stage.EXECUTE
    if facts.numbers:
        return Stage.EXECUTE if facts.linked and not facts.restates else Stage.UNDERSTAND
    return Stage.UNDERSTAND if facts.restates else Stage.EXECUTE
