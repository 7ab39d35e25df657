"""The equations written in a statement, read over the units, currencies and words around them.

"Overtime pay = 5 hours * $10/hour * 1.2 = $60"
->  one chain: name "Overtime pay", member "5 * 10 * 1.2" (60), member "60"
"\\[ 367 + x = 558 \\]"
->  one chain: member "367 + x" (no value, symbols x), member "558"
"""

from __future__ import annotations

import re
from fractions import Fraction

from parsers.chain_tokens import OF, OPERATORS, UNITS, WORD_OPERATORS, WORTH, tokenizer
from parsers.expressions import evaluate
from parsers.numbers import decimal_comma, to_fraction
from parsers.relations import Chain, Member, decimal_text

MAX_STATEMENT = 8000
"""Characters of one statement that are read for equations."""


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
        return Member(
            plain,
            " ".join(self.shown),
            raw,
            value,
            tuple(self.operands),
            tuple(self.symbols),
            max(0, self.operators),
            name,
            tuple(self.plain),
        )

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
    if not WORTH.search(text):
        return []
    reader = _Reader(text, language)
    comma = decimal_comma(language)
    tokens = list(tokenizer(comma).finditer(text))
    for index, token in enumerate(tokens):
        kind = token.lastgroup or "other"
        if kind != "space" and kind != "skip" and kind != "other":
            _HANDLERS[kind if kind not in _SUBGROUPS else _main_group(token)](reader, token, tokens, index)
    reader.close_chain(len(text))
    return reader.chains


_SUBGROUPS = frozenset(("percent", "short", "words"))


def _main_group(token: re.Match[str]) -> str:
    """The group of a token whose last group is only a part of it."""
    return "number" if token["number"] is not None else "frac" if token["frac"] is not None else "word"


def _next(tokens: list[re.Match[str]], index: int) -> re.Match[str] | None:
    for token in tokens[index + 1 : index + 4]:
        if token.lastgroup not in ("space", "skip"):
            return token
    return None


def _formula(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    """A formula opens: what stood before it, over words, was another clause."""
    if reader.after_operand and reader.unit_words and not reader.depth:
        _restart(reader, token.start())


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
    if value is None or reader.text[token.end() : token.end() + 1] == "_":  # too long, or in another base
        reader.broken = True
        return
    percent = token["percent"] is not None
    if reader.after_operand and not reader.plain[-1].startswith("\\"):
        if reader.unit_words or not _adjacent(reader, token):
            if reader.depth or (reader.symbols and not reader.unit_words and "\\" in reader.text):
                reader.broken = True  # numbers side by side in a formula: \log_5 25
            else:
                _restart(reader, token.start())
        elif reader.plain[-1] != ")":
            _restart(reader, token.start())
    plain = decimal_text(value)
    reader.take(
        f"({plain}/100)" if percent else plain, text.strip() + ("%" if percent else ""), token.start(), token.end()
    )
    reader.operands.append(Fraction(value) / 100 if percent else value)  # type: ignore[arg-type]
    reader.after_operand = True
    reader.fractional = percent or "/" in plain or (len(reader.plain) > 1 and reader.plain[-2] == "/")


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
    following = _next(tokens, index)
    if reader.after_operand and not _adjacent(reader, token) and not _in_formula(reader, token):
        starts_anew = following is not None and following.lastgroup in ("operator", "equal")
        if not (starts_anew and reader.unit_words and not reader.depth):
            _word(reader, token, tokens, index)
            return
        _restart(reader, token.start())
    lonely = (
        following is not None
        and following.lastgroup in ("word", "words")
        and not (reader.plain and reader.plain[-1] in "+-*/^(")
    )
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
    return bool(reader.symbols) or "_" in token.group() or ("\\" in reader.text and token.group() not in "mgs")


def _text_atom(reader: _Reader, token: re.Match[str], tokens: list[re.Match[str]], index: int) -> None:
    name = token.group()
    content = name[name.index("{") + 1 : -1].strip()
    if reader.after_operand:
        of, _, rest = content.lower().partition(" ")
        if of not in OF or not reader.fractional or reader.unit_words:
            reader.unit_words += 1
            return
        _apply(reader, "*", token)
        if not rest:
            return
    reader.take(name, name, token.start(), token.end())
    reader.symbols.append(content)
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
    if reader.after_operand and len(word) <= 3 and word not in UNITS and _adjacent(reader, token):
        for offset, letter in enumerate(token.group()):  # a product of unknowns: 3ab
            reader.take(letter, letter, token.start() + offset, token.start() + offset + 1)
            reader.symbols.append(letter)
            reader.operators += 1
        return
    if reader.after_operand and following is not None:
        operator = WORD_OPERATORS.get(word)
        if operator and (following.lastgroup in ("number", "percent", "open") or following.group() in ("by", "por")):
            _apply(reader, operator, token)
            return
        if (
            word in OF
            and reader.fractional
            and not reader.unit_words
            and following.lastgroup in ("number", "percent", "symbol", "open", "mixed")
        ):
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
        if reader.fractional and not reader.unit_words and token["word"].lower() in OF:
            reader.broken = True  # "25% of the total" is no number
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
    operator = OPERATORS.get(sign, sign)
    following = _next(tokens, index)
    kind = following.lastgroup if following else None
    if not reader.after_operand:
        if operator == "-" and kind in (
            "number",
            "percent",
            "symbol",
            "open",
            "frac",
            "sqrt",
            "mixed",
            "short",
            "command",
        ):
            reader.take("-", "-", token.start(), token.end())
        return
    if operator in "/-" and kind in ("word", "words", "text"):  # a unit: $10/hour, 400-meter
        hanging = operator == "-" and (
            tokens[index - 1].lastgroup == "space" or following is tokens[index + 1] is False
        )
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
        if (
            not bound
            and not _adjacent(reader, token)
            and not reader.depth
            and not reader.symbols
            and "\\" not in reader.text
        ) or (not bound and reader.unit_words and not reader.depth):
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
        if (
            re.fullmatch(r"\s?", reader.text[reader.run_end : token.start()])
            and reader.plain[-1].isdigit()
            and not token["short"]
        ):
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
    if reader.depth and reader.plain.count("(") + reader.plain.count("{") > reader.plain.count(
        ")"
    ) + reader.plain.count("}"):
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
    factorial = token.group() == "!" and reader.after_operand and _adjacent(reader, token)
    if reader.depth or factorial or token.group() == "|":
        reader.broken = True
    else:
        reader.close_chain(token.start())


_HANDLERS = {
    "formula": _formula, "skip": _ignore,
    "space": _ignore, "other": _ignore, "text": _text_atom, "line": _line, "frac": _frac,
    "sqrt": _sqrt, "arrow": _arrow, "compare": _compare, "equal": _equal, "operator": _operator, "mixed": _number,
    "number": _number,
    "word": _word, "symbol": _symbol, "command": _command, "open": _open, "close": _close, "stop": _stop,
}  # fmt: skip
