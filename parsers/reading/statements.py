"""Reads what one statement computes and uses: text -> Step with expression, value, verdict and dependencies.

"48 / 2 = <<48/2=24>>24"  ->  expression "48/2", value 24, correct, depends_on ("48", "half")
"7+5=12"                  ->  expression "7+5", value 12, correct
"45<72"                   ->  expression "45<72", no value, correct
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from parsers.arithmetic.equations import read_chains
from parsers.arithmetic.expressions import evaluate, operands
from parsers.arithmetic.lexer import may_state_value
from parsers.arithmetic.numbers import Number, find_numbers
from parsers.arithmetic.relations import Computation, computations_of
from parsers.arithmetic.verdicts import MARK, is_worth
from parsers.graph import Quantity, Stage, Step, Value
from parsers.reading.dependencies import Resolver
from parsers.text.notes import split_note, value_from_note

MAX_STEPS = 4000
MAX_STATEMENT = 8000
MAX_READ = 200_000
"""Most steps of a text, characters of a statement and total characters that are read, so that long texts stay fast."""

_PURE = re.compile(r"\s*([-+*/(). 0-9]*[0-9)]) ?= ?(-?[0-9]{1,30})\s*")
_CHECK = re.compile(r"([0-9]{1,9}(?: [-+*/] [0-9]{1,9}){1,6}) = ([0-9]{1,15})\.(?: [^\W\d_]+)+\.")
"""A check as `structure` writes it, "72 - 24 = 48. Correct."; it is so frequent that it is read without the lexer."""
_EQUALS_BEFORE = re.compile(r"=\s?(?:\\?[$€£])?\s?$")
_VALUE_BEHIND = re.compile(r"\s?[$€£]?([0-9.]*[0-9])(?![0-9]|[.,/][0-9])")
_COMPARISON = re.compile(r"\s*((-?[0-9]{1,30})\s*([<>])\s*(-?[0-9]{1,30}))(?:\s+[^\W\d_]+)?[.\s]*")
_DIGITS = re.compile(r"(?:(?<![0-9)])-)?[0-9]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a statement computes. `results` are all its resulting values in order; `value` is the last."""

    expression: str | None = None
    value: Value = None
    correct: bool | None = None
    operands: tuple[Number | Fraction | int, ...] = ()
    results: tuple[Fraction, ...] = ()


def read_statement(text: str, language: str = "en") -> Reading:
    """Reads calculator marks and written computations; without these, reads the numbers of the statement."""
    return _read_short(text, language) if len(text) <= 300 else _read(text, language)


def _read(text: str, language: str) -> Reading:
    pure = _PURE.fullmatch(text)
    if pure:
        value = Fraction(int(pure[2]))
        exact = evaluate(pure[1])
        if exact is not None and not pure[1].strip().isdigit():
            whole = "." not in pure[1]
            numbers = tuple(map(int, _DIGITS.findall(pure[1]))) if whole else tuple(operands(pure[1]))
            return Reading(pure[1].strip(), value, exact == value, numbers, (value,))
    comparison = _COMPARISON.fullmatch(text)
    if comparison:
        left, right = int(comparison[2]), int(comparison[4])
        return Reading(comparison[1], None, left < right if comparison[3] == "<" else left > right, (left, right))
    check = _CHECK.fullmatch(text)
    if check and evaluate(expression := check[1].replace(" ", "")) == (value := Fraction(int(check[2]))):
        return Reading(expression, value, True, tuple(operands(expression)), (value,))
    found = _computations(text, language)
    if not found:
        mentioned = find_numbers(text, language)
        only = {number.value for number in mentioned}
        return Reading(None, only.pop() if len(only) == 1 else None, None, tuple(mentioned))
    results = [value for _, value, _, _ in found]
    used: list[Number | Fraction] = []
    before: list[Fraction] = []
    for expression, value, _, _ in found:
        used += [number for number in operands(expression, language) if number.value not in before]
        before.append(value)
    expression, value, _, _ = found[-1]
    verdicts = {correct for _, _, correct, _ in found}
    correct = False if False in verdicts else None if None in verdicts else True
    return Reading(expression, value, correct, tuple(used), tuple(results))


_read_short = lru_cache(maxsize=4096)(_read)
"""A cache: structure, render and every epoch of training read the same statements again."""


def _computations(text: str, language: str) -> list[tuple[str, Fraction, bool | None, int]]:
    """Expression, value, verdict and end of each computation, from marks and from written equations, in order."""
    found: list[tuple[str, Fraction, bool | None, int]] = []
    marks: list[re.Match[str]] = list(MARK.finditer(text)) if "<<" in text else []
    written = MARK.sub(lambda mark: " " * len(mark[0]), text) if marks else text
    computations: list[Computation] = []
    if may_state_value(written) and not (marks and _marks_say_all(text, marks)):  # else no further value
        computations = computations_of(read_chains(written, language), text)
    for mark in marks:
        expression, equals, shown = mark[1].rpartition("=")
        read_in, exact = language, evaluate(expression, language)
        if exact is None:
            read_in, exact = "en", evaluate(expression)  # calculators write 2.5 everywhere
        value = evaluate(shown, read_in)
        if not equals or value is None or exact is None:
            continue
        correct = is_worth(expression, value, shown, read_in, text)
        beside = next((c for c in computations if c.start < mark.start() and mark.end() <= c.end), None)
        if beside is not None:
            computations.remove(beside)
            if beside.value == value and not _computes(expression):
                expression, correct = beside.expression, beside.correct  # "5 x 10 = <<50=50>>50"
        found.append((expression, value, correct, mark.end()))
    found.extend((c.expression, c.value, c.correct, c.end) for c in computations)
    found.sort(key=lambda item: item[3])
    return found


def _marks_say_all(text: str, marks: list[re.Match[str]]) -> bool:
    """Whether every equation has the form "48/2 = <<48/2=24>>24", with a computation in the mark and equal values."""
    if text.count("=") != 2 * len(marks):
        return False
    for mark in marks:
        expression, _, value = mark[1].rpartition("=")
        behind = _VALUE_BEHIND.match(text, mark.end())
        if (
            behind is None
            or behind[1] != value
            or not _EQUALS_BEFORE.search(text, max(0, mark.start() - 6), mark.start())
        ):
            return False
        if expression.isdigit():
            return False
    return True


def _computes(expression: str) -> bool:
    return len(operands(expression)) > 1


def too_many(statements: list[Any], problems: list[str]) -> list[Any]:
    """The first MAX_STEPS statements; if there are more, this is added to `problems`."""
    if len(statements) > MAX_STEPS:
        problems.append(f"only the first {MAX_STEPS:,} of {len(statements):,} steps were read")
    return statements[:MAX_STEPS]


class StepReader:
    """Turns the statements of one trace into steps, in order. Ids start at 0 unless a note says otherwise."""

    def __init__(self, givens: Sequence[Quantity], language: str = "en") -> None:
        self.language = language
        self.resolver = Resolver(givens)
        self.next_id = 0
        self.num_read = 0
        self.sources: set[int | str] = {given.name for given in givens}

    def read_noted(self, text: str, stage: Stage, start: int, end: int) -> Step:
        """The step of a statement that may end in a note (parsers/text/notes.py); the note's fields take precedence."""
        text, note = split_note(text)
        if note is None:
            return self.read(text, stage, start, end)
        shown = note.get("text")
        step_id = note.get("id")
        if type(step_id) is int and step_id not in self.sources:
            self.next_id = step_id
        changes: dict[str, Any] = {}
        if "value" in note:
            changes["value"] = value_from_note(note["value"])
        uses = note.get("uses")
        if isinstance(uses, list):
            changes["depends_on"] = tuple(use for use in uses if type(use) in (int, str) and use in self.sources)
        return self.read(shown if isinstance(shown, str) else text, stage, start, end, **changes)

    def read(
        self, text: str, stage: Stage, start: int = -1, end: int = -1, *, derived: bool = False, **changes: Any
    ) -> Step:
        """The step of the statement; `changes` replace fields that were read.

        UNDERSTAND depends on the givens that it names, and PLAN on nothing. EXECUTE depends on the sources of its
        operands. VERIFY also depends on the source of its result.
        """
        step_id = self._new_id()
        if stage is Stage.PLAN:
            return _replaced(Step(step_id, stage, text, start, end, derived=derived), changes)
        self.num_read += len(text)
        reading = read_statement(text[:MAX_STATEMENT], self.language) if self.num_read < MAX_READ else _UNREAD
        resolver = self.resolver
        if stage is Stage.UNDERSTAND and reading.expression is None:
            names = (resolver.given(n.value if isinstance(n, Number) else n) for n in reading.operands)
            uses: tuple[int | str, ...] = tuple(dict.fromkeys(name for name in names if name is not None))
            step = _replaced(Step(step_id, stage, text, start, end, None, reading.value, uses, None, derived), changes)
            resolver.mention(step_id, text[:MAX_STATEMENT], self.language)
            return step
        checks = stage is Stage.VERIFY
        uses = resolver.resolve(reading.operands, text, checks=checks)
        if checks and reading.results:
            uses = tuple(dict.fromkeys((*uses, *resolver.resolve(reading.results, checks=True))))
        step = Step(step_id, stage, text, start, end, reading.expression, reading.value, uses, reading.correct, derived)
        step = _replaced(step, changes)
        resolver.mention(step_id, text[:MAX_STATEMENT], self.language)
        results = list(reading.results)
        if isinstance(step.value, Fraction) and ("value" in changes or not (results or uses)):
            results.append(step.value)
        resolver.compute(step_id, reading.operands, results)
        return step

    def keep(self, step: Step) -> int:
        """Stores the value of a step that was read elsewhere under a new id, and returns this id."""
        step_id = self._new_id()
        if step.stage is not Stage.PLAN and isinstance(step.value, Fraction):
            self.resolver.compute(step_id, (), (step.value,))
        return step_id

    def _new_id(self) -> int:
        step_id = self.next_id
        while step_id in self.sources:
            step_id += 1
        self.next_id = step_id + 1
        self.sources.add(step_id)
        return step_id


_UNREAD = Reading()


def _replaced(step: Step, changes: dict[str, Any]) -> Step:
    return replace(step, **changes) if changes else step
