"""Checks whether the equations of a solution hold for the values that it finds.

"3/4 N = 20 … so N = 80"    3/4 · 80 is 60, not 20: it does not
"3x + 2 = 20 … x = 6"       it does
"""

from __future__ import annotations

import itertools
from fractions import Fraction

from parsers.arithmetic.equations import read_chains
from parsers.arithmetic.relations import Chain, Member
from parsers.graph import ReasoningGraph

LONGEST_UNKNOWN = 2
"""Letters of an unknown; longer names are words, which may stand for several quantities."""
ROUNDING = Fraction(1, 100)
"""Sides that differ by less, relative to the larger, are taken as rounded."""


def contradicted_equation(graph: ReasoningGraph) -> str | None:
    """The first equation that is wrong for the values of its unknowns, as written; None if all hold.

    An unknown with two values in the solution is ignored.
    """
    chains = [chain for step in graph.steps for chain in read_chains(step.text, graph.language) if not chain.compared]
    values = _solved(chains)
    for chain in chains:
        sides = [(member, worth) for member in chain.members if (worth := _worth(member, values)) is not None]
        for (left, first), (right, second) in itertools.pairwise(sides):
            is_solution = left.is_symbol or right.is_symbol
            if not is_solution and (_uses(left, values) or _uses(right, values)) and not _agree(first, second):
                return f"{left.raw or left.plain} = {right.raw or right.plain}"
    return None


def _solved(chains: list[Chain]) -> dict[str, Fraction]:
    """Unknown to its one value: "N = 80"."""
    found: dict[str, set[Fraction]] = {}
    for chain in chains:
        first, last = chain.members[0], chain.members[-1]
        is_one = len(chain.members) > 1 and first.is_symbol and len(first.unknowns) == 1
        if is_one and len(first.unknowns[0]) <= LONGEST_UNKNOWN and last.value is not None:
            found.setdefault(first.unknowns[0], set()).add(last.value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _factor(member: Member, values: dict[str, Fraction]) -> Fraction | None:
    """The value of a unit that is an unknown: "3/4 N" is read as three quarters of the unit n."""
    return next((value for name, value in values.items() if member.unit and name.lower() == member.unit.lower()), None)


def _worth(member: Member, values: dict[str, Fraction]) -> Fraction | None:
    if member.value is not None:
        return member.value * (_factor(member, values) or 1)
    if not member.unknowns or not all(name in values for name in member.unknowns):
        return None
    return member.worth(values.__getitem__)


def _uses(member: Member, values: dict[str, Fraction]) -> bool:
    """Whether a side that has a value contains an unknown."""
    return member.value is None or _factor(member, values) is not None


def _agree(first: Fraction, second: Fraction) -> bool:
    return abs(first - second) <= ROUNDING * max(abs(first), abs(second))
