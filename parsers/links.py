"""What each statement of a free text uses: its numbers and unknowns traced to earlier statements and to the givens.

    givens 60, 3;  0 UNDERSTAND "3 sprints each"   1 EXECUTE "Therefore 60 x 3 = 180"   ->   1 depends on 0 and "60"

A number that the problem states refers to the given, unless the wording points to the statement that restated it
(a conclusion right after it, or its name); a computed value refers to the step that computed it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from parsers.graph import Quantity
from parsers.relations import Chain


@dataclass(slots=True)
class Pending:
    """A step whose value is not worked out yet: an expression or equation that the next step goes on with."""

    step: int
    values: frozenset[Fraction]
    symbols: frozenset[str]
    left: str
    is_equation: bool = False


@dataclass(slots=True)
class Links:
    """The memory of one text: which step computed, restated or defined what."""

    givens: dict[Fraction, str] = field(default_factory=dict)
    forms: dict[Fraction, str] = field(default_factory=dict)
    values: dict[str, Fraction] = field(default_factory=dict)
    stated: set[Fraction] = field(default_factory=set)
    worded_forms: dict[Fraction, str] = field(default_factory=dict)
    computed: dict[Fraction, int] = field(default_factory=dict)
    restated: dict[Fraction, tuple[int, int]] = field(default_factory=dict)  # value -> (step, block)
    facts: dict[Fraction, int] = field(default_factory=dict)  # numbers that no given states, told or assumed
    symbols: dict[str, int] = field(default_factory=dict)
    expressions: dict[str, int] = field(default_factory=dict)  # unsolved values as text -> step
    labels: list[tuple[tuple[str, ...], int, Fraction]] = field(default_factory=list)
    made_of: dict[int, tuple[frozenset[Fraction], Fraction]] = field(default_factory=dict)
    by_parts: dict[frozenset[Fraction], int] = field(default_factory=dict)
    makers: dict[Fraction, list[int]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    pending: Pending | None = None
    recent: list[int] = field(default_factory=list)  # computing steps, latest last
    block: int = 0

    @classmethod
    def of(cls, givens: Iterable[Quantity], *, with_forms: bool = True) -> Links:
        """An empty memory for a problem with these givens, and their forms unless told not."""
        links = cls()
        given_list = [given for given in givens if given.text.lower() not in MEASURES]
        for given in given_list:
            links.givens.setdefault(given.value, given.name)
            links.values[given.name] = given.value
            links.stated |= {given.value, given.value * 100, given.value / 100}
        for given in given_list if with_forms else ():
            for form in _forms(given):
                if given.text.isalpha():
                    links.worded_forms.setdefault(form, given.name)
                if form not in links.givens:
                    links.forms.setdefault(form, given.name)
        return links

    def given(self, value: Fraction) -> str | None:
        """The name of the given that the value is, also as another form of it (25% as 0.25 or 25)."""
        return self.givens.get(value) or self.forms.get(value)

    def is_stated(self, value: Fraction) -> bool:
        """Whether the problem states this very number, per cent and hundredths taken alike."""
        return value in self.stated

    def called(self, value: Fraction, words: str) -> str | None:
        """The given of which the number is a form, where the words call that given: "half of them, 12 / 2"."""
        if value in self.computed or value not in self.worded_forms:
            return None
        name = self.worded_forms[value]
        return name if re.search(rf"\b{re.escape(name)}\b", words, re.I) else None

    def source(
        self,
        value: Fraction,
        *,
        named: dict[Fraction, int],
        concluding: bool = False,
        adding: bool = False,
        prefer_steps: bool = False,
    ) -> int | str | None:
        """The step or given that the number comes from; None for a constant of the language.

        A number that is both goes to the given, unless a sum adds up results that nothing has used yet, or a conclusion
        follows right on the step.
        """
        step = self.computed.get(value)
        stated = self.givens.get(value)
        fresh = step is not None and step not in self.used and (adding or (concluding and step in self.recent[-1:]))
        if step is not None and (stated is None or prefer_steps or fresh):
            return step
        if value in named:
            return named[value]
        if stated is not None:
            place = self.restated.get(value)
            if concluding and place is not None and place[1] == self.block:
                return place[0]
            return stated
        if value in self.facts:
            return self.facts[value]
        if value in self.forms:
            place = self.restated.get(value) or self.restated.get(self.values[self.forms[value]])
            if concluding and place is not None and place[1] == self.block:
                return place[0]
            return self.forms[value]
        if -value in self.computed:
            return self.computed[-value]
        return None

    def named_in(self, prose: str) -> dict[Fraction, int]:
        """Values of restating steps that the prose calls by name: "the advance payment", "the tip"."""
        if not self.labels:
            return {}
        words = _content(prose)
        joined = " " + " ".join(words) + " "
        found: dict[Fraction, int] = {}
        for label, step, value in self.labels:
            whole = " " + " ".join(label) + " "
            if whole in joined or (len(label) > 2 and f" {label[0]} {label[1]} " in joined):
                found[value] = step
        return found

    def expressions_longest_first(self) -> list[tuple[str, int]]:
        """The unsolved values kept last, those that may contain others first."""
        return sorted(list(self.expressions.items())[-20:], key=lambda item: -len(item[0]))

    def rechecks(self, operands: Sequence[Fraction], result: Fraction) -> bool:
        """Whether the equation leads back from a result to what it was made of: 72 - 24 = 48 after 48 + 24 = 72."""
        for operand in operands:
            for step in self.makers.get(operand, ())[-4:]:
                parts, _ = self.made_of[step]
                rest = set(operands) - {operand}
                if result in parts and rest and rest == parts - {result} and result != operand:
                    return True
        return False

    def repeated(self, operands: Iterable[Fraction]) -> int | None:
        """The latest step that computed with just these numbers: what a re-computation looks at again."""
        return self.by_parts.get(frozenset(operands))

    def remember_label(self, step: int, head: str, body: str, value: Fraction) -> None:
        """Keeps the name under which a restated number may be called again."""
        for source in (_bold_label(head), _subject(body)):
            label = tuple(_content(source))
            if 1 <= len(label) <= 6:
                self.labels.append((label, step, value))
        del self.labels[:-60]

    def compute(self, step: int, operands: Iterable[Fraction], results: Iterable[Fraction]) -> None:
        """Records what the step computed from what; the first computation of a value stays its source."""
        parts = frozenset(operands)
        for result in results:
            known = self.computed.get(result)
            if known is None or known in self.used or result not in parts:
                self.computed[result] = step
            self.made_of[step] = (parts, result)
            if len(parts) > 1:
                self.by_parts[parts] = step
            makers = self.makers.setdefault(result, [])
            makers.append(step)
            del makers[:-8]
        self.recent.append(step)
        del self.recent[:-8]


MEASURES = frozenset(("dozen", "dozens", "dúzia", "dúzias", "tá", "chục"))
"""Words that count but state no number of the problem's own."""


def _forms(given: Quantity) -> Iterable[Fraction]:
    """Other numbers that a given turns into when a solution computes with it."""
    value = given.value
    percent = given.text.rstrip().endswith("%")
    if percent:
        yield from (value * 100, 1 - value, 1 + value, 100 - value * 100, 100 + value * 100)
    elif value.denominator == 1 and 1 <= value <= 100:
        yield from (value / 100, 1 - value / 100, 1 + value / 100)
    if value.denominator != 1 and not percent:
        if "." not in given.text and "," not in given.text:
            yield Fraction(value.denominator)
            if value.numerator != 1:
                yield Fraction(value.numerator)
            yield 1 - value
            yield 1 + value
        yield 100 * value
    elif value > 1 and not any(character.isdigit() for character in given.text):
        yield 1 / value
    if value < 0:
        yield -value


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


def operands_of(chain: Chain) -> tuple[list[Fraction], list[str]]:
    """The numbers and unknowns that a chain computes with: those of its first working member, and of the members that
    put numbers for its unknowns; later members only transform."""
    values: list[Fraction] = []
    symbols: list[str] = []
    for index, member in enumerate(chain.members):
        if member.is_symbol and index == 0 and len(chain.members) > 1:
            continue
        if not member.operators and (values or symbols) and not _is_last_unknown(chain, index):
            continue
        values.extend(value for value in member.operands if value not in values)
        symbols.extend(symbol for symbol in member.symbols if symbol not in symbols)
        if not member.symbols and member.operators:
            break
    return values, symbols


def _is_last_unknown(chain: Chain, index: int) -> bool:
    """In 367 + x = 558 the right side is an operand too."""
    before = chain.members[:index]
    return bool(before) and not before[0].is_symbol and all(member.value is None for member in before)


def left_of(chain: Chain) -> str:
    """The name or unknown that a chain defines, in lower case; "" without one."""
    if not chain.members or not chain.is_equation or not chain.members[0].is_symbol:
        return ""
    first = chain.members[0]
    return (first.name or (first.symbols[0] if first.symbols else "")).lower()
