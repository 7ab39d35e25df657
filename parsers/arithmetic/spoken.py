"""Operations and equalities in words.

"the sum of 3 and 4 is 7"        ->  spelt out: 3 + 4 is 7
"subtract 3 from 9 to get 6"     ->  spelt out: 9 - 3 to get 6
"30 times 16 is 480"             ->  "is" states the value of 30 times 16
"5 times 4 is 2 more than 18"    ->  "is" compares
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsers.arithmetic.lexer import Token
from parsers.arithmetic.lexicon import COMPARISONS, JOINS
from parsers.arithmetic.runs import Run

_REACH = 16
_ARTICLES = frozenset(("the", "those", "these", "another", "his", "her", "their", "its", "os", "as"))
_BETWEEN = frozenset(("dress", "number", "word", "symbol", "text", "formula"))


def spell_out(tokens: list[Token]) -> list[Token]:
    """The tokens with each opening replaced by an operation between its two numbers, where it has two."""
    spelt: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        found = _joined(tokens, at, token.text) if token.kind == "opening" else None
        if found is not None and not _is_stated(tokens, found[1]):
            found = None
        if found is None:
            spelt.append(token._replace(kind="word") if token.kind == "opening" else token)
        else:
            spelt += found[0]
            at = found[1]
    return spelt


def _joined(tokens: list[Token], begin: int, sign: str) -> tuple[list[Token], int] | None:
    """The operation that begins here and its end; None if no word joins two numbers."""
    pieces: list[list[Token]] = [[]]
    joins: list[Token] = []
    for at in range(begin, min(begin + _REACH, len(tokens))):
        token, following = tokens[at], _next_number(tokens, at + 1)
        words = _join(token)
        comma = token.kind == "stop" and token.text == "," and sign in "+*"
        if following is not None and (words or comma) and any(t.kind == "number" for t in pieces[-1]):
            joins.append(token)
            pieces.append([])
            if words:
                last = [*tokens[at + 1 : following], tokens[following]]
                return _in_order(pieces[:-1], last, joins, sign, words), following + 1
        elif token.kind in _BETWEEN or comma:
            pieces[-1].append(token)
        else:
            return None
    return None


def _is_stated(tokens: list[Token], at: int) -> bool:
    """Whether a value follows the operation that ends here: "add 3 apples and 4 pears to get 7"."""
    for token in tokens[at : at + 4]:
        if token.kind in ("verb", "relation"):
            return True
        if token.kind not in ("word", "dress", "text"):
            return False
    return False


def _join(token: Token) -> set[str]:
    """The word that joins two numbers, if at most an article follows it: "apples and the"."""
    if token.kind not in ("word", "symbol"):
        return set()
    words = token.text.lower().split()
    while len(words) > 1 and words[-1] in _ARTICLES:
        words.pop()
    return {words[-1]} & JOINS


def _next_number(tokens: list[Token], at: int) -> int | None:
    for place in range(at, min(at + 4, len(tokens))):
        if tokens[place].kind == "number":
            return place
        if tokens[place].kind not in ("dress", "formula") and tokens[place].text.lower() not in ("the", "and"):
            return None
    return None


def _in_order(
    pieces: list[list[Token]], last: list[Token], joins: list[Token], sign: str, words: set[str]
) -> list[Token]:
    operators = [join._replace(kind="operator", text=sign) for join in joins]
    first, second = _value(pieces[0]), _value(last)
    turned = bool({"from", "de"} & words) or ("by" not in words and first < second)
    if sign == "-" and len(pieces) == 1 and turned:
        pieces, last = [last], pieces[0]
    spelt: list[Token] = []
    for piece, operator in zip(pieces, operators, strict=True):
        spelt += [*piece, operator]
    return [*spelt, *last]


def _value(tokens: list[Token]) -> float:
    return float(next((token.value for token in tokens if token.kind == "number" and token.value is not None), 0))


def states_value(run: Run, behind: Sequence[Token], text: str) -> bool:
    """Whether a relation in words states the value of the run before it; `behind` are the tokens after it."""
    if not run.after_operand or run.depth or run.broken or run.symbols or not run.operators:
        return False
    value = run.value()
    told = [token for token in behind if token.kind not in ("dress", "formula", "open")][:2]
    if value is None or not told:
        return False
    if len(told) > 1 and told[1].kind in ("word", "sign") and COMPARISONS & set(told[1].text.lower().split()):
        return False
    is_size = run.unit_words > 0 and "x" in run.shown  # a 2 x 4 piece
    if run.is_plain or run.is_range(text) or run.is_power or is_size:  # 3/4, 3-5: must be a true equation
        shown = told[0].value
        if shown is None or abs(shown - value) * 100 > abs(value):
            return False
    return not _OF_ANOTHER.search(text, max(0, run.start - 100), run.start)


_OF_ANOTHER = re.compile(
    r"\b(?:between|difference|sum|total|product|average|mean|ratio|entre|diferença|soma|média|razão|giữa|tổng|hiệu|tích)\b"
    r"[^.;:!?]*\b(?:and|to|e|và)[\s$\\(*]*$"
    r"|\b(?:log\w*|roots?|squares?|cubes?|reciprocal|inverse|opposite|negative|digits?|factors?|divisors?|multiples?"
    r"|remainder|average|mean|median|factorial|floor|ceiling|percent\w*|raiz|inverso|quadrado|cubo|dígitos?|divisores"
    r"|média|resto|căn\w*|ước|bội|chữ số|trung bình)(?: \w+)? (?:of|de|do|da|của)[\s$\\(*]*$"
    r"|\b(?:than|hơn)[\s$\\(*]*$",
    re.IGNORECASE,
)
"""Words before a computation that is only part of a larger one: "the difference between 2 * 3 and", "the root of"."""


def only_words(tokens: Sequence[Token]) -> bool:
    """Whether the bracket that opens before these tokens contains only words: "36 (today) + 30"."""
    for token in tokens:
        if token.kind == "close":
            return True
        if token.kind not in ("word", "symbol", "dress", "text", "verb") or (
            token.kind == "symbol" and len(token.text) > 1
        ):
            return False
    return False
