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
_WORD = re.compile(r"[^\W\d_]+")
_TEX = re.compile(r"\\[a-zA-Z]+(?:\s*\{[^{}]*\})?")
_VIETNAMESE = re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)
_PORTUGUESE = re.compile(r"[ãõçêôâáéíóúà]", re.IGNORECASE)
_COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
MAX_CHARACTERS = 2000


def detect_language(text: str) -> str:
    """The language of most common words and telling letters; "und" where nothing tells."""
    sample = text[:MAX_CHARACTERS]
    if sample.isascii():
        # No Vietnamese without accents, little Portuguese: the usual case is decided by the words alone.
        words = [word.lower() for word in _WORD.findall(_TEX.sub(" ", sample))]
        english = sum(word in _COMMON_WORDS["en"] for word in words)
        portuguese = sum(word in _COMMON_WORDS["pt"] for word in words)
        if english == portuguese:
            return "en" if english and words[0] in _COMMON_WORDS["en"] else "und"
        return "en" if english > portuguese else "pt"
    if len(_VIETNAMESE.findall(sample)) * 50 > len(sample) or len(_VIETNAMESE.findall(sample)) >= 3:
        return "vi"
    words = [word.lower() for word in _WORD.findall(_TEX.sub(" ", sample))]
    counts = {language: sum(word in common for word in words) for language, common in _COMMON_WORDS.items()}
    if counts["pt"] or counts["en"]:
        counts["pt"] += len(_PORTUGUESE.findall(sample))
    language = max(counts, key=lambda name: counts[name])
    return language if counts[language] else "und"


def resolve_language(language: str, text: str, question: str = "", note: Mapping[str, object] | None = None) -> str:
    """The language to read in: what a note says, else what the caller says, else what question and text look like."""
    noted = (note or {}).get("language")
    if isinstance(noted, str):
        return noted
    return language if language != "auto" else detect_language(question + "\n" + text)
