"""Units of measurement and currency in three languages: 72 km/h is not 72 m/s, and 1.5 m is 150 cm.

unit_of("km/h")    ->  (("length", 1), ("time", -1)) with factor 5/18
unit_of("apples")  ->  None
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A product of powers of dimensions, in name order, and the number of base units in the unit."""

    dimensions: tuple[tuple[str, int], ...]
    factor: Fraction


_TABLE = """
length 1/1000: mm millimeter millimeters millimetre millimetres milímetro milímetros mi-li-mét
length 1/100: cm centimeter centimeters centimetre centimetres centímetro centímetros xăng-ti-mét
length 1/10: dm decimeter decimeters decímetro decímetros
length 1: m meter meters metre metres metro metros mét
length 1000: km kilometer kilometers kilometre kilometres quilômetro quilômetros kilómetro kilómetros ki-lô-mét
length 127/5000: inch inches polegada polegadas
length 381/1250: ft foot feet pé pés
length 1143/1250: yard yards yd
length 201168/125: mile miles mi milha milhas dặm
mass 1/1000: mg milligram milligrams
mass 1: g gram grams grama gramas gam
mass 1000: kg kilogram kilograms kilo kilos quilo quilos quilograma quilogramas ki-lô-gam
mass 1000000: ton tons tonne tonnes tonelada toneladas tấn
mass 45359237/100000: lb lbs pound pounds libra libras
mass 45359237/1600000: oz ounce ounces
time 1/1000: ms millisecond milliseconds
time 1: s sec secs second seconds segundo segundos giây
time 60: min mins minute minutes minuto minutos phút
time 3600: h hr hrs hour hours hora horas giờ
time 86400: day days dia dias día días ngày
time 604800: week weeks semana semanas tuần
month 1: month months mês meses mes tháng
month 12: year years yr yrs ano anos año años năm
volume 1/1000: ml milliliter milliliters millilitre millilitres mililitro mililitros
volume 1: l liter liters litre litres litro litros lít
angle 1: ° degree degrees grau graus grado grados độ
celsius 1: °c celsius
fahrenheit 1: °f fahrenheit
usd 1: usd us$ dollar dollars dólar dólares buck bucks
usd 1/100: cent cents ¢ centavo centavos
brl 1: r$ brl real reais
eur 1: € eur euro euros
gbp 1: £ gbp
vnd 1: ₫ đ vnd vnđ đồng
cny 1: ¥ cny yuan 元 块
count 1: units unit unidades unidade
money 1: $
"""
_UNITS = {
    name: (dimension, Fraction(factor))
    for line in _TABLE.strip().splitlines()
    for head, _, names in [line.partition(":")]
    for dimension, factor in [head.split()]
    for name in names.split()
}
_ONE_LETTER = {"m", "g", "s", "h", "l", "đ"}
_DOLLARS = {"usd", "brl"}
_POWER_WORDS = {
    "square": 2, "squared": 2, "sq": 2, "quadrado": 2, "quadrados": 2, "cuadrado": 2, "cuadrados": 2, "vuông": 2,
    "cubic": 3, "cubed": 3, "cu": 3, "cúbico": 3, "cúbicos": 3, "khối": 3,
}  # fmt: skip
_PER = re.compile(r"\s*/\s*|\s+(?:per|por|an)\s+|\s+(?:mỗi|trên)\s+")
_FACTOR = re.compile(r"(?P<name>[^\s\d^*]+?)\s*(?:\^\{?(?P<power>-?[1-9])\}?|(?P<digit>[23]))?")


_SHORT = {"mph": "mi/h", "kmh": "km/h", "kph": "km/h", "mps": "m/s", "fps": "ft/s", "sqm": "m^2", "cc": "cm^3"}


@lru_cache(maxsize=1024)
def unit_of(text: str) -> Unit | None:
    """The unit that the complete text names; None if the table does not have it."""
    text = " ".join(text.lower().replace("\\cdot", " ").replace("^\\circ", "°").replace("° ", "°").split())
    text = _SHORT.get(text, text)
    if not text or len(text) > 60:
        return None
    powers: dict[str, int] = {}
    factor = Fraction(1)
    for place, part in enumerate(_PER.split(text)):
        found = _product(part.replace("(", "").replace(")", ""))
        if found is None:
            return None
        for dimension, size, power in found:
            power = power if place == 0 else -power
            powers[dimension] = powers.get(dimension, 0) + power
            factor *= size**power
    if powers.keys() == {"volume"} and powers["volume"] == 1:  # a litre is a cubic decimetre
        powers, factor = {"length": 3}, factor / 1000
    return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)), factor)


def _product(part: str) -> list[tuple[str, Fraction, int]] | None:
    """(dimension, factor, power) of each unit of "m^2", "square meters", "kg m"."""
    found: list[tuple[str, Fraction, int]] = []
    ahead = 1
    for word in part.replace("*", " ").split():
        if word in _POWER_WORDS:
            if found and word not in ("square", "sq", "cubic", "cu"):
                dimension, size, _ = found[-1]
                found[-1] = dimension, size, _POWER_WORDS[word]
            else:
                ahead = _POWER_WORDS[word]
            continue
        match = _FACTOR.fullmatch(word)
        if match is None or match["name"].rstrip(".") not in _UNITS:
            return None
        dimension, size = _UNITS[match["name"].rstrip(".")]
        found.append((dimension, size, int(match["power"] or match["digit"] or ahead)))
        ahead = 1
    return found or None


def split_unit(text: str) -> tuple[str, Unit | None]:
    """A formula and the unit after it, separated by a blank; one letter does not count, as it may be an unknown."""
    words = text.split(" ")
    for count in (3, 2, 1):
        tail = " ".join(words[-count:])
        if count < len(words) and len(tail) > 1 and (unit := unit_of(tail)):
            return " ".join(words[:-count]), unit
    return text, None


def leading_unit(text: str) -> tuple[Unit | None, str]:
    """The unit at the start of a text, and the rest: "km/h in all" gives km/h and "in all"."""
    words = text.split(" ")
    for count in (4, 3, 2, 1):
        if unit := unit_of(" ".join(words[:count])):
            return unit, " ".join(words[count:])
    return None, text


def is_one_letter(text: str) -> bool:
    """Whether a unit may also be an unknown: 5m may be 5 times m."""
    return text.strip() in _ONE_LETTER


def same_dimension(a: Unit, b: Unit) -> bool:
    """Whether two units measure the same dimension; a bare `$` may be dollars or reais."""
    if a.dimensions == b.dimensions:
        return True
    (plain, other) = (a, b) if a.dimensions == (("money", 1),) else (b, a)
    return plain.dimensions == (("money", 1),) and len(other.dimensions) == 1 and other.dimensions[0][0] in _DOLLARS
