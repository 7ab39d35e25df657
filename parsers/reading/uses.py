"""Finds what a statement of a free text depends on: the steps and givens of its numbers and unknowns.

givens 48, half;   0 "In April she sold 48."   1 "In May 48 / 2 = 24."   2 "Together 48 + 24 = 72."
->  0 depends on "48",   1 on "48" and "half",   2 on "48" and 1
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from parsers.arithmetic.formulas import folded
from parsers.arithmetic.numbers import find_numbers
from parsers.arithmetic.relations import Chain, results_of
from parsers.graph import Stage, Step
from parsers.reading.algebra import Algebra, Pending, left_of
from parsers.reading.content import Content
from parsers.reading.links import Links, Wording

Sources = dict[int | str, None]
"""An ordered set of steps and names of givens, in order of use."""

_GOES_ON = re.compile(r"\bthe result\b|\bnegative\b|\b(?:that|this|it) (?:gives|is|means|leaves|comes)\b")
_UNIT = re.compile(r"(?:\\text|[^\W\d_]|[\s{}/\\-]){1,40}")
_UNIT_WORD = re.compile(r"(?!text\b)[^\W\d_]{2,}")
_JOINS = re.compile(r"^\W*(?:so|então|nên)\s", re.I)
"""Without a comma, these words continue the text; they do not draw a conclusion from the statement before."""


@dataclass(slots=True)
class Memory:
    """What the reader knows about one text so far."""

    links: Links
    question: str = ""
    language: str = "en"
    algebra: Algebra = field(default_factory=Algebra)
    steps: list[Step] = field(default_factory=list)

    def last(self, *stages: Stage) -> Step | None:
        """The latest step with one of the stages, among the last eight steps; None if there is none."""
        return next((step for step in reversed(self.steps[-8:]) if step.stage in stages), None)


def uses_of(content: Content, stage: Stage, memory: Memory) -> tuple[int | str, ...]:
    """The sources of a statement; announcements of work and definitions of unknowns have none."""
    if stage is Stage.PLAN or (stage is Stage.UNDERSTAND and content.defined and not content.computes):
        return ()
    if stage is Stage.UNDERSTAND:
        names = (memory.links.givens.name_of(value) for value in content.values)
        return tuple(dict.fromkeys(name for name in names if name is not None))
    sources = _checked(content, memory) if stage is Stage.VERIFY else _worked(content, memory)
    memory.links.used.update(source for source in sources if isinstance(source, int))
    return tuple(sources)


def _worked(content: Content, memory: Memory) -> Sources:
    """Sources of a statement that computes or deduces."""
    if content.chains and (whole := _continued(content, memory)):
        return whole
    found: Sources = {}
    pending = _pending(content, memory)
    if pending is not None:
        found[pending.step] = None
    values, symbols = _parts(content, memory)
    if pending is None or not pending.is_equation:
        values, symbols = _expressions(content, memory, values, symbols, found)
        _unknowns(content, memory, symbols, found)
    is_algebraic = any(len(symbol) == 1 for symbol in content.symbols)  # then the problem is the source
    wording = Wording(
        memory.links.named_in(content.prose) if values else {},
        concludes=content.concludes and not is_algebraic and not _JOINS.match(content.body),
        written={value: _written_like(value, content, memory) for value in set(values)},
    )
    _numbers([v for v in values if pending is None or v not in pending.values], content, wording, memory, found)
    if not found and (content.concludes or _GOES_ON.search(content.body)):
        previous = memory.last(Stage.EXECUTE, Stage.UNDERSTAND)
        if previous is not None:
            found[previous.id] = None
    return found


def _written_like(value: Fraction, content: Content, memory: Memory) -> int:
    """For a number that is both a result and a given: above 0 if its digits and unit are more like the result's."""
    step = memory.links.computed.get(value)
    if step is None or value not in memory.links.givens.names:
        return 0
    here = mentions(content.body, memory.language).get(value)
    if here is None:
        return 0
    result = mentions(memory.steps[step].text, memory.language).get(value, _UNLIKE)
    given = mentions(memory.question, memory.language).get(value, _UNLIKE)
    return _likeness(here, result) - _likeness(here, given)


Mention = tuple[str, frozenset[str]]
"""A number as written, and the words right after it."""
_UNLIKE: Mention = ("", frozenset())


@lru_cache(maxsize=256)
def mentions(text: str, language: str) -> dict[Fraction, Mention]:
    """How the numbers of a text are written; of several occurrences, the last one counts."""
    found: dict[Fraction, Mention] = {}
    for number in find_numbers(text, language):
        behind = _UNIT.match(text, number.end)
        found[number.value] = number.text, frozenset(_UNIT_WORD.findall(behind[0].lower()) if behind else ())
    return found


def _likeness(one: Mention, other: Mention) -> int:
    return (one[0] == other[0]) + len(one[1] & other[1])


def _checked(content: Content, memory: Memory) -> Sources:
    """Sources of a check: the result that it checks, its operands, and the value that it compares with."""
    if content.chains and (whole := _continued(content, memory)):
        return whole
    found: Sources = {}
    links = memory.links
    if (repeated := links.repeated(content.operands)) is not None:
        found[repeated] = None
    values, symbols = _parts(content, memory)
    if content.computes:
        values = [v for v in values if v not in content.results or v in links.computed]
        values += [r for r in results_of(content.chains)[-1:] if r not in values]
    _unknowns(content, memory, symbols, found)
    _numbers(values, content, Wording(checks=True), memory, found)
    if not any(isinstance(source, int) for source in found):
        found |= _result_that_stands(memory, with_check=not content.computes)
    return found


def _result_that_stands(memory: Memory, *, with_check: bool) -> Sources:
    """The last result; with `with_check`, also the computation that has just checked it."""
    found: Sources = dict.fromkeys(memory.links.recent[-1:])
    last = memory.steps[-1] if memory.steps else None
    if with_check and last is not None and last.stage is Stage.VERIFY and last.correct is not None:
        found[last.id] = None
    return found


def _continued(content: Content, memory: Memory) -> Sources:
    """The steps that the statement only transforms: their equations imply its own, or it begins with an equals sign."""
    first = content.chains[0]
    if first.open_left and memory.steps and memory.steps[-1].stage is not Stage.PLAN:
        return {memory.steps[-1].id: None}
    *before, last = content.chains
    if all(memory.algebra.is_known(chain) for chain in before):
        return dict.fromkeys(memory.algebra.follows_from(last))
    return {}


def _pending(content: Content, memory: Memory) -> Pending | None:
    """The recent unsolved step that this statement solves or continues; None if there is none."""
    pending = memory.algebra.pending
    if pending is None or not content.chains:
        return None
    age = len(memory.steps) - pending.step
    left = left_of(content.chains[0])
    if left and left == pending.left and age <= 3:
        return pending
    values = content.operands
    if values and all(value in pending.values for value in values) and (len(values) > 1 or age == 1):
        return pending
    shared = pending.symbols & {symbol.lower() for symbol in [*content.symbols, left] if symbol}
    return pending if shared and age == 1 and not _tells_of_givens(content, memory, pending) else None


def _tells_of_givens(content: Content, memory: Memory, pending: Pending) -> bool:
    """Whether the equation has a further given, and so is a new relation, not a transformation of the one before."""
    return any(value in memory.links.givens.names and value not in pending.values for value in content.operands)


def _parts(content: Content, memory: Memory) -> tuple[list[Fraction], list[str]]:
    """The numbers and unknowns that the statement uses."""
    if content.computes:
        return list(content.operands), content.symbols
    links, values = memory.links, content.values
    symbols = [symbol for chain in content.chains for member in chain.members for symbol in member.symbols]
    recalled = [value for value in values if links.is_recalled(value)]
    if recalled:
        return recalled, symbols
    last = memory.steps[links.recent[-1]].value if links.recent else None
    if len(values) == 1 and last == -values[0]:
        return [-values[0]], symbols
    fresh = [value for value in values if not links.is_stated(value)]
    if fresh and len(fresh) < len(values):
        known = [value for value in values if value not in fresh]
        return known + _difference_to_a_given(known, fresh, links), symbols
    return values, symbols


def _difference_to_a_given(known: list[Fraction], fresh: list[Fraction], links: Links) -> list[Fraction]:
    """The given whose difference from a known number is the only new number: "5 ladies in all" of 9 people, 4 men."""
    others = [g for g in links.givens.names if g not in known and any(abs(v - g) == fresh[0] for v in known)]
    return others if len(others) == 1 and len(fresh) == 1 else []


def _expressions(
    content: Content, memory: Memory, values: list[Fraction], symbols: list[str], found: Sources
) -> tuple[list[Fraction], list[str]]:
    """Finds unsolved values of earlier steps in the equations; returns the other numbers and unknowns."""
    if not content.computes or not memory.algebra.expressions:
        return values, symbols
    steps, rest = memory.algebra.used_in(member.raw for chain in content.chains for member in chain.members)
    if not steps:
        return values, symbols
    found |= steps
    digits = set(re.findall(r"[0-9.]+", rest))
    return (
        [value for value in values if value.denominator > 1 or str(value) in digits],
        [s for s in symbols if re.search(rf"(?<![^\W\d_]){re.escape(folded(s))}(?![^\W\d_])", rest)],
    )


def _unknowns(content: Content, memory: Memory, symbols: list[str], found: Sources) -> None:
    """Adds the steps that introduced or solved the unknowns of the statement, including the one that it solves for."""
    known = memory.algebra.symbols
    for chain in content.chains[:1]:
        step = known.get(left_of(chain))
        if step is not None and memory.steps[step].stage is Stage.UNDERSTAND and _has_right_side(chain):
            found[step] = None
    for symbol in symbols:
        step = known.get(symbol.lower())
        if step is None or len(symbol) > 5:
            continue
        if not content.substituted or memory.steps[step].value in content.operands:
            found[step] = None


def _has_right_side(chain: Chain) -> bool:
    return bool(chain.members[-1].operators)


def _numbers(values: list[Fraction], content: Content, wording: Wording, memory: Memory, found: Sources) -> None:
    """Adds the steps and givens that are the sources of the numbers."""
    links = memory.links
    seen: set[Fraction] = set()
    for value in values:
        if value not in seen and any(isinstance(s, int) and memory.steps[s].value == value for s in found):
            seen.add(value)
            continue
        name = links.givens.called(value, content.body) if value not in links.computed else None
        source = name or links.source(value, wording, skip=found if value in seen else ())
        seen.add(value)
        if source is not None:
            found[source] = None
