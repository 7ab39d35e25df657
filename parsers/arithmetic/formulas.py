"""The formulas of mathematical prose as text: their equations, their last member and their numbers.

"so $z = (1+2i)^2 = -3+4i$."             ->  value "-3+4i"
"Then $m^2 - 64 > 0$"                    ->  value "m^2 - 64 > 0": an inequality keeps both sides
"V=\\left(2a\\right)^3=8a^3."            ->  value "8a^3", with or without dollars around it
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from parsers.arithmetic.equations import read_chains
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import decimal_comma, digits_pattern, to_fraction
from parsers.arithmetic.relations import SUPPOSES, is_identity
from parsers.graph import Value


@dataclass(frozen=True, slots=True)
class Equation:
    """Members between relation signs at the top level of a formula; `signs[i]` comes before `members[i + 1]`."""

    members: tuple[str, ...]
    signs: tuple[str, ...]

    @property
    def text(self) -> str:
        """The equation in one line."""
        return " ".join(
            [self.members[0], *(f"{s} {m}" for s, m in zip(self.signs, self.members[1:], strict=False))]
        ).strip()


_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "log",
        "ln",
        "lim",
        "max",
        "min",
        "int",
        "dx",
        "dt",
        "arg",
        "sqrt",
        "frac",
        "det",
        "mod",
    ]
)
_NATURAL = re.compile(r"(\\[a-zA-Z]+(?:\{[^{}]*\})?)|([^\W\d_]{2,}|[à-ỹđ])")
_ENVIRONMENT = r"\{(?:align|equation|gather|eqnarray|aligned)\*?\}"
_DELIMITERS = re.compile(rf"^(?:\$\$?|\\\[|\\\(|\\begin{_ENVIRONMENT})|(?:\$\$?|\\\]|\\\)|\\end{_ENVIRONMENT})[.,;]?$")
_DELIMITED = re.compile(r"(?<!\\)\$|\\[(\[]|\\begin\{(?:align|equation|gather|eqnarray)")
_FORMULA = re.compile(
    r"\$\$.+?(?:\$\$|$)|(?<!\\)\$(?:\\.|[^$\\])+(?:\$|$)|\\\[.+?(?:(?<!\\)\\\]|$)|\\\(.+?(?:\\\)|$)"
    r"|\\begin\{(align|equation|gather|eqnarray|aligned)(\*?)\}.+?(?:\\end\{\1\2\}|$)",
    re.S,
)
_TOKEN = re.compile(
    r"(?P<open>\\begin\{[a-z]+\*?\}|\\(?:left)?\s*[({\[]|[({\[])|(?P<close>\\end\{[a-z]+\*?\}|\\?[)}\]])"
    r"|(?P<relation>=|\\approx(?![a-zA-Z])|≈|\\equiv|\\neq?(?![a-zA-Z])|≠|\\leq?(?![a-zA-Z])|\\geq?(?![a-zA-Z])|[<>≤≥]|\\in(?![a-zA-Z])|∈)"
    r"|(?P<cut>\\\\(?:\[[^\]]*\])?|\\(?:implies|Rightarrow|Leftrightarrow|iff|Longrightarrow|quad|qquad)(?![a-zA-Z])|⇒|⇔)"
    r"|(?P<skip>\\left(?![a-z])[.|]?|\\right(?![a-z])[.|]?|&)|(?P<other>\\[a-zA-Z]+|\\.|[^\\({\[)}\]=<>≤≥≈≠∈⇒⇔&]+|.)",
    re.S,
)
_MAX = 6000


@lru_cache(maxsize=64)  # several callers in a row ask for the formulas of the same statement
def find_formulas(text: str) -> list[tuple[int, int]]:
    """Spans of the formulas in a statement; without delimiters, the spans between ordinary words."""
    if _DELIMITED.search(text):
        return [found.span() for found in _FORMULA.finditer(text)]
    spans, position = [], 0
    for word in _NATURAL.finditer(text):
        natural = word[2]
        if natural and (natural.isupper() or natural in _FUNCTIONS):
            continue
        if natural:
            spans.append((position, word.start()))
            position = word.end()
    spans.append((position, len(text)))
    return [(a, b) for a, b in spans if re.search(r"[=^]|\\[a-zA-Z]|\([^()]*;", text[a:b])]


@lru_cache(maxsize=256)
def equations(formula: str) -> list[Equation]:
    """The equations of one formula; a line that begins with a relation sign continues the line before."""
    inside = formula.strip()[:_MAX]
    for _ in range(2):
        inside = _DELIMITERS.sub("", inside).strip()
    found: list[Equation] = []
    members: list[str] = []
    signs: list[str] = []
    depth, start = 0, 0

    def close(end: int) -> None:
        nonlocal members, signs, start
        members.append(_clean(inside[start:end]))
        if members[0].startswith("+") and found and len(members) > 1:
            last = found.pop()
            members, signs = (
                [*last.members[:-1], f"{last.members[-1]} {members[0]}", *members[1:]],
                [*last.signs, *signs],
            )
        if not members[0] and len(members) > 1 and found:
            last = found.pop()
            members, signs = [*last.members, *members[1:]], [*last.signs, *signs]
        while len(members) > 1 and not members[-1]:
            members.pop()
            signs.pop()
        if any(members):
            found.append(Equation(tuple(members), tuple(signs)))
        members, signs = [], []

    for token in _TOKEN.finditer(inside):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "relation" and depth == 0:
            members.append(_clean(inside[start : token.start()]))
            signs.append(token.group())
            start = token.end()
        elif kind == "cut" and depth == 0:
            close(token.start())
            start = token.end()
    close(len(inside))
    return found


_UNIT_IN_BRACKETS = re.compile(
    r"(?:\\left)?\(\s*(?:\\mathrm\{[^{}]*\}|(?:cm|m|dm|km)\b)\s*(?:\^\s*\{?\d\}?)?\s*(?:\\right)?\)\s*$"
)
_UNIT_IN_WORDS = re.compile(r"\\(?:text|mathrm|mbox)\s*\{\s*[^{}]*\}\s*\.?$")


def _clean(member: str) -> str:
    if "line" in member and re.search(r"\\(?:cline|hline)", member):  # the sum under the line of a column computation
        member = re.sub(r"^.*\\(?:cline\{[^}]*\}|hline)|\\end\{array\}|[\s&]|\\[;,]|\\\\", "", member, flags=re.S)
    member = member.replace("&", " ").strip()
    if "\\boxed" in member:
        member = re.sub(r"\\boxed\s*\{(.*)\}", r"\1", member, flags=re.S)
    if ("m" in member or "text" in member) and member.endswith((")", "}", ".")):
        member = _UNIT_IN_BRACKETS.sub("", member)
        member = _UNIT_IN_WORDS.sub("", member) if re.search(r"\d", member) else member
    return member.strip(" \n\t;:$~\u00a0").rstrip(".,;: ")


def formula_value(text: str, language: str) -> Value:
    """The value that a statement of mathematical prose establishes; None if no formula gives one."""
    spans = find_formulas(text)
    tail = text[spans[-1][1] :] if spans else ""
    for start, end in reversed(spans):
        found = [equation for equation in equations(text[start:end]) if equation.members]
        if not found:
            continue
        last = found[-1]
        whole, *others = last.members
        if others:
            return _relation_value(last, language)
        if end == spans[-1][1] and (len(tail.split()) <= 4 or len(spans) == 1) and len(whole) < 300:
            value = evaluate(whole, language) if not re.search(r"_", whole) else None
            return value if value is not None else whole
    return None


def _relation_value(equation: Equation, language: str) -> Value:
    if equation.signs[-1] not in ("=", "\\approx", "≈"):
        return (
            equation.text
            if len(equation.members) == 2
            else f"{equation.members[-2]} {equation.signs[-1]} {equation.members[-1]}"
        )
    last = equation.members[-1]
    value = evaluate(last, language)
    left = equation.members[-2]
    names_only = not re.search(r"\d", re.sub(r"[_^]\s*(?:\{[^{}]*\}|\w)", "", left))
    if value is not None:
        solved = (
            len(equation.members) > 2 or equation.signs[-1] != "=" or (names_only and value != 0) or is_arithmetic(left)
        )
        return value if solved or re.fullmatch(r"[^\W\d]\s*(?:_\{?\w+\}?)?", left) else equation.text
    if len(equation.members) > 2 or names_only or (is_arithmetic(left) and is_arithmetic(last)):
        return last
    chains = read_chains(_PRODUCT.sub(lambda letters: " ".join(letters.group()), equation.text), language)
    same = len(chains) == 1 and len(chains[0].members) == 2 and is_identity(*chains[0].members)
    return last if same else equation.text


def _is_worth(member: str) -> bool:
    """Whether the member is pure arithmetic; mixed numbers are excluded, since they look like products."""
    return is_arithmetic(member) and bool(re.search(r"\d", member)) and not re.search(r"\d\s*\\[dt]?frac|\.\.", member)


def is_arithmetic(member: str) -> bool:
    """Whether the member has no letters except those of arithmetic commands."""
    return not re.search(
        r"[^\W\d_]", re.sub(r"\\(?:frac|dfrac|tfrac|times|cdot|div|sqrt|left|right)(?![a-z])", "", member)
    )


_PRODUCT = re.compile(r"(?<![\\a-zA-Z])(?!(?:sin|cos|tan|log|ln|lim)\b)[a-z]{2,3}(?![a-zA-Z{])")
_POINT_DIGITS = re.compile(digits_pattern("en"))
_PERCENT_SIGN = re.compile(r"\s*\\?%")
_COMMA_DIGITS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?![0-9])(?:,[0-9]+)?|[0-9]+(?:,[0-9]+)?")
"""If the decimal mark is a comma, a point that does not separate thousands means multiplication: 2.5 is ten."""
_SCRIPTS = re.compile(r"[\^_]\s*(?:\{[^{}]*\}|\\?\w)")


def formula_numbers(text: str, language: str, *, everywhere: bool = False) -> set[Fraction]:
    """The numbers in the formulas of a statement, or everywhere in it, without exponents and indices."""
    found: set[Fraction] = set()
    comma = decimal_comma(language)
    digits = _COMMA_DIGITS if comma else _POINT_DIGITS
    spans = [(0, min(len(text), _MAX))] if everywhere else find_formulas(text)
    for start, end in spans:
        bare = _SCRIPTS.sub(" ", text[start:end][:_MAX])
        bare = re.sub(r"(?<=\d) (?=\.\d{3}(?!\d))", "", bare) if comma else bare
        for match in digits.finditer(bare):
            shown = match.group()
            value = Fraction(int(shown)) if shown.isdecimal() and len(shown) < 19 else to_fraction(shown, language)
            if value is not None:
                found.add(value / 100 if _PERCENT_SIGN.match(bare, match.end()) else value)
    return found


def formulas_hold(text: str, language: str) -> bool | None:
    """Whether all equalities between arithmetic members hold; None if there are none.

    An equality may hold after rounding if the statement says that it rounds. Only members that are pure
    arithmetic count, so an unread sign never makes a statement wrong.
    """
    verdicts: list[bool] = []
    for start, end in find_formulas(text):
        for equation in equations(text[start:end]):
            values = [evaluate(side, language) if _is_worth(side) else None for side in equation.members]
            if language == "vi" and len(values) > 1:
                values = _points_multiply(equation.members, values)
            behind = text[end : end + 20].lstrip(" $.,")
            for at, (left, sign, right) in enumerate(zip(values, equation.signs, values[1:], strict=False)):
                if left is None or right is None or sign not in ("=", "\\approx", "≈"):
                    continue
                if left != right and (_leaves_open(*equation.members[at : at + 2]) or _REMAINDER.match(behind)):
                    continue
                rounded = sign != "=" or bool(_ROUNDED.search(text))
                verdicts.append(left == right or (rounded and abs(left - right) * 100 <= abs(right)))
    if False in verdicts:
        return None if SUPPOSES.search(text) else False
    return True if verdicts else None


def _points_multiply(members: Sequence[str], values: list[Fraction | None]) -> list[Fraction | None]:
    """Reads a point as a multiplication sign in each member that then equals the next member: 2.5 = 10."""
    read = list(values)
    for at, side in enumerate(members[:-1]):
        if read[at] is not None and read[at] != read[at + 1] and _POINT.search(side):
            product = evaluate(_POINT.sub("*", side), "vi")
            read[at] = product if product == read[at + 1] else read[at]
    return read


_POINT = re.compile(r"(?<=[0-9)])\.(?=[0-9](?![0-9]{2}(?![0-9])))")


def _leaves_open(left: str, right: str) -> bool:
    """Whether two members may differ without an error: bare numbers with units, coordinates of points, ratios."""
    return bool(_BARE.fullmatch(left) and _BARE.fullmatch(right)) or bool(_NO_NUMBER.search(left + right))


_BARE = re.compile(r"[\s$-]*[0-9.,]+\s*|.{0,3}\\[dt]?frac\{?\d\}?\{?\d\}?")
_NO_NUMBER = re.compile(r"^\s*\(\s*-?[0-9]+\s*,|[0-9]\s*:\s*[0-9]")
_REMAINDER = re.compile(r"\s*(?:with )?(?:a )?(?:remainder|R\b|resto|dư)", re.IGNORECASE)
_ROUNDED = re.compile(r"\b(?:nearest|about|approximately|roughly|round\w*|làm tròn|gần bằng|xấp xỉ)\b", re.I)


def folded(text: str) -> str:
    """A formula without blanks, multiplication signs in LaTeX or `*`, dollar signs and other markup."""
    return re.sub(r"[\s$&*]|\\(?:left|right|[,;!: $]|cdot|times)", "", text).rstrip(".,")
