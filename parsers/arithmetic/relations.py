"""Equations as objects: members, operands and unknowns; what a chain of members computes and whether it holds.

    "Overtime = 5 * 10 * 1.2 = 60"   ->  members: the name "Overtime", "5 * 10 * 1.2" of value 60, "60"; it holds
    "367 + x = 558"                  ->  members: "367 + x" with the unknown x and no value, "558"

`parsers.arithmetic.equations` reads them from text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from parsers.arithmetic.expressions import near_value, value_of_tokens
from parsers.arithmetic.lexer import Token
from parsers.arithmetic.precedence import PI
from parsers.arithmetic.units import unit_of
from parsers.arithmetic.verdicts import agree

_CURRENCY = re.compile(r"(?:\\\$|[$€£]) ?[0-9]")
_PLAIN_FRACTION = re.compile(r"-?(?:\d+[+])?(?:\d+/\d+|\\frac\{-?\d+\}\{\d+\})")


_DRESS = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\s*\{\s*(.*?)\s*\}")


def _name(part: Token) -> str:
    """The name of an unknown without its markup."""
    return _DRESS.sub(r"\1", part.text) if "\\" in part.text else part.text


@dataclass(slots=True)
class Member:
    """One side of an equation.

    `plain` can be evaluated. `shown` is the arithmetic as written, without units and currency; `raw` is the full text.
    `value` is the exact value, or None if the member has symbols. If a side has only words, `name` is those words.
    `parts` are the tokens of `plain`. `unit` is the first word after it. `remainder` is the remainder of a division.
    """

    plain: str = ""
    shown: str = ""
    raw: str = ""
    value: Fraction | None = None
    operands: tuple[Fraction, ...] = ()
    symbols: tuple[str, ...] = ()
    operators: int = 0
    name: str = ""
    parts: tuple[Token, ...] = ()
    start: int = -1
    end: int = -1
    unit: str = ""
    remainder: Fraction | int | None = None

    @property
    def is_number(self) -> bool:
        """Whether it is a plain number or fraction, with nothing left to compute."""
        return self.value is not None and (not self.operators or bool(_PLAIN_FRACTION.fullmatch(self.plain)))

    @property
    def is_fraction(self) -> bool:
        """Whether it is a plain fraction, even of a quantity that is not computed: 2/3 of what Harry slept."""
        return bool(_PLAIN_FRACTION.fullmatch(self.plain))

    @property
    def is_share(self) -> bool:
        """Whether it is a part of a number: 25% of 8, 1/3 of 60."""
        return "*" in self.plain and (self.operands[0].denominator > 1 or "/" in self.plain.partition("*")[0])

    @property
    def is_named(self) -> bool:
        """Whether all its unknowns are quantities named in words: total - 7."""
        names = [part.text for part in self.parts if part.kind == "symbol"]  # \\text{length} is algebra
        return bool(names) and all(len(name) > 2 and name.replace(" ", "").isalpha() for name in names)

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The names of its unknowns, in order, with repetitions."""
        return tuple(_name(part) for part in self.parts if part.kind == "symbol")

    def worth(self, number_of: Callable[[str], Fraction | int]) -> Fraction | None:
        """Its value with numbers substituted for its unknowns; None if it cannot be evaluated."""
        tokens = [
            Token("symbol", part.text, part.start, part.end, number_of(_name(part))) if part.kind == "symbol" else part
            for part in self.parts
        ]
        return value_of_tokens(tokens)

    @property
    def near(self) -> float | None:
        """Its value in floating point if it has no exact value, as for √2 and 2π; otherwise None."""
        if self.value is not None or not (self.operators or self.symbols) or not PI.issuperset(self.symbols):
            return None
        return near_value(self.parts)

    @property
    def is_symbol(self) -> bool:
        """Whether it is a name or a single unknown, such as x, P_2 or \\text{Total cost}."""
        return bool(self.name) or (len(self.symbols) == 1 and not self.operands and not self.operators)


def is_identity(left: Member, right: Member) -> bool:
    """Whether two members are equal for all values of their unknowns: (a - 1)^2 = a^2 - 2a + 1, not 2a = 6."""
    unknowns = sorted({*left.unknowns, *right.unknowns})
    for seed in (3, 8):
        worth = {name: Fraction(seed + 5 * i * i + 2, seed + 2) for i, name in enumerate(unknowns)}
        first, second = left.worth(worth.__getitem__), right.worth(worth.__getitem__)
        if first is None or first != second:
            return False
    return True


@dataclass(slots=True)
class Chain:
    """One or more members joined by equality signs; `open_left` means that the chain begins with the sign."""

    members: list[Member] = field(default_factory=list)
    open_left: bool = False
    rounded: bool = False
    compared: bool = False  # joined by < or > somewhere
    start: int = 0
    modulus: int | None = None
    """The text states that its members are congruent modulo this number."""

    @property
    def is_equation(self) -> bool:
        """Whether there is an equality sign, not just one expression."""
        return len(self.members) > 1 or (self.open_left and bool(self.members))


def is_worded(chain: Chain) -> bool:
    """Whether it relates named quantities: only words or \\text{}, with at least one operation."""
    texts = [s for member in chain.members for s in member.symbols]
    if any(member.operands for member in chain.members):
        return False
    named = all(len(symbol.strip("\\")) > 2 for symbol in texts) and not any(
        symbol.startswith("\\") for symbol in texts
    )
    worked = any(member.operators for member in chain.members) or any(
        re.search(r"\s[-+*/×÷]\s", m.name) for m in chain.members
    )
    return named and worked and (bool(texts) or any(member.name for member in chain.members))


def is_computing(chain: Chain) -> bool:
    """Whether the chain has an operation, or a relation that says more than "name = number"."""
    if is_worded(chain):
        return False
    working = (m for m in chain.members if m.operators and not (m.is_number or m.is_fraction))
    if any(member.operands or member.symbols for member in working):
        return True
    if chain.compared:
        return any(member.symbols for member in chain.members)
    if not chain.is_equation:
        return False
    if chain.members[0].is_symbol and len(chain.members) == 2:
        return False
    return any(m.operands or m.symbols for m in chain.members)


def is_worded_work(chain: Chain) -> bool:
    """Whether words express the operation before the sign: "2 games a month for 12 months = 24 games"."""
    first, last = chain.members[0], chain.members[-1]
    return len(chain.members) == 2 and first.is_number and last.is_number and first.value != last.value


def equation_of(chain: Chain) -> tuple[tuple[Fraction, ...], Fraction | None]:
    """Operands and result of a numeric computation; the result is None if the text states none."""
    for member in chain.members[:-1]:
        if member.operators and member.value is not None:
            return member.operands, chain.members[-1].value
    return (), None


def results_of(chains: list[Chain]) -> list[Fraction]:
    """The values that the chains establish."""
    found: list[Fraction] = []
    for chain in chains:
        last = chain.members[-1]
        numeric = [m for m in chain.members if m.value is not None]
        solved = chain.is_equation and (
            chain.members[0].is_symbol
            or len(numeric) > 1
            or chain.members[0].near is not None
            or (chain.open_left and not last.operators)
        )
        if last.value is not None and solved and not chain.compared:
            # every form of the result can be used later: 9/11 as well as its rounding 0.818
            found += [m.value for m in numeric if (m.is_number or chain.rounded) and m.value is not None]
            found.append(last.value)
    return list(dict.fromkeys(found))


def goes_on(left: Member, right: Member) -> bool:
    """Whether the right side begins with the result and continues to compute: "7 * 60 = 420 + 23 = 443"."""
    return bool(right.operators) and right.value != left.value and right.operands[:1] == (left.value,)


def holds(left: Member, right: Member, *, rounded: bool = False, context: str = "") -> bool | None:
    """Whether two members with values are equal; the right one may be rounded to the digits it shows.

    None if the difference may come from units or, according to the words of `context`, from rounding.
    """
    assert left.value is not None and right.value is not None
    if right.remainder is not None:
        return _leaves(left, right)
    if left.value == right.value or goes_on(left, right):
        return True
    shown = right.parts[-1].text if right.parts else ""
    named = bool(left.unit != right.unit or _CURRENCY.search(context)) and right.is_number
    verdict = agree(left.value, right.value, shown, rounded=rounded, context=context, units=named)
    if verdict is False and _is_near(left, right):
        return None
    converts = left.is_number and right.is_number and left.unit != right.unit and (left.unit or not left.operators)
    return None if verdict is False and converts else verdict  # 1/2 cup = 4 ounces


_ROUNDED = re.compile(r"[0-9]*[.,](?:[0-9]{3,}|[0-9]?(?:33|66|67|16|17|83))")
"""A decimal that looks like a rounded fraction."""


def _is_near(left: Member, right: Member) -> bool:
    """Whether rounded operands explain the difference: 18 * 0.6667 = 12, 12 * 5/6 = 12 * 0.8333."""
    if left.value is None or right.value is None or "$" in left.raw:
        return False
    return abs(left.value - right.value) <= _room(left) + (_room(right) if right.operators else 0)


def _room(member: Member) -> Fraction:
    """How much the value changes if each rounded operand changes by half a unit of its last digit."""
    room = Fraction(0)
    for at, part in enumerate(member.parts):
        if part.kind == "number" and part.value is not None and _ROUNDED.fullmatch(part.text):
            half = Fraction(1, 2 * 10 ** len(re.split("[.,]", part.text)[1]))
            parts = [*member.parts[:at], part._replace(value=part.value + half), *member.parts[at + 1 :]]
            changed = value_of_tokens(parts)
            room += abs(changed - member.value) if changed is not None and member.value is not None else 0
    return room


def nearly(left: Member, right: Member, *, rounded: bool = False, context: str = "") -> bool | None:
    """Whether two members are equal if at least one is irrational: √12 = 2√3, √2 ≈ 1.41; None if unknown."""
    a, b = left.near, right.near
    if a is not None and b is not None:
        apart = abs(a - b) / max(abs(a), abs(b), 1.0)
        return True if apart < _SAME else False if apart > _OTHER else None
    exact, near, other = (right, a, left) if a is not None else (left, b, right)
    if near is None or exact.value is None:
        return None
    if abs(near - float(exact.value)) <= _SAME * max(1.0, abs(near)):
        return True
    shown = exact.parts[-1].text if exact.parts else ""
    if rounded and not re.search("[.,]", shown) and abs(near - float(exact.value)) <= abs(near) / 100:
        return True  # π ≈ 22/7
    cut = rounded and abs(exact.value) <= abs(near)  # after so many digits
    verdict = agree(Fraction(near), exact.value, shown, rounded=cut, context="" if rounded else context)
    is_told = other is left and (rounded or exact.value.denominator > 1)
    return verdict if verdict or is_told else None  # otherwise the text only tries an integer for an irrational number


_SAME, _OTHER = 1e-9, 1e-6
"""Relative distances: two irrational numbers below the first are equal, above the second they differ."""


def _leaves(left: Member, right: Member) -> bool | None:
    """Whether a division has this quotient and remainder: 17 / 5 = 3 remainder 2."""
    if len(left.operands) != 2 or left.operators != 1 or right.remainder is None or right.value is None:
        return None
    dividend, divisor = left.operands
    return divisor * right.value + right.remainder == dividend and 0 <= right.remainder < divisor


def recompute(chains: list[Chain], context: str = "") -> tuple[Member | None, bool | None]:
    """The last member that computes, and whether all equations of the statement hold; None if none was checked.

    `context` is the statement, whose words may say that a value is rounded.
    """
    member: Member | None = None
    verdicts: set[bool | None] = set()
    for chain in chains:
        if chain.modulus:
            verdicts.add(_is_congruent(chain.members, chain.modulus))
            continue
        working = [m for m in chain.members if m.operators and m.value is not None]
        if working:
            member = working[0]
        if chain.compared:
            continue
        if not working and all(m.value is not None for m in chain.members):
            verdicts.add(_changes_unit(chain))
            continue
        for left, right in itertools.pairwise(chain.members):
            told = left is chain.members[0] and left.is_number and right.operators and left.value != right.value
            if told and ("frac" not in left.plain or left.unit or right.unit):
                continue  # "24 minutes = 24/60 hours", "after 10 years = 8 * 10 trees": not an equation of numbers
            if left.value is not None and right.value is not None:
                if working:
                    verdicts.add(holds(left, right, rounded=chain.rounded, context=context))
            else:
                verdicts.add(nearly(left, right, rounded=chain.rounded, context=context))
    if False in verdicts:
        return member, None if SUPPOSES.search(context) else False
    return member, True if True in verdicts else None


SUPPOSES = re.compile(
    r"\bbase[- ]?(?:[0-9$\\]|two|three|four|five|six|seven|eight|nine)"
    r"|\b(?:impossible|absurd|contradict\w*)\b|\bfalse\b"
    r"|\babsurdo\b|\bimpossível\b|vô l[ýí]\b|\bmâu thuẫn\b",
    re.IGNORECASE,
)
"""Words which say that an equation is in another base, or that it is shown to be wrong."""


def _is_congruent(members: list[Member], modulus: int) -> bool | None:
    """Whether integers leave the same remainder: 17 ≡ 2 (mod 5)."""
    values = [member.value for member in members if member.value is not None and member.value.denominator == 1]
    if len(values) < 2 or len(values) < len(members):
        return None
    return all((value - values[0]) % modulus == 0 for value in values)


def _changes_unit(chain: Chain) -> bool | None:
    """Whether "190 cm = 1.90 m" holds; None if the units do not decide, or it may be a scale or rounded."""
    if len(chain.members) != 2:
        return None
    (left, right), units = chain.members, [unit_of(member.unit) for member in chain.members]
    if left.value is None or right.value is None or None in units or left.unit == right.unit:
        return None
    one, other = (unit for unit in units if unit is not None)
    if one.dimensions != other.dimensions or not left.is_number or not right.is_number or right.value == 0:
        return None
    ratio = left.value * one.factor / (right.value * other.factor)
    if ratio == 1:
        return True
    near = Fraction(1, 2) < ratio < 2 and abs(ratio - 1) > Fraction(3, 100)
    return False if near and left.value != 1 and "ton" not in f"{left.unit} {right.unit}" else None


@dataclass(frozen=True, slots=True)
class Computation:
    """The text states that `expression` has this `value`; `correct` is None if units change or the value is rounded.

    The offsets run from the start of the expression to the end of the value.
    """

    expression: str
    value: Fraction
    correct: bool | None
    start: int
    end: int


def computations_of(chains: list[Chain], context: str = "") -> list[Computation]:
    """All computations of the chains with their stated values, in reading order."""
    found: list[Computation] = []
    for chain in chains:
        if chain.compared:
            continue
        num_before = len(found)
        for left, right in itertools.pairwise(chain.members):
            if left.value is None or right.value is None:
                continue
            correct = holds(left, right, rounded=chain.rounded, context=context)
            if left.operators:
                value = left.value if goes_on(left, right) else right.value
                found.append(Computation(left.plain, value, correct, left.start, right.end))
            elif len(found) > num_before and not right.operators and correct is False:
                found[-1] = replace(found[-1], correct=False)  # 7 - 3 = 4 = 5
    return found
