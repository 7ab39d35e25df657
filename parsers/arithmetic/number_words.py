"""Number words of English, Portuguese and Vietnamese: five, twenty-one, two thirds, twice, metade, gấp đôi."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache


def _table(text: str) -> dict[str, Fraction]:
    """ "half 1/2, one half 1/2" as a dict from words to numbers."""
    pairs = (entry.rsplit(None, 1) for entry in text.split(","))
    return {name.strip(): Fraction(number) for name, number in pairs}


UNITS = {
    "en": _table(
        """zero 0, one 1, two 2, three 3, four 4, five 5, six 6, seven 7, eight 8, nine 9, ten 10, eleven 11, twelve 12,
        thirteen 13, fourteen 14, fifteen 15, sixteen 16, seventeen 17, eighteen 18, nineteen 19, twenty 20, thirty 30,
        forty 40, fifty 50, sixty 60, seventy 70, eighty 80, ninety 90"""
    ),
    "pt": _table(
        """zero 0, um 1, uma 1, dois 2, duas 2, três 3, quatro 4, cinco 5, seis 6, sete 7, oito 8, nove 9, dez 10,
        onze 11, doze 12, treze 13, quatorze 14, catorze 14, quinze 15, dezesseis 16, dezasseis 16, dezessete 17,
        dezoito 18, dezenove 19, vinte 20, trinta 30, quarenta 40, cinquenta 50, sessenta 60, setenta 70, oitenta 80,
        noventa 90, cem 100,
        cento 100, duzentos 200, duzentas 200, trezentos 300, quatrocentos 400, quinhentos 500, seiscentos 600,
        setecentos 700, oitocentos 800, novecentos 900"""
    ),
    "vi": _table("một 1, hai 2, ba 3, bốn 4, năm 5, sáu 6, bảy 7, tám 8, chín 9, mười 10, lăm 5, mốt 1"),
}
SCALES = {
    "en": _table("hundred 100, thousand 1000, million 1000000, billion 1000000000"),
    "pt": _table("mil 1000, milhão 1000000, milhões 1000000"),
    "vi": _table("mươi 10, trăm 100, nghìn 1000, ngàn 1000, triệu 1000000"),
}
MULTIPLES = {
    "en": _table(
        """twice 2, double 2, doubled 2, doubles 2, doubling 2, thrice 3, triple 3, tripled 3, triples 3, tripling 3,
        quadruple 4, quadrupled 4, dozen 12, dozens 12, couple 2, half 1/2, halves 1/2, halved 1/2"""
    ),
    "pt": _table("dobro 2, triplo 3, quádruplo 4, dúzia 12, dúzias 12, metade 1/2, meio 1/2, meia 1/2, par 2"),
    "vi": _table("gấp đôi 2, tá 12, chục 10, nửa 1/2, một nửa 1/2"),
}
DENOMINATORS = {
    "en": _table(
        """half 2, halves 2, third 3, thirds 3, quarter 4, quarters 4, fourth 4, fourths 4, fifth 5, fifths 5, sixth 6,
        sixths 6, seventh 7, sevenths 7, eighth 8, eighths 8, ninth 9, ninths 9, tenth 10, tenths 10"""
    ),
    "pt": _table("terço 3, terços 3, quarto 4, quartos 4, quinto 5, quintos 5, sexto 6, décimo 10, décimos 10"),
    "vi": {},
}
WORDS = {language: {**UNITS[language], **SCALES[language], **MULTIPLES[language]} for language in UNITS}

_ONE = {"en": ("a", "an"), "pt": (), "vi": ()}
_JOIN = {"en": r"(?:[\s-]+(?:and\s+)?)", "pt": r"(?:\s+(?:e\s+)?)", "vi": r"\s+"}
_YEAR = re.compile(r"[0-9]\s*$|(?:mỗi|hàng|một|nhiều|trong|đầu|cuối|mấy|sau|qua|này|mười)\s+$", re.IGNORECASE)


def _alternatives(words: list[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


@cache
def _scanner(language: str) -> re.Pattern[str]:
    units, multiples = list(UNITS[language]), list(MULTIPLES[language])
    every = _alternatives([*units, *SCALES[language]])
    parts = []
    if DENOMINATORS[language]:
        above = _alternatives([*units, *_ONE[language]])
        below = _alternatives(list(DENOMINATORS[language]))
        parts.append(rf"(?:(?P<count>{every})\s+(?:and|e)\s+)?(?P<above>{above})[\s-]+(?P<below>{below})")
    parts += [rf"(?P<multiple>{_alternatives(multiples)})", rf"(?P<plain>(?:{every})(?:{_JOIN[language]}(?:{every}))*)"]
    return re.compile(rf"(?<![\w\\])(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)


_WORD = re.compile(r"[^\W\d_]+")
_COUNT = re.compile(r"(?<![0-9.,/])([0-9]{1,9})\s(?:and|e)\s$")


@cache
def _starts(language: str) -> frozenset[str]:
    """The words that a number in words may begin with."""
    names = (*WORDS[language], *_ONE[language])
    return frozenset(name.split()[0] for name in names)


@cache
def _tells(language: str) -> frozenset[str]:
    """Words of which every number in words contains at least one; the articles of "a third" are not among them."""
    return _starts(language) - frozenset(_ONE[language]) | frozenset(DENOMINATORS[language])


@lru_cache(maxsize=64)  # callers read the equations of a statement first and then its numbers
def find_word_numbers(text: str, language: str) -> Sequence[tuple[Fraction, int, int]]:
    """Value, start and end of each number written in words; languages without a word list have none."""
    if language not in UNITS:
        return ()
    found: list[tuple[Fraction, int, int]] = []
    starts, match_words = _starts(language), _scanner(language).match
    position = 0
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals are longer in lower case; offsets must not change
        lowered = text
    if _tells(language).isdisjoint(_WORD.findall(lowered)):
        return found
    for word in _WORD.finditer(lowered):
        if word[0] not in starts or word.start() < position:
            continue
        match = match_words(text, word.start())
        if match is None:
            continue
        start, end = match.span()
        position = end
        groups = match.groupdict()
        if groups["plain"]:
            found.extend(_compound(match[0], start, language, text))
            continue
        # Unicode case folding lets a few foreign letters match; no list has such words, so they are skipped.
        if groups["multiple"]:
            value = MULTIPLES[language].get(_plain(match[0]))
        else:
            below = DENOMINATORS[language].get(_plain(match["below"]))
            value = Fraction(UNITS[language].get(_plain(match["above"]), 1), below) if below else None
            count = match["count"] or ""
            if value is not None and (digits := _COUNT.search(text[max(0, start - 20) : start])):
                start, value = start - len(digits[0]), value + int(digits[1])
            elif value is not None and count:
                value += WORDS[language].get(_plain(count), 0)
        if value is not None:
            found.append((value, start, end))
    return found


def _plain(word: str) -> str:
    return " ".join(word.lower().split())


def _is_year(text: str, start: int, end: int) -> bool:
    """Whether Vietnamese "năm" means year instead of five: next to a number, or in phrases such as "mỗi năm"."""
    return bool(_YEAR.search(text[max(0, start - 12) : start]) or re.match(r"\s+[0-9]", text[end : end + 3]))


def _compound(phrase: str, offset: int, language: str, text: str) -> list[tuple[Fraction, int, int]]:
    """Reads "two hundred and five"; splits words that do not form one number, as in "one two three"."""
    units, scales = UNITS[language], SCALES[language]
    found: list[tuple[Fraction, int, int]] = []
    total = current = 0
    start = end = -1
    for word in re.finditer(r"[^\W\d_]+", phrase):
        name = word[0].lower()
        if name == "năm" and _is_year(text, offset + word.start(), offset + word.end()):
            continue
        if name in scales:
            if start < 0:
                start = word.start()
            current = max(current, 1) * int(scales[name])
            if scales[name] >= 1000:
                total, current = total + current, 0
        elif name in units:
            value = int(units[name])
            if start >= 0 and current % 10 ** len(str(value)) != 0:
                found.append((Fraction(total + current), offset + start, offset + end))
                total, current, start = 0, 0, -1
            if start < 0:
                start = word.start()
            current += value
        else:
            continue
        end = word.end()
    if start >= 0:
        found.append((Fraction(total + current), offset + start, offset + end))
    return found
