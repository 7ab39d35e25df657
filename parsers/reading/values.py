"""Finds the value of a statement: the last member of its last equation, or the only number that it states."""

from __future__ import annotations

import re

from parsers.arithmetic.numbers import Number
from parsers.arithmetic.relations import Chain, is_identity, is_worded, nearly
from parsers.graph import Value
from parsers.reading.links import Links

_DEFINED = re.compile(
    r"(?:\blet|\bdenote|\bcall|\bdefine)\b[^$\\.]{1,80}?\b(?:be|represent|denote|as)\s+(?:\\\(|\$)?\s*(?P<last>[A-Za-z])\s*(?:\\\)|\$)?\W*$"
    r"|(?:gọi|chamar|chamando|chamemos)\b[^$\\.\d]{1,80}?\b(?:là|de|por)\s+(?:\\\(|\$)?\s*(?P<named>[A-Za-z])\s*(?:\\\)|\$)?\W*$"
    r"|(?:let|gọi|đặt|giả sử|seja|denote|call|chame)(?:'s|\s+us)?\s+(?:denote|define|call|represent)?"
    r"[^$\\]{0,60}?(?:\\\(|\$)?\s*(?P<first>\\text\{[^}]*\}|[A-Za-z](?:_\{?\w+\}?)?)\s*(?:\\\)|\$|\b)"
    r"(?=\s*(?:be|is|=|represents?|denotes?|as|là|o|a|the|inches|,|\.|$))",
    re.I,
)


def defined_name(body: str) -> str:
    """The unknown that a definition introduces, without markup; "" if there is none."""
    match = _DEFINED.search(body)
    name = match and (match["last"] or match["named"] or match["first"])
    return re.sub(r"\\text\{|\}", "", name) if name else ""


def value_of(body: str, chains: list[Chain], numbers: list[Number], defined: str, links: Links) -> Value:
    """The value of the statement: the last member of its last equation, the unknown that it introduces, or the only
    number that it states."""
    useful = [chain for chain in chains if not is_worded(chain)]
    if useful and useful[-1].is_equation and useful[-1].members[-1].is_named:
        return None  # good = total - 7
    for chain in reversed(useful):
        value = _chain_value(chain)
        if value is not None:
            return value
    return defined or _told_value(body, numbers, links)


def _chain_value(chain: Chain) -> Value:
    if (chain.compared and not chain.modulus) or not chain.members:
        return None
    first, last = chain.members[0], chain.members[-1]
    if not chain.is_equation:
        return None if last.is_fraction or not last.operators else last.shown
    if last.name:
        return first.raw if not first.name else None
    if chain.open_left or first.is_symbol or len(chain.members) == 1:
        if last.is_number:
            return last.value
        return (
            last.value
            if last.value is not None and len(chain.members) > 2
            else (last.shown if last.value is not None else last.raw)
        )
    unknown = [m for m in chain.members if m.value is None and not m.is_named and m.near is None]
    if last.value is not None and (not unknown or (len(chain.members) > 2 and chain.members[-2].value is not None)):
        return last.value
    if last.value is not None and len(chain.members) > 1:
        return f"{chain.members[-2].raw} = {last.raw}"
    before = chain.members[-2]
    same = len(chain.members) > 2 or is_identity(before, last) or bool(nearly(before, last))
    return last.raw if same else f"{before.raw} = {last.raw}"


_TELLS = re.compile(r":|\b(?:is|are|was|were|é|são|là)\b")


def _told_value(body: str, numbers: list[Number], links: Links) -> Value:
    """The only number of a statement without an equation; of two, the new number or the number after "is"."""
    values = list(dict.fromkeys(number.value for number in numbers))
    if len(values) == 1:
        return values[0]
    fresh = [value for value in values if not links.is_stated(value)]
    if len(fresh) == 1 and len(values) == 2:
        return fresh[0]
    tells = list(_TELLS.finditer(body))
    said = [number.value for number in numbers if len(tells) == 1 and number.start >= tells[0].end()]
    return said[0] if len(said) == 1 and len(numbers) == 2 else None
