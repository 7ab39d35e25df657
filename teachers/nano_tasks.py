"""The English nano tasks: questions that a 0.9M student is asked. A problem is a pure function of (task, seed, index).

>>> problem = draw_problem("arithmetic", seed=0, index=3, split="train")
>>> problem == draw_problem("arithmetic", seed=0, index=3, split="train")
True
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal

from parsers.expressions import evaluate
from teachers import stories
from teachers.problems import Problem, is_test_side

Split = Literal["train", "test"]


def draw_problem(task: str, *, seed: int, index: int, split: Split, extra_digits: int = 0) -> Problem:
    """The problem number `index` of a task, on the named side of the split.

    With `extra_digits` numbers have that many digits more than any of the plain task (lists and sequences
    start higher); used to show where a student breaks.

    Raises:
        ValueError: the task or the split is unknown.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; there are {', '.join(TASKS)}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}; there are train, test")
    random = Random(f"{task}/{seed}/{index}/{split}/{extra_digits}")
    while True:
        question, answer, expression = TASKS[task](random, extra_digits)
        if is_test_side(question) == (split == "test"):
            return Problem(question, answer, task, "en", f"{task}-{split}-{seed}-{index}", expression)


def draw_problems(
    mix: dict[str, float], *, seed: int, split: Split, start: int = 0, extra_digits: int = 0
) -> Iterator[Problem]:
    """An endless stream over tasks, each with its share of `mix`; item k does not depend on the items before it."""
    tasks, shares = list(mix), list(mix.values())
    index = start
    while True:
        task = Random(f"mix/{seed}/{index}").choices(tasks, shares)[0]
        yield draw_problem(task, seed=seed, index=index, split=split, extra_digits=extra_digits)
        index += 1


def _number(random: Random, high: int, extra_digits: int) -> int:
    """0 … high; with extra digits a number that has that many more digits than `high`."""
    if not extra_digits:
        return random.randint(0, high)
    digits = len(str(high)) + extra_digits
    return random.randint(10 ** (digits - 1), 10**digits - 1)


def _arithmetic(random: Random, extra: int) -> tuple[str, str, str]:
    operator = random.choice("+-*")
    high = 99 if operator == "*" else 999
    a, b = _number(random, high, extra), _number(random, high, extra)
    return _computation(f"{a} {operator} {b}")


def _two_step(random: Random, extra: int) -> tuple[str, str, str]:
    form = random.choice(("{a} + {b} - {c}", "{a} - {b} + {c}", "{a} * {b} + {c}"))
    a, c = _number(random, 99, extra), _number(random, 99, extra)
    b = random.randint(0, 9) if "*" in form else _number(random, 99, extra)
    return _computation(form.format(a=a, b=b, c=c))


def _computation(expression: str) -> tuple[str, str, str]:
    return f"What is {expression}?", str(evaluate(expression)), expression.replace(" ", "")


def _even_odd(random: Random, extra: int) -> tuple[str, str, None]:
    n = _number(random, 9999, extra)
    return f"Is {n} even or odd?", "odd" if n % 2 else "even", None


def _comparison(random: Random, extra: int) -> tuple[str, str, None]:
    word, choose = random.choice((("larger", max), ("smaller", min)))
    is_same_length = random.random() < 0.5
    while True:
        digits = [random.randint(1, 4) for _ in "ab"]
        if is_same_length:
            digits[1] = digits[0]
        if extra:
            digits = [4 + extra, 4 + extra if is_same_length else random.randint(1, 4)]
        a, b = (random.randint(10 ** (d - 1) if d > 1 else 0, 10**d - 1) for d in digits)
        if a != b and (len(str(a)) == len(str(b))) == is_same_length:
            return f"Which is {word}, {a} or {b}?", str(choose(a, b)), None


def _pattern(random: Random, extra: int) -> tuple[str, str, None]:
    if random.random() < 0.5:
        start, step = _number(random, 99, extra), random.choice([d for d in range(-20, 21) if d])
        terms = [start + step * i for i in range(5)]
    else:
        start, ratio = random.randint(1, 9) * 10**extra, random.choice((2, 3))
        terms = [start * ratio**i for i in range(5)]
    return f"What comes next: {', '.join(map(str, terms[:4]))}?", str(terms[4]), None


def _word_problem(random: Random, extra: int) -> tuple[str, str, str]:
    text, expression = random.choice(random.choice(stories.STORIES))
    name, other = random.sample(stories.NAMES, 2)
    if "*" in expression:
        low, high = (13, 99) if extra else (2, 12)
        a, b = random.randint(low, high), random.randint(low, high)
        c = random.randint(1, min(_number(random, 99, extra) + 1, a * b, 99 if not extra else 999))
    else:
        a, b = (max(2, _number(random, 99, extra)) for _ in "ab")
        if expression == "{a}-{b}":
            a, b = max(a, b), min(a, b)
        c = random.randint(1, min(a + b, 99 if not extra else 999))
    values = {"a": a, "b": b, "c": c}
    question = text.format(**values, name=name, other=other, things=random.choice(stories.THINGS))
    expression = expression.format(**values)
    return question, str(evaluate(expression)), expression


def _sorting(random: Random, extra: int) -> tuple[str, str, None]:
    numbers = [_number(random, 99, extra) for _ in range(random.randint(3, 6))]
    return (
        f"Sort from smallest to largest: {', '.join(map(str, numbers))}",
        ", ".join(map(str, sorted(numbers))),
        None,
    )


TASKS = {
    "arithmetic": _arithmetic,
    "two_step": _two_step,
    "even_odd": _even_odd,
    "comparison": _comparison,
    "pattern": _pattern,
    "word_problem": _word_problem,
    "sorting": _sorting,
}
