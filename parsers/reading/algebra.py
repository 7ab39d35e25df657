"""The unknowns and equations of one text: the step that introduced or solved each unknown, and equal equations.

    0  "Let x be the number of cups."    introduces x
    1  "4x + 8 = 40"                     an equation for x, so it uses 0
    2  "4x = 32"                         equivalent to 1, so it follows from 1 alone
    3  "y = x + 12"
    4  "x + x + 12 = y + 8"              ...

Linear equations are compared by their coefficients. An equation may follow from two earlier ones, one substituted into
the other. To find these, the reader eliminates each unknown that the two share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from parsers.arithmetic.formulas import folded
from parsers.arithmetic.relations import Chain, Member

Form = dict[str, Fraction]
"""Coefficients of a linear equation with all terms on one side; "" is the constant. The first unknown has coefficient
1."""

MAX_UNKNOWNS, MAX_EQUATIONS, MAX_EXPRESSIONS = 6, 12, 20
"""Most unknowns in an equation, and most recent equations and expressions of a text, that are compared."""


@dataclass(slots=True)
class Pending:
    """A step whose value is not computed yet: an expression or equation that the next step continues."""

    step: int
    values: frozenset[Fraction]
    symbols: frozenset[str]
    left: str
    is_equation: bool = False


@dataclass(slots=True)
class Algebra:
    """The unknowns, unsolved expressions and equations of a text."""

    symbols: dict[str, int] = field(default_factory=dict)
    """Unknown, in lower case -> the step that introduced it or last solved it."""
    expressions: dict[str, int] = field(default_factory=dict)
    """Unsolved value as text -> its step."""
    equations: list[tuple[int, Form]] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    """Equations as written."""
    forms: dict[str, Form | None] = field(default_factory=dict)
    """A cache: chains as written -> their forms."""
    pending: Pending | None = None

    def form(self, chain: Chain) -> Form | None:
        """The coefficients of the chain if it is a linear equation, otherwise None."""
        text = "=".join(member.raw for member in chain.members)
        if text not in self.forms:
            self.forms[text] = form_of(chain)
        return self.forms[text]

    def follows_from(self, chain: Chain) -> tuple[int, ...]:
        """The steps that the equation follows from: one equivalent equation, or two, one substituted into the other."""
        form = self.form(chain) if self.equations else None
        if form is None:
            return ()
        latest = self.equations[-MAX_EQUATIONS:][::-1]
        for step, known in latest:
            if known == form:
                return (step,)
        for i, (step, known) in enumerate(latest):
            for other_step, other in latest[i + 1 :]:
                names = (
                    _shared(known, other) if other_step != step and known.keys() ^ other.keys() <= form.keys() else ()
                )
                # unknowns of only one equation must stay and the eliminated one must go; most pairs fail this test
                if any(name not in form and eliminated(known, other, name) == form for name in names):
                    return tuple(sorted((step, other_step)))
        return ()

    def is_known(self, chain: Chain) -> bool:
        """Whether the chain only repeats an earlier equation, or is an expression without an equals sign."""
        if not chain.is_equation:
            return True
        form = self.form(chain)
        return form is not None and any(known == form for _, known in self.equations)

    def remember(self, step: int, chains: Iterable[Chain]) -> None:
        """Stores the equations of a step and the unknowns that they solve."""
        for chain in chains:
            left = left_of(chain)
            if left and chain.members[0].symbols:
                self.symbols[left] = step
            if (form := self.form(chain)) is None:
                continue
            text = "=".join(folded(member.raw) for member in chain.members)
            if text not in self.texts:
                self.texts.add(text)  # a repeated equation stays with its first step
                self.equations.append((step, form))
        del self.equations[:-MAX_EQUATIONS]

    def expressions_longest_first(self) -> list[tuple[str, int]]:
        """The latest unsolved values, longest first, because a longer one may contain others."""
        return sorted(list(self.expressions.items())[-MAX_EXPRESSIONS:], key=lambda item: -len(item[0]))

    def used_in(self, formulas: Iterable[str]) -> tuple[dict[int, None], str]:
        """The steps whose unsolved values occur in the formulas, and the formulas without these values."""
        rest = "=".join(map(folded, formulas))
        found: dict[int, None] = {}
        for formula, step in self.expressions_longest_first():
            if formula in rest:
                found[step] = None
                rest = re.sub(rf"(?<![\w.]){re.escape(formula)}(?![\w.])", "~", rest)
        return found, rest


def left_of(chain: Chain) -> str:
    """The name or unknown that a chain defines, in lower case; "" if it defines none."""
    if not chain.members or not chain.is_equation or not chain.members[0].is_symbol:
        return ""
    first = chain.members[0]
    return (first.name or (first.symbols[0] if first.symbols else "")).lower()


def form_of(chain: Chain) -> Form | None:
    """The linear equation between the first and the last member of a chain; None if it has no unknowns."""
    if chain.compared or chain.open_left or len(chain.members) < 2:
        return None
    first, *middle = chain.members[:-1]
    if not first.is_symbol and any(member.operators and member.value is not None for member in middle):
        return None  # "A + S = 152 + 147 = 299" works with numbers
    return linear_form(first, chain.members[-1])


def linear_form(left: Member, right: Member) -> Form | None:
    """The coefficients of left = right, computed from its values at a few points; None if it is not linear."""
    if left.is_symbol and right.value is not None:
        return {"": -right.value, _unknowns(left)[0]: Fraction(1)}
    names = list(dict.fromkeys(name for side in (left, right) for name in _unknowns(side)))
    if not 1 <= len(names) <= MAX_UNKNOWNS:
        return None
    origin = _difference(left, right, {})
    if origin is None:
        return None
    form: Form = {"": origin}
    for name in names:
        value = _difference(left, right, {name: 1})
        if value is None:
            return None
        form[name] = value - origin
    probe = {name: 3 + 2 * i for i, name in enumerate(names)}
    expected = origin + sum(form[name] * number for name, number in probe.items())
    return normalized(form) if _difference(left, right, probe) == expected else None


def normalized(form: Form) -> Form | None:
    """The form scaled so that its first coefficient is 1, without zero coefficients; None if no unknown is left."""
    names = sorted(name for name, coefficient in form.items() if name and coefficient)
    if not names:
        return None
    scale = form[names[0]]
    return {name: form[name] / scale for name in ("", *names)}


def eliminated(equation: Form, other: Form, name: str) -> Form | None:
    """The equation after the other one is solved for the unknown and substituted into it."""
    factor = equation[name] / other[name]
    names = {*equation, *other} - {name}
    return normalized({key: equation.get(key, Fraction(0)) - factor * other.get(key, Fraction(0)) for key in names})


def _shared(equation: Form, other: Form) -> list[str]:
    return [name for name in equation if name and name in other]


def _unknowns(member: Member) -> tuple[str, ...]:
    return (member.name.lower(),) if member.name else tuple(symbol.lower() for symbol in member.symbols)


def _difference(left: Member, right: Member, worth: dict[str, int]) -> Fraction | None:
    sides = [_worth(side, worth) for side in (left, right)]
    return None if sides[0] is None or sides[1] is None else sides[0] - sides[1]


def _worth(member: Member, worth: dict[str, int]) -> Fraction | None:
    """The value of one side with the numbers in `worth` for its unknowns, and 0 for all other unknowns."""
    if member.name:
        return Fraction(worth.get(member.name.lower(), 0))
    if member.value is not None:
        return member.value
    return member.worth(lambda name: worth.get(name.lower(), 0))
