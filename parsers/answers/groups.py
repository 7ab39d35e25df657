"""Answers with several parts: lists, sets and tuples; also intervals, which may be written as inequalities.

    read_group("(1,5;2)", "vi")      ->  "(" "1,5" "2" ")"
    read_group("x = 2 or x = 3")     ->  a list of "2" and "3"
    read_intervals("2 \\\\le x < 5")   ->  [2, 5)

The order of the parts counts in a tuple, not in a list or a set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.answers.notation import formula
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import decimal_comma

MOST_PARTS = 50
INFINITY = "\\infty"


@dataclass(frozen=True, slots=True)
class Group:
    """Several parts. `opener` is "(", "[" or "{", empty for a bare list.

    `names` are the names x and y of "x = 2, y = 3", or the name M of "M(2;3)".
    """

    opener: str
    parts: tuple[str, ...]
    closer: str = ""
    names: tuple[str, ...] = ()


_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_JOINED = re.compile(r",?\s+(?:and|or|ou|e|y|o|và|hoặc|或|和)\s+(?!=)|\s*[和或、]\s*", re.IGNORECASE)
_NAME = re.compile(r"^\s*([a-zA-Z](?:_\{?\w+\}?|')?)\s*=\s*(?=\S)")
_POINT = re.compile(r"([A-Z]'?)\s*(?=\()")
_PLUS_MINUS = re.compile(r"^(.*?)\\pm\s*(.+)$")
_ALL_THOUSANDS = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+")


def read_group(answer: str, language: str) -> Group | None:
    """The parts of an answer with two or more parts; None for a single value."""
    text = formula(answer).replace("\\{", "{").replace("\\}", "}").strip(" $")
    name = _NAME.match(text)
    if name and text[name.end() :][:1] in _BRACKETS:
        text = text[name.end() :]
    point = _POINT.match(text)
    text = text[point.end() :] if point else text
    opener = text[:1]
    if opener in _BRACKETS and _closes_at_end(text) and text[-1] in ")]}":
        parts = split_parts(text[1:-1], language, bracketed=True)
        names = (point[1],) if point else ()
        return Group(opener, parts, text[-1], names) if len(parts) > 1 or opener == "{" else None
    both = _PLUS_MINUS.match(text)
    if both and "\\pm" not in both[2] and "," not in text:
        head = _NAME.sub("", both[1])
        return Group("", (f"{head}+{both[2]}" if head.strip() else both[2], f"{head}-{both[2]}"))
    joint = ", " if re.search(r",\s", text) and ";" not in text else " ; "
    parts = split_parts(_JOINED.sub(joint, text), language)
    if len(parts) < 2:
        return None
    names = tuple(match[1] for part in parts if (match := _NAME.match(part)))
    return Group("", tuple(_NAME.sub("", part) for part in parts), names=names if len(names) == len(parts) else ())


def _closes_at_end(text: str) -> bool:
    """Whether the first bracket closes with the last character: (1,2) does, (1,2) + (3,4) does not."""
    depth = 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return i == len(text) - 1
    return False


def split_parts(text: str, language: str, *, bracketed: bool = False) -> tuple[str, ...]:
    """The parts between semicolons; without semicolons, between commas that do not belong to a number."""
    if ";" in text:
        return _split(text, re.compile(r"\s*;\s*"))
    if decimal_comma(language):
        parts = _split(text, re.compile(r"\s*,\s+"))
        return _split(text, re.compile(r"\s*,\s*")) if len(parts) == 1 and bracketed else parts
    if not bracketed and _ALL_THOUSANDS.fullmatch(text.strip()):
        return (text.strip(),)
    spaced = _split(text, re.compile(r"\s*,\s+"))
    return spaced if len(spaced) > 1 and all(map(_is_number, spaced)) else _split(text, re.compile(r"\s*,\s*"))


def _is_number(part: str) -> bool:
    return evaluate(part) is not None


def _split(text: str, separator: re.Pattern[str]) -> tuple[str, ...]:
    """Splits the text at the separators outside brackets."""
    parts: list[str] = []
    depth = begin = position = 0
    while position < len(text) and len(parts) <= MOST_PARTS:
        sign = text[position]
        depth += (sign in "([{") - (sign in ")]}")
        match = separator.match(text, position) if depth <= 0 and sign in ",; " else None
        if match and match.end() > position:
            parts.append(text[begin : match.start()])
            begin = position = match.end()
        else:
            position += 1
    parts.append(text[begin:])
    return tuple(part.strip() for part in parts if part.strip())


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of the number line. Its ends are text; -∞ and ∞ never belong to it."""

    low: str
    high: str
    has_low: bool
    has_high: bool


_MEMBER_OF = re.compile(r"^\s*[a-zA-Z]\s*\\in\s*")
_SET_OF = re.compile(r"^\\?\{\s*(?:[a-zA-Z]\s*(?:\\in\s*\\mathbb\{?R\}?\s*)?(?:\||:|\\mid)\s*)(.*?)\\?\}$")
"""{x | x > 2}."""
_BOTH = re.compile(r"\s+(?:and|e|và|\\text\{ and \}|\\land)\s+")
_UNION = re.compile(r"\s*\\cup\s*|\s+(?:or|ou|hoặc)\s+|\s*或\s*", re.IGNORECASE)
_RELATION = re.compile(r"\\le(?![a-z])|\\ge(?![a-z])|[<>]")
_UNKNOWN = re.compile(r"\s*[a-zA-Z]\s*")
_REALS = re.compile(r"\\mathbb\{?R\}?|(?:all )?real numbers|todos os reais|\(-\\infty\s*[,;]\s*\\infty\s*\)")


def read_intervals(answer: str, language: str) -> tuple[Interval, ...] | None:
    """The union of intervals that an answer gives in brackets or as inequalities; None for anything else."""
    text = _MEMBER_OF.sub("", _SET_OF.sub(r"\1", formula(answer))).strip(" $")
    if _REALS.fullmatch(text):
        return (Interval(f"-{INFINITY}", INFINITY, False, False),)
    if len(both := _BOTH.split(text)) == 2:
        return _overlap(*(_interval(part.strip(" $"), language) for part in both))
    found = [_interval(part.strip(" $"), language) for part in _UNION.split(text)[:MOST_PARTS]]
    return tuple(one for one in found if one is not None) if None not in found else None


def _overlap(one: Interval | None, other: Interval | None) -> tuple[Interval, ...] | None:
    """The overlap of a lower and an upper bound: x > 2 and x < 5."""
    if one is None or other is None or INFINITY in one.low:
        one, other = other, one
    if one is None or other is None or INFINITY in one.low or INFINITY not in one.high or INFINITY in other.high:
        return None
    return (Interval(one.low, other.high, one.has_low, other.has_high),) if INFINITY in other.low else None


def is_inequality(answer: str) -> bool:
    """Whether the answer is written with <, >, ≤ or ≥."""
    return bool(_RELATION.search(formula(answer)))


def _interval(text: str, language: str) -> Interval | None:
    if text[:1] in "([]" and text[-1:] in ")][" and len(text) > 2 and not _RELATION.search(text):
        parts = split_parts(text[1:-1], language, bracketed=True)
        if len(parts) != 2:
            return None
        low, high = (part.replace(" ", "") for part in parts)
        return _made(low, high, text[0] == "[", text[-1] == "]")
    members = [member.strip() for member in _RELATION.split(text)]
    signs = _RELATION.findall(text)
    if not 1 <= len(signs) <= 2 or not all(members):
        return None
    if len(signs) == 2:
        if not _UNKNOWN.fullmatch(members[1]) or (signs[0] in (">", "\\ge")) != (signs[1] in (">", "\\ge")):
            return None
        if signs[0] in (">", "\\ge"):
            members, signs = members[::-1], [_TURNED[sign] for sign in signs[::-1]]
        return _made(members[0], members[2], signs[0] == "\\le", signs[1] == "\\le")
    left, right, sign = members[0], members[1], signs[0]
    if _UNKNOWN.fullmatch(right) and not _UNKNOWN.fullmatch(left):
        left, right, sign = right, left, _TURNED[sign]
    if not _UNKNOWN.fullmatch(left) or _UNKNOWN.fullmatch(right):
        return None
    if sign in ("<", "\\le"):
        return _made(f"-{INFINITY}", right, False, sign == "\\le")
    return _made(right, INFINITY, sign == "\\ge", False)


_TURNED = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}


def _made(low: str, high: str, has_low: bool, has_high: bool) -> Interval:
    low, high = low.replace(" ", ""), high.replace(" ", "")
    return Interval(low, high, has_low and INFINITY not in low, has_high and INFINITY not in high)
