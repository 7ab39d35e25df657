"""Gives an answer one spelling: removes what wraps it, and writes each sign in one way.

tidy(r"**$\\boxed{5}$**.")                    ->  "5"
formula(r"3\\dfrac12")                         ->  r"(3+\\frac{1}{2})"
formula("2√3"), formula("2*sqrt(3)")          ->  r"2\\sqrt{3}", r"2*\\sqrt{3}"
formula("1.5e3"), formula("5!"), formula("x²")  ->  "(1.5*10^(3))", "120", "x^{2}"
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from math import comb, factorial

from parsers.arithmetic.numbers import VULGAR

MAX_ANSWER = 2000
"""Longest answer in characters; longer text is usually a repeating loop and is cut."""
WRAPPING = " \t\r\n\u00a0\u200b\ufeff*`"
_MAX_FACTORIAL = 60

_PAIRS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("__", "__"), ('"', '"'), ("“", "”"))
_COMMAND = re.compile(r"\\(?:boxed|fbox|text|textbf|textit|textrm|mathbf|mbox|displaystyle|mathrm)\s*\{")
_OPTION_LETTER = re.compile(r"\(?([A-Z])\)?[.):]?")


def tidy(answer: str) -> str:
    """The answer without the blanks, emphasis, formula delimiters, box and full stop around it."""
    answer = unicodedata.normalize("NFC", answer[:MAX_ANSWER])
    for _ in range(6):
        before = answer
        answer = answer.strip(WRAPPING).rstrip("。．").strip(WRAPPING)
        if not answer.endswith(("..", "\\.")):
            answer = answer.removesuffix(".")
        for opener, closer in _PAIRS:
            inner = answer[len(opener) : -len(closer)]
            if len(answer) > len(opener) + len(closer) and answer.startswith(opener) and answer.endswith(closer):
                answer = answer if closer in inner else inner
        command = _COMMAND.match(answer)
        if command and closing_braces(answer).get(command.end() - 1) == len(answer) - 1:
            answer = answer[command.end() : -1]
        if answer == before:
            break
    return answer


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def closing_braces(text: str) -> dict[int, int]:
    """Maps the position of each opening brace to that of its closing brace; escaped braces do not count."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            found[opened.pop()] = match.start()
    return found


def option_letter(answer: str) -> str | None:
    """The letter of "B", "(B)", "B." or "B)"; None for anything else."""
    match = _OPTION_LETTER.fullmatch(answer)
    return match[1] if match else None


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SIGNS = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "﹣": "-", "·": "\\cdot ", "∙": "\\cdot ", "⋅": "\\cdot ", "•": "\\cdot ",
        "×": "\\times ", "✕": "\\times ", "÷": "/", "∕": "/", "⁄": "/", "π": "\\pi ", "∞": "\\infty ", "θ": "\\theta ",
        "≤": "\\le ", "⩽": "\\le ", "≥": "\\ge ", "⩾": "\\ge ", "≠": "\\ne ", "∪": "\\cup ", "∩": "\\cap ",
        "∈": "\\in ", "±": "\\pm ", "°": "^\\circ ", "∅": "\\emptyset ", "ℝ": "\\mathbb{R}", "，": ",", "；": ";",
        "：": ":", "（": "(", "）": ")", "％": "%", "～": "~", "！": "!", "＝": "=", "＋": "+",
    }
)  # fmt: skip
_VULGAR_FRACTIONS = {sign: f"\\frac{{{above}}}{{{below}}}" for sign, (above, below) in VULGAR.items()}

_FOLDS = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda m: f"^{{{m[0].translate(_SUPERSCRIPTS)}}}"),
        (r"[₀-₉]+", lambda m: f"_{{{m[0].translate(_SUBSCRIPTS)}}}"),
        (f"[{''.join(VULGAR)}]", lambda m: _VULGAR_FRACTIONS[m[0]]),
        (r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|displaystyle|limits)(?![a-zA-Z])\s*\.?", ""),
        (r"(?<=[0-9])\{,\}(?=[0-9])", ","),
        (r"(?<=[0-9]),?\\[,!](?=[0-9]{3}(?![0-9]))", ","),
        (r"(?<!\\)\\[,;!: ]|(?<!\\)~|\\q?quad(?![a-z])", " "),
        (r"\\(begin|end)\{[bB]matrix\}", r"\\\1{pmatrix}"),
        (r"\\[dtc]frac", r"\\frac"),
        (r"\\(?:text|textbf|textit|textrm|mbox)\s*\{([^{}]*)\}", r" \1 "),
        (r"\\(?:mathrm|mathbf|mathit|operatorname|boldsymbol)\s*\{([^{}]*)\}", r"\1"),
        (r"\\([%$#&])", r"\1"),
        (r"\\leq(?:slant|q)?(?![a-zA-Z])|<=", r"\\le "),
        (r"\\geq(?:slant|q)?(?![a-zA-Z])|>=", r"\\ge "),
        (r"\\neq(?![a-zA-Z])|!=", r"\\ne "),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"\\(?:degree|deg)(?![a-zA-Z])|\^\s*\{\s*\\circ\s*\}|\^\s*\\circ", r"^\\circ "),
        (r"\\frac\s*([0-9a-z])\s*([0-9a-z])", r"\\frac{\1}{\2}"),
        (r"\\frac\s*([0-9a-z])\s*\{", r"\\frac{\1}{"),
        (r"\\frac(\{[^{}]*\})\s*([0-9a-z])", r"\\frac\1{\2}"),
        (r"√|(?<![\\a-zA-Z])sqrt(?![a-zA-Z])", r"\\sqrt"),
        (r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\\sqrt\s*([0-9]+|[a-z])", r"\\sqrt{\1}"),
        (r"(?<![\\a-zA-Z])(?:infinity|infinito|infinita|vô cùng)(?![a-zA-Z])", r"\\infty "),
        (r"\+\s*\\infty", r"\\infty "),
        (r"(?<![\\a-zA-Z])pi(?![a-zA-Z])", r"\\pi "),
        (r"(?<![\w.,])([0-9]+(?:\.[0-9]+)?)[eE]([+-]?[0-9]{1,3})(?![\w.])", r"(\1*10^(\2))"),
        (r"(?<![\w.,}^])([0-9]{1,9})\s*\\frac\{([0-9]{1,9})\}\{([0-9]{1,9})\}", r"(\1+\\frac{\2}{\3})"),
        (r"(?<![\w.,/}^])([0-9]{1,9}) ([0-9]{1,9})/([0-9]{1,9})(?![0-9/])", r"(\1+\\frac{\2}{\3})"),
        (r"(?<![\w.,}^])([0-9]{1,2})!(?![=!])", lambda m: _factorial(m)),
        (r"\\d?t?binom\{([0-9]{1,3})\}\{([0-9]{1,3})\}", lambda m: str(comb(int(m[1]), int(m[2])))),
        (r"^\([a-z](?:[,;] ?[a-z]){1,2}\) ?= ?(?=\()", ""),
        (r"\s+(?=\^(?!\\circ))", ""),
        (r"\s+", " "),
    )
)


def _factorial(match: re.Match[str]) -> str:
    n = int(match[1])
    return str(factorial(n)) if n <= _MAX_FACTORIAL else match[0]


@lru_cache(maxsize=4096)
def formula(answer: str) -> str:
    """The answer as LaTeX in one spelling, with mixed numbers as sums, factorials computed and 1.5e3 as a product."""
    for pattern, to in _FOLDS[:3]:
        answer = pattern.sub(to, answer)
    answer = answer.translate(_SIGNS)
    for pattern, to in _FOLDS[3:]:
        answer = pattern.sub(to, answer)
    return answer.strip()


_DEGREES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*\^\\circ")
_FUNCTION = re.compile(r"(?<![\\a-zA-Z])(sin|cos|tan|cot|sec|csc|log|ln)(?![a-zA-Z])")
_INDEXED = re.compile(r"(?<![\\a-zA-Z])([a-zA-Z])([0-9])")


def for_math_verify(answer: str) -> str:
    """The formula in LaTeX that Math-Verify reads correctly: degrees in trigonometric formulas become radians."""
    answer = _INDEXED.sub(r"\1_{\2}", _FUNCTION.sub(r"\\\1 ", answer))  # x2 is a name, not two x
    if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)", answer):
        answer = _DEGREES.sub(r"(\\frac{\1 \\cdot \\pi}{180})", answer)
    return answer.replace("$", "").replace("^\\circ", "")


_SPACE = re.compile(r"(?<![0-9])\s+|\s+(?![0-9])")


def folded(answer: str) -> str:
    """A form that is equal for answers with equal wording: without delimiters and case, with blanks only at digits."""
    bare = _SPACE.sub("", formula(answer)).replace("$", "").strip(" .,;:")
    return bare.casefold() if is_words(answer) else bare


_ARTICLE = re.compile(r"^(?:the|an?|os?|as?|los?|las?|el|um|uma|un|una)\s+(?=[^\W\d_]{2})", re.IGNORECASE)


def is_words(answer: str) -> bool:
    """Whether the answer is plain words, without digits and mathematical signs."""
    return bool(re.search(r"[^\W\d_]{2}", answer)) and not re.search(r"[0-9\\^_=+*/<>{}|()\[\]]", answer)


def words_of(answer: str) -> str:
    """Plain words in lower case, without an article and without quotes and punctuation around them."""
    bare = answer.strip(" .,;:'\"“”‘’«»").casefold()
    return " ".join(_ARTICLE.sub("", bare).split())
