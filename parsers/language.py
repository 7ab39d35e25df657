"""Which of the supported languages a text is in: English, Portuguese or Vietnamese, else "und"."""

from __future__ import annotations

import re
from collections.abc import Mapping

LANGUAGES = ("en", "pt", "vi", "und")

_COMMON = {
    "en": """the of and a to in is was for on are with as at this have from by how many what if each then per his her
        they there she he it that more than all so total be we find which does left number much an its let or can will
        first next not larger smaller even odd comes sort smallest largest answer""",
    "pt": """o os as um uma de do da dos das e é em no na nos nas que para com por quanto quantos quantas qual quais se
        cada mais menos ela ele são tem tinha ao à não foi seu sua entre depois então total maior menor par ímpar
        próximo como""",
    "vi": """và của là có cho các một những được trong với khi để theo ta tại số hàm bao nhiêu thì bằng hỏi mỗi trên
        phương trình đường thẳng mặt phẳng điểm giá trị tập nghiệm không từ đó vậy suy nên chọn câu""",
}
_OTHERS = """
    el los las y una del cuántos cuántas cuánto cuál tiene más hay son está le les des et est dans une pour
    combien elle il avec sur au aux qui sont der die das und ist ein eine mit wie viele hat von zu den im sind il
    gli che di è un quanti quante ha della nel per sono
""".split()  # noqa: SIM905
"""Common words of Spanish, French, German and Italian: so that these are not taken for Portuguese or English."""
_WORD = re.compile(r"[^\W\d_]+")
_TEX = re.compile(r"\\[a-zA-Z]+(?:\s*\{[^{}]*\})?")
_VIETNAMESE = re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)
_PORTUGUESE = re.compile(r"[ãõçêô]", re.IGNORECASE)
_TELLS = {
    word: tuple(name for name, words in _COMMON.items() if word in words.split())
    + (("other",) if word in _OTHERS else ())
    for word in {*" ".join(_COMMON.values()).split(), *_OTHERS}
}
MAX_CHARACTERS = 2000


def detect_language(text: str) -> str:
    """The language of most common words and telling letters; "und" where nothing tells, or another language does."""
    sample = text[:MAX_CHARACTERS]
    counts = {"en": 0, "pt": 0, "vi": 0, "other": 0}
    if not sample.isascii():
        letters = len(_VIETNAMESE.findall(sample))
        if letters >= 3 or letters * 50 > len(sample):
            return "vi"
        counts["pt"] = len(_PORTUGUESE.findall(sample))
    if "\\" in sample:
        sample = _TEX.sub(" ", sample)
    for word in _WORD.findall(sample.lower()):
        for name in _TELLS.get(word, ()):
            counts[name] += 1
    best = max(counts, key=lambda name: counts[name])  # the first of equals: English before Portuguese
    return best if counts[best] and best != "other" else "und"


def resolve_language(language: str, text: str, question: str = "", note: Mapping[str, object] | None = None) -> str:
    """The language to read in: what a note says, else what the caller says, else what question and text look like."""
    noted = (note or {}).get("language")
    if isinstance(noted, str):
        return noted
    return language if language != "auto" else detect_language(question + "\n" + text)
