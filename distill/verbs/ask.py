"""`distill ask`: shows a student's answer on the terminal, stage by stage, with a verdict on each computation.

distill ask runs/miniaxion-1f0c9a52 "What is 4 + 5?"

UNDERSTAND  4+5
PLAN        add
EXECUTE     4+5=9 ✓
VERIFY      9-5=4 ok ✓
ANSWER      9
2 of 2 computations are right; whether they answer the question is not checked
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from distill.data.known_tasks import KEY, example_questions, known_tasks, why_foreign
from distill.data.prompts import has_tags, prompt
from distill.errors import UserError, printable
from distill.evaluation.votes import SAMPLING_TEMPERATURE, Poll
from distill.report.blocks import count_checked, stage_blocks
from distill.report.tokens import COLOURS
from distill.runs.quiet import quiet_libraries
from distill.runs.students import helpers_of, loaded, student_path
from distill.verbs.sampling import sampling_of, vote_on_one
from parsers import parse

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

STYLES = {stage.name: colour for stage, colour in COLOURS.items()} | {"ANSWER": "bold"}
LONGEST_QUESTION = 500_000
"""Characters; to count the tokens of millions takes minutes."""
STEP_SHOWN = 3
"""Characters that are written before a terminal shows them."""


def ask(
    student: str,
    question: str | None,
    console: Console,
    *,
    max_new_tokens: int = 384,
    temperature: float | None = None,
    repetition_penalty: float = 1.0,
    seed: int = 0,
    calculator: bool = False,
    guided: bool = False,
    samples: int = 1,
    vote: str = "plain",
    raw: bool = False,
) -> None:
    """Show a student's answer to the question; without one, or with "-", to each line of standard input.

    `student` is a run folder, the folder of a saved student, or a name on the Hub. `raw` shows the text with its
    markers. Of several `samples` the winner of the `vote` is shown. The other arguments are those of
    `students.generation.stream`. Every answer is drawn from `seed`, independent of earlier questions.

    Raises:
        UserError: there is no student, a number is out of range, `calculator` or `guided` is for another kind
            of student, or a question is empty or leaves no room in the student's context.
    """
    path = student_path(student)
    if question is not None and not question.strip():
        raise UserError('question: it is empty; write it after the student, or "-" to read lines of standard input')
    if question is not None:
        question = question.encode(errors="replace").decode()  # bytes that are no text reach us as halves
    if temperature is None:
        temperature = SAMPLING_TEMPERATURE if samples > 1 else 0.0
    sampling = sampling_of(samples, vote, temperature=temperature, seed=seed)
    if sampling and (calculator or guided):
        raise UserError(f"--{'calculator' if calculator else 'guided'}: not with --samples; leave one of them out")
    quiet_libraries()  # imports transformers, so not before the student and the question are known
    from students.decoding import Decoding
    from students.generation import stream
    from students.precision import threads_that_pay

    try:
        Decoding(temperature=temperature, repetition_penalty=repetition_penalty)
    except ValueError as error:
        raise UserError(f"options: {error}") from None
    model, tokenizer = loaded(path)
    options: dict[str, Any] = {"repetition_penalty": repetition_penalty, "max_new_tokens": max_new_tokens}
    helpers = helpers_of(model, tokenizer, calculator=calculator, guided=guided)
    with threads_that_pay():
        for asked in _lines() if question in (None, "-") else [question]:
            text = _prompt(model, tokenizer, asked)
            tasks = known_tasks(getattr(model.config, KEY, None))
            if sampling:
                poll, texts = vote_on_one(model, tokenizer, text, sampling, question=asked, **options)
                show_vote(poll, texts, asked, console, raw=raw)
            else:
                how = {"seed": seed, "temperature": temperature, "logits_processor": helpers}
                pieces = stream(model, tokenizer, text, **how, **options)
                show_raw(pieces) if raw else show(pieces, asked, console)
            if not raw and (reason := why_foreign(asked, tasks, any_length=has_tags(tokenizer))):
                show_hint(reason, tasks, console)


def _prompt(model: nn.Module, tokenizer: PreTrainedTokenizerBase, question: str) -> str:
    """The prompt of a question; UserError if it leaves no room for an answer."""
    if len(question) > LONGEST_QUESTION:
        raise UserError(f"question: {len(question):,} characters are no question; shorten it")
    context = getattr(model.config, "max_position_embeddings", None) or math.inf
    text = prompt(tokenizer, question)
    length = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    if length >= context:
        raise UserError(f"question: {length} tokens with its prompt, but this student reads {context}; shorten it")
    return text


def show_vote(poll: Poll, texts: Sequence[str], question: str, console: Console, *, raw: bool) -> None:
    """Show the winning sample, and the votes."""
    won = texts[poll.winner.best_sample if poll.winner else 0]
    if raw:
        show_raw([won])
        return
    show([won], question, console)
    for one in poll.ranked:
        weight = f", weight {one.weight:.1f}" if poll.how == "verify" else ""
        console.print(Text(f"{one.answer}: {len(one.samples)} of {poll.num_counted} votes{weight}"))
    if not poll.ranked:
        console.print(Text("no sample has an answer"))
    if poll.num_counted < poll.num_samples:
        console.print(Text(f"decided after {poll.num_counted} of {poll.num_samples} samples"))


def show_hint(reason: str, tasks: Sequence[str], console: Console) -> None:
    """Warn that the student was not trained on such questions, and show examples of those that it knows."""
    console.print(f"The student does not know such questions: {reason}. It knows:", style="yellow")
    table = Table.grid(padding=(0, 2))
    for task, question in example_questions(tasks).items():
        table.add_row(Text(f"  {task}"), Text(question))
    console.print(table)


def show_raw(pieces: Iterable[str]) -> None:
    """Print pieces of a text as they come, and end the line."""
    try:
        for piece in pieces:
            print(printable(piece), end="", flush=True)
    finally:
        print(flush=True)


def show(pieces: Iterable[str], question: str, console: Console) -> None:
    """Show an answer stage by stage: live on a terminal, elsewhere once it has ended or was interrupted."""
    text, shown = "", 0
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            for piece in pieces:
                text += piece
                if console.is_terminal and len(text) - shown > STEP_SHOWN:
                    shown = len(text)
                    live.update(in_stages(text, question), refresh=True)
    finally:
        console.print(in_stages(text, question))
    held, checked = count_checked(parse(text, question=question))
    if checked:
        verdict = f"{held} of {checked} computations {'is' if held == 1 else 'are'} right"
        console.print(
            Text(f"{verdict}; whether they answer the question is not checked", style="" if held == checked else "red")
        )


def in_stages(text: str, question: str) -> Table:
    """One line per step: its stage, its text, and ✓ or ✗ if it computes something."""
    table = Table.grid(padding=(0, 2))
    before = None
    for block in stage_blocks(text, question=question):
        style = STYLES.get(block.stage, "")
        for piece in block.pieces:
            line = Text(piece.text, style=style)
            if piece.correct is not None:
                line.append(" ✓" if piece.correct else " ✗", style="green" if piece.correct else "bold red")
            if piece.note:
                line.append(f" {piece.note}", style="red")
            table.add_row(Text(block.stage if block.stage != before else "", style=style), line)
            before = block.stage
    return table


def _lines() -> Iterator[str]:
    """The questions of standard input; blank lines are skipped."""
    if sys.stdin.isatty():
        print("one question per line; Ctrl-D ends", file=sys.stderr)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # else bytes that are no text reach the tokenizer
    try:
        yield from filter(None, map(str.strip, sys.stdin))
    except UnicodeDecodeError:
        raise UserError("standard input: not UTF-8; save the questions as UTF-8 text") from None
