"""The numbers of one free text: the step that computed, restated or stated each number, and its given.

    givens 60, 3;  0 UNDERSTAND "3 sprints each"   1 EXECUTE "Therefore 60 x 3 = 180"   ->   1 depends on 0 and "60"

A number that the problem states refers to the given. The exception is wording that points to a statement which restated
the number: a conclusion right after it, or its name. A computed value refers to the step that computed it first.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache

from parsers.graph import Quantity


def cheap(value: Fraction | int) -> Fraction:
    """The value as a dictionary key: an integer is returned as int, which is equal and much faster to hash."""
    return value.numerator if value.denominator == 1 else value  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a statement refers to its numbers."""

    named: dict[Fraction, int] = field(default_factory=dict)
    """Values of restating steps that it refers to by name: "the advance payment"."""
    concludes: bool = False
    written: dict[Fraction, int] = field(default_factory=dict)
    """Above 0 for a number written like an earlier result, below 0 for one written as in the problem: "50 quarts"."""
    checks: bool = False
    """It checks results: a number is a result rather than a given."""


@dataclass(frozen=True, slots=True)
class Label:
    """The name under which a statement restates a number: a heading, or the subject of its sentence."""

    words: tuple[str, ...]
    step: int
    value: Fraction
    block: int
    """The number of the passage under the heading, in which the heading names the result; -1 for a subject."""


class Givens:
    """The numbers of the problem, and other forms in which a solution may write them, computed on first use.

    The keys are numbers from `cheap`, so integers are int.
    """

    def __init__(self, quantities: Iterable[Quantity], *, with_forms: bool = True) -> None:
        self._quantities = [quantity for quantity in quantities if quantity.text.lower() not in MEASURES]
        self._with_forms = with_forms
        self.names: dict[Fraction, str] = {}
        self.values: dict[str, Fraction] = {}
        for quantity in self._quantities:
            self.names.setdefault(cheap(quantity.value), quantity.name)
            self.values[quantity.name] = quantity.value

    @cached_property
    def forms(self) -> dict[Fraction, str]:
        """Maps other forms of the givens to their given; forms that a given states itself are left out."""
        found: dict[Fraction, str] = {}
        for quantity in self._quantities if self._with_forms else ():
            for form in _forms(quantity):
                if form not in self.names:
                    found.setdefault(form, quantity.name)
        return found

    @cached_property
    def worded_forms(self) -> dict[Fraction, str]:
        """Maps all forms of givens that are a word, such as half, to their given."""
        found: dict[Fraction, str] = {}
        for quantity in self._quantities if self._with_forms else ():
            if quantity.text.isalpha():
                hundredfold = cheap(100 * quantity.value)  # a half is not 50
                for form in _forms(quantity):
                    if form != hundredfold:
                        found.setdefault(form, quantity.name)
        return found

    @cached_property
    def stated(self) -> frozenset[Fraction]:
        """The exact numbers of the problem; each also counts multiplied and divided by 100, for per cent."""
        values = (quantity.value for quantity in self._quantities)
        return frozenset(cheap(form) for value in values for form in (value, value * 100, value / 100))

    def name_of(self, value: Fraction) -> str | None:
        """The name of the given with this value, or with this value in another form (25% as 0.25 or 25)."""
        return self.names.get(value) or self.forms.get(value)

    def called(self, value: Fraction, words: str) -> str | None:
        """The given that has this number as a form, if the words name that given: "half of them, 12 / 2"."""
        name = self.worded_forms.get(value)
        return name if name is not None and re.search(rf"\b{re.escape(name)}\b", words, re.I) else None


@lru_cache(maxsize=64)
def givens_of(quantities: tuple[Quantity, ...]) -> Givens:
    """The givens of a problem, cached, because reading a solution and structuring it need the same ones."""
    return Givens(quantities)


@dataclass(slots=True)
class Links:
    """The sources of the numbers of one text."""

    givens: Givens
    computed: dict[Fraction, int] = field(default_factory=dict)
    makers: dict[Fraction, list[int]] = field(default_factory=dict)  # all steps that computed the value
    restated: dict[Fraction, tuple[int, int]] = field(default_factory=dict)  # value -> (step, block)
    facts: dict[Fraction, int] = field(default_factory=dict)  # numbers that no given states: facts or assumptions
    labels: list[Label] = field(default_factory=list)
    made_of: dict[int, tuple[frozenset[Fraction], Fraction]] = field(default_factory=dict)
    by_parts: dict[tuple[Fraction, ...], int] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    recent: list[int] = field(default_factory=list)  # computing steps, latest last
    block: int = 0

    def is_stated(self, value: Fraction) -> bool:
        """Whether the problem states this exact number, also multiplied or divided by 100 for per cent."""
        return value in self.givens.stated

    def is_recalled(self, value: Fraction) -> bool:
        """Whether the number is a result of the text that the problem does not state."""
        return value in self.computed and value not in self.givens.stated

    def source(self, value: Fraction, wording: Wording, skip: Container[int | str] = ()) -> int | str | None:
        """The step or given that the number comes from; None for a constant of the language.

        If a number is both, its source is the step until another step has used it, then the given.
        `skip`: sources already found for the same number in this statement.
        """
        step = self._computed(value, skip)
        stated = self.givens.names.get(value)
        leaning = wording.written.get(value, 0) or (step not in self.used)
        if step is not None and (stated is None or wording.checks or leaning > 0):
            return step
        if value in wording.named:
            return wording.named[value]
        if stated is not None:
            return self._restated((value,), wording, stated)
        if value in self.facts:
            return self.facts[value]
        if value in self.givens.forms:
            name = self.givens.forms[value]
            return self._restated((value, self.givens.values[name]), wording, name)
        return self.computed.get(-value)

    def _computed(self, value: Fraction, skip: Container[int | str]) -> int | None:
        """The step that computed the value; if `skip` contains it, another step that computed the value."""
        step = self.computed.get(value)
        if step is None or step not in skip:
            return step
        others = [maker for maker in self.makers.get(value, ()) if maker not in skip and maker not in self.used]
        return others[-1] if others else None if value in self.givens.names else step

    def _restated(self, values: Iterable[Fraction], wording: Wording, name: str) -> int | str:
        """The statement that restated the given in this passage, if the wording concludes; else the given's name."""
        places = (self.restated[value] for value in values if value in self.restated)
        return next((step for step, block in places if wording.concludes and block == self.block), name)

    def named_in(self, prose: str) -> dict[Fraction, int]:
        """Values of restating steps that the prose refers to by name: "the advance payment", "the tip"."""
        if not self.labels:
            return {}
        words = _content(prose)
        joined = " " + " ".join(words[1:]) + " "  # the first word is what the statement is about, not what it uses
        found: dict[Fraction, int] = {}
        for label in self.labels:
            words, is_open = label.words, label.block == self.block
            whole = " " + " ".join(words) + " "
            if not is_open and (whole in joined or (len(words) > 2 and f" {words[0]} {words[1]} " in joined)):
                found[label.value] = label.step
        return found

    def rechecks(self, operands: Sequence[Fraction], result: Fraction) -> bool:
        """Whether the equation leads from a result back to its operands: 72 - 24 = 48 after 48 + 24 = 72."""
        for operand in operands:
            for step in self.makers.get(operand, ())[-4:]:
                parts, _ = self.made_of[step]
                rest = set(operands) - {operand}
                if result in parts and rest and rest == parts - {result} and result != operand:
                    return True
        return False

    def repeated(self, operands: Iterable[Fraction]) -> int | None:
        """The latest step that computed with exactly these numbers: the step that a recomputation checks."""
        return self.by_parts.get(tuple(sorted(operands)))

    def remember_label(self, step: int, head: str, body: str, value: Fraction) -> None:
        """Stores the name by which later statements may refer to a restated number."""
        for source, block in ((_bold_label(head), self.block), (_subject(body), -1)):
            words = tuple(_content(source))
            if 1 <= len(words) <= 6:
                self.labels.append(Label(words, step, value, block))
        del self.labels[:-60]

    def restate(self, step: int, value: Fraction) -> None:
        """Records that the step restates a number of the problem, or states a new fact."""
        self.restated[value] = (step, self.block)
        if self.givens.name_of(value) is None:
            self.facts[value] = step

    def compute(self, step: int, operands: Iterable[Fraction], results: Iterable[Fraction]) -> None:
        """Records the operands and results of a step.

        An earlier step stays the source of a value if no step has used it and the value is also an operand here.
        """
        operands = tuple(operands)
        parts = frozenset(operands)
        for result in map(cheap, results):
            known = self.computed.get(result)
            if known is None or known in self.used or result not in parts:
                self.computed[result] = step
            self.made_of[step] = (parts, result)
            if len(parts) > 1:
                self.by_parts[tuple(sorted(operands))] = step
            makers = self.makers.setdefault(result, [])
            makers.append(step)
            del makers[:-8]
        self.recent.append(step)
        del self.recent[:-8]


MEASURES = frozenset(("dozen", "dozens", "dúzia", "dúzias", "tá", "chục"))
"""Number words that are units of counting, not quantities of the problem."""


def _forms(given: Quantity) -> tuple[Fraction, ...]:
    """Other numbers as which a given may appear in a computation, as keys (see `cheap`)."""
    return _forms_of(given.text, *given.value.as_integer_ratio())


@lru_cache(maxsize=4096)  # many problems state the same numbers
def _forms_of(text: str, numerator: int, denominator: int) -> tuple[Fraction, ...]:
    value = Fraction(numerator, denominator)
    percent = text.rstrip().endswith("%")
    found: list[Fraction] = []
    if percent:
        found += (value * 100, 1 - value, 1 + value, 100 - value * 100, 100 + value * 100)
    elif denominator == 1 and 1 < value <= 100:
        found += (value / 100, 1 - value / 100, 1 + value / 100)
    if denominator != 1 and not percent:
        if "." not in text and "," not in text:
            found.append(Fraction(denominator))
            if numerator != 1:
                found.append(Fraction(numerator))
            found += (1 - value, 1 + value)
        found.append(100 * value)
    elif value > 1 and not any(character.isdigit() for character in text):
        found.append(1 / value)
    if value < 0:
        found.append(-value)
    return tuple(map(cheap, found))


_DROP = frozenset(
    re.findall(
        r"\S+",
        "the a an of to for in on at is are was were be by and his her its their our this that each per o os as "
        "um uma de do da dos das e là và của các những một",
    )
)
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _content(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text[:600]) if word.lower() not in _DROP]


_SUBJECT = re.compile(
    r"^\W*(?:(?:we know|it is given|given) that )?"
    r"((?:the|a|an|each|o|a|os|as)?\s*[^\d.,;:=$\\]{2,60}?)\s*(?:\bis\b|\bare\b|\bwas\b|\bcosts?\b|\bé\b|\blà\b|=|:)",
    re.I,
)


def _subject(body: str) -> str:
    match = _SUBJECT.match(body)
    if match is None:
        return ""
    subject = match.group(1)
    return "" if re.match(r"\s*(?:he|she|it|they|we|there|this|that|who|ele|ela)\b", subject, re.I) else subject


def _bold_label(head: str) -> str:
    """The label before a colon, unless it announces work ("Calculate the cost")."""
    label = head.strip().strip("*: \n").split("\n")[0].strip("*: ")
    return (
        ""
        if re.match(
            r"(?:calculat|determin|find|comput|identif|step|solv|convert|add|subtract|multipl|divid|sum|set|compar)",
            label,
            re.I,
        )
        else label
    )
