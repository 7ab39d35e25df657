"""How the reader of equations handles operations, powers and brackets, and which of them are units or names."""

from __future__ import annotations

from parsers.arithmetic.builder import ChainBuilder
from parsers.arithmetic.lexer import Token
from parsers.arithmetic.lexicon import QUANTITIES
from parsers.arithmetic.spoken import only_words
from parsers.arithmetic.units import unit_of

_STARTS_VALUE = frozenset(("number", "symbol", "open", "function", "short", "command", "chosen"))


class OperationReader(ChainBuilder):
    """The handlers of signs and brackets."""

    def on_operator(self, token: Token) -> None:
        """An operator between operands, or a sign in a unit: $10/hour."""
        run, following = self.run, self.following()
        kind = following.kind if following else None
        named = not run.after_operand and self.names_quantity(token)
        if not run.after_operand:
            if named:
                run.take_symbol(self.tokens[self.at - 2], self.tokens[self.at - 2].text.lower())
            elif token.text == "-" and kind in _STARTS_VALUE:
                run.take(token)
                return
            else:
                return
        if token.text == "^" and run.unit_words:
            self.skip_exponent()  # square metres: 15 m^2
            return
        if token.text in "/-" and kind in ("word", "text") and not named:  # a unit: $10/hour, 400-meter
            around = self.text[max(0, token.start - 1) : token.end + 1]
            spaced = around[0].isspace() and around[-1].isspace()
            if not (token.text == "-" and spaced and (self.chain.members or not run.unit_words)):
                run.unit_words += 1
                return
        if token.text == "/" and kind == "symbol" and not run.symbols and not self.is_adjacent(token):
            run.unit_words += 1
            self.at += 1  # metres a second: 5 m/s
            return
        if kind in ("stop", "line", "relation", None) and token.text != "^":
            return
        run.is_named |= token.text in "+-" and kind == "word" and self.tells_of_parts(following)
        run.apply(token.text, token, self.text[token.start : token.end])

    def tells_of_parts(self, following: Token | None) -> bool:
        """Whether the same noun names both sides of a sign, so that their numbers belong to the names.

        "tiền 3 bút + tiền 2 vở" is the money for 3 pens + the money for 2 notebooks.
        """
        run = self.run
        before = self.text[self.words_start : run.start].split() if 0 <= self.words_start < run.start else []
        names = [word.lower() for word in before if word.lower() in QUANTITIES]
        if not names or following is None or len(run.operands) != 1 or not run.unit_words or unit_of(run.unit):
            return False
        return following.text.lower().split()[0] == names[0]

    def names_quantity(self, token: Token) -> bool:
        """Whether the word before a sign is an operand: "price * 3", or "total - 7" after "="."""
        before = self.tokens[self.at - 2] if self.at > 1 else None
        if before is None or before.kind != "word" or not self.run.is_empty or len(before.text) < 3:
            return False
        blanks = token.start - before.end, int(self.text[token.end : token.end + 1] == " ")
        if token.text == "-":
            return blanks == (1, 1) and bool(self.chain.members)
        return token.text in "+*/" and blanks in ((0, 0), (1, 1))

    def skip_exponent(self) -> None:
        """Skips the exponent of a unit."""
        opener = self.tokens[self.at].text if self.at < len(self.tokens) else ""
        self.at += 1
        while opener == "{" and self.at < len(self.tokens) and self.tokens[self.at - 1].text != "}":
            self.at += 1

    def on_power(self, token: Token) -> None:
        """A power in superscript or in words."""
        if self.run.after_operand and not self.run.unit_words:
            self.run.take(token, operators=1)

    def on_percent(self, token: Token) -> None:
        """A per cent sign after a bracket."""
        if self.run.after_operand and self.is_adjacent(token):
            self.run.take(token, plain="%")

    def on_factorial(self, token: Token) -> None:
        """A factorial."""
        if self.run.after_operand and self.is_adjacent(token):
            self.run.take(token, operators=1)

    def on_open(self, token: Token) -> None:
        """An opening bracket: it begins a factor, an argument or a remark in words."""
        run = self.run
        braces = token.text == "{"
        before = run.parts[-1] if run.parts else None
        is_argument = before is not None and (before.kind in ("function", "close") or before.text == "^")
        if braces and not is_argument and not self.is_second_argument():
            return
        if run.after_operand:
            if not self.is_adjacent(token) and only_words(self.tokens[self.at : self.at + 14]):
                run.unit_words += 1
                return
            bound = before is not None and before.text == "}" and braces
            apart = not (self.is_adjacent(token) or run.depth or run.symbols or run.fractional or "\\" in self.text)
            apart = apart and not self.is_power()
            if not bound and (apart or (run.unit_words and not run.depth)):
                self.restart(token.start)
            elif not bound:
                run.operators += 1
        self.run.take_bracket(token)

    def is_second_argument(self) -> bool:
        r"""Whether a brace follows a function and a digit: \frac1{2}."""
        parts = self.run.parts
        return len(parts) > 1 and parts[-2].kind == "function" and len(parts[-1].text) == 1

    def is_power(self) -> bool:
        """Whether a power follows the bracket that opens here; the number before it is then a factor."""
        depth = 1
        for at in range(self.at, min(self.at + 16, len(self.tokens) - 1)):
            depth += (self.tokens[at].kind == "open") - (self.tokens[at].kind == "close")
            if not depth:
                return self.tokens[at + 1].text == "^" or self.tokens[at + 1].kind == "power"
        return False

    def on_close(self, token: Token) -> None:
        """A closing bracket."""
        if self.run.depth and self.run.parts:
            self.run.take_bracket(token)
