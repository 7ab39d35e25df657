"""What was read of a free text, what was not and how that is said; code read without being run."""

from __future__ import annotations

from fractions import Fraction

import pytest

from parsers import Stage, parse
from parsers.arithmetic.expressions import evaluate
from parsers.reading.coverage import share_read

QUESTION = "A shop sold 48 cups in April and half as many in May. How many in both months?"
CODE = """Here is the code.
```python
# given
cups = 48
may = cups / 2  # half as many
total = cups + may
print(f"Total: {total}")
```
The answer is 72.
"""


def test_code_is_read_line_by_line() -> None:
    steps = parse(CODE, question=QUESTION).steps[1:-1]
    assert [step.text for step in steps][1] == "may = cups / 2  # half as many"
    assert [(step.stage, step.value) for step in steps] == [
        (Stage.UNDERSTAND, 48),
        (Stage.EXECUTE, 24),
        (Stage.EXECUTE, 72),
        (Stage.EXECUTE, 72),
    ]
    assert [step.depends_on for step in steps] == [("48",), ("48", "half"), ("48", 2), (3,)]
    assert steps[1].expression == "48/2"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("x = 3 * (4 + 5)", 27),
        ("x = 7 / 2", Fraction(7, 2)),
        ("x = 2 ** 5", 32),
        ("x: int = 40 - 12", 28),
        ("return 6 * 7", 42),
        ("print('total', 6 * 7)", 42),
        ("x = int(9 * 2)", 18),
        ("const x = 3 * 9;", 27),
        ("let x = 3 + 9", 12),
        ("x = 1_500 * 2", 3000),
        ("x_1 = step_2", None),
        ("x = max(3, 4)", 4),
        ("x = max(scores)", None),
        ("x = y + 1", None),
        ("x = 7 // 2", 3),
        ("x = -7 // 2", -4),
        ("x = 17 % 5", 2),
        ("x = 7 // 0", None),
        ("x = sum([3, 4, 5])", 12),
        ("x = abs(3 - 9) * 2", 12),
        ("x = math.ceil(17 / 5)", 4),
        ("x = math.gcd(12, 18)", 6),
        ("x = round(10 / 3, 2)", Fraction(333, 100)),
        ("const x = Math.floor(17 / 5); // full boxes", 3),
        ("x = min", None),
        ("x = 2 ** 100000", None),
        ("x = [1, 2]", None),
        ("for i in range(3):", None),
        ("x = __import__('os').system('true')", None),
        ("x = 9 ** 9 ** 9", None),
        ("if x == 3:", None),
    ],
)
def test_simple_arithmetic_alone_is_worked_out(line: str, value: Fraction | int | None) -> None:
    (step,) = parse(f"```python\n{line}\n```", format="freeform").steps
    assert step.value == value


def test_a_variable_that_changes_is_followed() -> None:
    steps = parse("```\ntotal = 5 + 6\ntotal += 4\ntotal *= 2\n```", format="freeform").steps
    assert [step.value for step in steps] == [11, 15, 30]
    assert [step.depends_on for step in steps] == [(), (0,), (1,)]


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ("x = 3\nfor i in range(4):\n    x += 2\nprint(x)", [3, None, None, None]),  # nobody runs the loop
        ("x = 3\nif x > 2:\n    x = 10 * 2\nprint(x)", [3, None, None, None]),
        ("x = 3\nx = input()\ny = x + 1", [3, None, None]),
        ("def solve():\n    x = 3\n    return x * 4", [None, 3, 12]),
        ("prices = [3, 5]\ntotal = sum(prices)", [None, 8]),
        ("prices = [3, 5]\nprices = load()\ntotal = sum(prices)", [None, None, None]),
    ],
)
def test_variables_whose_value_is_not_known_are_forgotten(lines: str, values: list[int | None]) -> None:
    steps = parse(f"```python\n{lines}\n```", format="freeform").steps
    assert [step.value for step in steps] == values


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("x = (3 + 4) * 5", "(3+4)*5"),
        ("x = 17 // 5", "⌊17/5⌋"),
        ("x = 17 % 5 + 1", "(17 mod 5)+1"),
        ("x = max(3, 7)", "max(3,7)"),
    ],
)
def test_an_expression_in_code_reads_as_arithmetic(line: str, expression: str) -> None:
    (step,) = parse(f"```\n{line}\n```", format="freeform").steps
    assert step.expression == expression
    assert evaluate(expression) == step.value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```python\nfor i in range(3):\n    total = step(i)\n```\nThe answer is 3.", "2 lines of code were not read"),
        ("| month | cups |\n|---|---|\n| April | 48 |\nThe answer is 72.", "a table was not read"),
        ("So 48 / 2 = 24.\nThe answer is", "an answer phrase gives no value"),
        (
            "小明有五个苹果，又买了三个，一共有多少个苹果？",
            "the language is none of English, Portuguese and Vietnamese",
        ),
        (
            "Marta tiene cinco manzanas y compra tres más para sus hijos.",
            "the language is none of English, Portuguese and Vietnamese",
        ),
    ],
)
def test_what_was_not_read_is_named(text: str, problem: str) -> None:
    assert problem in parse(text, format="freeform").problems


def test_what_was_read_is_no_problem() -> None:
    text = "In May it sold 48 / 2 = 24 cups.\nTogether that makes 48 + 24 = 72.\nThe answer is 72."
    assert parse(text, question=QUESTION, format="freeform").problems == ()


def test_the_share_read_is_low_for_words_and_high_for_equations() -> None:
    equations = "In May it sold 48 / 2 = 24 cups.\nTogether that makes 48 + 24 = 72."
    words = "She halved it for May and put both together, coming to seventy-two after twenty-four."
    assert share_read(parse(equations, question=QUESTION, format="freeform")) == 1
    assert (share_read(parse(words, question=QUESTION, format="freeform")) or 0) < 0.5
    assert share_read(parse("We shall see.", question=QUESTION, format="freeform")) is None
