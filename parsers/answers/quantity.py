"""An answer that is one number: its exact value, whether it is a per cent, and its unit or the words next to it.

read_quantity("72 km/h")            ->  72, unit km/h
read_quantity("R$ 1.250,50", "pt")  ->  2501/2, unit R$
read_quantity("negative 5")         ->  -5
read_quantity("18 red apples")      ->  18, words {"red", "apples"}
read_quantity("18 or 20")           ->  None: two numbers are not one
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from parsers.answers.notation import formula
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import find_numbers
from parsers.arithmetic.units import Unit, is_one_letter, leading_unit, same_dimension, unit_of

MOST_WORDS = 8
"""Most words next to a number; a longer text is a sentence that happens to contain a number."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number. For a per cent, `value` is the number before the sign: 25 for 25 %."""

    value: Fraction
    is_percent: bool = False
    unit: Unit | None = None
    words: frozenset[str] = frozenset()


_NAME = re.compile(r"^\s*([a-zA-Z](?:_\{?\w\}?|\([a-z0-9]\))?)\s*=(?!=)\s*")
_LAST_MEMBER = re.compile(r"(?:=|\\approx|≈)\s*([^=≈]+)$")
_NEGATIVE = re.compile(r"^(?:negative|minus|menos|negativo|âm|trừ)\s+(?=[0-9$])", re.IGNORECASE)
_ABOUT = re.compile(
    r"^(?:about|approximately|approx\.?|around|roughly|exactly|precisely|a total of|equal to|equals|is"
    r"|cerca de|aproximadamente|exatamente|khoảng|xấp xỉ|đúng|bằng|约|大约|~|\\approx|≈|=)\s*(?=\S)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"(?<=\S)\s+\([^()0-9]*[^\W\d_]{2}[^()0-9]*\)$")
_PAIR = re.compile(r"\s*\\?[\[({].*[,;].*[\])}]\s*", re.DOTALL)
_CURRENCY = re.compile(r"^(-?)\s*(R\$|US\$|\$|€|£|¥|₫)\s*(-?)(?=[0-9.(\\])")
_PERCENT = re.compile(
    r"\s*(?:%|(?<=[0-9 }])(?:per\s?cent|percent|por cento|por ciento|phần trăm)(?![^\W\d_]))\s*$", re.IGNORECASE
)
_ORDINAL = re.compile(r"^(-?[0-9]{1,9})(?:st|nd|rd|th|º|ª)(?![a-zA-Z])", re.IGNORECASE)
_ORDINAL_WORDS = {
    word: str(number)
    for words in (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth",
        "primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono décimo",
        "primeira segunda terceira quarta quinta sexta sétima oitava nona décima",
    )
    for number, word in enumerate(words.split(), start=1)
}
_UNIT_TAIL = re.compile(
    r"^(?P<number>.*?[0-9})!])(?P<gap>\s*)(?P<unit>(?:\^\\circ|[^\W\d_°]|[°$€£¥₫¢])[^=+<>()\[\]{}|\\]*(?:\{[23]\})?)$"
)
_NOT_ONE = re.compile(
    r"[\^_=+*/\\{}\[\]()<>|:]|\b(?:not|than|least|most|between|under|over|above|below|up|until|or|and|squared|cubed|plus"
    r"|minus|times the|root|dozens?|dúzias?|tá|chục|ou|ho[ặa]c|não|menos|mais de|pelo menos|không|hơn|dưới|trên"
    r"|ít nhất|nhiều nhất|và|căn)\b",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"^\s*(?:more|less|fewer|a mais|a menos)\b|\bof\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_PLAIN_WORDS = re.compile(r"[^\W\d_]{3,}(?: [^\W\d_]{2,}){0,4}")


def read_quantity(answer: str, language: str) -> Quantity | None:
    """The only number of a tidied answer; None if the answer has no number, several numbers or an unknown."""
    plain = _ASIDE.sub("", _ABOUT.sub("", formula(answer)))
    name = _NAME.match(plain)
    plain = plain[name.end() :] if name else plain
    if "=" in plain or "≈" in plain or "\\approx" in plain:
        plain = _result(plain, language)
    plain = _NEGATIVE.sub("-", plain)
    currency = _CURRENCY.match(plain)
    unit = None
    if currency:
        unit = unit_of(currency[2])
        plain = currency[1] + currency[3] + plain[currency.end() :]
    percent = _PERCENT.search(plain)
    if percent:
        value = _value(plain[: percent.start()], language)
        return None if value is None else Quantity(value, is_percent=True)
    if _PAIR.fullmatch(plain):
        return None  # [36,104] is an interval, not a number in brackets
    value = _value(plain, language)
    return Quantity(value, unit=unit) if value is not None else _with_words(plain, unit, language)


def _result(plain: str, language: str) -> str:
    """The last side of "3 + 4 = 7" or "Total = 7", if no other side has an unknown; otherwise the text itself."""
    last = _LAST_MEMBER.search(plain)
    if last is None:
        return plain
    sides = re.split(r"=|≈|\\approx", plain[: last.start()])
    is_known = all(evaluate(side.strip(" $"), language) is not None or _WORD_SIDE.fullmatch(side) for side in sides)
    return last[1].strip() if is_known else plain


_WORD_SIDE = re.compile(r"\s*(?:[^\W\d_]{2,}\s*){1,5}")


def _value(text: str, language: str) -> Fraction | None:
    text = text.strip()
    ordinal = _ORDINAL.fullmatch(text)
    if ordinal:
        return Fraction(int(ordinal[1]))
    return evaluate(text, language) if text else None


def _with_words(plain: str, unit: Unit | None, language: str) -> Quantity | None:
    """A number followed by a unit of the table, or surrounded by plain words."""
    tail = _UNIT_TAIL.match(plain)
    if tail:
        named = unit_of(tail["unit"])
        attached_letter = is_one_letter(tail["unit"]) and not tail["gap"]
        value = _value(tail["number"], language) if named and not attached_letter else None
        if value is not None:
            return Quantity(value, unit=named)
        if tail["gap"] and re.search(r"[(/\\]", tail["number"]) and _PLAIN_WORDS.fullmatch(tail["unit"]):
            value = None if _NOT_ONE.search(tail["unit"]) else _value(tail["number"], language)
            if value is not None:  # 2 2/3 cups
                return Quantity(value, words=_long(_WORD.findall(tail["unit"])), unit=unit)
    lead = plain.split(" ")[0].casefold()
    if lead in _ORDINAL_WORDS:
        plain = _ORDINAL_WORDS[lead] + plain[len(lead) :]
    plain = _ORDINAL.sub(r"\1", plain)
    numbers = find_numbers(plain, language)
    if len(numbers) != 1 and not (numbers and all(number.kind == "word" for number in numbers[1:])):
        return None
    number = numbers[0]
    before, behind = plain[: number.start], plain[number.end :]
    named, rest = leading_unit(behind.strip(" .,"))
    beside = re.sub(r"(?:R\$|US\$|[$€£¥₫])", " ", f"{before} ; {_BEHIND.sub(' ', rest)}")
    words = _WORD.findall(beside)
    if _NOT_ONE.search(beside) or len(words) > MOST_WORDS or re.search(r"[0-9]", before + behind):
        return None
    if any(len(word) == 1 and word.isascii() and word not in ("a", "A", "e", "o", "à") for word in words):
        return None  # 5 x: an unknown
    if behind[:1].isalpha() and behind[:1].isascii():
        return None  # 5x
    value = number.value * 100 if number.kind == "percent" else number.value
    return Quantity(value, number.kind == "percent", unit or named, _long(words))


def _long(words: list[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words if len(word) > 2)


def same_quantity(*, gold: Quantity, prediction: Quantity) -> bool:
    """Whether two numbers agree in value, per cent sign, unit and words; a unit or words may be missing on one side."""
    if gold.is_percent != prediction.is_percent:
        return _same_share(*((gold, prediction) if gold.is_percent else (prediction, gold)))
    if gold.unit and prediction.unit:
        if not same_dimension(gold.unit, prediction.unit):
            return False
        return gold.value * gold.unit.factor == prediction.value * prediction.unit.factor
    if gold.value != prediction.value:
        return False
    if gold.unit or prediction.unit:
        other = prediction if gold.unit else gold
        return not other.words  # 5 kg are not 5 apples
    if gold.words and prediction.words:
        return any(_same_word(a, b) for a in gold.words for b in prediction.words)
    return True


def _same_share(percent: Quantity, bare: Quantity) -> bool:
    """Whether a per cent equals a bare number: 25 % equals 0.25 and also 25, but 0.5 % does not equal 0.5."""
    if bare.unit is not None or bare.words:
        return False
    return bare.value * 100 == percent.value or (bare.value == percent.value and abs(bare.value) > 1)


def _same_word(a: str, b: str) -> bool:
    return a[:4] == b[:4]
