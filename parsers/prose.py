"""Free text → reasoning graph: segmentation, stages, values and links put together.

The formats freeform, think, math and vnhsge are this with other delimiters and other answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from parsers.chains import read_chains
from parsers.formulas import folded
from parsers.graph import Quantity, Stage, Step, Value
from parsers.links import MEASURES, Links, Pending, left_of, operands_of
from parsers.math_prose import MathReader
from parsers.numbers import Number, find_numbers
from parsers.relations import Chain, equation_of, is_computing, is_sum, is_worded, is_worded_work, recompute, results_of
from parsers.segment import Statement
from parsers.stage_words import CLOSING
from parsers.stages import Facts, announces_check, classify, concludes, defines, settles_check
from parsers.statements import too_many
from parsers.values import DEFINED, defined_name, value_of

_EMPTY_NUMBERS = frozenset(("one", "um", "uma", "một")) | MEASURES
_QUESTION_WORD = re.compile(r"[^\W\d_]{3,}")
_CHECK_IN_ITSELF = re.compile(r"\b(?:check|verify|confirm|see) that\b[^.]*\d", re.I)
_MOVES_ON = re.compile(
    r"^\W*(?:therefore|thus|hence|so,|next|let'?s try|solving for|the correct|"
    r"portanto|logo|assim|em seguida|vậy|do đó|tiếp theo)",
    re.I,
)


MAX_CHARACTERS = 200_000
"""Characters of a free text that are read: several times the longest context of a model that reasons."""
MAX_STATEMENT, MAX_QUESTION = 3000, 20_000
"""Characters of one statement, from its beginning and its end, and of a question that are read."""


NO_LANGUAGE = "no supported language was recognised"


def bounded(text: str, problems: list[str]) -> str:
    """The part of a text that is read; a longer one is listed as a problem."""
    if len(text) > MAX_CHARACTERS:
        problems.append(f"only the first {MAX_CHARACTERS:,} of {len(text):,} characters were read")
    return text[:MAX_CHARACTERS]


def read_prose(
    text: str,
    question: str,
    givens: Sequence[Quantity],
    language: str,
    statements: list[Statement],
    problems: list[str],
    *,
    mathematical: bool = False,
) -> tuple[Step, ...]:
    """The steps of a text that was cut into statements; what could not be read is added to `problems`.

    `mathematical`: formulas carry the argument, see `parsers.math_prose`.
    """
    reader_of = MathReader if mathematical else ProseReader
    reader = reader_of(text, question[:MAX_QUESTION], givens, language)
    steps = tuple(reader.read_statement(statement) for statement in too_many(statements, problems))
    if not steps:
        problems.append("no step was found")
    if language == "und" and re.search(r"[^\W\d_]{3}", text):
        problems.append(NO_LANGUAGE)
    return steps


@dataclass(slots=True)
class _Reading:
    """One statement read: its words, equations and numbers."""

    head: str
    body: str
    chains: list[Chain]
    numbers: list[Number]
    computes: bool
    worded: bool
    operands: list[Fraction]
    symbols: list[str]


class ProseReader:
    """Reads the statements of one text, in order, into steps."""

    def __init__(self, text: str, question: str, givens: Sequence[Quantity], language: str) -> None:
        self.text, self.language = text, language
        self.links = Links.of(givens)
        self.steps: list[Step] = []
        self.checking = False
        self.answered = False
        self.question_words = frozenset(word[:4] for word in _QUESTION_WORD.findall(question.lower()))

    def read(self, content: str, stage: Stage, start: int, end: int) -> Step:
        """The step that `content`, which is `text[start:end]`, is, of a stage that its format settles."""
        return self.read_statement(Statement(start, start + len(content), start), stage)

    def read_statement(self, statement: Statement, stage: Stage | None = None) -> Step:
        """The step that the statement is; of the stage that its words tell, unless given."""
        reading = self._look(statement)
        links = self.links
        if statement.body > statement.start or statement.leads:
            links.block += 1
        if reading.head and announces_check(reading.head) and links.recent:
            self.checking = True
        elif reading.head:
            self.checking = False
        facts = self._facts(reading, statement)
        stage = classify(reading.body, facts) if stage is None else stage
        self._follow_check(stage, reading, facts)
        step_id = len(self.steps)
        value: Value = None
        if stage is not Stage.PLAN:
            value = value_of(reading.body, reading.chains, reading.numbers, stage, links)
        uses = self._uses(reading, stage)
        member, correct = recompute(reading.chains)
        step = Step(
            step_id, stage, self.text[statement.start : statement.end], statement.start, statement.end,
            None if stage is Stage.PLAN or member is None else member.plain, value, uses, correct,
        )  # fmt: skip
        self._remember(step, reading, facts)
        self.answered = self.answered or facts.closing
        self.steps.append(step)
        return step

    def _look(self, statement: Statement) -> _Reading:
        head = self.text[statement.start : statement.body]
        body = self.text[statement.body : statement.end]
        if len(body) > MAX_STATEMENT:
            body = body[: MAX_STATEMENT - 600] + " " + body[-600:]
        chains = read_chains(body, self.language)
        numbers = [n for n in find_numbers(body, self.language) if n.text.lower() not in _EMPTY_NUMBERS]
        operands: list[Fraction] = []
        symbols: list[str] = []
        results: set[Fraction] = set()
        computes = worded = False
        for chain in chains:
            worded = worded or is_worded(chain)
            if not is_computing(chain) or not (chain.is_equation or self._is_term(chain)):
                continue
            computes = True
            values, unknowns = operands_of(chain)
            operands += [value for value in values if value not in results and value not in operands]
            symbols += [symbol for symbol in unknowns if symbol not in symbols]
            results |= {member.value for member in chain.members if member.value is not None}
        if computes and results and all(is_worded_work(chain) for chain in chains):
            operands = [number.value for number in numbers if number.value not in results]
        return _Reading(head, body, chains, numbers, computes, worded and not computes, operands, symbols)

    def _is_term(self, chain: Chain) -> bool:
        """An expression by itself counts if it is more than a number with a letter, or the letter is an unknown."""
        member = chain.members[0]
        return (
            member.value is not None
            or member.operators > 1
            or all(s.lower() in self.links.symbols for s in member.symbols)
        )

    def _facts(self, reading: _Reading, statement: Statement) -> Facts:
        links = self.links
        values = {number.value for number in reading.numbers}
        recalled = any(value in links.computed and not links.is_stated(value) for value in values)
        if len(values) == 1 and links.recent and self.steps[links.recent[-1]].value == -next(iter(values)):
            recalled = True  # told right after it was computed, its sign put in words
        words = _QUESTION_WORD.findall(reading.body[:400].lower())
        restates = bool(words) and sum(word[:4] in self.question_words for word in words) >= 0.75 * len(words)
        rechecks = False
        if reading.computes and (self.answered or len(re.findall(r"[^\W\d_]{2,}", reading.body)) < 3):
            for chain in reading.chains:
                operands, result = equation_of(chain)
                rechecks = rechecks or (result is not None and links.rechecks(operands, result))
        return Facts(
            computes=reading.computes,
            unequal=reading.computes and not any(chain.is_equation for chain in reading.chains),
            equates=any(chain.is_equation and chain.members[-1].value is not None for chain in reading.chains),
            worded=reading.worded,
            numbers=len(values),
            given=all(links.is_stated(value) or links.forms.get(value) is not None for value in values),
            recalled=recalled,
            stands=bool(links.recent),
            rechecks=rechecks,
            checking=self.checking and not _MOVES_ON.match(reading.body),
            closing=bool(CLOSING.search(reading.body)),
            leads=statement.leads or reading.body.rstrip(" *").endswith(":"),
            restates=restates,
        )

    def _follow_check(self, stage: Stage, reading: _Reading, facts: Facts) -> None:
        """Opens a checking passage where one is announced and closes it where the text goes on."""
        if stage is not Stage.VERIFY:
            self.checking = self.checking and stage is Stage.EXECUTE and not facts.closing
        elif announces_check(reading.body) and (facts.leads or not _CHECK_IN_ITSELF.search(reading.body)):
            self.checking = True
        elif settles_check(reading.body) and not facts.leads:
            self.checking = False

    def _uses(self, reading: _Reading, stage: Stage) -> tuple[int | str, ...]:
        if stage is Stage.PLAN:
            return ()
        links = self.links
        if stage is Stage.UNDERSTAND and defines(reading.body) and not reading.computes:
            return ()  # "Let x be ..."
        if stage is Stage.UNDERSTAND:
            names = (links.given(number.value) for number in reading.numbers)
            return tuple(dict.fromkeys(name for name in names if name is not None))
        found: dict[int | str, None] = {}
        values, symbols = self._operands(reading, stage)
        if stage is Stage.VERIFY and (checked := links.repeated(reading.operands)) is not None:
            found[checked] = None
        prose = re.split(r"\\\[|\\\(|\$\$|=", reading.body, maxsplit=1)[0]
        named = links.named_in(prose) if values else {}
        concluding = concludes(reading.body)
        adding = all(is_sum(chain) for chain in reading.chains)
        pending = self._pending(reading, values, symbols)
        if pending is not None:
            found[pending.step] = None
            if reading.chains[0].open_left:
                links.used.add(pending.step)
                return (pending.step,)
        elif reading.chains:
            self._use_definition(reading.chains[0], found)
        if reading.computes and links.expressions:
            values, symbols = self._use_expressions(reading, values, symbols, found)
        for symbol in symbols:
            if pending is not None and pending.is_equation:
                break
            step = links.symbols.get(symbol.lower())
            if step is not None and len(symbol) < 6:
                found[step] = None
        for operand in values:
            if pending is not None and operand in pending.values:
                continue
            if any(isinstance(step, int) and self.steps[step].value == operand for step in found):
                continue
            source = links.called(operand, reading.body) or links.source(
                operand, named=named, concluding=concluding, adding=adding, prefer_steps=stage is Stage.VERIFY
            )
            if source is not None:
                found[source] = None
        if (
            not any(isinstance(source, int) for source in found)
            and (previous := self._previous(reading, stage, bool(found))) is not None
        ):
            found[previous] = None
        uses = self._through_restatements(found, concluding)
        links.used.update(source for source in uses if isinstance(source, int))
        return uses

    def _use_expressions(
        self, reading: _Reading, values: list[Fraction], symbols: list[str], found: dict[int | str, None]
    ) -> tuple[list[Fraction], list[str]]:
        """Finds the unsolved values of earlier steps inside the equations; what else they work with comes back."""
        text = "=".join(folded(member.raw) for chain in reading.chains for member in chain.members)
        rest = text
        for formula, step in self.links.expressions_longest_first():
            if formula in rest:
                found[step] = None
                rest = re.sub(rf"(?<![\w.]){re.escape(formula)}(?![\w.])", "~", rest)
        if rest == text:
            return values, symbols
        digits = set(re.findall(r"[0-9.]+", rest))
        kept = [value for value in values if value.denominator > 1 or str(value) in digits]
        return kept, [
            symbol for symbol in symbols if re.search(rf"(?<![^\W\d_]){re.escape(folded(symbol))}(?![^\W\d_])", rest)
        ]

    def _use_definition(self, chain: Chain, found: dict[int | str, None]) -> None:
        """An equation for an unknown uses the statement that introduced it: "Let B be the cost", "B = 99 + 5"."""
        step = self.links.symbols.get(left_of(chain))
        if step is not None and self.steps[step].stage is Stage.UNDERSTAND and chain.members[-1].operators:
            found[step] = None

    def _through_restatements(self, found: dict[int | str, None], concluding: bool) -> tuple[int | str, ...]:
        """Givens restated together in the statement that a conclusion draws from are used through that statement."""
        if not concluding or not self.steps or self.steps[-1].stage is not Stage.UNDERSTAND:
            return tuple(found)
        last = self.steps[-1]
        restated = [source for source in found if source in last.depends_on]
        if len(last.depends_on) > 1 and restated:
            return tuple(dict.fromkeys(last.id if source in last.depends_on else source for source in found))
        return tuple(found)

    def _operands(self, reading: _Reading, stage: Stage) -> tuple[list[Fraction], list[str]]:
        """The numbers and unknowns that the statement works with."""
        if reading.computes:
            values = list(reading.operands)
            if stage is Stage.VERIFY:
                results = [m.value for chain in reading.chains for m in chain.members[-1:] if m.value is not None]
                values += [result for result in results if result not in values]
            return values, reading.symbols
        values = list(dict.fromkeys(number.value for number in reading.numbers))
        symbols = [s for chain in reading.chains for m in chain.members for s in m.symbols]
        links = self.links
        recalled = [v for v in values if v in links.computed and not links.is_stated(v)]
        if recalled:
            return recalled, symbols
        if len(values) == 1 and links.recent and self.steps[links.recent[-1]].value == -values[0]:
            return [-values[0]], symbols
        fresh = [v for v in values if not links.is_stated(v)]
        if fresh and len(fresh) < len(values):
            known = [v for v in values if v not in fresh]
            others = [
                g
                for g in links.givens
                if g not in values and len(fresh) == 1 and any(abs(v - g) == fresh[0] for v in known)
            ]
            values = known + (others if len(others) == 1 else [])
        return values, symbols

    def _pending(self, reading: _Reading, values: list[Fraction], symbols: list[str]) -> Pending | None:
        """The unsolved step that this statement goes on with, if it does."""
        pending = self.links.pending
        if pending is None:
            return None
        first = reading.chains[0] if reading.chains else None
        if first is not None and first.open_left and pending.step == len(self.steps) - 1:
            return pending
        if first is None:
            return None
        left = left_of(first)
        if left and left == pending.left and (pending.step >= len(self.steps) - 3):
            return pending
        known = [value for value in values if value in pending.values]
        if values and len(known) == len(values) and (len(values) > 1 or pending.step == len(self.steps) - 1):
            return pending
        shared = pending.symbols & {symbol.lower() for symbol in [*symbols, left] if symbol}
        return pending if shared and pending.step == len(self.steps) - 1 else None

    def _previous(self, reading: _Reading, stage: Stage, found: bool) -> int | None:
        """The step just before, for a statement that goes on from it without naming a number of it."""
        links = self.links
        if stage is Stage.VERIFY:
            return links.recent[-1] if links.recent else None
        if reading.chains and reading.chains[0].open_left and self.steps:
            return self.steps[-1].id
        wanted = concludes(reading.body) or re.search(r"\bthe result\b|\bnegative\b", reading.body)
        if found:
            return None
        if wanted:
            earlier = [step for step in self.steps[-3:] if step.stage in (Stage.EXECUTE, Stage.UNDERSTAND)]
            return earlier[-1].id if earlier else None
        return None

    def _remember(self, step: Step, reading: _Reading, facts: Facts) -> None:
        links = self.links
        defined = DEFINED.search(reading.body) if step.stage is Stage.UNDERSTAND and defines(reading.body) else None
        if defined:
            links.symbols[defined_name(defined).lower()] = step.id
        if step.stage is Stage.PLAN:
            return
        if step.stage is Stage.VERIFY:
            if corrected := [
                r for r in results_of(reading.chains) if r not in links.computed and not links.is_stated(r)
            ]:
                links.compute(step.id, reading.operands, corrected)  # a check that finds another value puts it in place
            return
        for chain in reading.chains:
            left = left_of(chain)
            if left and chain.members[0].symbols:
                links.symbols[left] = step.id
        results = results_of(reading.chains)
        if reading.computes:
            links.compute(step.id, reading.operands, results)
            if not results and isinstance(step.value, Fraction):
                links.compute(step.id, reading.operands, [step.value])
            self._remember_pending(step, reading)
        elif isinstance(step.value, Fraction):
            self._remember_value(step, reading, facts)
        elif step.stage is Stage.UNDERSTAND:
            for number in reading.numbers:
                links.restated[number.value] = (step.id, links.block)
                if links.given(number.value) is None:
                    links.facts[number.value] = step.id
        elif step.stage is Stage.EXECUTE:
            links.recent.append(step.id)

    def _remember_value(self, step: Step, reading: _Reading, facts: Facts) -> None:
        """A statement that tells one number without an operation."""
        links, value = self.links, step.value
        assert isinstance(value, Fraction)
        if step.stage is Stage.UNDERSTAND:
            links.restated[value] = (step.id, links.block)
            links.remember_label(step.id, reading.head, reading.body, value)
            if links.given(value) is None:
                links.facts[value] = step.id
        elif not facts.closing and value not in links.computed:
            links.compute(step.id, (), [value])

    def _remember_pending(self, step: Step, reading: _Reading) -> None:
        if isinstance(step.value, str) and reading.chains:
            chain = reading.chains[-1]
            values = {v for member in chain.members for v in member.operands}
            unknowns = {s.lower() for member in chain.members for s in member.symbols}
            is_equation = "=" in step.value
            self.links.pending = Pending(step.id, frozenset(values), frozenset(unknowns), left_of(chain), is_equation)
            if not is_equation and unknowns:
                self.links.expressions[folded(step.value)] = step.id
        elif not isinstance(step.value, str):
            self.links.pending = None


_UNKNOWN = re.compile(
    r"(?:^|\n)\s*(?:first,?\s+)?let\b[^\n]{0,80}?\b(?:be|represent|denote|equal|=)\s|\b(?:\d+|\)|[a-zA-Z]\s?[-+*/])\s?[a-zA-Z]\s?[-+*/=)]|[-+*/=(]\s?\d*[a-wyzA-WYZ]\s?[-+*/=)]"
)


def has_unknowns(text: str) -> bool:
    """Whether a solution computes with letters, by definition (Let x be) or by equations (3n + 6 = 12)."""
    return bool(_UNKNOWN.search(text))
