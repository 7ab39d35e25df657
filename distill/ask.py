"""`distill ask`: a student answers on the terminal, the text shown as it is written, each stage in its colour.

distill ask runs/miniaxion-1f0c9a52 "What is 4 + 5?"     ->  [UNDERSTAND]<STEP>…</THINK><ANS>9</ANS>
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console

from distill.check import COLOURS
from distill.colouring import MARK
from distill.errors import UserError
from distill.eval_files import loaded, student_path
from distill.evaluation.evaluate import prompt

STYLES = {stage.name: colour for stage, colour in COLOURS.items()} | {"ANSWER": "bold"}


def ask(
    student: str,
    question: str | None,
    console: Console,
    *,
    max_new_tokens: int = 384,
    temperature: float = 0.0,
    repetition_penalty: float = 1.0,
    seed: int = 0,
    calculator: bool = False,
) -> None:
    """Show what a student answers; without a question, or with "-", to each line of standard input until it ends.

    `student` is a run folder, the folder of a saved student, or a name on the Hub; the other arguments are those of
    `students.generation.stream`. Every question is drawn from `seed`, whatever was asked before it.

    Raises:
        UserError: there is no student, a number makes no sense, the calculator is for another kind of student, a
            question is empty or leaves no room in the student's context.
    """
    from students.decoding import Decoding
    from students.generation import stream

    options: dict[str, Any] = {"temperature": temperature, "repetition_penalty": repetition_penalty}
    try:
        Decoding(**options)
    except ValueError as error:
        raise UserError(f"options: {error}") from None
    if question is not None and not question.strip():
        raise UserError('question: it is empty; write it behind the student, or "-" for the lines of standard input')
    model, tokenizer = loaded(student_path(student))
    context = getattr(model.config, "max_position_embeddings", None) or math.inf
    if calculator:
        from students.calculator import Calculator

        if not hasattr(model, "peft_config"):
            raise UserError("--calculator: nano students write no <<…>>; it is for adapter students")
        options["logits_processor"] = Calculator(tokenizer)
    for asked in _lines() if question in (None, "-") else [question]:
        text = prompt(tokenizer, asked)
        length = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        if length >= context:
            raise UserError(f"question: {length} tokens with its prompt, but this student reads {context}; shorten it")
        show(stream(model, tokenizer, text, max_new_tokens=max_new_tokens, seed=seed, **options), console)


def show(pieces: Iterable[str], console: Console) -> None:
    """Print pieces of a text as they come, on a terminal in the colours of the stages, and end the line."""
    try:
        if console.is_terminal:
            for part, style in _styled(pieces):
                console.out(part, style=style, highlight=False, end="")
        else:
            for piece in pieces:
                print(piece, end="", flush=True)
    finally:
        print(flush=True)


def _styled(pieces: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The parts of a text with their styles; a mark has the style of what it opens."""
    style = ""
    for piece in pieces:
        start = 0
        for mark in MARK.finditer(piece):
            yield piece[start : mark.start()], style
            start, style = mark.start(), STYLES.get(mark[1] or "ANSWER" * bool(mark[2]), "")
        yield piece[start:], style


def _lines() -> Iterator[str]:
    """The questions of standard input; blank lines are none."""
    if sys.stdin.isatty():
        print("a question a line; Ctrl-D ends", file=sys.stderr)
    try:
        yield from filter(None, map(str.strip, sys.stdin))
    except UnicodeDecodeError:
        raise UserError("standard input: not UTF-8; save the questions as UTF-8 text") from None
