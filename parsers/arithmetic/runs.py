"""A run of arithmetic in a text: the tokens of one member of an equation, without its units and words."""

from __future__ import annotations

import re
from fractions import Fraction

from parsers.arithmetic.expressions import value_of_tokens
from parsers.arithmetic.lexer import Token
from parsers.arithmetic.numbers import show
from parsers.arithmetic.relations import Member

MAX_PLACES = 40
_WORD = re.compile(r"[^\W\d_]+")
_RANGE = re.compile(r"[0-9.]+(?:[-–][0-9.]+)+")
_BARS = frozenset(("\\left|", "\\right|", "\\lvert", "\\rvert"))


class Run:
    """Collects tokens. After an operand (`after_operand`), an operation or a unit may follow, but no second operand."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.parts: list[Token] = []
        self.plain: list[str] = []
        self.shown: list[str] = []
        self.operands: list[Fraction] = []
        self.symbols: list[str] = []
        self.operators = 0
        self.after_operand = False
        self.fractional = False  # the last operand can be "of" something: 2/3, 40%
        self.unit_words = 0
        self.unit = ""
        self.remainder: Fraction | int | None = None
        self.start = self.end = -1
        self.depth = 0
        self.broken = False
        self.is_named = False
        """Its numbers are parts of names: "distance at 10 mph + distance at 5 mph"."""

    @property
    def is_empty(self) -> bool:
        """Whether the run has neither a number nor an unknown."""
        return not self.operands and not self.symbols

    @property
    def wants_operand(self) -> bool:
        """Whether an operation or an open bracket waits for its operand."""
        return bool(self.parts) and self.parts[-1].kind in ("operator", "open") and self.parts[-1].text != "{"

    @property
    def is_open(self) -> bool:
        """Whether a bracket is still open."""
        kinds = [part.kind for part in self.parts]
        return kinds.count("open") > kinds.count("close")

    @property
    def is_plain(self) -> bool:
        """Whether the run is a fraction of two numbers in digits."""
        return self.shown[1:-1] == ["/"] or (len(self.operands) == 2 and "frac" in self.plain[0])

    def leave_bracket(self) -> None:
        """Forgets a bracket that opened before the arithmetic: "a speed of (2 * 3 = 6 miles)"."""
        if self.parts[0].kind == "open" and sum(part.kind == "open" for part in self.parts) == 1:
            for pieces in (self.parts, self.plain, self.shown):
                del pieces[0]
            self.depth = 0
        else:
            self.broken = True

    def is_range(self, text: str) -> bool:
        """Whether the run may be a range of numbers or a type of triangle, not a subtraction: 3-5, 45-45-90."""
        signs = {part.text for part in self.parts[1::2]}
        return signs == {"-"} and bool(_RANGE.fullmatch(text[self.start : self.end]))

    @property
    def is_power(self) -> bool:
        """Whether the run is only a power: 5^3."""
        return (
            len(self.parts) > 1
            and (self.parts[1].text == "^" or self.parts[1].kind == "power")
            and (self.operators == 1)
        )

    def value(self) -> Fraction | None:
        """The value of the run; None if it contains symbols or cannot be evaluated."""
        return None if self.symbols or self.broken else value_of_tokens(self.parts)

    def take(self, token: Token, *, plain: str | None = None, shown: str | None = None, operators: int = 0) -> None:
        """Adds a token; `plain` and `shown` replace its text in the member."""
        self.start = token.start if self.start < 0 else min(self.start, token.start)
        self.end = max(self.end, token.end)
        self.parts.append(token)
        self.plain.append(token.text if plain is None else plain)
        self.shown.append(token.text if shown is None else shown)
        self.operators += operators
        self.unit_words = 0

    def take_number(self, token: Token) -> None:
        """Adds a number. The operands of a number of combinations, C(5,2), are its two numbers."""
        assert token.value is not None
        if token.kind == "chosen":
            self.take(token, operators=1)
            self.operands += [Fraction(int(digits)) for digits in re.findall("[0-9]+", token.text)]
            self.after_operand, self.fractional = True, False
            return
        percent = token.text.endswith("%")
        if token.kind == "short":
            token = token._replace(kind="number")
            plain, shown = f"({token.text[-2]}/{token.text[-1]})", token.text
            self.operands += Fraction(int(token.text[-2])), Fraction(int(token.text[-1]))
        else:
            plain = show(token.value * (100 if percent else 1), self.language, operand=True, places=MAX_PLACES)
            plain += "%" if percent else ""
            shown = token.text.strip("\\ ")
            self.operands.append(token.value)  # type: ignore[arg-type]
        divisor = len(self.parts) > 0 and self.parts[-1].text == "/"
        self.take(token, plain=plain, shown=shown)
        self.after_operand = True
        self.fractional = percent or "/" in plain or divisor or "/" in token.text

    def take_symbol(self, token: Token, name: str, *, operators: int = 0) -> None:
        """Adds an unknown or a named quantity."""
        self.take(_as(token, "symbol", token.text), operators=operators)
        self.symbols.append(name)
        self.after_operand, self.fractional = True, False

    def take_letters(self, token: Token) -> None:
        """Adds a product of unknowns: the ab of 3ab."""
        for offset, letter in enumerate(token.text):
            position = token.start + offset
            self.take_symbol(Token("symbol", letter, position, position + 1), letter, operators=1)

    def take_bracket(self, token: Token) -> None:
        """Adds a bracket; braces and the signs of floor and ceiling stay as written."""
        braces = token.text in "{}"
        opens = token.kind == "open"
        plain = token.text if braces or "floor" in token.text or "ceil" in token.text else "(" if opens else ")"
        plain = token.text if token.text in "⌊⌋⌈⌉|" else "|" if token.text in _BARS else plain
        self.take(token, plain=plain, operators=int(opens and plain not in ("(", "{")))
        self.depth += 1 if opens else -1
        self.after_operand = not opens
        if not opens:
            self.fractional = braces or self.fractional

    def apply(self, operator: str, token: Token, shown: str | None = None) -> None:
        """Adds an operation, which an operand must follow."""
        plain = f" {operator} " if operator == "mod" else operator
        self.take(_as(token, "operator", operator), plain=plain, shown=shown or token.text, operators=1)
        self.after_operand = False

    def add_unit(self, words: str) -> None:
        """Adds the words after a number."""
        if not self.unit_words and not self.unit:
            self.unit = (_WORD.search(words) or [""])[0].lower()
        self.unit_words += words.count(" ") + 1

    def member(self, text: str) -> Member:
        """The run as a member of an equation, without operations at the end that have no operand."""
        while self.wants_operand:
            self.operators -= self.parts[-1].kind == "operator"
            for pieces in (self.parts, self.plain, self.shown):
                pieces.pop()
        return Member(
            plain="".join(self.plain),
            shown=" ".join(self.shown),
            raw=text[self.start : self.end].strip(),
            value=self.value(),
            operands=tuple(self.operands),
            symbols=tuple(self.symbols),
            operators=max(0, self.operators),
            parts=tuple(self.parts),
            start=self.start,
            end=self.end,
            unit=self.unit,
            remainder=self.remainder,
        )


def _as(token: Token, kind: str, text: str) -> Token:
    """The token with this kind and text; it is copied only if they differ, because a copy is expensive."""
    return token if token.kind == kind and token.text == text else token._replace(kind=kind, text=text)
