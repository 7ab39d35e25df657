"""The Portuguese nano tasks: numbers are drawn as in English, the wordings are Portuguese."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from parsers.arithmetic.expressions import evaluate
from teachers import stories_pt as stories
from teachers.chat import draw_talk
from teachers.drawing import Drawn, Widths, draw_number, draw_operands, draw_pair, draw_terms

TWO_STEPS = 0.4
"""Share of word problems with two steps."""


def _arithmetic(operator: str, random: Random, widths: Widths) -> Drawn:
    a, b = draw_operands(random, operator, widths)
    expression = f"{a} {operator} {b}"
    return Drawn(f"Quanto é {expression}?", str(evaluate(expression)), expression.replace(" ", ""))


def _even_odd(random: Random, widths: Widths) -> Drawn:
    n = draw_number(random, 9999, widths)
    return Drawn(f"{n} é par ou ímpar?", "ímpar" if n % 2 else "par")


def _comparison(random: Random, widths: Widths) -> Drawn:
    word, choose = random.choice((("maior", max), ("menor", min)))
    a, b = draw_pair(random, widths)
    return Drawn(f"Qual é {word}, {a} ou {b}?", str(choose(a, b)))


def _sequence(random: Random, widths: Widths) -> Drawn:
    terms = draw_terms(random, widths)
    return Drawn(f"Qual é o próximo: {', '.join(map(str, terms[:4]))}?", str(terms[4]))


def _story(task: str, random: Random, widths: Widths) -> Drawn:
    one_step, *two_steps = stories.STORIES[task]
    expression, texts = random.choice(two_steps) if random.random() < TWO_STEPS else one_step
    numbers = _story_numbers(expression, random, widths)
    (name, gender), (other, _) = random.sample(stories.NAMES, 2)
    things, things_gender = random.choice(stories.THINGS)
    question = random.choice(texts).format(
        **numbers,
        name=name,
        other=other,
        ele="ela" if gender == "f" else "ele",
        things=things,
        o="a" if things_gender == "f" else "o",
        e="a" if things_gender == "f" else "e",
    )
    expression = expression.format(**numbers)
    return Drawn(question, str(evaluate(expression)), expression)


def _story_numbers(expression: str, random: Random, widths: Widths) -> dict[str, int]:
    """Numbers of a story: each at least two, so that plurals are right; differences are never negative."""
    if "*" in expression:
        low, high = (13, 99) if widths.extra else (2, 12)
        a, b = random.randint(low, high), random.randint(low, high)
        return {"a": a, "b": b, "c": random.randint(2, min(a * b, 10 ** (widths.of(2) + widths.extra) - 1))}
    a, b, c = (max(2, draw_number(random, 99, widths)) for _ in "abc")
    if expression == "{a}-{b}":
        a, b = max(a, b), min(a, b)
    elif expression == "{a}-{b}-{c}":
        a = max(a, 4)
        b = random.randint(2, a - 2)
        c = random.randint(2, a - b)
    return {"a": a, "b": b, "c": c}


def _true_false(random: Random, widths: Widths) -> Drawn:
    claims, numbers, is_true = random.choice((_greater, _sum, _even))(random, widths)
    claim = random.choice(claims).format(**numbers)
    return Drawn(random.choice(stories.CLAIM_FRAMES).format(claim=claim), "verdadeiro" if is_true else "falso")


Claim = tuple[tuple[str, ...], dict[str, int], bool]
"""The wordings of a claim, its numbers, and whether it is true."""


def _greater(random: Random, widths: Widths) -> Claim:
    is_true = random.random() < 0.5
    a, b = draw_pair(random, widths)
    if not is_true or random.random() < 0.5:
        b = near(random, a, below=10 ** (widths.of(4) + widths.extra))
    low, high = sorted((a, b))
    return stories.GREATER, {"a": high, "b": low} if is_true else {"a": low, "b": high}, is_true


def _sum(random: Random, widths: Widths) -> Claim:
    is_true = random.random() < 0.5
    a, b = draw_operands(random, "+", widths)
    return stories.SUM, {"a": a, "b": b, "c": a + b if is_true else near(random, a + b)}, is_true


def _even(random: Random, widths: Widths) -> Claim:
    n = draw_number(random, 9999, widths)
    return stories.EVEN, {"n": n}, n % 2 == 0


def near(random: Random, n: int, *, below: int | None = None) -> int:
    """A number similar to n: one digit differs by one or two, or two neighbouring digits are swapped."""
    digits = str(n)
    swaps = {int(digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]) for i in range(len(digits) - 1)}
    slips = {n + sign * size * 10**place for sign in (1, -1) for size in (1, 2) for place in range(len(digits))}
    others = {v for v in swaps | slips if v >= 0 and v != n and (below is None or v < below)}
    return random.choice(sorted(others))


TASKS: dict[str, Callable[[Random, Widths], Drawn]] = {
    "addition": partial(_arithmetic, "+"),
    "subtraction": partial(_arithmetic, "-"),
    "multiplication": partial(_arithmetic, "*"),
    "even_odd": _even_odd,
    "comparison": _comparison,
    "sequence": _sequence,
    **{task: partial(_story, task) for task in stories.STORIES},
    "true_false": _true_false,
    "chat": draw_talk,
}
