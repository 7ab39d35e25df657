"""The nano tasks: questions for a small student. A problem is a pure function of (task, seed, index).

>>> problem = draw_problem("arithmetic", seed=0, index=3, split="train")
>>> problem == draw_problem("arithmetic", seed=0, index=3, split="train")
True
>>> draw_problem("even_odd", seed=0, index=0, split="train", language="pt").question
'9734 é par ou ímpar?'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Literal

from parsers.arithmetic.expressions import evaluate
from teachers import portuguese, stories
from teachers.drawing import Drawn, Widths, draw_number, draw_operands, draw_pair, draw_terms
from teachers.problems import Problem, is_test_side

Split = Literal["train", "test"]


def draw_problem(
    task: str,
    *,
    seed: int,
    index: int,
    split: Split,
    extra_digits: int = 0,
    max_digits: int | None = None,
    language: str = "en",
) -> Problem:
    """The problem number `index` of a task, on the named side of the split.

    With `max_digits`, numbers have 1 to that many digits, all equally likely; otherwise the task decides. With
    `extra_digits`, numbers have that many digits more than in training; this shows where a student fails.

    Raises:
        ValueError: the language, its task or the split is unknown.
    """
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}; there are {', '.join(LANGUAGES)}")
    tasks = LANGUAGES[language]
    if task not in tasks:
        raise ValueError(f"unknown task {task!r}; there are {', '.join(tasks)}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}; there are train, test")
    name = task if language == "en" else f"{task}-{language}"
    wide = f"/{max_digits}" if max_digits else ""
    random, widths = Random(f"{name}/{seed}/{index}/{split}/{extra_digits}{wide}"), Widths(max_digits, extra_digits)
    while True:
        drawn = tasks[task](random, widths)
        if is_test_side(drawn.question) == (split == "test"):
            identity = f"{name}-{split}-{seed}-{index}"
            return Problem(drawn.question, drawn.answer, task, language, identity, drawn.expression, drawn.accepted)


def draw_problems(
    mix: Mapping[str, float] | Mapping[tuple[str, str], float],
    *,
    seed: int,
    split: Split,
    start: int = 0,
    extra_digits: int = 0,
    max_digits: int | None = None,
) -> Iterator[Problem]:
    """An endless stream of tasks with shares `mix`; item k does not depend on earlier items.

    A key of `mix` is an English task, or (language, task).
    """
    tasks = [("en", key) if isinstance(key, str) else key for key in mix]
    shares = list(mix.values())
    index = start
    while True:
        language, task = Random(f"mix/{seed}/{index}").choices(tasks, shares)[0]
        widths = {"extra_digits": extra_digits, "max_digits": max_digits}
        yield draw_problem(task, seed=seed, index=index, split=split, language=language, **widths)
        index += 1


def _arithmetic(random: Random, widths: Widths) -> Drawn:
    operator = random.choice("+-*")
    a, b = draw_operands(random, operator, widths)
    return _computation(f"{a} {operator} {b}")


def _two_step(random: Random, widths: Widths) -> Drawn:
    form = random.choice(("{a} + {b} - {c}", "{a} - {b} + {c}", "{a} * {b} + {c}"))
    a, c = draw_number(random, 99, widths), draw_number(random, 99, widths)
    b = random.randint(0, 9) if "*" in form else draw_number(random, 99, widths)
    return _computation(form.format(a=a, b=b, c=c))


def _computation(expression: str) -> Drawn:
    return Drawn(f"What is {expression}?", str(evaluate(expression)), expression.replace(" ", ""))


def _even_odd(random: Random, widths: Widths) -> Drawn:
    n = draw_number(random, 9999, widths)
    return Drawn(f"Is {n} even or odd?", "odd" if n % 2 else "even")


def _comparison(random: Random, widths: Widths) -> Drawn:
    word, choose = random.choice((("larger", max), ("smaller", min)))
    a, b = draw_pair(random, widths)
    return Drawn(f"Which is {word}, {a} or {b}?", str(choose(a, b)))


def _pattern(random: Random, widths: Widths) -> Drawn:
    terms = draw_terms(random, widths)
    return Drawn(f"What comes next: {', '.join(map(str, terms[:4]))}?", str(terms[4]))


def _word_problem(random: Random, widths: Widths) -> Drawn:
    text, expression = random.choice(random.choice(stories.STORIES))
    name, other = random.sample(stories.NAMES, 2)
    most = 10 ** (widths.of(2) + widths.extra) - 1
    if "*" in expression:
        low, high = (13, 99) if widths.extra else (2, 12)
        a, b = random.randint(low, high), random.randint(low, high)
        c = random.randint(1, min(draw_number(random, 99, widths) + 1, a * b, most))
    else:
        a, b = (max(2, draw_number(random, 99, widths)) for _ in "ab")
        if expression == "{a}-{b}":
            a, b = max(a, b), min(a, b)
        c = random.randint(1, min(a + b, most))
    values = {"a": a, "b": b, "c": c}
    question = text.format(**values, name=name, other=other, things=random.choice(stories.THINGS))
    expression = expression.format(**values)
    return Drawn(question, str(evaluate(expression)), expression)


def _sorting(random: Random, widths: Widths) -> Drawn:
    widths = widths.up_to(3)
    numbers = [draw_number(random, 99, widths) for _ in range(random.randint(3, 6))]
    question = f"Sort from smallest to largest: {', '.join(map(str, numbers))}"
    return Drawn(question, ", ".join(map(str, sorted(numbers))))


TASKS: dict[str, Callable[[Random, Widths], Drawn]] = {
    "arithmetic": _arithmetic,
    "two_step": _two_step,
    "even_odd": _even_odd,
    "comparison": _comparison,
    "pattern": _pattern,
    "word_problem": _word_problem,
    "sorting": _sorting,
}
"""The English tasks."""

LANGUAGES: dict[str, dict[str, Callable[[Random, Widths], Drawn]]] = {"en": TASKS, "pt": portuguese.TASKS}
"""Language -> task -> the function that draws it from a random generator and the widths of its numbers."""

WITHOUT_NUMBERS = ("chat",)
"""Tasks of small talk without mathematics; extra digits do not make them harder."""
