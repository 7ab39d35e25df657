"""Writes a graph as text in the form of the students, with the span of every stage; parse(render(graph)) is equal.

Texts are written unchanged. A part gets a note (parsers/text/notes.py) only if it would not read back equal: a text
with a marker, a dependency that the numbers do not show, an answer that ends in a line feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, Literal

from parsers.formats.nrm import parse_nrm
from parsers.formats.staged import parse_staged
from parsers.graph import NO_STAGE, ReasoningGraph, Span, Stage, Step
from parsers.parse import LANGUAGES, detect_format
from parsers.text.markers import ANSWER, ANSWER_LINE, ANY_MARKER, END_ANSWER, END_THINK, QUESTION, STAGE_MARKERS, STEP
from parsers.text.notes import CLOSE, OPEN, givens_to_note, value_to_note, write_note
from parsers.text.prompts import write_question

Format = Literal["staged", "nrm"]
ALL_FIELDS = frozenset(("id", "text", "value", "uses"))


class Rendered(str):
    """A written graph as text; `spans` give the stage and step of every part, in order and without gaps."""

    spans: tuple[Span, ...]

    def __new__(cls, pieces: list[tuple[str, int, int | None]]) -> Rendered:
        """Joins the pieces; each piece is (text, stage, id of its step)."""
        self = super().__new__(cls, "".join(text for text, _, _ in pieces))
        spans, position = [], 0
        for text, stage, step_id in pieces:
            if text:
                spans.append(Span(position, position + len(text), int(stage), step_id))
                position += len(text)
        self.spans = tuple(spans)
        return self


class _Notes:
    """The fields that need a note: those of the complete text, and those of each step by its position."""

    def __init__(self, num_steps: int) -> None:
        self.head: set[str] = set()
        self.steps: list[frozenset[str]] = [frozenset()] * num_steps

    def write_all(self) -> None:
        self.head = {"givens", "language", "answer", "question"}
        self.steps = [ALL_FIELDS] * len(self.steps)


def render(graph: ReasoningGraph, *, format: Format = "staged", exact: bool = True) -> Rendered:
    """The graph as text in the form of the students.

    `parse` reads the same stages, texts, values, dependencies, givens and answer from it.

    Args:
        graph: any graph.
        format: "staged" for adapter students, "nrm" for nano students.
        exact: whether to add notes where the plain text would not read back equal. False is for training texts: a
            reader then finds its own givens, values and dependencies. Only a text with a marker still gets a note.

    Raises:
        ValueError: any other format.
    """
    if format not in _WRITERS:
        raise ValueError(f"cannot render as {format!r}, expected one of {', '.join(_WRITERS)}")
    notes = _Notes(len(graph.steps))
    for i, step in enumerate(graph.steps):
        if not step.text or _holds_marker(step.text):
            notes.steps[i] = frozenset(("text",))
    if not exact:
        return _WRITERS[format](graph, notes)
    questions = {graph.question} if format == "nrm" else {"", graph.question}
    for attempt in range(5):
        rendered = _WRITERS[format](graph, notes)
        if not _note_differences(graph, rendered, questions, notes):
            return rendered
        if attempt == 3:
            notes.write_all()
    raise AssertionError("a fully annotated graph did not read back equal")


def _note_differences(graph: ReasoningGraph, rendered: Rendered, questions: set[str], notes: _Notes) -> bool:
    """Reads the text back in every way that a caller may, and adds a note for each difference.

    Returns whether there was a difference.
    """
    kind = detect_format(rendered) if rendered else "staged"
    if kind not in _READERS or (kind == "nrm") != rendered.startswith(QUESTION):
        notes.write_all()
        return True
    read = _READERS[kind]
    languages = {"auto", graph.language} if graph.language in LANGUAGES else {"auto"}
    different = False
    seen: set[tuple[str, str]] = set()
    for question in questions:
        for language in sorted(languages, key="auto".__ne__):
            back = read(rendered, question, language)
            if language != "auto" and (question, language) in seen:
                continue
            seen.add((question, back.language))
            if _note_difference(graph, back, notes):
                notes.head |= {"language"} if back.language != graph.language else set()
                different = True
    return different


def _note_difference(graph: ReasoningGraph, back: ReasoningGraph, notes: _Notes) -> bool:
    if len(back.steps) != len(graph.steps) or any(
        a.text != b.text or a.stage != b.stage for a, b in zip(graph.steps, back.steps, strict=False)
    ):
        notes.write_all()
        return True
    head = {
        name
        for name, same in (
            ("givens", graph.givens == back.givens),
            ("answer", graph.answer == back.answer),
            ("question", graph.question == back.question or back.format == "staged"),
        )
        if not same
    }
    if head:  # dependencies may differ because of the givens; they get notes only if they still differ later
        notes.head |= head
        return True
    different = False
    for i, (step, read) in enumerate(zip(graph.steps, back.steps, strict=False)):
        fields = {
            name
            for name, same in (
                ("id", step.id == read.id),
                ("value", step.value == read.value and type(step.value) is type(read.value)),
                ("uses", step.depends_on == read.depends_on),
            )
            if not same
        }
        if fields:
            notes.steps[i] |= fields
            different = True
    return different


def _step(step: Step, fields: frozenset[str]) -> str:
    if not fields:
        return step.text
    note: dict[str, Any] = {
        name: value
        for name, value in (
            ("id", step.id),
            ("value", value_to_note(step.value)),
            ("uses", list(step.depends_on)),
            ("text", step.text),
        )
        if name in fields
    }
    return write_note(note) if "text" in fields else f"{step.text} {write_note(note)}"


def _head(graph: ReasoningGraph, notes: _Notes) -> str:
    fields: dict[str, Any] = {}
    if "language" in notes.head:
        fields["language"] = graph.language
    if "givens" in notes.head:
        fields["givens"] = givens_to_note(graph.givens)
    return write_note(fields) if fields else ""


def _field(name: str, text: str, notes: _Notes) -> str:
    return write_note({"text": text}) if name in notes.head or _holds_marker(text) else text


def _holds_marker(text: str) -> bool:
    return OPEN in text or CLOSE in text or ANY_MARKER.search(text) is not None


def write_nrm(
    question: str, steps: Iterable[tuple[Stage, str, int]], answer: str | None = None, *, head: str = ""
) -> Rendered:
    """The question and the steps, each with its stage and id, as a nano student with the form nrm writes them."""
    pieces: list[tuple[str, int, int | None]] = [(write_question(question) + head, NO_STAGE, None)]
    for stage, run in groupby(steps, key=lambda step: step[0]):
        pieces.append((STAGE_MARKERS[stage], stage, None))
        pieces.extend((STEP + text, stage, step_id) for _, text, step_id in run)
    field = "" if answer is None else f"{ANSWER}{answer}{END_ANSWER}"
    return Rendered([*pieces, (END_THINK + field, NO_STAGE, None)])


def _write_nrm(graph: ReasoningGraph, notes: _Notes) -> Rendered:
    return write_nrm(
        _field("question", graph.question, notes),
        [(step.stage, _step(step, notes.steps[i]), step.id) for i, step in enumerate(graph.steps)],
        None if graph.answer is None else _field("answer", graph.answer, notes),
        head=_head(graph, notes),
    )


def _write_staged(graph: ReasoningGraph, notes: _Notes) -> Rendered:
    head = _head(graph, notes)
    pieces: list[tuple[str, int, int | None]] = [(head and head + "\n", NO_STAGE, None)]
    for stage, run in groupby(enumerate(graph.steps), key=lambda item: item[1].stage):
        pieces.append((f"{STAGE_MARKERS[stage]}\n", stage, None))
        steps = list(run)
        numbered = stage in (Stage.PLAN, Stage.EXECUTE) or any("\n" in step.text for _, step in steps)
        for number, (i, step) in enumerate(steps, 1):
            mark = f"{number}. " if numbered else ""
            pieces.append((f"{mark}{_step(step, notes.steps[i])}\n", stage, step.id))
    if graph.answer is not None:
        pieces.append((f"{ANSWER_LINE} {_field('answer', graph.answer, notes)}", NO_STAGE, None))
    return Rendered(pieces)


_READERS = {"staged": parse_staged, "nrm": parse_nrm}
_WRITERS: dict[str, Callable[[ReasoningGraph, _Notes], Rendered]] = {"staged": _write_staged, "nrm": _write_nrm}
