"""The goal of a computing step, in its own words and without its numbers; a derived PLAN lists these sub-goals.

"The farmer has 51+5 = <<51+5=56>>56 cows in its herd."  ->  "Cows in its herd"
"In all, the farmer now has 56-14 = 42 cows."            ->  "Cows the farmer now has"
"The total number of dots is 13 * 6 = 78"                ->  "The total number of dots"
"There are 72 boys because 120 x .6 = 72"                ->  "Boys"
"""

from __future__ import annotations

import re

from parsers.arithmetic.numbers import find_numbers
from parsers.graph import Step
from parsers.writing.phrases import Phrases

MAX_WORDS = 12

_MARK = re.compile(r"<<[^<>\n]*>>")
_REASON = re.compile(r"\s(?:because|since|as|porque|pois|vì)\s", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,.;:?!](?=\s|$)|[\n();⟦⟧<>\[\]]|\s(?:because|since|so|and then|porque|vì)\s")
_OPENING = re.compile(
    r"^(?:so|since|as|when|then|thus|hence|therefore|finally|first|next|now|also|and|but|if|that means|this means"
    r"|which means|we know|meaning|in total|in all|altogether|combined|together"
    r"|there (?:is|are|were|was|will be|would be)|it|logo|portanto|então|assim|vậy|do đó|suy ra|nên)\b[\s,]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\s*\b(?:is|are|was|were|be|been|becomes?|will|would|equals?|equal|to|a|an|the|total|of|by|at|for|about|only|just"
    r"|another|em|é|são|um total de|là|có|bằng)$|[-–=+*/$€£%:(]+$",
    re.IGNORECASE,
)
_EXPRESSION = re.compile(r"(?:[\s\d.,$€£()\[\]+*/×÷·%=<>\x00\u2212–-]|\bx\b)+$")
_NUMBERED = re.compile(r"\S*\d\S*")
_HANGING = re.compile(r"(?:\s(?:the|a|an|of|in|on|at|to|for|with|from|by|and|or|that|than|who))+$", re.I)
_COMMON = frozenset(
    """the a an she he it we you his her their its each every both this that these those all in on at for with from of
    to by after before during o os a as ele ela eles elas seu sua cada""".split()  # noqa: SIM905
)
_OPENS_BADLY = re.compile(
    r"^(?:per|each|a|an|in|on|at|of|for|from|to|with|after|more|less|than|and|or|have|has|had|were)\b", re.I
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_TEX = re.compile(r"\\[a-zA-Z]|[{}]")
_BOXED = re.compile(r"^\s*\\boxed\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}(?:\^\{?\\circ\}?)?(?:\\[\])])?\.?\$*")


def goal_of(step: Step, phrases: Phrases, language: str = "en") -> str:
    """The sub-goal of a computing step; the name of its operation if its words give no goal."""
    before, behind, reasoned = _around_result(_MARK.sub("\x00", step.text), step, language)
    unit = _clause(behind, first=True)
    subject = _NUMBERED.split(_clause(before, first=False))[-1]
    subject = _clean(subject.strip())
    subject = "" if subject.lower() in ("has", "have", "had", "needs", "need") else subject
    num_words = len(_WORD.findall(unit))
    if _OPENS_BADLY.match(unit):
        goal = f"{subject} {unit}"
    elif not unit or (num_words == 1 and unit.lower() in subject.lower().split()):
        goal = _clean(subject)
    elif num_words == 1 or reasoned:
        goal = f"{unit} {_small(subject)}"
    else:
        goal = unit
    words = goal.split()
    goal = " ".join(words[:MAX_WORDS]).strip(" .,:;=-–")
    if len(words) > MAX_WORDS:
        goal = _HANGING.sub("", goal)
    is_said = _WORD.search(goal) and not _TEX.search(goal)
    return goal[0].upper() + goal[1:] if is_said else phrases.operation(step.expression or "")


def _around_result(text: str, step: Step, language: str) -> tuple[str, str, bool]:
    """The words before the computation, the words after its result, and whether the computation is a reason."""
    reason = _REASON.search(text)
    if reason and "=" not in text[: reason.start()]:  # "There are 72 boys because 120 x .6 = 72"
        for number in find_numbers(text[: reason.start()], language):
            if number.value == step.value:
                return text[: number.start], text[number.end : reason.start()], True
    before, _, behind = text.rpartition("\x00") if "\x00" in text else text.rpartition("=")
    behind = _BOXED.sub("", behind)
    behind = re.sub(r"^\s*[-−]?\\?[$€£]?\s*[0-9][0-9.,/]*%?(?:\s[0-9]+/[0-9]+)?(?:\$(?=\s))?", "", behind)
    return _EXPRESSION.sub("", before[-400:].partition("\x00")[0] or before), behind, False


def _small(words: str) -> str:
    """The words with a lower-case first letter if the first word is a common word."""
    first = words.split(" ", 1)[0]
    return words[:1].lower() + words[1:] if first.lower() in _COMMON else words


def _clause(words: str, *, first: bool) -> str:
    clauses = [clause for clause in _CLAUSE_END.split(words) if clause.strip()]
    return " ".join(clauses[0 if first else -1].replace("\x00", "").split()) if clauses else ""


def _clean(words: str) -> str:
    """The words without connectives at the start and without words at the end that need a number."""
    for pattern in (_OPENING, _CLOSING):
        while words and (shorter := pattern.sub("", words).strip()) != words:
            words = shorter
    return words
