"""Reads numbers exactly: digits, fractions, per cent, LaTeX and number words in English, Portuguese and Vietnamese.

    "She paid $1,250.50, half of it in 3 1/2 weeks"  ->  2501/2 (currency), 1/2 (word), 7/2 (mixed)

English writes 1,250.50; Portuguese and Vietnamese write 1.250,50. A per cent sign is part of the number (25% is 1/4).
The word "percent" is its unit (95 percent is 95).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from parsers.arithmetic.number_words import WORDS, find_word_numbers
from parsers.graph import Quantity

Kind = Literal["number", "percent", "fraction", "mixed", "currency", "word"]

MAX_DIGITS = 60
"""Longer digit strings are not quantities; a hostile text with such strings would take quadratic time."""

MINUS = "-\u2212\u2013"
_UNKNOWNS = frozenset("bcdfghjklmnpqrstuvwxyzBCDFGHJKLMNPQRSTUVWXYZ")
"""Letters that are unknowns, not words, when they stand alone."""
_CURRENCY_ENDS = ("$", "€", "£", "¥", "₫", "D", "s", ".")
SPACES = "\u00a0\u2009\u202f"
VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
    "⅐": (1, 7), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
MAGNITUDES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "mil": 1000, "milhão": 10**6, "milhões": 10**6, "bilhão": 10**9, "bilhões": 10**9,
    "trăm": 100, "nghìn": 1000, "ngàn": 1000, "triệu": 10**6, "tỷ": 10**9, "tỉ": 10**9,
}  # fmt: skip


class Number(NamedTuple):
    """A number in a text: `value` is the value of `text[start:end]`, which excludes the currency sign."""

    value: Fraction
    start: int
    end: int
    text: str
    kind: Kind = "number"


_COMMA = frozenset(("pt", "vi", "es", "fr", "de", "it", "ru"))


def decimal_comma(language: str) -> bool:
    """Whether the language writes 2,5 for five halves and 1.000 for a thousand."""
    return language in _COMMA


@cache
def digits_pattern(language: str) -> str:
    """A regular expression for one unsigned number in digits, with the language's separators and decimal mark."""
    group, point = (r"\.", ",") if decimal_comma(language) else (",", r"\.")
    tex = r"\{,\}|,?\\[,!]" + rf"|[{SPACES}]"
    whole = rf"[0-9]{{1,3}}(?:(?:{group}|{tex})[0-9]{{3}})+(?![0-9])|[0-9]+"
    # A mark of the other convention that cannot be a thousands separator is a decimal mark: Vietnamese "2.5".
    other = r"|\.(?![0-9]{3}(?![0-9]))" if decimal_comma(language) else ""
    return rf"(?:(?:{whole})(?:(?:{point}|\{{,\}}{other})[0-9]+)?|(?:{point}|(?<![0-9])\.)[0-9]+)"


@lru_cache(maxsize=2)
def _scanner(comma: bool) -> re.Pattern[str]:
    """Matches one unsigned number where it begins."""
    digits = digits_pattern("pt" if comma else "en")
    above = rf"(?:\{{\s*(?P<above>{digits})\s*\}}|(?P<above_digit>[0-9]))"
    below = rf"(?:\{{\s*(?P<below>{digits})\s*\}}|(?P<below_digit>[0-9]))"
    magnitudes = "|".join(sorted(MAGNITUDES, key=len, reverse=True))
    return re.compile(
        rf"(?:(?:(?P<mixed>[0-9]+)(?:\s*|[ ]and[ ]))?\\[dt]?(?P<frac>frac)\s*{above}\s*{below}"
        rf"|(?P<whole>[0-9]+)[ {SPACES}\-](?P<over>[0-9]+/[0-9]+)(?![0-9/])"
        r"|(?P<ratio>(?<![0-9)]/)(?<![=*+×÷])[0-9]+/[0-9]+(?![0-9/.,]{0,12}[0-9/=]))"
        rf"|(?P<vulgar>[0-9]*[{''.join(VULGAR)}])"
        rf"|(?P<digits>{digits})(?P<repeated>[.,]?\\overline\{{[0-9]{{1,9}}\}})?"
        rf"(?P<magnitude>[ {SPACES}](?:{magnitudes})\b)?)"
        rf"(?P<percent>[ {SPACES}]?\\?%)?"
    )


_ANCHOR = re.compile(rf"[0-9{''.join(VULGAR)}\\](?:(?<!\\)|[dt]?frac\s*[{{0-9])")
"""Where a number may begin. The pattern starts with one set of characters, so that `re` can skip to them."""
_BEFORE = re.compile(
    rf"(?P<sign>[{MINUS}])?(?P<currency>[ ]?(?:\\?\$|€|£|¥|₫|R\$|US\$|USD|Rs\.?)[ ]?)?$"
)  # what may stand before a number: sign, currency
_SIGNS_END = frozenset((*MINUS, *_CURRENCY_ENDS, " "))
"""The last characters that `_BEFORE` can match; after any other character, the search is skipped."""
_IDENTIFIER = re.compile(r"(?P<command>\\)?(?P<name>[A-Za-z]+)_?\{?$")


def find_numbers(text: str, language: str = "en") -> list[Number]:
    """All numbers of the text in order, without overlap. The digits of names such as x2 or P_{10} do not count."""
    return list(_remembered(text, language) if len(text) <= 1000 else _find(text, language))


def _find(text: str, language: str) -> list[Number]:
    comma = decimal_comma(language)
    point = "," if comma else "."
    match_number = _scanner(comma).match
    found: list[Number] = []
    position = 0
    while anchor := _ANCHOR.search(text, position):
        begin = anchor.start()
        if begin > position and text[begin - 1] == point and not text[begin - 2 : begin - 1].isalnum():
            begin -= 1
        match = match_number(text, begin)
        if match is None:
            position = anchor.end()
            continue
        position = match.end()
        number = _read(match, text, language)
        if number is not None:
            found.append(number)
    words = find_word_numbers(text, language)
    if words:
        whole = [word for word in words if text[word[1]].isdigit()]  # "2 and a half" contains the number 2
        if whole:
            found = [number for number in found if not any(start <= number.start < end for _, start, end in whole)]
        taken = {position for number in found for position in (number.start, number.end - 1)}
        found.extend(
            Number(value, start, end, text[start:end], "word")
            for value, start, end in words
            if start not in taken and end - 1 not in taken
        )
        found.sort(key=lambda number: number.start)
    return found


@lru_cache(maxsize=2048)
def _remembered(text: str, language: str) -> tuple[Number, ...]:
    """Cached, because one statement is searched several times; a Number is immutable."""
    return tuple(_find(text, language))


def to_fraction(digits: str, language: str = "en") -> Fraction | None:
    """The value of one number in digits, as matched by `digits_pattern`; None if it is longer than MAX_DIGITS."""
    if len(digits) > MAX_DIGITS:
        return None
    if digits.isdigit():
        return Fraction(int(digits))
    if decimal_comma(language):
        if "," not in digits.replace("{,}", ",") and re.fullmatch(r"[0-9]*\.(?![0-9]{3}$)[0-9]+", digits):
            digits = digits.replace(".", ",")
        digits = re.sub(r"\.(?=[0-9]{3})|,?\\[,!]|[^0-9,]", "", digits).replace(",", ".")
    else:
        digits = re.sub(r"[^0-9.]", "", digits)
    whole, _, part = digits.partition(".")
    return Fraction(int((whole + part) or "0"), 10 ** len(part))


_IN_COMMAS = re.compile(
    rf"(?<![\w.,])(?:[0-9]{{1,3}}(?:[. {SPACES}][0-9]{{3}})+(?:,[0-9]+)?|[0-9]+,[0-9]+)(?![\w]|[.,][0-9])"
)


def with_points(text: str) -> str:
    """The text with decimal points instead of decimal commas: "1.250,50 €" becomes "1250.50 €"."""
    return _IN_COMMAS.sub(lambda number: re.sub(rf"[. {SPACES}]", "", number[0]).replace(",", "."), text)


def repeating(stated: str, repeated: str, language: str = "en") -> Fraction | None:
    """A number with repeating decimals: "0.1" and "6" give 0.1666..., which is 1/6; None without a decimal mark."""
    mark = max(stated.rfind("."), stated.rfind(","))
    value = to_fraction(stated.rstrip(".,"), language)
    if mark < 0 or value is None or not repeated.isdigit():
        return None
    return value + Fraction(int(repeated), 10 ** (len(stated) - mark - 1) * (10 ** len(repeated) - 1))


def show(value: Fraction | int, language: str = "en", *, operand: bool = False, places: int = 6) -> str:
    """The number as written in the language: a decimal if it ends within `places` digits, otherwise a fraction.

    As an `operand`, a fraction or a negative number gets brackets.
    """
    if value.denominator == 1:
        text = str(value.numerator)
    elif 10**places % value.denominator == 0:
        whole, part = divmod(abs(value.numerator) * 10**places // value.denominator, 10**places)
        point = "," if decimal_comma(language) else "."
        text = f"{'-' if value < 0 else ''}{whole}{point}{part:0{places}d}".rstrip("0")
    else:
        return f"({value})" if operand else str(value)
    return f"({text})" if operand and value < 0 else text


def _read(match: re.Match[str], text: str, language: str) -> Number | None:
    start, end = match.span()
    value, kind = _unsigned(match, language)
    if value is None:
        return None
    before = text[max(0, start - 8) : start]
    sign, signed_start = "", start
    if (before and before[-1] != " ") or before[-2:-1] in _CURRENCY_ENDS:
        around = _BEFORE.search(before) if before[-1] in _SIGNS_END else None
        if around and around["currency"]:
            kind = "currency" if kind == "number" else kind
        elif before[-1].isalpha() or before[-1] in "_{":
            name = _IDENTIFIER.search(text[max(0, start - 30) : start])
            if name and not name["command"]:
                return None
        if around and around["sign"] and _is_negative(text, start - len(around[0])):
            sign, signed_start = around["sign"], start - len(around[0])
    if match["percent"]:
        value, kind = value / 100, "percent"
    shown = text[start:end]
    if sign:
        value, start = -value, signed_start
    return Number(value, start, end, sign + shown, kind)


def _unsigned(match: re.Match[str], language: str) -> tuple[Fraction | None, Kind]:
    if match["digits"] is not None:
        if match["repeated"]:
            stated, _, repeated = (match["digits"] + match["repeated"][:-1]).partition("\\overline{")
            return repeating(stated, repeated, language), "number"
        value = to_fraction(match["digits"], language)
        if value is not None and match["magnitude"]:
            value *= MAGNITUDES[match["magnitude"].strip(" " + SPACES)]
        return value, "number"
    if match["vulgar"] is not None:
        above, below = VULGAR[match["vulgar"][-1]]
        whole = match["vulgar"][:-1]
        return int(whole[:MAX_DIGITS] or 0) + Fraction(above, below), "mixed" if whole else "fraction"
    if match["ratio"] is not None:
        return _ratio(*match["ratio"].split("/")), "fraction"
    if match["over"] is not None:
        part = _ratio(*match["over"].split("/"))
        return None if part is None else int(match["whole"][:MAX_DIGITS]) + part, "mixed"
    top = to_fraction(match["above"] or match["above_digit"], language)
    bottom = to_fraction(match["below"] or match["below_digit"], language)
    if top is None or not bottom:
        return None, "fraction"
    whole = int(match["mixed"][:MAX_DIGITS]) if match["mixed"] else 0
    return whole + top / bottom, "mixed" if match["mixed"] else "fraction"


def _ratio(above: str, below: str) -> Fraction | None:
    if len(above) > MAX_DIGITS or len(below) > MAX_DIGITS or not int(below):
        return None
    return Fraction(int(above), int(below))


def _is_negative(text: str, position: int) -> bool:
    """Whether a minus sign makes the number negative; after an operand it is a subtraction."""
    before = text[max(0, position - 8) : position].rstrip()
    if not before:
        return True
    if before[-1].isdigit() or before[-1] in ")]}%":
        return False
    return not (before[-1] in _UNKNOWNS and (len(before) == 1 or not before[-2].isalnum()))


@lru_cache(maxsize=256)
def find_givens(question: str, language: str = "en") -> tuple[Quantity, ...]:
    """The numbers that a problem states, in order. Each is named as written, without currency signs.

    Equal numbers are one given.
    """
    givens: dict[Fraction, Quantity] = {}
    names: set[str] = set()
    for number in find_numbers(question, language):
        name = number.text.strip()
        if number.value in givens or name in names:
            continue
        givens[number.value] = Quantity(name, number.value, number.text)
        names.add(name)
    return tuple(givens.values())


__all__ = [
    "WORDS",
    "Kind",
    "Number",
    "decimal_comma",
    "digits_pattern",
    "find_givens",
    "find_numbers",
    "show",
    "to_fraction",
]
