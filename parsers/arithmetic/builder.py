"""Collects the chains of one statement: keeps the open member and the open chain, and closes them."""

from __future__ import annotations

from parsers.arithmetic.lexer import Token
from parsers.arithmetic.meant import settle
from parsers.arithmetic.relations import Chain, Member, holds
from parsers.arithmetic.runs import Run


class ChainBuilder:
    """Stores the tokens of a statement, the reader's position in them, and the chains so far."""

    def __init__(self, text: str, language: str, tokens: list[Token]) -> None:
        self.text, self.language, self.tokens = text, language, tokens
        self.at = 0
        self.chains: list[Chain] = []
        self.chain, self.run = Chain(), Run(language)
        self.is_spoken = False  # the last relation was in words
        self.words_start = -1  # where the words before the current run begin

    def following(self) -> Token | None:
        """The next token that is not markup (kind "dress")."""
        for token in self.tokens[self.at : self.at + 3]:
            if token.kind != "dress":
                return token
        return None

    def is_adjacent(self, token: Token) -> bool:
        """Whether the token directly follows the run."""
        return self.run.end == token.start

    def close_member(self, end: int) -> None:
        """Closes the member at a relation sign."""
        member = self.member(end)
        if member is not None:
            self.drop_spoken(member)
            if not self.chain.members:
                self.chain.start = member.start if member.start >= 0 else max(self.words_start, 0)
            self.chain.members.append(member)
        elif not self.chain.members:
            self.chain.open_left, self.chain.start = True, end
        self.run, self.words_start = Run(self.language), -1

    def close_chain(self, end: int) -> None:
        """Ends a clause and keeps its chain if the chain has content."""
        chain, run = self.chain, self.run
        if not (run.parts or run.broken or chain.members or chain.open_left):  # most sentences: words alone
            self.words_start, self.is_spoken = -1, False
            return
        member = self.member(end)
        if member is not None:
            self.drop_spoken(member)
            chain = self.chain
            if not chain.members and not chain.open_left:
                chain.start = max(member.start, 0)
            chain.members.append(member)
        if len(chain.members) > 1 and ("%" in self.text or self.language == "vi"):
            settle(chain, self.language)
        worth = chain.is_equation or any(m.operators for m in chain.members)
        if worth and (len(chain.members) > 1 or any(m.operands or m.symbols for m in chain.members)):
            self.chains.append(chain)  # also an equation of names only: "Total = A plus B"
        self.chain, self.run, self.words_start, self.is_spoken = Chain(), Run(self.language), -1, False

    def drop_spoken(self, member: Member) -> None:
        """Removes an equality in words that is not an equation.

        A computation contradicts it: "an increase of 50% of 8 is 1.5 * 8". Or it states another property of a share:
        "half of the 20 pupils are 15 years old".
        """
        if not self.is_spoken:
            return
        self.is_spoken = False
        if not self.chain.members:  # "Dividing 30 by 5 gives:" with the computation in a display
            return
        before = self.chain.members[-1]
        if member.value is None or before.value is None:
            return
        other = before.unit and member.unit and before.unit != member.unit and before.is_share
        if (member.operators or other) and not holds(before, member):
            if len(self.chain.members) > 1:
                self.chains.append(self.chain)
            self.chain = Chain()

    def member(self, end: int) -> Member | None:
        """The run so far as one member, or the words so far as a name; None if there is neither."""
        if not self.run.is_empty:
            member = self.run.member(self.text)
            return Member(name=member.raw, raw=member.raw) if self.run.is_named else member
        words = self.text[self.words_start : end].strip(" *:\n\\$([&") if self.words_start >= 0 else ""
        return Member(name=words, raw=words) if words else None

    def restart(self, position: int) -> None:
        """Starts a new run here; what came before counts as words."""
        if self.chain.members or self.chain.open_left:
            self.close_chain(position)
            return
        start = self.words_start if self.words_start >= 0 else self.run.start
        if self.run.operators and not self.run.symbols:  # a separate expression, not an equation
            self.close_chain(position)
        else:
            self.run = Run(self.language)
        self.words_start = start
