"""The content of one statement: its words, equations and numbers, before their sources are known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from parsers.arithmetic.equations import read_chains
from parsers.arithmetic.numbers import Number, find_numbers
from parsers.arithmetic.relations import Chain, is_computing, is_worded, is_worded_work
from parsers.reading.links import MEASURES, cheap
from parsers.reading.stage_words import StageWords
from parsers.reading.values import defined_name

MAX_STATEMENT = 3000
"""Most characters of one statement that are read; of a longer one, its beginning and its end are read."""

_EMPTY_NUMBERS = frozenset(("one", "um", "uma", "một")) | MEASURES
_CHECK_WORD = re.compile(r"[- ]?check", re.I)
_FORMULA = re.compile(r"\\\[|\\\(|\$\$|=")


@dataclass(slots=True)
class Content:
    """The parts of one statement.

    `operands` are the numbers that it computes with, with repetitions. `results` are the values of its equations.
    `computes`: it has an operation or a relation. `worded`: it relates only named quantities.
    """

    head: str
    body: str
    words: str
    """The body in lower case, without openers such as "Wait,"."""
    chains: list[Chain]
    numbers: list[Number]
    values: list[Fraction]
    """The different numbers that it mentions."""
    computes: bool
    worded: bool
    operands: list[Fraction]
    results: set[Fraction]
    symbols: list[str]
    concludes: bool
    closing: bool
    substituted: bool
    """It substitutes numbers for its unknowns: "A + B = 3 + 4"."""
    defined: str = ""
    """The unknown that it introduces: "Let x be the cost"."""

    @property
    def prose(self) -> str:
        """The words before the first formula."""
        return _FORMULA.split(self.body, maxsplit=1)[0]


def read_content(
    head: str, body: str, language: str, known: StageWords, is_unknown: Callable[[str], bool], sign: str = ""
) -> Content:
    """The parts of a statement.

    `is_unknown` recognizes the unknowns of the text. `sign` is a sign to which the problem gives its own meaning.
    """
    body = shortened(body)
    chains = read_chains(body, language, unknown=sign)
    numbers = [n for n in find_numbers(body, language) if not _is_empty(n, body)]
    operands: list[Fraction] = []
    symbols: list[str] = []
    results: set[Fraction] = set()
    working = [c for c in chains if is_computing(c) and (c.is_equation or _is_term(c, is_unknown))]
    for chain in working:
        values, unknowns = operands_of(chain)
        operands += [value for value in map(cheap, values) if value not in results]
        symbols += [symbol for symbol in unknowns if symbol not in symbols]
        results |= {cheap(member.value) for member in chain.members if member.value is not None}
    if working and results and all(map(is_worded_work, chains)):
        operands = [value for value in (cheap(number.value) for number in numbers) if value not in results]
    values = list(dict.fromkeys(cheap(number.value) for number in numbers))
    words = body.lower()
    opener = known.opener.match(words)
    bare = words[opener.end() :] if opener else words
    return Content(
        head, body, bare, chains, numbers, values, bool(working), not working and any(map(is_worded, chains)), operands,
        results, symbols, bool(known.conclude.match(bare)), bool(known.closing.search(words)),
        any(map(_is_substituted, working)), defined_name(body) if known.define.match(bare) else "",
    )  # fmt: skip


def _is_empty(number: Number, body: str) -> bool:
    """Whether a number word is not a quantity: "one", "double-check"."""
    return number.text.lower() in _EMPTY_NUMBERS or bool(_CHECK_WORD.match(body, number.end))


def shortened(body: str) -> str:
    """The part of a statement that is read."""
    return body if len(body) <= MAX_STATEMENT else body[: MAX_STATEMENT - 600] + " " + body[-600:]


def _is_term(chain: Chain, is_unknown: Callable[[str], bool]) -> bool:
    """Whether an expression without an equals sign counts as a computation.

    It counts if it has a value, if it has several operations, or if all its letters are unknowns of the text.
    """
    member = chain.members[0]
    return member.value is not None or member.operators > 1 or all(is_unknown(s.lower()) for s in member.symbols)


def operands_of(chain: Chain) -> tuple[list[Fraction], list[str]]:
    """The numbers and unknowns that a chain computes with.

    They are those of its first member that computes, and of members that substitute numbers for its unknowns. Later
    members only transform.
    """
    values: list[Fraction] = []
    symbols: list[str] = []
    for index, member in enumerate(chain.members):
        if member.is_symbol and index == 0 and len(chain.members) > 1:
            continue
        if not member.operators and (values or symbols) and not _is_last_unknown(chain, index):
            continue
        values += [value for value in member.operands if value not in values or not member.symbols]
        symbols += [symbol for symbol in member.symbols if symbol not in symbols]
        if not member.symbols and member.operators:
            break
    return values, symbols


def _is_substituted(chain: Chain) -> bool:
    worked = [member.value is not None for member in chain.members if member.operators]
    return len(worked) > 1 and not worked[0] and any(worked)


def _is_last_unknown(chain: Chain, index: int) -> bool:
    """Whether this member is also an operand: the right side of 367 + x = 558."""
    before = chain.members[:index]
    return bool(before) and not before[0].is_symbol and all(member.value is None for member in before)
