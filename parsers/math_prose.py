"""Mathematical prose → steps: MATH solutions and VNHSGE explanations, where formulas carry the argument.

Every sentence goes on from the one before unless it says otherwise. Earlier results are used by being written out
again, givens where their numbers first come in. Values are numbers where they are arithmetic, else formulas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from parsers.expressions import evaluate
from parsers.formulas import (
    Equation,
    equations,
    find_formulas,
    folded,
    formula_numbers,
    formula_value,
    formulas_hold,
    is_arithmetic,
)
from parsers.graph import Quantity, Stage, Step, Value
from parsers.links import Links
from parsers.numbers import Number
from parsers.segment import Statement
from parsers.stage_words import CLOSING
from parsers.stages import Facts, announces_check, classify, concludes, defines
from parsers.values import DEFINED, defined_name, value_of

_OPERATION = re.compile(
    r"[+*/^]|[\w)}]\s*-|\\(?:[dt]?frac|cdot|times|sqrt|div|d?binom|pm|int|sum|prod|lim)(?![a-zA-Z])"
)
_PLAIN = re.compile(r"-?\s*(?:\d+\s*)?\\[dt]?frac\s*(?:\{\s*\w+\s*\}|\w)\s*(?:\{\s*\w+\s*\}|\w)|-?\d[\d.,]*\s*/\s*\d+")
_SYMBOL = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z](?:_\{[^{}]{1,12}\}|_\w)?(?![a-zA-Z])")
_APART = re.compile(
    r"\b(?:OR|alternatively|another (?:way|solution)|solution 2|cách (?:khác|2))\b|\\text\{- OR -\}", re.I
)
_WORD = re.compile(r"[^\W\d_]{3,}")


class MathReader:
    """Reads the statements of one text, in order, into steps."""

    def __init__(self, text: str, question: str, givens: Sequence[Quantity], language: str) -> None:
        self.text, self.language = text, language
        self.links = Links.of(givens, with_forms=False)
        self.steps: list[Step] = []
        self.checking = False
        self.numbers_seen: set[Fraction] = set()
        self.question_numbers = formula_numbers(question, language, everywhere=True)
        self.question_words = frozenset(word[:4] for word in _WORD.findall(question.lower()))

    def read_statement(self, statement: Statement) -> Step:
        """The step that the statement is."""
        head, body = self.text[statement.start : statement.body], self.text[statement.body : statement.end]
        body = body if len(body) <= MAX_STATEMENT else body[: MAX_STATEMENT - 600] + " " + body[-600:]
        if head:
            self.checking = bool(self.links.recent) and announces_check(head)
        found = [equation for a, b in find_formulas(body) for equation in equations(body[a:b])]
        numbers = formula_numbers(body, self.language, everywhere=True)
        facts = self._facts(statement, body, found, numbers)
        stage = classify(body, facts)
        self.checking = self.checking and (stage is Stage.VERIFY or (stage is Stage.EXECUTE and not facts.closing))
        value: Value = None
        if stage is not Stage.PLAN:
            value = formula_value(body, self.language)
            told = [Number(number, 0, 0, "") for number in numbers]
            value = value_of(body, [], told, stage, self.links) if value is None else value
        uses = self._uses(statement, body, stage, value, numbers)
        step = Step(
            len(self.steps), stage, self.text[statement.start : statement.end], statement.start, statement.end,
            _expression(found) if stage is not Stage.PLAN else None, value, uses, formulas_hold(body, self.language),
        )  # fmt: skip
        self._remember(step, body, found, numbers, facts)
        self.steps.append(step)
        return step

    def _facts(self, statement: Statement, body: str, found: list[Equation], numbers: set[Fraction]) -> Facts:
        links = self.links
        telling = numbers - {Fraction(0)}
        words = _WORD.findall(body[:400].lower())
        computes = any(_works(equation) for equation in found)
        return Facts(
            computes=computes,
            unequal=computes and all(len(equation.members) == 1 for equation in found),
            equates=any(len(e.members) > 1 and e.signs[-1] == "=" and is_arithmetic(e.members[-1]) for e in found),
            linked=True,
            numbers=len(telling),
            given=all(links.is_stated(number) for number in telling),
            recalled=any(number in links.computed and not links.is_stated(number) for number in telling),
            stands=bool(links.recent),
            checking=self.checking,
            closing=bool(CLOSING.search(body)),
            leads=statement.leads,
            restates=bool(words) and sum(word[:4] in self.question_words for word in words) >= 0.75 * len(words),
        )

    def _uses(
        self, statement: Statement, body: str, stage: Stage, value: Value, numbers: set[Fraction]
    ) -> tuple[int | str, ...]:
        if stage is Stage.PLAN:
            return ()
        used: dict[int | str, None] = {}
        if stage is not Stage.UNDERSTAND or isinstance(value, str):
            used |= dict.fromkeys(self._written_again(body, numbers))
        if stage is not Stage.UNDERSTAND and (not used or concludes(body)):
            before = self.text[max(0, statement.start - 40) : statement.body]
            previous = next((step for step in reversed(self.steps[-50:]) if step.stage is not Stage.PLAN), None)
            if previous is not None and not _APART.search(before):
                used[previous.id] = None
        known = self.numbers_seen if any(isinstance(source, int) for source in used) else set()
        for number in sorted(numbers - known - {Fraction(0)}):
            name = self.links.givens.get(number) or self.links.givens.get(number * 100)
            if name is not None and number in self.question_numbers and re.search(r"\d", name):
                used[name] = None
        self.numbers_seen |= numbers
        return tuple(used)

    def _written_again(self, body: str, numbers: set[Fraction]) -> list[int]:
        """The steps whose formulas, indexed unknowns or telling numbers stand in the formulas of the statement."""
        links = self.links
        rest = "=".join(folded(body[a:b]) for a, b in find_formulas(body))
        steps: list[int] = []
        for formula, step in links.expressions_longest_first():
            if formula in rest:
                steps.append(step)
                rest = re.sub(rf"(?<![\w.]){re.escape(formula)}(?![\w.])", "~", rest)
        for symbol in _SYMBOL.findall(rest):
            if len(symbol) > 1 and symbol in links.symbols:
                steps.append(links.symbols[symbol])
        for number in numbers:
            step = links.computed.get(number)
            if step is not None and (number.denominator > 1 or abs(number) > 12) and not links.is_stated(number):
                steps.append(step)
        return steps

    def _remember(self, step: Step, body: str, found: list[Equation], numbers: set[Fraction], facts: Facts) -> None:
        links = self.links
        if step.stage is Stage.UNDERSTAND and defines(body) and (defined := DEFINED.search(body)):
            links.symbols[folded(defined_name(defined))] = step.id
        if step.stage in (Stage.PLAN, Stage.VERIFY):
            return
        for equation in found:
            left = folded(equation.members[0]) if len(equation.members) > 1 else ""
            if _SYMBOL.fullmatch(left):
                links.symbols[left] = step.id
            elif len(left) > 4:
                links.expressions.setdefault(left, step.id)
        if isinstance(step.value, str) and facts.computes and "=" not in step.value and len(folded(step.value)) > 1:
            links.expressions[folded(step.value)] = step.id
        if isinstance(step.value, Fraction) and not (facts.closing and step.value in links.computed):
            links.compute(step.id, numbers, [step.value])
        elif step.stage is Stage.EXECUTE:
            links.recent.append(step.id)


MAX_STATEMENT = 3000
"""Characters of one statement, from its beginning and its end, that are read."""


def _works(equation: Equation) -> bool:
    """Whether the equation says more than name = number, and a formula by itself more than a name."""
    first, *others = equation.members
    if len(others) > 1:
        return True
    right = others[0] if others else first
    if others:
        lone = bool(re.fullmatch(r"\\?[a-zA-Z]+(?:_\{?\w+\}?)?", first))
        return not lone or bool(_OPERATION.search(right) and not _PLAIN.fullmatch(right))
    return bool(_OPERATION.search(right)) and not _PLAIN.fullmatch(right)


def _expression(found: list[Equation]) -> str | None:
    """The first arithmetic of the last equation that has any."""
    for equation in reversed(found):
        for member in equation.members:
            if is_arithmetic(member) and _OPERATION.search(member) and evaluate(member) is not None:
                return member
    return None
