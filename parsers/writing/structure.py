"""Derives the stages that a plain solution lacks from its graph: UNDERSTAND, PLAN, VERIFY, true by construction.

    Given: 48 of her friends; half as many clips. Asked: How many clips did she sell altogether?
    1. Clips in May    2. Clips altogether
    72 - 24 = 48. Correct.

VERIFY recomputes the steps where this is possible, and never claims more than that. If it finds an error, it names the
step and gives the corrected value. The corrected value becomes the answer if its consequences can be followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from parsers.arithmetic.checking import check_text
from parsers.arithmetic.expressions import operands
from parsers.arithmetic.numbers import find_givens, find_numbers, show
from parsers.arithmetic.recompute import recompute
from parsers.graph import Quantity, ReasoningGraph, Stage, Step
from parsers.reading.statements import StepReader
from parsers.writing.goals import goal_of
from parsers.writing.phrases import Phrases, phrases_of

MAX_GIVEN_WORDS = 5

_READ_ALIKE = ("gsm8k", "socratic", "staged", "nrm")
"""Formats whose statements are read in the same way as those of the student formats."""
_CURRENCY_BEFORE = re.compile(r"(?:R\$|US\$|\\?[$€£¥₫])[ ]?$")
_SENTENCES = re.compile(r"[^.!?\n]+(?:[.!?](?![\s\"')\]]|$)[^.!?\n]*)*[.!?]*")
_PHRASE_END = re.compile(r"[,.;:?!()\n](?=\s|$)|[\n();⟦⟧<>\[\]]")


def structure(graph: ReasoningGraph) -> ReasoningGraph:
    """The graph with its missing stages added as `derived` steps; ids start again at 0.

    A graph without steps stays unchanged. If recomputing finds an error and its consequences can be followed, `answer`
    becomes the corrected value.
    """
    if not graph.steps:
        return graph
    phrases = phrases_of(graph.language)
    present = {step.stage for step in graph.steps}
    understood = (
        any(use for step in graph.steps if step.stage is Stage.UNDERSTAND for use in step.depends_on)
        or not graph.givens
    )
    if not understood:
        present.discard(Stage.UNDERSTAND)  # definitions of unknowns alone do not say what is given
    computing = [step for step in graph.steps if computes(step, graph.language)]
    ahead: list[tuple[Stage, str]] = []
    if Stage.PLAN not in present:
        ahead += [(Stage.PLAN, goal) for goal in _goals(computing, graph.language, phrases)]
    answer = graph.answer
    verdicts: list[str] = []
    if Stage.VERIFY not in present:
        verdicts, answer = _verdicts(graph, computing, phrases)
    first = next((i for i, step in enumerate(graph.steps) if step.stage > Stage.PLAN), len(graph.steps))
    reader = StepReader(graph.givens, graph.language)
    steps: list[Step] = []
    if Stage.UNDERSTAND not in present:
        steps.append(reader.read(_understand(graph, phrases), Stage.UNDERSTAND, derived=True))
    new_ids: dict[int, int] = {}

    def keep(step: Step) -> None:
        # The reader needs all earlier values for VERIFY. It would read free prose differently, so it stores the values.
        new_id = reader.read(step.text, step.stage).id if graph.format in _READ_ALIKE else reader.keep(step)
        new_ids[step.id] = new_id
        uses = tuple(new_ids[use] if isinstance(use, int) else use for use in step.depends_on)
        steps.append(
            Step(
                new_id,
                step.stage,
                step.text,
                step.start,
                step.end,
                step.expression,
                step.value,
                uses,
                step.correct,
                step.derived,
            )
        )

    for step in graph.steps[:first]:
        keep(step)
    steps.extend(reader.read(text, stage, derived=True) for stage, text in ahead)
    for step in graph.steps[first:]:
        keep(step)
    steps.extend(reader.read(text, Stage.VERIFY, derived=True) for text in verdicts)
    return replace(graph, steps=tuple(steps), answer=answer)


def _understand(graph: ReasoningGraph, phrases: Phrases) -> str:
    parts: list[str] = []
    if graph.givens:
        parts.append(f"{phrases.given}: {_given_phrases(graph)}.")
    asked = _asked(graph.question)
    if asked:
        parts.append(f"{phrases.asked}: {asked}")
    return " ".join(parts) or phrases.unknown_problem


def _given_phrases(graph: ReasoningGraph) -> str:
    """Every given with a few words after it, if this reads back as the same givens; otherwise the givens alone."""
    for text in (
        _with_words(graph.question, graph.givens, graph.language),
        "; ".join(given.text for given in graph.givens),
    ):
        if text is not None and find_givens(text, graph.language) == graph.givens:
            break
    return text or ""


def _with_words(question: str, givens: Sequence[Quantity], language: str) -> str | None:
    numbers = find_numbers(question, language)
    places: dict[Fraction, int] = {}
    for i, number in enumerate(numbers):
        places.setdefault(number.value, i)
    found: list[str] = []
    for given in givens:
        place = places.get(given.value)
        if place is None:
            return None
        number = numbers[place]
        limit = numbers[place + 1].start if place + 1 < len(numbers) else len(question)
        words = question[number.end : min(limit, number.end + 80)]
        stop = _PHRASE_END.search(words)
        words = words[: stop.start()] if stop else words
        if not stop and limit < len(question):
            words = words.rpartition(" ")[0] if not words.endswith(" ") else words
        words = " ".join(words.split()[:MAX_GIVEN_WORDS]) if words[:1].isspace() else words.split(" ")[0]
        glue = " " if question[number.end : number.end + 1].isspace() and words else ""
        currency = _CURRENCY_BEFORE.search(question[: number.start][-5:])
        found.append(f"{currency[0] if currency else ''}{number.text}{glue}{_trimmed(words)}")
    return "; ".join(found)


_HANGING = frozenset(
    """a an the and or of to in on at for with by from that than as is are was were which who if but so then per each
    o os as um uma e ou de do da em no na para com por que se mas và hoặc của là thì mà với cho""".split()  # noqa: SIM905
)


def _trimmed(words: str) -> str:
    kept = words.split(" ")
    while kept and kept[-1].lower().strip("$€£") in _HANGING | {""}:
        kept.pop()
    return " ".join(kept)


def _asked(question: str) -> str:
    sentences = [" ".join(sentence.split()) for sentence in _SENTENCES.findall(question) if sentence.strip(" .!?\n\t")]
    asking = [sentence for sentence in sentences if sentence.endswith("?")]
    return (asking or sentences or [""])[-1]


def _goals(computing: list[Step], language: str, phrases: Phrases) -> list[str]:
    """The different sub-goals of the computing steps, in the words of the steps.

    Equal sub-goals are named once, because a student that reads lists of equal lines learns to repeat lines endlessly.
    """
    goals = dict.fromkeys(goal_of(step, phrases, language) for step in computing)
    return list(goals) or [phrases.find_answer]


def computes(step: Step, language: str) -> bool:
    """Whether the step has a computation that can be recomputed; a single number does not count."""
    return (
        step.stage is Stage.EXECUTE
        and step.expression is not None
        and isinstance(step.value, Fraction)
        and step.correct is not None
        and len(operands(step.expression, language)) > 1
    )


def _verdicts(graph: ReasoningGraph, computing: list[Step], phrases: Phrases) -> tuple[list[str], str | None]:
    """The texts of VERIFY, and the answer after them."""
    if not computing:
        return [phrases.nothing_to_check], graph.answer
    answer = _number(graph.answer, graph.language)
    corrections, followed = recompute(graph)
    if corrections or not all(step.correct for step in computing):
        numbers = {step.id: i for i, step in enumerate((s for s in graph.steps if s.stage is Stage.EXECUTE), 1)}
        texts = [
            (phrases.wrong if correction.is_cause else phrases.follows).format(
                step=numbers.get(correction.step.id, 0),
                computation=f"{spaced(correction.expression)} = {show(correction.value, graph.language)}",
                stated=show(correction.stated, graph.language),
            )
            for correction in corrections
        ] or [phrases.not_confirmed]
        last = corrections[-1] if corrections else None
        if last is not None and followed and answer is not None and last.stated == answer:
            return texts, show(last.value, graph.language)
        texts.append(phrases.not_confirmed)
        return texts, graph.answer
    final = next((step for step in reversed(computing) if answer is not None and step.value == answer), None)
    if final is None:
        return [f"{check_text(computing[-1], graph.language)}. {phrases.answer_not_computed}"], graph.answer
    return [f"{check_text(final, graph.language)}. {phrases.correct}"], graph.answer


def spaced(expression: str) -> str:
    """The expression with a space on both sides of every operator: 48/2 as 48 / 2."""
    return re.sub(r"\s*([+*/]|(?<=[0-9)%])-)\s*", r" \1 ", expression)


def _number(answer: str | None, language: str) -> Fraction | None:
    numbers = find_numbers(answer, language) if answer else []
    return numbers[0].value if len(numbers) == 1 else None
