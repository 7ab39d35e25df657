"""Free text → reasoning graph: combines segmentation, stages, values and links.

The formats freeform, think, math and vnhsge all use this reader, with different delimiters and answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from parsers.arithmetic.formulas import folded
from parsers.arithmetic.relations import equation_of, recompute, results_of
from parsers.graph import Quantity, Stage, Step, Value
from parsers.reading.algebra import Pending, left_of
from parsers.reading.code import CodeMemory
from parsers.reading.content import Content, read_content
from parsers.reading.coverage import unread
from parsers.reading.links import Givens, Links, Wording
from parsers.reading.math_prose import MathReader
from parsers.reading.stage_words import stage_words
from parsers.reading.stages import Facts, classify, says_error
from parsers.reading.statements import too_many
from parsers.reading.uses import Memory, uses_of
from parsers.reading.values import value_of
from parsers.text.segment import Statement

_QUESTION_WORD = re.compile(r"[^\W\d_]{3,}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CHECK_IN_ITSELF = re.compile(r"\b(?:check|verify|confirm|see) that\b[^.]*\d")
_MOVES_ON = re.compile(
    r"^\W*(?:therefore|thus|hence|so,|next|let'?s try|solving for|the correct|"
    r"portanto|logo|assim|em seguida|vậy|do đó|tiếp theo)",
    re.I,
)

_DEFINED_SIGN = re.compile(
    r"\b([a-zA-Z])\s?(\*|\\ast|\\cdot|\\times|/|\\div|÷|×)\s?([a-zA-Z])\$?\s?"
    r"(?:=|means|is defined (?:as|to be|by))\s?\$?(?=[^.$\n]{0,80}\1)(?=[^.$\n]{0,80}\3)"
)
"""A problem that gives a sign its own meaning: "a * b = a^b + b^a"."""

MAX_CHARACTERS = 200_000
"""Most characters of a free text that are read: several times the longest context of a reasoning model."""
MAX_QUESTION = 20_000
"""Most characters of a question that are read."""


def bounded(text: str, problems: list[str]) -> str:
    """The part of a text that is read; if the text is longer, this is added to `problems`."""
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
    """The steps of a text that is split into statements; what could not be read is added to `problems`.

    `mathematical`: formulas carry the argument, see `parsers.reading.math_prose`.
    """
    reader_of = MathReader if mathematical else ProseReader
    reader = reader_of(text, question[:MAX_QUESTION], givens, language)
    steps = tuple(reader.read_statement(statement) for statement in too_many(statements, problems))
    if not steps:
        problems.append("no step was found")
    problems.extend(unread(text, steps, sum(map(_is_unread_code, statements, steps))))
    return steps


def _is_unread_code(statement: Statement, step: Step) -> bool:
    return statement.code and step.value is None


class ProseReader:
    """Reads the statements of one text, in order, into steps."""

    def __init__(self, text: str, question: str, givens: Sequence[Quantity], language: str) -> None:
        self.text, self.language = text, language
        self.known = stage_words(language)
        self.memory = Memory(Links(Givens(givens)), question, language)
        self.code = CodeMemory()
        self.checking = False
        self.answered = False
        defined = _DEFINED_SIGN.search(question)
        self.sign = defined[2] if defined else ""
        self.question_words = frozenset(word[:4] for word in _QUESTION_WORD.findall(question.lower()))

    def read(self, content: str, stage: Stage, start: int, end: int) -> Step:
        """The step of `content`, which is `text[start:end]`, with the stage that its format gives."""
        return self.read_statement(Statement(start, start + len(content), start), stage)

    def read_statement(self, statement: Statement, stage: Stage | None = None) -> Step:
        """The step of the statement; if `stage` is None, the words of the statement decide its stage."""
        if statement.code:
            return self._code_step(statement)
        memory = self.memory
        content = self._content(statement)
        facts = self._facts(content, statement)
        stage = classify(content.body, facts, self.language) if stage is None else stage
        self._follow_check(stage, content, facts)
        value: Value = None
        if stage is not Stage.PLAN:
            defined = content.defined if stage is Stage.UNDERSTAND else ""
            value = value_of(content.body, content.chains, content.numbers, defined, memory.links)
        member, correct = recompute(content.chains, content.body)
        step = Step(
            len(memory.steps), stage, self.text[statement.start : statement.end], statement.start, statement.end,
            None if stage is Stage.PLAN or member is None else member.plain, value, uses_of(content, stage, memory),
            correct,
        )  # fmt: skip
        self._remember(step, content)
        self.answered = self.answered or content.closing
        memory.steps.append(step)
        return step

    def _code_step(self, statement: Statement) -> Step:
        """The step of a line of code: UNDERSTAND if it restates a number of the problem, otherwise EXECUTE."""
        memory, links = self.memory, self.memory.links
        step_id, text = len(memory.steps), self.text[statement.start : statement.end]
        indent = statement.body - self.text.rfind("\n", 0, statement.body)
        line = self.code.read(self.text[statement.body : statement.end], step_id, indent)
        if line is None:
            step = Step(step_id, Stage.EXECUTE, text, statement.start, statement.end)
        else:
            numbers = (links.source(number, Wording()) for number in line.numbers)
            uses = tuple(dict.fromkeys(source for source in (*line.sources, *numbers) if source is not None))
            restates = line.is_plain and not line.sources and links.is_stated(line.value)
            step = Step(
                step_id, Stage.UNDERSTAND if restates else Stage.EXECUTE, text, statement.start, statement.end,
                None if line.is_plain else line.expression, line.value, uses,
            )  # fmt: skip
            if restates and uses and line.name:
                self.code.variables[line.name] = (uses[0], line.value)  # the name stands for the given
            if not line.is_plain:
                links.compute(step_id, line.numbers, [line.value])
        memory.steps.append(step)
        return step

    def _content(self, statement: Statement) -> Content:
        head = self.text[statement.start : statement.body]
        body = self.text[statement.body : statement.end]
        if statement.body > statement.start or statement.leads:
            self.memory.links.block += 1
        if head:
            self.checking = bool(self.memory.links.recent) and self.known.announces_check(head.lower())
        return read_content(head, body, self.language, self.known, self.memory.algebra.symbols.__contains__, self.sign)

    def _facts(self, content: Content, statement: Statement) -> Facts:
        links, values = self.memory.links, set(content.values)
        recalled = any(map(links.is_recalled, values))
        last = self.memory.steps[links.recent[-1]].value if links.recent else None
        if len(values) == 1 and last == -next(iter(values)):
            recalled = True  # restated right after it was computed, with its sign in words
        numbers = len(values | set(content.operands))
        return Facts(
            computes=content.computes or self._solves(content),
            unequal=content.computes and not any(chain.is_equation for chain in content.chains),
            equates=any(chain.is_equation and chain.members[-1].value is not None for chain in content.chains),
            worded=content.worded,
            numbers=numbers,
            given=all(links.is_stated(v) or links.givens.forms.get(v) is not None for v in values),
            recalled=recalled,
            stands=bool(links.recent),
            rechecks=self._rechecks(content),
            checking=self.checking and not _MOVES_ON.match(content.body),
            closing=content.closing,
            leads=statement.leads or content.body.rstrip(" *").endswith(":"),
            restates=not numbers and self._restates(content.body),  # if there are numbers, they decide this
        )

    def _restates(self, body: str) -> bool:
        """Whether the problem contains nearly all words of a statement."""
        words = _QUESTION_WORD.findall(body[:400].lower())
        return bool(words) and sum(word[:4] in self.question_words for word in words) >= 0.75 * len(words)

    def _solves(self, content: Content) -> bool:
        """Whether the statement has an equation for an unknown of the text, such as "x = 8"."""
        return any(left_of(chain) in self.memory.algebra.symbols for chain in content.chains)

    def _rechecks(self, content: Content) -> bool:
        """Whether a bare equation, or one after the answer, leads from a result back to its operands."""
        if not content.computes or not (self.answered or len(_WORD.findall(content.body)) < 3):
            return False
        equations = map(equation_of, content.chains)
        return any(r is not None and self.memory.links.rechecks(operands, r) for operands, r in equations)

    def _follow_check(self, stage: Stage, content: Content, facts: Facts) -> None:
        """Opens a passage of checks where the text announces one, and closes it where the solution continues."""
        words = content.words
        if stage is not Stage.VERIFY:
            self.checking = self.checking and stage is Stage.EXECUTE and not facts.closing
        elif self.known.announces_check(words) and (facts.leads or not _CHECK_IN_ITSELF.search(words)):
            self.checking = True
        elif not facts.leads and (self.known.settles.search(words) or says_error(words, self.language)):
            self.checking = False

    def _remember(self, step: Step, content: Content) -> None:
        links, algebra = self.memory.links, self.memory.algebra
        if step.stage is Stage.UNDERSTAND and content.defined:
            algebra.symbols[content.defined.lower()] = step.id
        if step.stage is Stage.PLAN:
            return
        if step.stage is Stage.VERIFY:
            # if a check finds another value, later steps use it
            corrected = [r for r in results_of(content.chains) if r not in links.computed and not links.is_stated(r)]
            if corrected:
                links.compute(step.id, content.operands, corrected)
                algebra.remember(step.id, content.chains)
            return
        algebra.remember(step.id, content.chains)
        if content.computes:
            results = results_of(content.chains) or [v for v in (step.value,) if isinstance(v, Fraction)]
            links.compute(step.id, content.operands, results)
            self._remember_pending(step, content)
        elif step.stage is Stage.UNDERSTAND:
            for value in content.values:
                links.restate(step.id, value)
            if isinstance(step.value, Fraction):
                links.remember_label(step.id, content.head, content.body, step.value)
        elif isinstance(step.value, Fraction):
            if not content.closing and self._is_first_with_value(step.value):
                links.compute(step.id, (), [step.value])
        elif step.stage is Stage.EXECUTE and not content.closing:
            links.recent.append(step.id)

    def _is_first_with_value(self, value: Fraction) -> bool:
        """Whether no step has this number as its value yet; a step with the unsolved value 558 - 367 does not count."""
        step = self.memory.links.computed.get(value)
        return step is None or not isinstance(self.memory.steps[step].value, Fraction)

    def _remember_pending(self, step: Step, content: Content) -> None:
        algebra = self.memory.algebra
        if isinstance(step.value, str) and content.chains:
            chain = content.chains[-1]
            values = frozenset(value for member in chain.members for value in member.operands)
            unknowns = frozenset(symbol.lower() for member in chain.members for symbol in member.symbols)
            is_equation = "=" in step.value
            algebra.pending = Pending(step.id, values, unknowns, left_of(chain), is_equation)
            if not is_equation and unknowns:
                algebra.expressions[folded(step.value)] = step.id
        elif not isinstance(step.value, str):
            algebra.pending = None


_UNKNOWN = re.compile(
    r"(?:^|\n)\s*(?i:(?:first,?\s+)?let)\b[^\n]{0,80}?\b(?:be|represent|denote|equal|=)\s|\b(?:\d+|\)|[a-zA-Z]\s?[-+*/])\s?[a-zA-Z]\s?[-+*/=)]|[-+*/=(]\s?\d*[a-wyzA-WYZ]\s?[-+*/=)]"
)


_OPERATED_LETTER = re.compile(r"[-+*/=)](?<=(?<![a-zA-Z])[a-zA-Z].)|[-+*/=)](?<=(?<![a-zA-Z])[a-zA-Z]\s.)")
"""An operator after a single letter; without one, and without "let", the slow search for unknowns is skipped."""


def has_unknowns(text: str) -> bool:
    """Whether a solution computes with letters: it defines them (Let x be) or has equations (3n + 6 = 12)."""
    return bool(("let" in text.lower() or _OPERATED_LETTER.search(text)) and _UNKNOWN.search(text))
