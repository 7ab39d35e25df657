"""Multiple choice: the options in a question, and the option that an explanation concludes.

    options of "... bằng\\nA. 8a^3.\\nB. 2a^3.\\nC. a^3.\\nD. 6a^3."  ->  {"A": "8a^3", ...}
    "... là V=\\left(2a\\right)^3=8a^3."                            ->  "A"

Only the words of the explanation decide: a letter that it names, an option that it ends with, or a number that rounds
to an option. If these are missing or contradict each other, there is no decision.
"""

from __future__ import annotations

import re
from fractions import Fraction

from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.formulas import Equation, equations, find_formulas
from parsers.arithmetic.numbers import find_numbers

_OPTION = re.compile(
    r"(?:(?<=[\n\t])|^|(?<=[.;])[ \t\u00a0]|[ \u00a0]{2,})[ \t\u00a0]*([A-D])[.:)][ \t\u00a0]*(?=\S)", re.M
)
_NUMBERING = re.compile(r"^\s*Câu\s+\d+\s*[.:)]?\s*", re.I)
_NAMED = re.compile(
    r"chọn\s*(?:là|:)?\s*(?:đáp\s*án\s*|phương\s*án\s*)?\$?\s*(?:\\mathrm\s*\{\s*|\\text\s*\{\s*|\\mathbf\s*\{\s*)?([A-D])(?![\w({])",
    re.I,
)
_ENDS_NAMED = re.compile(r"(?:đáp\s*án|phương\s*án)\s*(?:đúng\s*)?(?:là|:)?\s*\$?([A-D])\$?\s*\.?\s*$", re.I)
_RULED_OUT = re.compile(
    r"(?:loại|không thỏa|sai)\s*(?:được\s*)?(?:đáp án|phương án|các đáp án)?\s*:?\s*"
    r"((?:\$?\s*(?:\\mathrm\s*\{)?\s*[A-D]\b\s*\}?\$?\s*(?:,|và|;)?\s*){1,3})",
    re.I,
)


def split_options(question: str) -> tuple[str, dict[str, str]]:
    """The stem without its number, and the options by letter; no options unless A to D all occur in order."""
    best: list[re.Match[str]] = []
    run: list[re.Match[str]] = []
    for match in _OPTION.finditer(question):
        if match[1] == "ABCD"[len(run) % 4]:
            run.append(match)
        else:
            run = [match] if match[1] == "A" else []
        if len(run) == 4:
            best, run = run, []
    options: dict[str, str] = {}
    for i, match in enumerate(best):
        end = best[i + 1].start() if i < 3 else len(question)
        options[match[1]] = question[match.end() : end].strip(" \t\r\n\u00a0")
    stem = question[: best[0].start()] if best else question
    return _NUMBERING.sub("", stem).strip(), options


def decide_option(explanation: str, options: dict[str, str], language: str = "vi") -> str | None:
    """The letter of the option that the explanation concludes; None if it concludes none."""
    named = _NAMED.findall(explanation) or _ENDS_NAMED.findall(explanation)
    if named:
        return named[-1].upper()
    ruled_out = {letter for group in _RULED_OUT.findall(explanation) for letter in re.findall("[A-D]", group)}
    if len(ruled_out) == 3:
        return next(letter for letter in "ABCD" if letter not in ruled_out)
    if len(options) != 4:
        return None
    told = _told(explanation, options, language)
    if told is not None:
        return told
    keys = {letter: _option_keys(option) for letter, option in options.items()}
    for candidate in _candidates(explanation):
        for level in range(3):
            key = (canonical(candidate), _right_side(canonical(candidate)), "".join(sorted(_tokens(candidate))))[level]
            fitting = [letter for letter, forms in keys.items() if key and forms[level] == key]
            if len(fitting) == 1 and sum(forms[level] == key for forms in keys.values()) == 1:
                return fitting[0]
    return _rounded(explanation, options, language)


def _option_keys(option: str) -> tuple[str, str, str]:
    """The option in canonical form, its right side alone, and its signs in sorted order."""
    whole = canonical(option)
    return whole, _right_side(whole), "".join(sorted(_tokens(whole)))


def _right_side(folded: str) -> str:
    """The right side of an equation, or the coordinates of a named point: P(1;2) gives (1;2)."""
    right = folded.rsplit("=", 1)[-1]
    point = re.fullmatch(r"[a-z]\d?'*(\(.*;.*\))", right)
    return point[1] if point else right


def _tokens(text: str) -> list[str]:
    return re.findall(r"\\[a-z]+|\d+|\S", canonical(text).replace("(", "").replace(")", ""))


def _candidates(explanation: str) -> list[str]:
    """The end of the explanation: its last formulas, last first, with their members and intervals."""
    found = [ending[1]] if (ending := _ENDING.search(explanation)) else []
    start = max(0, len(explanation) - 1200)
    tail = explanation[start:]
    for begin, end in reversed(find_formulas(tail)):
        for equation in reversed(equations(tail[begin:end])):
            interval = _interval(equation)
            if interval:
                found += interval
            found.append(equation.text)
            found += [member for member in reversed(equation.members[1:]) if member]
            if len(equation.members) == 1 or equation.signs[-1] in ("∈", "\\in"):
                found.append(equation.members[0])
        if len(found) > 40:
            break
    return found


_ENDING = re.compile(r"(?:là|bằng)\s+\$?([-−]?\d+(?:[.,/]\d+)?\s*(?:°|\\%|%|i)?)\$?\s*\.?\s*$")
_INFINITE = "\\infty"


def _interval(equation: Equation) -> list[str]:
    """The interval of an inequality: 1 <= m < 2 is [1;2), x > a is (a;+infinity)."""
    signs = [
        "<"
        if s in ("<", "\\lt")
        else "≤"
        if s.startswith(("\\le", "≤"))
        else ">"
        if s == ">"
        else "≥"
        if s.startswith(("\\ge", "≥"))
        else ""
        for s in equation.signs
    ]
    if not signs or not all(signs):
        return []
    if len(signs) == 2 and signs[0] in "<≤" and signs[1] in "<≤":
        left, _, right = equation.members
        return [("(" if signs[0] == "<" else "[") + f"{left};{right}" + (")" if signs[1] == "<" else "]")]
    if len(signs) == 1:
        bound = equation.members[1]
        opened = {
            "<": f"(-{_INFINITE};{bound})",
            "≤": f"(-{_INFINITE};{bound}]",
            ">": f"({bound};+{_INFINITE})",
            "≥": f"[{bound};+{_INFINITE})",
        }
        return [opened[signs[0]]]
    return []


_FOLDS = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\\(?:left|right|displaystyle|limits)(?![a-z])|\\[,;!: ~]|[\s\u00a0$~&]|\\\(|\\\)|\\\[|\\\]|\u200b", ""),
        (r"[–−]", "-"),
        (r"[’′]|\^\{?\\prime\}?", "'"),
        (r"\\?d?t?frac(?=\{)", r"\\frac"),
        (r"\\(?:mathrm|text|mathbf|mathbb|operatorname|textbf|mathit)\{([^{}]*)\}", r"\1"),
        (r"\\(?:overrightarrow|vec|overline|bar)\{?([a-z]\w*)\}?", r"\1"),
        (r"\\sqrt(\d|[a-z])", r"\\sqrt{\1}"),
        (r"\\frac(\d)(\d)", r"\1/\2"),
        (r"([_^])\{(\w|-?\d+)\}", r"\1\2"),
        (r"\\?(cos|sin|tan|log|ln)\{(\w+)\}", r"\1\2"),
        (r"\\(cos|sin|tan|log|ln|infty|pi)", r"\1"),
        (r"\\?int(?![a-z])", "int"),
        (r"∞", "infty"),
        (r"\\cdot|\\times|·|×|⋅", ""),
        (r"\^\{?\\circ\}?|°", "°"),
        (r"\\in(?![a-z])|∈", "∈"),
        (r"\\cup|∪", "∪"),
        (r"\(?c?m\^[23]\)?$|đvtt|đvdt|\\?%$", ""),
        (r"(?<=[a-z)\d])\|([^|]+)\|", r"(\1)"),
    )
)
_FRACTION = re.compile(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}")


def canonical(text: str) -> str:
    """A formula without blanks, ordinary words and delimiters, with one spelling for each sign."""
    text = _WORD.sub(" ", text).lower().strip(" .,;:\t\n\u00a0")
    for pattern, to in _FOLDS:
        text = pattern.sub(to, text)
    for _ in range(3):
        text = _FRACTION.sub(lambda m: f"{_bracketed(m[1])}/{_bracketed(m[2])}", text)
    text = re.sub(r"\((\d+/\d+)\)|\{(\d+/\d+)\}|\{([^{}]*)\}", lambda m: m[1] or m[2] or f"({m[3]})", text)
    text = re.sub(r"(?<![a-z])\((\w+)\)(?!/)", r"\1", text) if "sqrt" not in text else text
    return text.strip(".,;:")


_WORD = re.compile(
    r"(?<![\\A-Za-z])(?!(?:sin|cos|tan|cot|log|ln|lim|int)\b)[A-Za-zÀ-ỹ]*[à-ỹđ][A-Za-zÀ-ỹđ]*|(?<![\\A-Za-z])(?:Trong|cho|khi|thì|theo|hay)\b"
)


def _bracketed(part: str) -> str:
    return part if re.fullmatch(r"\d+|[a-z]|\([^()]*\)", part) else f"({part})"


_COUNT = re.compile(
    r"(?:\bcó|\bbằng|\blà|được|tìm được)\s+(?:tất cả\s+|đúng\s+)?\$?(-?\d+)\$?(?=\s*(?:[.]?\s*$|[^\W\d_]))", re.I
)


def _told(explanation: str, options: dict[str, str], language: str) -> str | None:
    """If the options are plain numbers: the option that the last sentence states in words, "Vậy có 24 số"."""
    worth = {letter: re.sub(r"[\s$.\u00a0]", "", option) for letter, option in options.items()}
    if not all(re.fullmatch(r"-?\d+", number) for number in worth.values()):
        return None
    last = re.split(r"(?<=[.!?])\s+(?=[A-ZĐÀ-Ỹ])|\n", explanation.strip())[-1]
    counts = _COUNT.findall(last)
    if len(counts) != 1 or (" và " in last[last.find(counts[0]) :] and re.search(r"và (?:có )?\d", last)):
        return None
    fitting = [letter for letter, number in worth.items() if number == counts[0]]
    return fitting[0] if len(fitting) == 1 else None


def _rounded(explanation: str, options: dict[str, str], language: str) -> str | None:
    """The option to which the explanation's last number rounds, if there is exactly one."""
    worth = {letter: _value(option, language) for letter, option in options.items()}
    if any(value is None for value in worth.values()):
        return None
    joined = re.sub(r"(?<=\d) (?=\.\d{3}(?!\d))", "", explanation[-400:])
    numbers = [number.value for number in find_numbers(joined, language) if number.kind != "word"]
    if not numbers:
        return None
    last = numbers[-1]
    fitting = [
        k
        for k, v in worth.items()
        if v is not None and (v == last or (abs(last) > 10 and abs(v - last) * 2000 <= abs(last)))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _value(option: str, language: str) -> Fraction | None:
    bare = option.strip(" $.\u00a0\t\n")
    value = evaluate(bare, language)
    if value is not None:
        return value
    numbers = find_numbers(bare, language)
    return numbers[0].value if len(numbers) == 1 and not re.search(r"[\\=^_]", bare) else None
