"""Mathematical prose → steps: MATH solutions and VNHSGE explanations, where formulas carry the argument.

Every sentence continues the sentence before, unless it says otherwise. A sentence uses an earlier result by writing it
again, and a given where the given's number first occurs. A value is a number if it is arithmetic, otherwise a formula.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.formulas import (
    Equation,
    equations,
    find_formulas,
    folded,
    formula_numbers,
    formula_value,
    formulas_hold,
    is_arithmetic,
)
from parsers.arithmetic.numbers import Number
from parsers.graph import Quantity, Stage, Step, Value
from parsers.reading.algebra import Algebra
from parsers.reading.content import shortened
from parsers.reading.links import Givens, Links
from parsers.reading.stage_words import stage_words
from parsers.reading.stages import Facts, classify
from parsers.reading.values import defined_name, value_of
from parsers.text.segment import Statement

_OPERATION = re.compile(
    r"[+*/^]|[\w)}]\s*-|\\(?:[dt]?frac|cdot|times|sqrt|div|d?binom|pm|int|sum|prod|lim)(?![a-zA-Z])"
)
_PLAIN = re.compile(r"-?\s*(?:\d+\s*)?\\[dt]?frac\s*(?:\{\s*\w+\s*\}|\w)\s*(?:\{\s*\w+\s*\}|\w)|-?\d[\d.,]*\s*/\s*\d+")
_SYMBOL = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z](?:_\{[^{}]{1,12}\}|_\w)?(?![a-zA-Z])")
_APART = re.compile(
    r"\b(?:(?-i:OR)|alternatively|another (?:way|solution)|solution 2|cách (?:khác|2))\b|\\text\{- OR -\}", re.I
)
_WORD = re.compile(r"[^\W\d_]{3,}")


class MathReader:
    """Reads the statements of one text, in order, into steps."""

    def __init__(self, text: str, question: str, givens: Sequence[Quantity], language: str) -> None:
        self.text, self.language = text, language
        self.known = stage_words(language)
        self.links = Links(Givens(givens, with_forms=False))
        self.algebra = Algebra()
        self.steps: list[Step] = []
        self.checking = False
        self.numbers_seen: set[Fraction] = set()
        exponents = set(re.findall(r"\^\{?(-?\d+)\}?", question))
        self.whole_problem = [
            given.name for given in givens if given.text not in exponents and given.text[-1:].isdigit()
        ]
        self.question_numbers = formula_numbers(question, language, everywhere=True)
        self.question_words = frozenset(word[:4] for word in _WORD.findall(question.lower()))

    def read_statement(self, statement: Statement) -> Step:
        """The step of the statement."""
        head, body = self.text[statement.start : statement.body], self.text[statement.body : statement.end]
        body = shortened(body)
        defined = defined_name(body) if self.known.define.match(body.lower()) else ""
        if head:
            self.checking = bool(self.links.recent) and self.known.announces_check(head.lower())
        found = [equation for a, b in find_formulas(body) for equation in equations(body[a:b])]
        numbers = formula_numbers(body, self.language, everywhere=True)
        facts = self._facts(statement, body, found, numbers)
        stage = classify(body, facts, self.language)
        self.checking = self.checking and (stage is Stage.VERIFY or (stage is Stage.EXECUTE and not facts.closing))
        value: Value = None
        if stage is not Stage.PLAN:
            value = self._value(body)
        if value is None and stage is not Stage.PLAN:
            told = [Number(number, 0, 0, "") for number in numbers]
            value = value_of(body, [], told, defined if stage is Stage.UNDERSTAND else "", self.links)
        uses = self._uses(statement, body, stage, value, numbers)
        step = Step(
            len(self.steps), stage, self.text[statement.start : statement.end], statement.start, statement.end,
            _expression(found) if stage is not Stage.PLAN else None, value, uses, formulas_hold(body, self.language),
        )  # fmt: skip
        self._remember(step, defined, found, numbers, facts)
        self.steps.append(step)
        return step

    def _value(self, body: str) -> Value:
        """The value of the last formula; but if a box contains a number, it is the value."""
        box = body.rfind("\\boxed")
        boxed = formula_value("$" + body[box : box + 200].split("$")[0] + "$", self.language) if box >= 0 else None
        return boxed if isinstance(boxed, Fraction) else formula_value(body, self.language)

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
            closing=bool(self.known.closing.search(body.lower())),
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
        if stage is not Stage.UNDERSTAND and (not used or self.known.conclude.match(body.lower())):
            before = self.text[max(0, statement.start - 40) : statement.body]
            previous = next((step for step in reversed(self.steps[-50:]) if step.stage is not Stage.PLAN), None)
            if previous is not None and not _APART.search(before):
                used[previous.id] = None
        if isinstance(value, Fraction) and "\\boxed" in body:
            numbers = numbers - {value}  # the answer is not a given, though it may equal one
        known = self.numbers_seen if any(isinstance(source, int) for source in used) else set()
        for number in sorted(numbers - known - {Fraction(0)}):
            name = self.links.givens.names.get(number) or self.links.givens.names.get(number * 100)
            if name is not None and number in self.question_numbers and re.search(r"\d", name):
                used[name] = None
        self.numbers_seen |= numbers
        if stage is Stage.EXECUTE and not used and value is not None and not self.links.recent:
            used |= dict.fromkeys(self.whole_problem)  # "Adding the equations, we get 5x = 35"
        return tuple(used)

    def _written_again(self, body: str, numbers: set[Fraction]) -> list[int]:
        """The steps whose formulas, indexed unknowns or distinctive numbers occur in the formulas of the statement."""
        links = self.links
        found, rest = self.algebra.used_in(body[a:b] for a, b in find_formulas(body))
        steps = list(found)
        for symbol in _SYMBOL.findall(rest):
            if len(symbol) > 1 and symbol in self.algebra.symbols:
                steps.append(self.algebra.symbols[symbol])
        for number in numbers:
            step = links.computed.get(number)
            if step is not None and (number.denominator > 1 or abs(number) > 12) and not links.is_stated(number):
                steps.append(step)
        return steps

    def _remember(self, step: Step, defined: str, found: list[Equation], numbers: set[Fraction], facts: Facts) -> None:
        links = self.links
        if step.stage is Stage.UNDERSTAND and defined:
            self.algebra.symbols[folded(defined)] = step.id
        if step.stage in (Stage.PLAN, Stage.VERIFY):
            return
        for equation in found:
            left = folded(equation.members[0]) if len(equation.members) > 1 else ""
            if _SYMBOL.fullmatch(left):
                self.algebra.symbols[left] = step.id
            elif len(left) > 4:
                self.algebra.expressions.setdefault(left, step.id)
        if isinstance(step.value, str) and facts.computes and "=" not in step.value and len(folded(step.value)) > 1:
            self.algebra.expressions[folded(step.value)] = step.id
        if isinstance(step.value, Fraction) and not (facts.closing and step.value in links.computed):
            links.compute(step.id, numbers, [step.value])
        elif step.stage is Stage.EXECUTE:
            links.recent.append(step.id)


def _works(equation: Equation) -> bool:
    """Whether an equation says more than "name = number", or a formula without "=" more than a name."""
    first, *others = equation.members
    if len(others) > 1:
        return True
    right = others[0] if others else first
    if others:
        lone = bool(re.fullmatch(r"\\?[a-zA-Z]+(?:_\{?\w+\}?)?", first))
        return not lone or bool(_OPERATION.search(right) and not _PLAIN.fullmatch(right))
    return bool(_OPERATION.search(right)) and not _PLAIN.fullmatch(right)


def _expression(found: list[Equation]) -> str | None:
    """The first arithmetic member of the last equation that has one."""
    for equation in reversed(found):
        for member in equation.members:
            if is_arithmetic(member) and _OPERATION.search(member) and evaluate(member) is not None:
                return member
    return None
