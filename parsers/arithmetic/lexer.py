r"""The only lexer of arithmetic: it cuts plain text, Unicode signs and LaTeX into tokens with their spans.

A token of kind "dress" is markup that does not compute: currency signs, spacing commands, list markers.

"3 × $4 = 12 cm²"   ->  number 3, operator *, dress $, number 4, relation =, number 12, word cm, power 2
r"\frac{1}{2} \le x"  ->  function frac, open {, number 1, close }, open {, number 2, close }, compare, symbol x

Long patterns stay on one line, because they are easier to read that way.
"""
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache
from math import comb, gcd, lcm, perm
from typing import NamedTuple

from parsers.arithmetic.lexicon import APPROXIMATIONS, FILLERS, OF, PERCENT, POWERS, words_of
from parsers.arithmetic.numbers import MAX_DIGITS, SPACES, VULGAR, decimal_comma, digits_pattern, repeating, to_fraction

SIGNS = {
    "×": "*", "·": "*", "∙": "*", "⋅": "*", "✕": "*", "✖": "*", "x": "*", "X": "*", "\\times": "*", "\\cdot": "*", "\\ast": "*",
    "÷": "/", "∕": "/", "⁄": "/", ":": "/", "//": "/", "\\div": "/", "\\bmod": "mod", "−": "-", "–": "-", "—": "-", "**": "^",
}  # fmt: skip
"""Every way to write an operation, and its sign."""


class Token(NamedTuple):
    """A piece of a text. `text` is canonical for operators and otherwise as written; `value` is a number's value."""

    kind: str
    text: str
    start: int
    end: int
    value: Fraction | int | None = None


_LISTED: dict[str, Callable[..., int]] = {"gcd": gcd, "lcm": lcm, "max": max, "min": min}
_LISTED_NAMES = {
    **{name: name for name in _LISTED}, "gcf": "gcd", "hcf": "gcd", "mdc": "gcd", "mcd": "gcd", "ưcln": "gcd", "ucln": "gcd",
    "mmc": "lcm", "mcm": "lcm", "bcnn": "lcm",
}  # fmt: skip
"""Functions of a list of integers, by their names in several languages."""
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_WIDE = re.compile("[\uff01-\uff5e]")
_OPERATOR_WORDS, _OPENINGS = words_of("operator"), words_of("opening")
_COMMON = r"""(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?P<space>[^\S\n][\s\u200b]*|\u200b+)|(?P<dress_start>\A\s*(?:[-*•>|]\ |\d{1,2}[.)]\s)(?=.*=))"""
_TEX = r"""(?=\\)(?:
(?P<open_bar>\\left\||\\lvert)|(?P<close_bar>\\right\||\\rvert)
|(?P<formula>\\[(\[](?!\d+(?:pt|em|ex|cm|mm)\]))
|(?P<dress_tex>\\(?:left|right|big|Big|bigg|quad|qquad|displaystyle|boxed|fbox|hspace\{[^}]*\})(?![a-zA-Z])|\\[,!;:\ ()\[\]]|\\\$+
  |\\begin\{[a-z]+\*?\}(?:\{[^}]*\})?|\\end\{[a-z]+\*?\})
|(?P<chosen_tex_list>(?:\\(?:gcd|max|min)|\\(?:text|operatorname|mathrm)\{(?:LISTED)\})ARGUMENTS)
|(?P<modulus_tex>\\pmod\s?(?:\{[0-9]{1,9}\}|[0-9]))
|(?P<text>\\(?:text|mathrm|textbf|mbox|textit|operatorname|mathbf|mathit)\s*\{[^{}]{0,300}\})
|(?P<line_tex>\\\\(?:\[[^\]\n]{0,12}\])?)
|(?P<chosen_tex>\\[dt]?binom\s?\{[0-9]{1,3}\}\s?\{[0-9]{1,3}\})
|(?P<short>\\[dtc]?frac\s*[0-9]{2}(?![0-9]))
|(?P<function_tex>\\[dtc]?frac|\\sqrt(?:\[[0-9]{1,2}\]|(?!\[))
  |\\log_(?:\{[0-9]{1,3}\}|[0-9])|\\ln(?![a-zA-Z]))
|(?P<arrow_tex>\\(?:implies|Rightarrow|Leftrightarrow|iff|to|rightarrow|Longrightarrow|Longleftrightarrow)(?![a-zA-Z]))
|(?P<compare_tex>\\(?:leq?|geq?|neq?|lt|gt|in|leqslant|geqslant|equiv)(?![a-zA-Z]))
|(?P<relation_tex>\\(?:approx|simeq)(?![a-zA-Z]))
|(?P<operator_tex>\\(?:times|cdot|div|ast|bmod)(?![a-zA-Z]))
|(?P<percent_tex>(?<=[)\]}])\\%)
|(?P<symbol_tex>\\(?:pi|theta|alpha|beta|gamma|lambda|omega|mu|phi|sigma|Delta|ell)(?![a-zA-Z]))
|(?P<open_tex>\\[lL](?:floor|ceil)\b|\\\{)|(?P<close_tex>\\[rR](?:floor|ceil)\b|\\\})
|(?P<command>\\[a-zA-Z]+|\\[&|%]))"""
_SIGNS = r"""(?P<dress>\$+|[€£&]|<<[^>\n]{0,200}>>|<<|>>|(?!(?<=[0-9)a-z])\*\*[0-9(a-z]|(?<=[0-9)a-z]\ )\*\*\ [0-9(a-z])\*\*)
|(?P<line>\n)
|(?P<chosen_braces>\{[0-9]{1,3}\ \\choose\ [0-9]{1,3}\})
|(?P<function>[√∛])
|(?P<arrow>[⇔⇒→]|=>|->)
|(?P<compare>[<>≤≥≠∈≡]=?|(?<![0-9)])!=)
|(?P<relation>=+|[≈≃])
|(?P<operator>\*\*|//|[-+*/^×·∙⋅✕✖÷∕⁄−–]|(?<=[\d)]\ )—(?=\ ?[\d(])|COLON)
|(?P<percent>(?<=[)\]}])%)
|(?P<factorial>(?<=[0-9)])!(?=[0-9(]|\s*(?:[-+/×÷·=≈)}\]!^$]|\*(?!\*)|\\(?:times|cdot|div|approx|right|d?frac|d?binom|[)\]]))))
|(?P<modulus>\(\s?\\?b?mod\s{0,2}[0-9]{1,9}\s?\))
|(?P<open>[({\[⌊⌈]|(?<![\w)}\]|])\|(?=[-\d(√\\][^|\n=<>]{0,60}\|(?![\w|])))
|(?P<close>[)}\]⌋⌉]|(?<=[\d)}\]])\|(?=\s*(?:[-+*/^=≈<>×·÷.,;:!?$)\\]|$)))
|(?P<stop>[.,;:?!…|])|(?P<other>.)"""
_NUMBERS = r"""(?=[0-9.,VULGAR])(?:CLOCK
(?P<chosen>\b[0-9]{1,3}C[0-9]{1,3}\b|\b[0-9]{1,3}\ choose\ [0-9]{1,3}\b)
|(?P<number>(?:[0-9]{1,9}[.,][0-9]{0,9}\\overline\{[0-9]{1,9}\}|0[.,]\([0-9]{1,9}\)|[0-9]{1,9}(?:[\ SPACES]|\ and\ |\ e\ )[0-9]{1,9}/[0-9]{1,9}(?![0-9/])|(?<=[/÷]\ )[0-9]{1,9}/[0-9]{1,9}(?![0-9])
  |[0-9]{0,9}[VULGAR]|[0-9]{1,15}(?:(?:POINT|\.)[0-9]{1,15})?[eE][+-]?[0-9]{1,2}(?![\w.])
  |(?:(?<=[-+*/×÷=$(]\ )|(?<=[-+*/×÷=$(])|(?=[0-9\ ]{1,24}(?:POINT[0-9]+)?\s?[-+*/×÷=x]))
    [1-9][0-9]{0,2}(?:\ [0-9]{3})+(?![0-9/])(?:POINT[0-9]+)?
  |DIGITS)(?:\s?\\?%|\ (?:PERCENTS)(?=\ (?:OFS)\ [\d$]))?))"""
_CLOCK = r"(?P<clock>\b(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?![0-9/*])|(?<![0-9.,])[0-9]{1,3},[0-9]{4,15}(?![0-9,]))|"
"""What looks like a number in English but is not: a time of day, or digits with a misplaced comma."""
_WORDS = r"""(?=[^\W\d_])(?:
(?P<dress_money>\b(?:R|US)\\?\$)
|(?P<chosen_word>\b[CP]\(\s?[0-9]{1,3}\s?,\s?[0-9]{1,3}\s?\)|\b[CPA]_\{?[0-9]{1,3}\}?\^\{?[0-9]{1,3}\}?(?![0-9]))
|(?=[^\W\d_]{2,5}[(_₀-₉])(?:(?P<function_word>\b(?:(?:sqrt|floor|ceil|abs|ln)(?=\()|log(?:_\{?[0-9]{1,3}\}?(?=\()|_[0-9](?=\ )|[₀-₉]{1,3})))
  |(?P<chosen_list>\b(?:LISTED)ARGUMENTS))
|(?P<power_word>(?<=[\d)]\ )(?:POWERS)\b)
|(?P<operator_x>(?<=[\d)%\s])[xX](?=\s*(?:R\$)?(?:[\d(€£½¼¾⅓⅔]|\$\s?\d|\.\d|\\\$|\\[dt]?frac))|(?<=\d\ )[xX](?=\ [^\W\d_]{2}))
|(?P<verb>\b(?:RELATIONS)SAID)
|(?P<sign>\b(?:OPERATORS)(?=\s*[-(\d$€£\\R]))
|(?P<opening>\b(?:OPENINGS)(?=\s+[\d$€£\\R(]))
|(?P<remainder>(?<=[\d\s,])(?:REMAINDERS)(?=\s?[0-9]))
|(?P<word>LETTERS(?:['’.-](?=[^\W\d_]{2})[^\W\d_]+)*(?:['’]s?)?(?:(?:\ (?!(?:RELATIONS|OPERATORS|OPENINGS|ANY_REMAINDERS)\b)LETTERS(?:['’]s?)?)+(?=\ ))?)
|(?P<symbol>[^\W\d_](?:_\{[^{}]{1,12}\}|_\w)?[′']*))
|(?P<verb_comma>,\s*\b(?:RELATIONS)SAID)
|(?P<remainder_comma>,\s*(?:REMAINDERS)(?=\s?[0-9]))"""
_SAID = r"(?:\ (?:APPROXIMATIONS))?(?:\ (?:FILLERS))?(?=:?\s*(?:[-−(\d$€£\\R*½¼¾√]|US))"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _any_case(words: Iterable[str]) -> str:
    """Alternatives in lower or upper case, grouped by their first letter.

    `re` rejects a branch that begins with a set of letters at once, but tries `(?i:...)` letter by letter. The
    grouping halves the time of the lexer.
    """
    groups: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        groups.setdefault(word[0].lower(), []).append(re.escape(word[1:]))
    return "|".join(f"[{first}{first.upper()}](?i:{'|'.join(rest)})" for first, rest in groups.items())


_PARTS = (
    ("SAID", _SAID),
    ("LISTED", _any_case(_LISTED_NAMES)),
    ("ARGUMENTS", r"\s?(?:\\left)?\\?[({]\s?[0-9]{1,9}(?:\s?[,;]\s?[0-9]{1,9}){1,9}\s?(?:\\right)?\\?[)}]"),
    ("VULGAR", "".join(VULGAR)),
    ("PERCENTS", _any_case(PERCENT)),
    ("OFS", _alternatives(OF)),
    ("POWERS", _any_case(POWERS)),
    ("SPACES", SPACES),
    ("LETTERS", r"[^\W\d_]{2,}"),
    ("APPROXIMATIONS", _any_case(APPROXIMATIONS)),
    ("FILLERS", _any_case(FILLERS)),
    ("RELATIONS", _any_case(words_of("relation"))),
    ("OPERATORS", _any_case(words_of("operator"))),
    ("OPENINGS", _any_case(words_of("opening"))),
    ("ANY_REMAINDERS", _any_case(words_of("remainder"))),
    ("REMAINDERS", _alternatives(words_of("remainder"))),
)
"""The meaning of the names in capitals in the patterns."""


def _compiled(pattern: str, *parts: tuple[str, str]) -> re.Pattern[str]:
    for name, part in (*parts, *_PARTS):
        pattern = pattern.replace(name, part)
    return re.compile(pattern, re.VERBOSE)


@cache
def _tokenizer(comma: bool) -> re.Pattern[str]:
    """A pattern with named groups; the part of a name before "_" is the kind of token.

    `comma` is for languages with a decimal comma.
    """
    return _compiled(
        "|".join((_COMMON, _NUMBERS, _WORDS, _TEX, _SIGNS)),
        ("CLOCK", "" if comma else _CLOCK),
        ("COLON", r"(?<=[\d)]):(?=\s?\d)|(?<=[\d)]\ ):(?=\s?\d)" if comma else r"(?<=\d\ ):(?=\ \d)"),
        ("POINT", "," if comma else r"\."),
        ("DIGITS", digits_pattern("pt" if comma else "en")),
    )


def tokenize(text: str, language: str = "en") -> Iterator[Token]:
    """The tokens of a text in order, without blanks."""
    if not text.isascii() and _WIDE.search(text):
        text = text.translate(_FULL_WIDTH)
    if "R$" in text:
        language = "pt"  # amounts in reais have a decimal comma in every language
    for match in _tokenizer(decimal_comma(language)).finditer(text):
        group = match.lastgroup
        if group == "space":
            continue
        assert group is not None
        kind, make = _kind_of(group)
        yield Token(kind, match[0], match.start(), match.end()) if make is None else make(match, language)


def _operator(match: re.Match[str], language: str) -> Token:
    return Token("operator", SIGNS.get(match[0], match[0]), *match.span())


def _number(match: re.Match[str], language: str) -> Token:
    text = match[0]
    if text.isdigit() and len(text) < 19:  # most numbers
        return Token("number", text, match.start(), match.end(), int(text))
    worded = text[-1].isalpha() and " " in text
    digits = text.partition(" p")[0] if worded else text.rstrip("%\\ " + SPACES)
    value = _value(digits, language)
    if worded:
        text = digits + "%"
    if value is not None and text.endswith("%"):
        value = Fraction(value) / 100
    return Token("number", text, *match.span(), value)


def _value(digits: str, language: str) -> Fraction | int | None:
    if digits.isdigit() and len(digits) < 19:
        return int(digits)
    if digits[-1] in VULGAR:
        return int(digits[:-1] or 0) + Fraction(*VULGAR[digits[-1]])
    if "/" in digits:
        *whole, above, below = re.findall("[0-9]+", digits)
        return int(whole[0] if whole else 0) + Fraction(int(above), int(below)) if int(below) else None
    if digits[-1] in ")}":
        stated, repeated = re.split(r"\(|\\overline\{", digits[:-1])
        return repeating(stated, repeated, language)
    mantissa, _, exponent = digits.lower().partition("e")
    value = to_fraction(mantissa.replace(" ", ""), language)
    return value if value is None or not exponent else value * Fraction(10) ** int(exponent)


def _short(match: re.Match[str], language: str) -> Token:
    above, below = match[0].rstrip()[-2:]
    return Token("short", match[0], *match.span(), Fraction(int(above), int(below)) if below != "0" else None)


def _power(match: re.Match[str], language: str) -> Token:
    digits = POWERS.get(match[0].lower()) or match[0].translate(_SUPERSCRIPTS)
    if not digits.isdigit():
        return Token("word", match[0], *match.span())
    return Token("power", "^" + digits, *match.span(), int(digits[:MAX_DIGITS]))


def _sign(match: re.Match[str], language: str) -> Token:
    return _meant("sign", _OPERATOR_WORDS, match)


def _opening(match: re.Match[str], language: str) -> Token:
    return _meant("opening", _OPENINGS, match)


def _meant(kind: str, signs: dict[str, str], match: re.Match[str]) -> Token:
    """The sign that the words mean; if `re` matched ſ as s or ı as i, they are ordinary words."""
    sign = signs.get(match[0].lower())
    return Token("word", match[0], *match.span()) if sign is None else Token(kind, sign, *match.span())


def _chosen(match: re.Match[str], language: str) -> Token:
    r"""Combinations and permutations in digits, and functions of a list; Vietnamese writes C(5, 2) as C_5^2."""
    name = next((_LISTED_NAMES[word] for word in _NAME.findall(match[0].lower()) if word in _LISTED_NAMES), "")
    if name:
        numbers = list(map(int, re.findall("[0-9]+", match[0])))
        return Token("chosen", f"{name}({','.join(map(str, numbers))})", *match.span(), _LISTED[name](*numbers))
    above, below = map(int, re.findall("[0-9]+", match[0]))
    count = perm if match[0][0] in "PA" else comb
    return Token("chosen", f"{'P' if count is perm else 'C'}({above},{below})", *match.span(), count(above, below))


_NAME = re.compile(r"[^\W\d_]+")


def _function(match: re.Match[str], language: str) -> Token:
    r"""A function; a logarithm keeps its base: log₂ and \log_2 are \log_{2}."""
    text = match[0].translate(_SUBSCRIPTS)
    if "log" in text:
        text = f"\\log_{{{re.findall('[0-9]+', text)[0]}}}"
    return Token("function", text, *match.span())


def _modulus(match: re.Match[str], language: str) -> Token:
    return Token("modulus", match[0], *match.span(), int(re.findall("[0-9]+", match[0])[0]))


_MAKERS = {
    "operator": _operator, "number": _number, "short": _short, "power": _power, "sign": _sign, "opening": _opening,
    "chosen": _chosen, "function": _function, "modulus": _modulus,
}  # fmt: skip


@cache
def _kind_of(group: str) -> tuple[str, Callable[[re.Match[str], str], Token] | None]:
    """The kind of token that a named group matches, and the function that makes it if it needs more than its text."""
    kind = group.partition("_")[0]
    return kind, _MAKERS.get(kind)


_SIGN = re.compile(r"[=≈≡＝+*/×÷·⋅✕∕^−√⁰¹²³⁴-⁹＋－]")
_COMMAND = re.compile(
    r"\\(?:times|cdot|div|d?frac|approx|sqrt|d?binom|l?floor|equiv|gcd|bmod)|\((?<=[a-zA-Z].)|_(?<=log.)"
)
_BEHIND_NUMBER = re.compile(
    r"[\d)](?:!|(?<=\d)(?: — |C\d|\s?[-–:x(]\s?[\d$(]|[A-Za-z]\b|\)? (?i:squared|cubed|ao (?:quadrado|cubo)"
    r"|(?:bình|lập) phương)))"
)
_SIGN_WORDS = (*_OPERATOR_WORDS, "choose")
_STEMS = tuple(
    dict.fromkeys(max(set(words.split()) - {"the", "of"}, key=len)[:7] for words in (*_SIGN_WORDS, *_OPENINGS))
)
_WORDS_WORTH = re.compile(
    rf"\b(?:{_alternatives(_SIGN_WORDS)})\b|\b(?:{_alternatives(_OPENINGS)})\b.{{,20}}\d", re.IGNORECASE
)
_JOIN = re.compile(r"\b(?:of|by|de|por|của)\b", re.IGNORECASE)
_LETTER = r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])"
_JOINED = re.compile(
    rf"[-–%!(\[{{\\{''.join(VULGAR)}]|\d ?(?i:{_alternatives(PERCENT)})|\d\s?[^\W\d_]{{1,3}}\b|{_LETTER}.{{1,12}}{_LETTER}"
)
"""Signs that a text with "of" or "by" may have an expression: 25% of it, the sum of a and b, the square of x - 3."""


def is_worth_reading(text: str) -> bool:
    """Whether the text may have an equation or expression; this check takes a tenth of the time of reading the text.

    The cheapest searches come first. `re` can skip to the first characters of their patterns.
    """
    if _SIGN.search(text) or _COMMAND.search(text) or _BEHIND_NUMBER.search(text):
        return True
    lowered = text.lower()
    for stem in _STEMS:
        if stem in lowered:
            if _WORDS_WORTH.search(text):
                return True
            break
    return bool(_JOIN.search(text) and _JOINED.search(text))


_EQUALS = re.compile(r"[=＝≈≃]|\\(?:approx|simeq)")
_VERB = _compiled(r"\b(?:RELATIONS)SAID")


def may_state_value(text: str) -> bool:
    """Whether the text may state the value of an expression: it has an equals sign or a word that means one."""
    return bool(_EQUALS.search(text) or _VERB.search(text))
