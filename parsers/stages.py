"""The stage of a statement, judged by what it does: restate, announce, compute or check. Rules, no model.

    "Jill works 35 hours per week."                  ->  UNDERSTAND  (every number is given)
    "Next, let's calculate her earnings:"            ->  PLAN        (announces, computes nothing)
    "The weekly earnings are 35 * 20 = 700."         ->  EXECUTE
    "700 / 20 = 35, so the result is correct."       ->  VERIFY      (looks again at a result that stands)

The words of the three languages stand below; what the numbers of a statement are is told by `Facts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.graph import Stage
from parsers.stage_words import (
    ASKED,
    ASSUME,
    CHECKS,
    CONCLUDE,
    DEFINE,
    FORMULA,
    OPENS_CHECK,
    PLAN,
    SETTLES,
    STRONG_PLAN,
    VERDICT,
    WORD_RELATION,
    WORLD,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the reader of a text knows about the numbers of one statement and about what stood before it."""

    computes: bool = False
    """It holds an operation or a relation between numbers or unknowns."""
    unequal: bool = False
    """It holds an expression, but no equation."""
    equates: bool = False
    """It says name = number."""
    linked: bool = False
    """It stands in mathematical prose, which works with the problem's numbers rather than telling them again."""
    worded: bool = False
    """It relates quantities in words only: Total = A + B."""
    numbers: int = 0
    given: bool = False
    """Every number in it is stated in the problem."""
    recalled: bool = False
    """It holds a value computed earlier that the problem does not state."""
    stands: bool = False
    """Some result has been computed before."""
    rechecks: bool = False
    """Its equation leads from a result back to what the result was made of."""
    checking: bool = False
    """A check has been announced and not been closed."""
    closing: bool = False
    """It states the final answer."""
    leads: bool = False
    """It ends in a colon and announces what follows."""
    restates: bool = False
    """Nearly all its words are the problem's words."""


def announces_check(words: str) -> bool:
    """Whether the words (a heading or a lead-in) open a passage that checks what stands."""
    return bool(OPENS_CHECK.search(words.lower()))


def settles_check(words: str) -> bool:
    """Whether the statement gives the verdict of a check, so that the passage ends with it."""
    return bool(SETTLES.search(words.lower()))


def concludes(words: str) -> bool:
    """Whether the statement opens as a conclusion from what stands before it: therefore, logo, vậy."""
    return bool(CONCLUDE.match(words.lower()))


def defines(words: str) -> bool:
    """Whether the statement introduces an unknown: "Let x be the cost"."""
    return bool(DEFINE.match(words.lower()))


def classify(words: str, facts: Facts) -> Stage:
    """The stage of a statement, from its own words (headings and labels taken off) and the facts about it."""
    words = words.lower()
    if _is_check(words, facts):
        return Stage.VERIFY
    if facts.closing:
        return Stage.EXECUTE
    if DEFINE.match(words) and not (facts.computes and facts.numbers > 1):
        return Stage.UNDERSTAND
    if facts.computes:
        return _computing(words, facts)
    if ASKED.search(words) and not facts.recalled and not ASSUME.search(words):
        return Stage.UNDERSTAND
    if ASSUME.search(words) and facts.numbers:
        return Stage.EXECUTE
    if STRONG_PLAN.search(words) and not facts.recalled:
        return Stage.PLAN
    if facts.equates and facts.numbers and not facts.leads:
        return _telling(words, facts)
    if facts.worded or (PLAN.search(words) and (facts.given or not facts.numbers or facts.leads)):
        return Stage.PLAN
    return _telling(words, facts)


def _is_check(words: str, facts: Facts) -> bool:
    if not facts.stands or (facts.closing and not re.search(r"\bcheck|verif|confirm", words)):
        return False
    if facts.rechecks or facts.checking or VERDICT.match(words):
        return True
    return any(any(stem in words for stem in stems) and pattern.search(words) for stems, pattern in CHECKS)


def _computing(words: str, facts: Facts) -> Stage:
    """A statement with an equation or expression; facts, what is asked and bare formulas do not execute."""
    if facts.unequal and ASKED.search(words) and not concludes(words):
        return Stage.UNDERSTAND
    if not facts.numbers and FORMULA.search(words) and PLAN.search(words):
        return Stage.PLAN
    if WORLD.search(words) and facts.numbers == 1 and not concludes(words) and not facts.recalled:
        return Stage.UNDERSTAND
    return Stage.EXECUTE


def _telling(words: str, facts: Facts) -> Stage:
    """A statement without an operation: does it tell what the problem says, or what follows from it?"""
    if facts.leads and not facts.numbers:
        return Stage.PLAN
    if facts.recalled:
        return Stage.EXECUTE
    if facts.numbers and not facts.given:
        return Stage.UNDERSTAND if WORLD.search(words) and not concludes(words) else Stage.EXECUTE
    if concludes(words):
        return Stage.EXECUTE
    if facts.numbers:
        return Stage.EXECUTE if facts.linked and not facts.restates else Stage.UNDERSTAND
    if WORD_RELATION.search(words):
        return Stage.PLAN
    return Stage.UNDERSTAND if facts.restates else Stage.EXECUTE
