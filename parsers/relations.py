"""Equations as values: members, operands, unknowns; what a chain of members computes and whether it holds.

    "Overtime = 5 * 10 * 1.2 = 60"   ->  members: the name "Overtime", "5 * 10 * 1.2" worth 60, "60"; it holds
    "367 + x = 558"                  ->  members: "367 + x" with the unknown x and no value, "558"

`parsers.chains` reads them from text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from parsers.expressions import evaluate

_PLAIN_FRACTION = re.compile(r"-?(?:\d+[+])?(?:\d+/\d+|\\frac\{-?\d+\}\{\d+\})")


@dataclass(slots=True)
class Member:
    """One side of an equation.

    `plain` is evaluable arithmetic, `shown` the same as written but without units and currency, `raw` as written.
    `value` is its exact value, None where it holds symbols. A side of words only is a name: `name` is those words.
    `parts` are the tokens of `plain`.
    """

    plain: str = ""
    shown: str = ""
    raw: str = ""
    value: Fraction | None = None
    operands: tuple[Fraction, ...] = ()
    symbols: tuple[str, ...] = ()
    operators: int = 0
    name: str = ""
    parts: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """A number as it stands, fractions included: nothing left to work out."""
        return self.value is not None and (not self.operators or bool(_PLAIN_FRACTION.fullmatch(self.plain)))

    @property
    def is_fraction(self) -> bool:
        """A fraction by itself, even of something that is not worked out: 2/3 of what Harry slept."""
        return bool(_PLAIN_FRACTION.fullmatch(self.plain))

    @property
    def is_symbol(self) -> bool:
        """A name or a lone unknown, such as x, P_2 or \\text{Total cost}."""
        return bool(self.name) or (len(self.symbols) == 1 and not self.operands and not self.operators)


def is_identity(left: Member, right: Member) -> bool:
    """Whether two members are equal whatever their unknowns are worth: (a - 1)^2 = a^2 - 2a + 1, not 2a = 6."""
    unknowns = sorted({*left.symbols, *right.symbols})
    for seed in (3, 8):
        worth = {name: f"({seed + 5 * i * i + 2}/{seed + 2})" for i, name in enumerate(unknowns)}
        sides = [evaluate("".join(worth.get(part, part) for part in side.parts)) for side in (left, right)]
        if sides[0] is None or sides[0] != sides[1]:
            return False
    return True


@dataclass(slots=True)
class Chain:
    """Members joined by equality signs, one or more; `open_left` says that the chain begins with the sign."""

    members: list[Member] = field(default_factory=list)
    open_left: bool = False
    rounded: bool = False
    compared: bool = False  # joined by < or > somewhere
    start: int = 0

    @property
    def is_equation(self) -> bool:
        """Whether there is an equality sign, not just one expression."""
        return len(self.members) > 1 or (self.open_left and bool(self.members))


def decimal_text(value: Fraction | int) -> str:
    """The number in digits: 3, 1.25, or (2/3) where it has no finite decimal."""
    if isinstance(value, int):
        return str(value)
    if value.denominator == 1:
        return str(value.numerator)
    rest, digits = value.denominator, 0
    while rest % 10 == 0:
        rest, digits = rest // 10, digits + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, digits = rest // prime, digits + 1
    if rest != 1 or digits > 40:
        return f"({value.numerator}/{value.denominator})"
    scaled = f"{abs(value.numerator) * 10**digits // value.denominator:0{digits + 1}d}"
    return ("-" if value < 0 else "") + f"{scaled[:-digits]}.{scaled[-digits:]}".rstrip("0").rstrip(".")


def is_worded(chain: Chain) -> bool:
    """A relation between named quantities: words or \\text{} only, at least one operation."""
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
    """Whether the chain holds an operation or a relation that says more than name = number."""
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
    """Whether the operation stands in words before the sign: "2 games a month for 12 months = 24 games"."""
    first, last = chain.members[0], chain.members[-1]
    return len(chain.members) == 2 and first.is_number and last.is_number and first.value != last.value


def is_sum(chain: Chain) -> bool:
    """Whether its working members only add and subtract."""
    return not any(sign in member.plain for member in chain.members for sign in ("*", "/", "\\", "^"))


def equation_of(chain: Chain) -> tuple[tuple[Fraction, ...], Fraction | None]:
    """Operands and result of a numeric computation; no result where there is none."""
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
            chain.members[0].is_symbol or len(numeric) > 1 or (chain.open_left and not last.operators)
        )
        if last.value is not None and solved and not chain.compared:
            # every form of the result can be used later: 9/11 as well as its rounding 0.818
            found += [m.value for m in numeric if (m.is_number or chain.rounded) and m.value is not None]
            found.append(last.value)
    return list(dict.fromkeys(found))


def recompute(chains: list[Chain]) -> tuple[Member | None, bool | None]:
    """The last member that computes, and whether all equations of the statement hold; None where none was checked."""
    member: Member | None = None
    verdicts: list[bool] = []
    for chain in chains:
        working = [m for m in chain.members if m.operators and m.value is not None]
        if working:
            member = working[0]
        if chain.compared or not working:
            continue
        for left, right in zip(chain.members, chain.members[1:], strict=False):
            if left is chain.members[0] and left.is_number and right.operators:
                continue  # "24 minutes = 24/60 hours", "after 10 years = 8 * 10 trees": no equation of numbers
            if left.value is not None and right.value is not None:
                verdicts.append(_equal(left, right, rounded=chain.rounded))
    return member, all(verdicts) if verdicts else None


def _equal(left: Member, right: Member, *, rounded: bool) -> bool:
    """Equality of two members, the right one possibly rounded to the digits it shows."""
    assert left.value is not None and right.value is not None
    if left.value == right.value:
        return True
    if right.plain.endswith("/100)") and right.value * 100 == left.value:
        return True  # 0.6 * 100 = 60%
    decimals = re.search(r"\.(\d+)$", right.plain)
    step = Fraction(1, 10 ** len(decimals.group(1))) if decimals else Fraction(1)
    if not decimals and not rounded:
        return False
    return abs(left.value - right.value) * 2 <= step * (2 if rounded else 1)
