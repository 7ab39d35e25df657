"""Equations that hold as their writers mean them, but not by the rules of precedence.

"50 - 20% = 40"            ->  20 % of the 50 are taken off
"1 + 2.2 = 5" (Vietnamese)  ->  the point multiplies
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate, value_of_tokens
from parsers.arithmetic.lexer import Token
from parsers.arithmetic.relations import Chain, Member, holds


def settle(chain: Chain, language: str) -> None:
    """Reads "50 - 20% = 40" as 20 % of the 50, and a Vietnamese "2.5 = 10" as 2 times 5.

    It does so only if the equation fails otherwise and holds this way.
    """
    for at, (left, right) in enumerate(itertools.pairwise(chain.members)):
        if left.value is None or right.value is None or holds(left, right):
            continue
        meant = _share_of_itself(left) if "%" in left.plain else _points_multiply(left) if language == "vi" else None
        if meant is not None and holds(meant, right, rounded=chain.rounded):
            chain.members[at] = meant


def _points_multiply(member: Member) -> Member | None:
    """The member with the points in its numbers read as multiplication signs; None if there are no such points."""
    parts: list[Token] = []
    for part in member.parts:
        factors = part.text.split(".") if part.kind == "number" else ()
        if len(factors) == 2 and all(factor.isdigit() for factor in factors):
            first, second = (part._replace(text=digits, value=int(digits)) for digits in factors)
            bracket, sign = part._replace(kind="open", text="("), part._replace(kind="operator", text="*")
            parts += bracket, first, sign, second, part._replace(kind="close", text=")")
        else:
            parts.append(part)
    if len(parts) == len(member.parts):
        return None
    value = value_of_tokens(parts)
    operands = tuple(Fraction(part.value) for part in parts if part.kind == "number" and part.value is not None)
    plain = "".join(part.text for part in parts)
    return None if value is None else replace(member, plain=plain, value=value, operands=operands, operators=1)


def _share_of_itself(member: Member) -> Member | None:
    """ "50 - 20%" as 50*(1-20%); None unless a per cent is added to, or subtracted from, a plain number."""
    match = _SHARE.fullmatch(member.plain)
    if match is None:
        return None
    before, sign, share, rest = match.groups()
    plain = f"({before})*(1{sign}{share}){rest}" if re.search("[-+]", before) else f"{before}*(1{sign}{share}){rest}"
    value = evaluate(plain) if "," not in plain else evaluate(plain, "pt")
    return None if value is None else replace(member, plain=plain, value=value)


_SHARE = re.compile(r"([^()%]{1,60})([-+])([0-9.,]{1,12}%)((?:[-+][^()%]{1,60})?)")
