"""Writers of solutions: a model on this machine, many at a time, or an endpoint, with parallel requests.

write = writer_of(recipe, console)
write(wanted, keep, fail, tick)     keep(one, answer) for each solution, fail(one, reason) where there is none,
                                    tick(count) for so many tokens that were written
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from rich.console import Console

from distill.data.bases import base_errors, base_of
from distill.data.prompts import prompt
from distill.errors import UserError
from distill.evaluation.completions import Answer as Reply
from distill.evaluation.endpoint import Question, TooLate, ask_each, checked_endpoint
from distill.recipe.schema import ModelTeacher, Recipe
from distill.traces.problems import Task
from teachers.store import Answer, Request

if TYPE_CHECKING:
    from students.adapter import Base
    from students.continuous import Row


@dataclass(frozen=True, slots=True)
class Wanted:
    """A solution to request: its key in the store, the message, the problem."""

    request: Request
    message: str
    task: Task


JOIN_SHARE, MOST_JOINING = 16, 16
"""New solutions join once one in so many rows is free, because prompts read together cost less. No more than so many
join at once, because nothing is written while prompts are read."""

Keep = Callable[[Wanted, Answer], None]
Fail = Callable[[Wanted, str], None]
Tick = Callable[[int], None]
Writer = Callable[[Sequence[Wanted], Keep, Fail, Tick], None]


def writer_of(recipe: Recipe, console: Console) -> Writer:
    """The writer of a recipe's teacher; a model is loaded with the first request.

    Raises:
        UserError: the address of the endpoint is invalid. The writer raises it if the model cannot be loaded, or if
            the endpoint would refuse every question.
    """
    teacher = recipe.teacher
    assert isinstance(teacher, ModelTeacher)
    if teacher.kind != "endpoint":
        return partial(_write_here, cache(lambda: _load(teacher_base(recipe))), teacher)
    assert teacher.url is not None and teacher.model is not None
    endpoint = checked_endpoint(
        teacher.url, teacher.model, teacher.max_new_tokens, seconds=teacher.answer_seconds, named="teacher.url"
    )

    def write(wanted: Sequence[Wanted], keep: Keep, fail: Fail, tick: Tick) -> None:
        questions = {_question(one, teacher): one for one in wanted}

        def take(question: Question, reply: Reply) -> None:
            tick(reply.num_tokens or 0)
            _keep_reply(questions[question], reply, keep, fail)

        ask_each(
            endpoint,
            questions,
            take,
            parallel=teacher.concurrency,
            on_failure=lambda question, error: fail(questions[question], _without_address(error, endpoint.url)),
            on_wait=lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True),
        )

    return write


def teacher_name(recipe: Recipe) -> str:
    """The name of the teacher's model in the store and on the card."""
    teacher = recipe.teacher
    assert isinstance(teacher, ModelTeacher)
    if teacher.kind == "endpoint":
        return str(teacher.model)
    return teacher_base(recipe).held_as


def teacher_base(recipe: Recipe) -> Base:
    """The model of a teacher on this machine: the student's own base, or another."""
    from students.adapter import Base

    teacher = recipe.teacher
    assert isinstance(teacher, ModelTeacher)
    if teacher.kind == "self":
        student: Any = recipe.student  # the recipe refuses one without a base
        return base_of(student)
    return Base(str(teacher.model), teacher.gguf_file, teacher.load_in_4bit)


def _load(base: Base) -> tuple[Any, Any]:
    from students.adapter import load_base

    with base_errors("teacher"):
        return load_base(base)


def _write_here(
    load: Callable[[], tuple[Any, Any]],
    teacher: ModelTeacher,
    wanted: Sequence[Wanted],
    keep: Keep,
    fail: Fail,
    tick: Tick,
) -> None:
    """Solutions are written in `teacher.concurrency` rows; one that has ended is kept, and the next takes its place."""
    from students.continuous import ContinuousBatch
    from students.generation import text_of
    from students.precision import threads_that_pay

    model, tokenizer = load()
    batch = ContinuousBatch(model, tokenizer, stop=None)
    queue, writing = deque(wanted), dict[Any, Wanted]()
    few = min(MOST_JOINING, teacher.concurrency // JOIN_SHARE)
    with threads_that_pay():
        while queue or writing:
            free = min(teacher.concurrency - len(writing), len(queue), MOST_JOINING)
            joins = free if free >= min(few, len(queue)) else 0
            joining = {_row(one, teacher, tokenizer): one for one in (queue.popleft() for _ in range(joins))}
            writing.update(joining)
            tick(len(batch.step([*joining])))
            for row in [row for row in writing if row.finish]:
                one, text = writing.pop(row), text_of(tokenizer, row.written, None)
                _keep_reply(one, Reply(one.message, text, row.finish == "stop", len(row.written)), keep, fail)


def _row(one: Wanted, teacher: ModelTeacher, tokenizer: Any) -> Row:
    """A row of the batch that writes one solution, drawn by the seed of its request."""
    from students.continuous import Row
    from students.decoding import Decoding

    ids = tokenizer(prompt(tokenizer, one.message), add_special_tokens=False)["input_ids"]
    return Row(ids, teacher.max_new_tokens, Decoding(temperature=teacher.temperature), _seed(one.request))


def _question(one: Wanted, teacher: ModelTeacher) -> Question:
    return Question(one.message, teacher.temperature, _seed(one.request) if teacher.temperature else None)


def _keep_reply(one: Wanted, reply: Reply, keep: Keep, fail: Fail) -> None:
    if not reply.output.strip():
        fail(one, "an empty answer")
        return
    request = one.request
    answer = Answer(
        key=request.key,
        question=request.question,
        text=reply.output,
        finished=reply.finished,
        num_tokens=reply.num_tokens,
        teacher=request.teacher,
        template=request.template,
        sampling=dict(request.sampling),
        sample=request.sample,
    )
    keep(one, answer)


def _seed(request: Request) -> int:
    """The seed of a draw: different for every request, and the same if the request is repeated."""
    return int(request.key[:7], 16)


def _without_address(error: UserError, url: str) -> str:
    """The reason without the address, so that equal reasons are counted together, and advice."""
    cure = "; lower teacher.concurrency or raise teacher.answer_seconds" if isinstance(error, TooLate) else ""
    return str(error).removeprefix(f"{url}/chat/completions: ") + cure
