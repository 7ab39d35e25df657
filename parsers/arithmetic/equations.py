r"""Reads the equations in a statement and skips the units, currencies and words around them.

"Overtime pay = 5 hours * $10/hour * 1.2 = $60"
->  one chain: name "Overtime pay", member "5 * 10 * 1.2" (60), member "60"
"5 times 12 is 60"
->  one chain: member "5 * 12" (60), member "60"
"""

from __future__ import annotations

import re

from parsers.arithmetic.lexer import Token, is_worth_reading, tokenize
from parsers.arithmetic.lexicon import APPROXIMATIONS, OF, TELLS_WHOSE, UNITS, words_of
from parsers.arithmetic.number_words import WORDS
from parsers.arithmetic.operations import OperationReader
from parsers.arithmetic.precedence import PI
from parsers.arithmetic.relations import Chain
from parsers.arithmetic.runs import Run
from parsers.arithmetic.spoken import spell_out, states_value
from parsers.arithmetic.worded import in_digits

REMAINDERS = words_of("remainder")
MAX_STATEMENT = 8000
"""The reader looks for equations in this many characters of a statement."""
MAX_UNIT_WORDS = 8
"""Most words between a number and the next sign; with more words, the number belongs to another clause."""

_BEFORE_FRACTION = frozenset(("number", "factorial", "close"))
_WORDY = frozenset(("word", "verb", "sign", "remainder"))
_LOOSE = re.compile(r"[0-9] ?[!.] ?$")
_DOTS = frozenset(("\\ldots", "\\dots", "\\cdots"))
_MULTIPLIED = frozenset(("number", "symbol", "open", "short"))


def read_chains(text: str, language: str = "en", *, unknown: str = "") -> list[Chain]:
    """The equations and unsolved expressions of a statement, in reading order.

    `unknown`: a sign to which the problem gives its own meaning; no expression with this sign is evaluated.
    """
    text = text[:MAX_STATEMENT]
    if "\\begin{" in text:
        text = _TABULAR.sub(lambda table: "\\table".ljust(len(table[0])), text)
    told = in_digits(text, language)
    return _Reader(told, language, unknown).read() if told is not text or is_worth_reading(text) else []


_TABULAR = re.compile(r"\\begin\{([bpvBV]?matrix|array|cases)\}.*?(?:\\end\{\1\}|$)", re.DOTALL)
"""Rows and columns (matrix, array, cases), which are not an equation on one line."""
_DOLLARS = re.compile(r"(?<!\\)\$+")


def _is_dollared(text: str) -> bool:
    """Whether dollar signs delimit formulas: they come in pairs, and no digit follows the second of a pair."""
    found = [match.end() for match in _DOLLARS.finditer(text)]
    return len(found) % 2 == 0 and not any(text[end : end + 1].isdigit() for end in found[1::2])


class _Reader(OperationReader):
    """Walks over the tokens of one statement and collects its chains."""

    def __init__(self, text: str, language: str, unknown: str = "") -> None:
        tokens = list(tokenize(text, language))
        if "$" in text and _is_dollared(text):
            dollars = 0
            for at, token in enumerate(tokens):
                if token.text[0] == "$" and token.kind == "dress":
                    dollars += 1
                    if dollars % 2:
                        tokens[at] = token._replace(kind="formula")
        if unknown and unknown in text:
            tokens = [t._replace(text="?") if text[t.start : t.end] == unknown else t for t in tokens]
        kinds = {token.kind for token in tokens}
        tokens = spell_out(tokens) if "opening" in kinds else tokens
        super().__init__(
            text, language, [token for token in tokens if token.kind != "other"] if "other" in kinds else tokens
        )

    def read(self) -> list[Chain]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if (handle := _HANDLERS.get(token.kind)) is not None:
                handle(self, token)
        self.close_chain(len(self.text))
        return self.chains

    def on_formula(self, token: Token) -> None:
        """A formula opens. Arithmetic before it belongs to another clause if there are words between the two.

        The run before it is also dropped if its last operand is missing and the formula has a relation sign.
        """
        run = self.run
        if run.after_operand and run.unit_words and not run.depth:
            self.restart(token.start)
        elif run.parts and not run.after_operand and self.closes_equation():
            self.run = Run(self.language)

    def closes_equation(self) -> bool:
        """Whether the formula that has just opened contains a relation sign."""
        for token in self.tokens[self.at : self.at + 60]:
            if token.kind == "relation" or token.text in ("\\)", "\\]"):
                return token.kind == "relation"
        return False

    def on_number(self, token: Token) -> None:
        run = self.run
        if token.kind == "chosen" and _LOOSE.search(self.text, max(0, token.start - 4), token.start):
            run.broken = True  # 3 ! C_4^3
            return
        if token.value is None or self.text[token.end : token.end + 1] == "_":  # too long, or in another base
            run.broken = True
            return
        if run.after_operand and not run.unit_words and self.is_factor(token):
            run.apply("*", token._replace(end=token.start), "")
        if run.after_operand and (run.unit_words or not run.parts[-1].text.startswith("\\")):
            if run.unit_words or not self.is_adjacent(token):
                formula = run.symbols and not run.unit_words and "\\" in self.text
                if run.depth or formula:
                    run.broken = True  # numbers side by side in a formula: \log_5 25
                else:
                    self.restart(token.start)
            elif run.parts[-1].kind not in ("close", "factorial"):
                self.restart(token.start)
        self.run.take_number(token)

    def is_factor(self, token: Token) -> bool:
        """Whether a number right after another operand multiplies it: 2^6 7^2, C(5,4) C(10,2), (1/2) 278 +."""
        last, following = self.run.parts[-1], self.following()
        if self.text[self.run.end : token.start].strip("\\, "):
            return False
        before = self.run.parts[-2].text if len(self.run.parts) > 1 else ""
        if token.kind == "chosen":
            return last.kind in ("chosen", "close", "number", "factorial") and "\\" in self.text + "$"
        if following is None or following.kind not in ("operator", "relation", "power"):
            return False
        if before == "^" or last.kind == "power":
            return following.text == "^" or following.kind == "power"
        return last.kind == "close" and token.start > self.run.end and "\\" not in last.text

    on_chosen = on_number

    def on_short(self, token: Token) -> None:
        r"""A \frac, perhaps after the integer part of a mixed number: 6 \frac{3}{4}."""
        run = self.run
        mixed = run.after_operand and run.parts[-1].kind in _BEFORE_FRACTION and token.start - run.end <= 1
        if mixed and not run.unit_words:
            run.operators -= token.kind == "function" and run.parts[-1].kind == "number"
        elif run.after_operand and not run.depth and (run.unit_words or not (run.symbols or self.is_adjacent(token))):
            self.restart(token.start)
        if token.kind == "short" and token.value is None:  # \frac10: a division by zero
            self.run.broken = True
            return
        if token.kind == "short":
            self.run.take_number(token)
        else:
            self.run.take(token, plain="\\frac", operators=1)
            self.run.after_operand = False
        self.run.fractional = True

    def on_function(self, token: Token) -> None:
        if "frac" in token.text:
            self.on_short(token)
            return
        if self.run.after_operand and self.run.unit_words and not self.run.depth:
            self.restart(token.start)
        self.run.take(token, operators=1)
        self.run.after_operand = False

    def on_symbol(self, token: Token) -> None:
        run, following = self.run, self.following()
        if run.after_operand and not self.is_adjacent(token) and not self.is_in_formula(token):
            starts_anew = following is not None and following.kind in ("operator", "relation")
            if not (starts_anew and run.unit_words and not run.depth):
                self.on_word(token)
                return
            self.restart(token.start)
        lonely = following is not None and following.kind in _WORDY and not self.run.wants_operand
        if lonely and not self.run.after_operand and len(token.text) == 1 and "\\" not in self.text:
            self.on_word(token)  # an article: a, o, é
            return
        self.run.take_symbol(token, token.text, operators=self.run.after_operand)

    def is_in_formula(self, token: Token) -> bool:
        """Whether the symbol continues the formula: only blanks and markup come between, and a formula sign is near."""
        between = self.text[self.run.end : token.start]
        if len(between) > 8 or re.search(r"[^\W\d_]{2}", between):
            return False
        named = bool(self.run.symbols) or "_" in token.text
        is_tex = "\\" in self.text or ("$" in self.text and "^" in self.text)
        return not self.run.unit_words and (named or (is_tex and token.text not in "mgs"))

    def on_text(self, token: Token) -> None:
        r"""\text{...}: a unit if it follows a number, otherwise the name of a quantity."""
        run = self.run
        content = token.text[token.text.index("{") + 1 : -1].strip()
        if content in REMAINDERS and self.following() is not None:
            self.on_remainder(token)  # 8 \\text{ R}4
            return
        if run.after_operand:
            of, _, rest = content.lower().partition(" ")
            if of not in OF or not run.fractional or run.unit_words:
                run.add_unit(content)
                return
            run.apply("*", token)
            if not rest:
                return
        run.take_symbol(token, content)

    def on_word(self, token: Token) -> None:
        run, following = self.run, self.following()
        if self.words_start < 0:
            self.words_start = token.start
        first, _, others = token.text.lower().partition(" ")
        if self.is_segment(token):
            if run.after_operand and run.unit_words and not run.depth:
                self.restart(token.start)
            self.run.take_symbol(token, token.text, operators=self.run.after_operand)
        elif run.after_operand:
            letters = self.is_adjacent(token) or (self.text[run.end : token.start] == " " and run.parts[-1].text in PI)
            if (len(token.text) <= 3 or run.depth) and first not in UNITS and letters and token.kind == "word":
                run.take_letters(token)
            elif first not in OF or not run.fractional or run.unit_words or self.is_result():
                self.unit(token)
            elif not others and following is not None and following.kind in _MULTIPLIED:
                run.apply("*", token)
            else:
                run.broken = run.broken or bool(others)  # "25% of the total" is not a number
                self.unit(token)
        elif run.depth and run.parts[-1].text == "{" and run.parts[-1].kind == "open":
            run.take_symbol(token, token.text.lower())  # \\frac{ar^8}{ar^2}
        elif run.wants_operand and first not in ("by", "por"):
            determines = following is not None and following.kind == "number" and run.parts[-1].kind != "open"
            run.is_named |= determines and run.parts[-1].kind == "operator" and bool(TELLS_WHOSE.search(token.text))
            if not determines:  # a quantity named in words, not "+ his 2 pens"
                run.take_symbol(token, token.text.lower())

    def is_segment(self, token: Token) -> bool:
        """Whether the word is a geometric name in a formula: the AB of "AB = 3"."""
        if not (1 < len(token.text) < 4 and token.text.isupper() and token.text.isascii()):
            return False
        return ("$" in self.text or "\\" in self.text) and token.text.lower() not in UNITS and token.kind == "word"

    def is_result(self) -> bool:
        """Whether the number so far equals the member before it: "1 - 3/7 = 4/7 of her money"."""
        before = self.chain.members[-1].value if self.chain.members else None
        value = self.run.value()
        return value is not None and before in (value, 100 * value)

    def unit(self, token: Token) -> None:
        self.run.add_unit(token.text)
        if self.run.unit_words > MAX_UNIT_WORDS and not self.run.depth:
            self.restart(token.start)

    def on_clock(self, token: Token) -> None:
        """A time of day, or digits with a misplaced comma; neither counts as a number."""
        self.run.broken = True
        self.run.take_symbol(token, token.text)

    def on_command(self, token: Token) -> None:
        """A LaTeX command that is not arithmetic: it becomes a symbol of the member."""
        if token.text in _DOTS and self.run.after_operand and "." in self.run.parts[-1].text:
            self.chain.rounded = True
            return
        self.run.take_symbol(token, token.text)

    def on_relation(self, token: Token) -> None:
        if self.run.depth and self.run.is_open:
            self.run.leave_bracket()
        self.close_member(token.start)
        self.chain.rounded |= token.text[0] != "="

    def on_verb(self, token: Token) -> None:
        """ "is", "gives" and similar verbs are relations if a computation comes before them and its value after."""
        if not states_value(self.run, self.tokens[self.at : self.at + 5], self.text):
            following = self.following()
            signed = following is not None and following.kind == "operator" and not self.run.depth
            if self.run.after_operand and signed and not self.chain.members:
                self.restart(token.start)  # "the sum of the 2 roots is -6"
            self.no_phrase(token)
            return
        self.close_member(token.start)
        self.chain.rounded |= token.text.lower().endswith(APPROXIMATIONS)
        self.is_spoken = True

    def on_sign(self, token: Token) -> None:
        """An operation in words: "times", "divided by"."""
        before = self.tokens[self.at - 2].text.lower() if self.at > 1 else ""
        if self.run.after_operand and before.rpartition(" ")[2] not in WORDS.get(self.language, ()):
            self.run.apply(token.text, token, self.text[token.start : token.end])
        else:
            self.on_word(token._replace(text=self.text[token.start : token.end]))

    def on_remainder(self, token: Token) -> None:
        if self.run.after_operand and not self.run.operators and self.chain.members:
            self.run.remainder = self.tokens[self.at].value if self.at < len(self.tokens) else None
            self.at += 1
        else:
            self.no_phrase(token)

    def no_phrase(self, token: Token) -> None:
        """Words without an arithmetic meaning here are a unit or a name; a comma before them ends the clause."""
        if token.text.startswith(","):
            self.on_stop(token)
        else:
            self.on_word(token)

    def on_compare(self, token: Token) -> None:
        self.close_member(token.start)
        self.chain.compared = True

    def on_modulus(self, token: Token) -> None:
        assert token.value is not None
        self.chain.modulus = int(token.value)

    def on_line(self, token: Token) -> None:
        """A line break ends the chain, unless the next line begins with a sign or this line ends with one."""
        for following in self.tokens[self.at : self.at + 6]:
            if following.kind == "relation" or (following.kind == "operator" and self.run.after_operand):
                return
            if following.kind not in ("dress", "line"):
                break
        if self.chain.members and not self.run.after_operand and (not self.run.parts or self.run.wants_operand):
            return
        if not self.run.depth:
            self.close_chain(token.start)

    def on_arrow(self, token: Token) -> None:
        self.close_chain(token.start)

    def on_stop(self, token: Token) -> None:
        before, behind = self.tokens[self.at - 2] if self.at > 1 else token, self.following()
        goes_on = behind is not None and (behind.kind in ("operator", "relation") or behind.text.islower())
        if token.text == "." and before.text.lower() in UNITS and goes_on:
            return  # 3 lbs. of flour
        if self.run.after_operand and self.text.startswith(("..", "…"), token.start):
            self.chain.rounded = True  # 2/3 = 0.666...
        if token.text == ":" and self.is_adjacent(token) and self.text[token.end : token.end + 1].isdigit():
            self.run.broken = True  # a ratio
            return
        if self.run.depth or (token.text == "|" and self.is_adjacent(token)):
            self.run.broken = True
        else:
            self.close_chain(token.start)


_HANDLERS = {name[3:]: getattr(_Reader, name) for name in dir(_Reader) if name.startswith("on_")}
