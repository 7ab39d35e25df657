"""The equations written in a statement: members, operands, values, whatever the units and words around them.

    "Overtime pay = 5 hours * $10/hour * 1.2 = $60"
    ->  one chain: name "Overtime pay", member "5 * 10 * 1.2" (60), member "60"
    "\\[ 367 + x = 558 \\]"
    ->  one chain: member "367 + x" (no value, symbols x), member "558"
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from parsers.expressions import evaluate
from parsers.numbers import Number, decimal_comma, digits_pattern, to_fraction

MAX_STATEMENT = 8000
"""Characters of one statement that are read for equations."""


_PLAIN_FRACTION = re.compile(r"-?(?:\d+[+])?(?:\d+/\d+|\\frac\{-?\d+\}\{\d+\})")


@dataclass(slots=True)
class Member:
    """One side of an equation.

    `plain` is evaluable arithmetic, `shown` the same as written but without units and currency, `raw` as written.
    `value` is its exact value, None where it holds symbols. A side of words only is a name: `name` is those words.
    `parts` are the tokens of `plain`.
    """

    plain: str = ""
    shown: str = ""
    raw: str = ""
    value: Fraction | None = None
    operands: tuple[Fraction, ...] = ()
    symbols: tuple[str, ...] = ()
    operators: int = 0
    name: str = ""
    parts: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """A number as it stands, fractions included: nothing left to work out."""
        return self.value is not None and (not self.operators or bool(_PLAIN_FRACTION.fullmatch(self.plain)))

    @property
    def is_symbol(self) -> bool:
        """A name or a lone unknown, such as x, P_2 or \\text{Total cost}."""
        return bool(self.name) or (len(self.symbols) == 1 and not self.operands and not self.operators)


def is_identity(left: Member, right: Member) -> bool:
    """Whether two members with unknowns are equal whatever the unknowns are worth: (a - 1)^2 = a^2 - 2a + 1, not 2a = 6."""
    unknowns = sorted({*left.symbols, *right.symbols})
    for seed in (3, 8):
        worth = {name: f"({seed + 5 * i * i + 2}/{seed + 2})" for i, name in enumerate(unknowns)}
        sides = [evaluate("".join(worth.get(part, part) for part in side.parts)) for side in (left, right)]
        if sides[0] is None or sides[0] != sides[1]:
            return False
    return True


@dataclass(slots=True)
class Chain:
    """Members joined by equality signs, one or more; `open_left` says that the chain begins with the sign."""

    members: list[Member] = field(default_factory=list)
    open_left: bool = False
    rounded: bool = False
    compared: bool = False  # joined by < or > somewhere
    start: int = 0

    @property
    def is_equation(self) -> bool:
        return len(self.members) > 1 or (self.open_left and bool(self.members))


_OPERATORS = {
    "\\times": "*", "\\cdot": "*", "\\div": "/", "\\ast": "*", "×": "*", "·": "*", "∙": "*", "÷": "/", "−": "-", "–": "-",
    "**": "^", ":": "/", "x": "*",
}  # fmt: skip
_WORD_OPERATORS = {"times": "*", "multiplied": "*", "plus": "+", "minus": "-", "divided": "/", "vezes": "*", "mais": "+", "menos": "-"}
_OF = frozenset(("of", "de", "do", "da", "của"))
_UNITS = frozenset("km cm mm dm kg mg ml cl dl lb lbs oz ft in yd mi hr hrs min sec th st nd rd am pm mph kmh kb mb gb tb cal".split())


@lru_cache(maxsize=None)
def _tokenizer(comma: bool) -> re.Pattern[str]:
    digits = digits_pattern("pt" if comma else "en")
    return re.compile(
        r"(?P<skip>\\(?:left|right|big|Big|bigg|quad|qquad|displaystyle|boxed|fbox|hspace\{[^}]*\})(?![a-zA-Z])|\\[,!;: ()\[\]{}]|\\?\$+|€|£|&"
        r"|\\begin\{[a-z]+\*?\}(?:\{[^}]*\})?|\\end\{[a-z]+\*?\}|<<[^>\n]{0,200}>>|(?<=\s)\*\*(?=\s*\w)|\*\*(?=[\s:.,]|$))"
        r"|(?P<text>\\(?:text|mathrm|textbf|mbox|textit|operatorname|mathbf|mathit)\s*\{[^{}]{0,300}\})"
        r"|(?P<line>\\\\(?:\[[^\]\n]{0,12}\])?|\n)"
        r"|(?P<frac>\\[dt]?frac)(?P<short>\s*[0-9]{2}(?![0-9]))?"
        r"|(?P<sqrt>\\sqrt|√)"
        r"|(?P<arrow>\\(?:implies|Rightarrow|Leftrightarrow|iff|to|rightarrow|Longrightarrow|Longleftrightarrow)(?![a-zA-Z])|⇔|⇒|→|=>|->)"
        r"|(?P<compare>\\(?:leq?|geq?|neq?|lt|gt|in|leqslant|geqslant)(?![a-zA-Z])|[<>≤≥≠∈]=?|!=)"
        r"|(?P<equal>=+|\\approx(?![a-zA-Z])|\\simeq|\\equiv|≈|≡)"
        r"|(?P<operator>\\(?:times|cdot|div|ast)(?![a-zA-Z])|\*\*|[-+*/^×·∙÷−–]|(?<=[\d)%\s])[xX](?=\s*[\d($.])|(?<=[\d)]):(?=\s?\d)|(?<=\d )[:](?=\s?\d))"
        rf"|(?P<mixed>[0-9]{{1,9}}\s[0-9]{{1,9}}/[0-9]{{1,9}}(?![0-9/]))"
        rf"|(?P<number>{digits})(?P<percent>\s?\\?%)?"
        r"|(?P<word>[^\W\d_]{2,}(?:['’.-](?=[^\W\d_]{2})[^\W\d_]+)*(?:['’]s?)?)(?P<words>(?: [^\W\d_]{2,}(?:['’]s?)?)+(?= ))?"
        r"|(?P<symbol>[^\W\d_](?:_\{[^{}]{1,12}\}|_\w)?[′']*|\\(?:pi|theta|alpha|beta|gamma|lambda|omega|mu|phi|sigma|Delta|ell)(?![a-zA-Z]))"
        r"|(?P<command>\\[a-zA-Z]+)"
        r"|(?P<open>[({\[])|(?P<close>[)}\]])"
        r"|(?P<stop>[.,;:?!…|])"
        r"|(?P<space>\s+)|(?P<other>.)"
    )


class _Reader:
    """Walks over the tokens of one statement and collects its chains."""

    def __init__(self, text: str, language: str) -> None:
        self.text, self.language = text, language
        self.chains: list[Chain] = []
        self.chain = Chain()
        self.depth = 0
        self.words_start = -1  # where the words before the current run begin
        self.reset()

    def reset(self) -> None:
        """Forget the current run of arithmetic."""
        self.plain: list[str] = []
        self.shown: list[str] = []
        self.operands: list[Fraction] = []
        self.symbols: list[str] = []
        self.operators = 0
        self.after_operand = False
        self.fractional = False  # the last operand can be "of" something: 2/3, 40%
        self.unit_words = 0
        self.run_start = self.run_end = -1
        self.depth = 0
        self.broken = False

    def take(self, plain: str, shown: str, start: int, end: int) -> None:
        if self.run_start < 0:
            self.run_start = start
        self.run_end = end
        self.plain.append(plain)
        self.shown.append(shown)
        self.unit_words = 0

    def finish_member(self, end: int) -> Member | None:
        """The run so far as one member; None if it holds nothing."""
        if not self.operands and not self.symbols:
            words = self.text[self.words_start : end].strip(" *:\n\\$([&") if self.words_start >= 0 else ""
            return Member(name=words, raw=words) if words else None
        while self.plain and self.plain[-1] in "+-*/^(":
            self.operators -= self.plain[-1] != "("
            self.plain.pop()
            self.shown.pop()
        plain = "".join(self.plain)
        value = None
        if not self.symbols and not self.broken:
            value = evaluate(plain)
        raw = self.text[self.run_start : self.run_end].strip()
        name = ""
        if self.symbols and not self.operands and not self.operators and self.words_start >= 0:
            name = ""
        return Member(plain, " ".join(self.shown), raw, value, tuple(self.operands), tuple(self.symbols), max(0, self.operators), name, tuple(self.plain))

    def close_member(self, end: int) -> None:
        member = self.finish_member(end)
        if member is not None:
            if not self.chain.members:
                self.chain.start = self.run_start if self.run_start >= 0 else max(self.words_start, 0)
            self.chain.members.append(member)
        elif not self.chain.members:
            self.chain.open_left = True
            self.chain.start = end
        self.reset()
        self.words_start = -1

    def close_chain(self, end: int) -> None:
        """End of a clause: keep the chain if it says anything."""
        member = self.finish_member(end)
        if member is not None and (not member.name or not self.chain.members):
            if not self.chain.members and not self.chain.open_left:
                self.chain.start = max(self.run_start, 0)
            self.chain.members.append(member)
        elif member is not None:
            self.chain.members.append(member)
        worth = self.chain.is_equation or any(m.operators for m in self.chain.members)
        if worth and any(m.operands or m.symbols for m in self.chain.members):
            self.chains.append(self.chain)
        elif worth and len(self.chain.members) > 1:
            self.chains.append(self.chain)  # names only: "Total = A plus B"
        self.chain = Chain()
        self.reset()
        self.words_start = -1


def read_chains(text: str, language: str = "en") -> list[Chain]:
    """The equations and unsolved expressions of a statement, in reading order."""
    if len(text) > MAX_STATEMENT:
        text = text[:MAX_STATEMENT]
    if not _WORTH.search(text):
        return []
    reader = _Reader(text, language)
    comma = decimal_comma(language)
    tokens = list(_tokenizer(comma).finditer(text))
    for index, token in enumerate(tokens):
        kind = token.lastgroup
        if kind != "space" and kind != "skip" and kind != "other":
            _HANDLERS[kind if kind not in _SUBGROUPS else _main_group(token)](reader, token, tokens, index)
    reader.close_chain(len(text))
    return reader.chains


_SUBGROUPS = frozenset(("percent", "short", "words"))
_WORTH = re.compile(r"[=≈+*/×÷·^−]|\\(?:times|cdot|div|frac|approx|sqrt)|\d\s?[-–:x(]\s?[\d$(]|\d[A-Za-z]\b|\b(?:of|times|plus|minus|divided|de|vezes|mais|menos|của)\b")


def _main_group(token: re.Match[str]) -> str:
    return "number" if token["number"] is not None else "frac" if token["frac"] is not None else "word"


def _next(tokens: list[re.Match[str]], index: int) -> re.Match[str] | None:
    for token in tokens[index + 1 : index + 4]:
        if token.lastgroup not in ("space", "skip"):
            return token
    return None


def _ignore(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    pass


def _number(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    text = token["mixed"] or token["number"]
    if token["mixed"]:
        whole, _, part = re.sub(r"\s", " ", text).partition(" ")
        above, _, below = part.partition("/")
        value = int(whole) + Fraction(int(above), int(below)) if int(below) else None
    else:
        value = int(text) if text.isdecimal() and len(text) < 19 else to_fraction(text, reader.language)
    if value is None:
        reader.broken = True
        return
    percent = token["percent"] is not None
    if reader.after_operand:
        if reader.unit_words or not _adjacent(reader, token):
            if reader.depth:
                reader.broken = True
            else:
                _restart(reader, token.start())
        elif reader.plain[-1] != ")":
            _restart(reader, token.start())
    plain = decimal_text(value)
    reader.take(f"({plain}/100)" if percent else plain, text.strip() + ("%" if percent else ""), token.start(), token.end())
    reader.operands.append(Fraction(value) / 100 if percent else value)  # type: ignore[arg-type]
    reader.after_operand = True
    reader.fractional = percent or "/" in plain or (len(reader.plain) > 1 and reader.plain[-2] == "/")


def decimal_text(value: Fraction | int) -> str:
    """The number in digits: 3, 1.25, or (2/3) where it has no finite decimal."""
    if isinstance(value, int):
        return str(value)
    if value.denominator == 1:
        return str(value.numerator)
    rest, digits = value.denominator, 0
    while rest % 10 == 0:
        rest, digits = rest // 10, digits + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, digits = rest // prime, digits + 1
    if rest != 1 or digits > 40:
        return f"({value.numerator}/{value.denominator})"
    scaled = f"{abs(value.numerator) * 10**digits // value.denominator:0{digits + 1}d}"
    return ("-" if value < 0 else "") + f"{scaled[:-digits]}.{scaled[-digits:]}".rstrip("0").rstrip(".")


def _adjacent(reader: _Reader, token: re.Match[str]) -> bool:
    return reader.run_end == token.start()


def _restart(reader: _Reader, position: int) -> None:
    """A new run begins here; what stood before it was words."""
    if not reader.chain.members and not reader.chain.open_left:
        start = reader.words_start if reader.words_start >= 0 else reader.run_start
        if reader.operators and not reader.symbols:  # an expression of its own, no equation
            reader.close_chain(position)
        else:
            reader.reset()
        reader.words_start = start
    else:
        reader.close_chain(position)


def _symbol(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    name = token.group()
    if reader.after_operand and not reader.unit_words and not _adjacent(reader, token) and not _in_formula(reader, token):
        _word(reader, token, tokens, index)
        return
    following = _next(tokens, index)
    if reader.after_operand and reader.unit_words and not reader.depth and following is not None and following.lastgroup in ("operator", "equal"):
        _restart(reader, token.start())
    lonely = following is not None and following.lastgroup in ("word", "words") and not (reader.plain and reader.plain[-1] in "+-*/^(")
    if lonely and not reader.after_operand and len(name) == 1 and "\\" not in reader.text:  # an article: a, o, é
        _word(reader, token, tokens, index)
        return
    reader.operators += reader.after_operand
    reader.take(name, name, token.start(), token.end())
    reader.symbols.append(name)
    reader.after_operand = True
    reader.fractional = False


def _in_formula(reader: _Reader, token: re.Match[str]) -> bool:
    """Does the symbol follow in the same formula: only blanks and skipped marks between, and a formula sign nearby?"""
    between = reader.text[reader.run_end : token.start()]
    if len(between) > 8 or re.search(r"[^\W\d_]{2}", between):
        return False
    return bool(reader.symbols) or "_" in token.group() or ("\\" in reader.text and token.group() not in "mgslhkL")


def _text_atom(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if reader.after_operand:
        reader.unit_words += 1
        return
    name = token.group()
    reader.take(name, name, token.start(), token.end())
    reader.symbols.append(name[name.index("{") + 1 : -1].strip())
    reader.after_operand = True
    reader.fractional = False


def _word(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if reader.words_start < 0:
        reader.words_start = token.start()
    if token.lastgroup == "words":
        _words(reader, token)
        return
    word = token.group().lower()
    following = _next(tokens, index)
    if reader.after_operand and len(word) <= 3 and word not in _UNITS and _adjacent(reader, token):
        for offset, letter in enumerate(token.group()):  # a product of unknowns: 3ab
            reader.take(letter, letter, token.start() + offset, token.start() + offset + 1)
            reader.symbols.append(letter)
            reader.operators += 1
        return
    if reader.after_operand and following is not None:
        operator = _WORD_OPERATORS.get(word)
        if operator and (following.lastgroup in ("number", "percent", "open") or following.group() in ("by", "por")):
            _apply(reader, operator, token)
            return
        if word in _OF and reader.fractional and not reader.unit_words and following.lastgroup in ("number", "percent", "symbol", "open", "mixed"):
            _apply(reader, "*", token)
            return
    if reader.after_operand:
        reader.unit_words += 1
        if reader.unit_words > 8 and not reader.depth:
            _restart(reader, token.start())
        return
    if reader.plain and reader.plain[-1] in "+-*/^" and word not in ("by", "por"):
        reader.take(word, token.group(), token.start(), token.end())  # a quantity named in words
        reader.symbols.append(word)
        reader.after_operand = True
    elif reader.depth and reader.plain and reader.plain[-1] == "(":
        reader.take(word, token.group(), token.start(), token.end())
        reader.symbols.append(word)
        reader.after_operand = True


def _words(reader: _Reader, token: re.Match[str]) -> None:
    """Several words in a row: a unit, words around the formula, or a quantity named after an operator."""
    if reader.after_operand:
        reader.unit_words += token.group().count(" ") + 1
        if reader.unit_words > 8 and not reader.depth:
            _restart(reader, token.start())
    elif reader.plain and reader.plain[-1] in "+-*/^(":
        reader.take("?", token.group(), token.start(), token.end())
        reader.symbols.append(token.group().lower())
        reader.after_operand = True


def _apply(reader: _Reader, operator: str, token: re.Match[str]) -> None:
    reader.take(operator, token.group() if operator != token.group() else operator, token.start(), token.end())
    reader.operators += 1
    reader.after_operand = False


def _operator(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    sign = token.group().lower()
    operator = _OPERATORS.get(sign, sign)
    following = _next(tokens, index)
    kind = following.lastgroup if following else None
    if not reader.after_operand:
        if operator == "-" and kind in ("number", "percent", "symbol", "open", "frac", "sqrt", "mixed", "short", "command"):
            reader.take("-", "-", token.start(), token.end())
        return
    if operator in "/-" and kind in ("word", "words", "text"):  # a unit: $10/hour, 400-meter
        hanging = operator == "-" and (tokens[index - 1].lastgroup == "space" or following is tokens[index + 1] is False)
        if not (hanging and operator == "-"):
            reader.unit_words += 1
            return
    if operator == "/" and kind == "symbol" and not reader.symbols and not _adjacent(reader, token):
        reader.unit_words += 1
        return
    if kind in ("stop", "line", "equal", None) and operator != "^":
        return
    _apply(reader, operator, token)
    reader.shown[-1] = token.group()


def _open(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if token.group() == "{" and (not reader.plain or reader.plain[-1] not in ("\\frac", "\\sqrt", "^", "}", ")")):
        return
    if reader.after_operand:
        if _only_words(tokens, index):
            reader.unit_words += 1
            return
        bound = reader.plain and (reader.plain[-1] in ("}",) and token.group() == "{")
        if not bound and not _adjacent(reader, token) and not reader.depth and not reader.symbols and "\\" not in reader.text:
            _restart(reader, token.start())
        elif not bound and reader.unit_words and not reader.depth:
            _restart(reader, token.start())
        elif not bound:
            reader.operators += 1
    bracket = "{" if token.group() == "{" else "("
    reader.take(bracket, token.group(), token.start(), token.end())
    reader.depth += 1
    reader.after_operand = False


def _only_words(tokens: list[re.Match[str]], index: int) -> bool:
    for token in tokens[index + 1 : index + 14]:
        if token.lastgroup == "close":
            return True
        if token.lastgroup not in ("word", "words", "space", "symbol", "skip", "text"):
            return False
        if token.lastgroup == "symbol" and len(token.group()) > 1:
            return False
    return False


def _close(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if reader.depth and reader.plain:
        bracket = "}" if token.group() == "}" else ")"
        reader.take(bracket, token.group(), token.start(), token.end())
        reader.depth -= 1
        reader.after_operand = True
        reader.fractional = bracket == "}" or reader.fractional


def _frac(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if reader.after_operand and (reader.unit_words or not (reader.symbols or reader.depth or _adjacent(reader, token))):
        if re.fullmatch(r"\s?", reader.text[reader.run_end : token.start()]) and reader.plain[-1].isdigit() and not token["short"]:
            reader.plain.append("+")  # a mixed number: 6 \frac{3}{4}
            reader.shown.append("")
        elif not reader.depth:
            _restart(reader, token.start())
    if token["short"]:
        above, below = token["short"].strip()
        reader.take(f"({above}/{below})", token.group(), token.start(), token.end())
        reader.operands += Fraction(int(above)), Fraction(int(below))
        reader.after_operand = True
    else:
        reader.take("\\frac", token.group(), token.start(), token.end())
        reader.operators += 1
        reader.after_operand = False
    reader.fractional = True


def _sqrt(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    reader.take("\\sqrt", token.group(), token.start(), token.end())
    reader.operators += 1
    reader.after_operand = False


def _command(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    """A LaTeX command that is no arithmetic: the member holds a symbol."""
    reader.take(token.group(), token.group(), token.start(), token.end())
    reader.symbols.append(token.group())
    reader.after_operand = True


def _equal(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if reader.depth and reader.plain.count("(") + reader.plain.count("{") > reader.plain.count(")") + reader.plain.count("}"):
        reader.broken = True
    reader.close_member(token.start())
    reader.chain.rounded |= token.group() in ("\\approx", "≈", "\\simeq")


def _compare(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    reader.close_member(token.start())
    reader.chain.compared = True


def _arrow(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    reader.close_chain(token.start())


def _line(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    for following in tokens[index + 1 : index + 8]:
        if following.lastgroup == "equal" or (following.lastgroup == "operator" and reader.after_operand):
            return
        if following.lastgroup not in ("space", "skip", "line"):
            break
    if reader.chain.members and not reader.after_operand and not reader.plain:
        return  # "=" at the end of the line
    if not reader.depth:
        reader.close_chain(token.start())


def _stop(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    if reader.depth:
        reader.broken = True
    else:
        reader.close_chain(token.start())


_HANDLERS = {
    "skip": _ignore, "space": _ignore, "other": _ignore, "text": _text_atom, "line": _line, "frac": _frac, "sqrt": _sqrt,
    "arrow": _arrow, "compare": _compare, "equal": _equal, "operator": _operator, "mixed": _number, "number": _number,
    "word": _word, "symbol": _symbol, "command": _command, "open": _open, "close": _close, "stop": _stop,
}  # fmt: skip


def as_number(value: Fraction) -> Number:
    """A bare number, for `parsers.dependencies`."""
    return Number(value, 0, 0, "")
