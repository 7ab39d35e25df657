"""The symbolic teacher: solves the nano tasks exactly and writes four-stage traces in the words of a tiny model.

    What is 347 - 285?
    [UNDERSTAND] 347-285
    [PLAN]       compare, subtract
    [EXECUTE]    3>2, 7-5=2, 4-8-0+10=6, 3-2-1=0
    [VERIFY]     62+285=347 ok
    62

Numbers are worked on digit by digit, least significant first. Every step restates the digits that it needs, so that
computing it is a look-up in what stands next to it; operands are padded to one width, so that a digit's place is its
position. What was tried before this wording, and how long each took to be learnt, stands in docs/log.md.

VERIFY undoes the whole computation in one step, or (`verify="steps"`) computes every step again and writes the value
that EXECUTE holds beside its own, so that comparing is a matter of two neighbours. From an error on it only computes:

    [EXECUTE]    3>2 | 7-5=2    | 4-8-0+10=8          | 3-2-1=0
    [VERIFY]     3>2 | 7-5=2, 2 | 4-8-0+10=6, 8 wrong | 3-2-1=0 | ok
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from random import Random
from typing import Literal

from parsers.graph import Stage
from teachers.chat import talk_of
from teachers.problems import Problem, Trace
from teachers.words import WORDS, Words

Steps = list[tuple[Stage, str]]
Verify = Literal["inverse", "steps"]


@dataclass
class Work:
    """A trace being written. Step number `wrong_step` of those that compute gets a plausible wrong value, and each
    later one too with probability `slip_rate`; `changed` gives EXECUTE steps by their place the value to have."""

    words: Words = WORDS["en"]
    wrong_step: int | None = None
    slip_rate: float = 0.0
    changed: Mapping[int, int] = field(default_factory=dict)
    random: Random = field(default_factory=Random)
    steps: Steps = field(default_factory=list)
    num_computed: int = 0
    checks_steps: bool = False

    @property
    def executed(self) -> list[str]:
        """The EXECUTE steps so far."""
        return [text for stage, text in self.steps if stage is Stage.EXECUTE]

    def verify(self, check: str, *, of: Sequence[str] | None = None) -> list[str]:
        """VERIFY of this right work's EXECUTE steps, or `of` others, which hold an error."""
        execute, by_steps = self.executed, self.checks_steps and self.num_computed > 0
        verdict = ["ok"] if by_steps else [f"{check} ok"] if check else []
        first = len(execute) if of is None else first_difference(of, execute)
        checked = [_compared(step, step) for step in execute[:first]] if by_steps else []
        if of is None:
            return [*checked, *verdict]
        corrected = f"{_compared(execute[first], of[first])} {self.words.wrong}"
        return [*checked, corrected, *execute[first + 1 :], *verdict]

    def write(self, stage: Stage, *texts: str) -> None:
        """Add steps to a stage."""
        self.steps.extend((stage, text) for text in texts)

    def compute(self, expression: str, value: int) -> int:
        """Write `expression=value` as a step, with an error if this is a place for it; what was written."""
        if self._slips():
            value = _plausible_error(value, self.random)
        if self.changed:
            value = self.changed.get(len(self.executed), value)
        self.num_computed += 1
        self.write(Stage.EXECUTE, f"{expression}={value}")
        return value

    def _slips(self) -> bool:
        if self.wrong_step is None or self.num_computed <= self.wrong_step:
            return self.num_computed == self.wrong_step
        return self.slip_rate > 0 and self.random.random() < self.slip_rate


def first_difference(steps: Sequence[str], others: Sequence[str]) -> int:
    """Number, from 0, of the first step that is another; of the shorter's end where there is none."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(steps, others, strict=False)))


def _compared(step: str, written: str) -> str:
    """A step that computes with the value beside it that `written` gives the same expression; others as they stand."""
    expression, equals, value = step.rpartition("=")
    if written == step:
        return f"{step}, {value}" if equals else step
    return f"{step}, {written.removeprefix(expression + equals)}"


def _plausible_error(value: int, random: Random) -> int:
    """A slip in the last digit, in the carry, or in both digits' order."""
    candidates = {value + 1, value - 1, value + 2, value - 2, value + 10, value - 10, int(str(value)[::-1])}
    return random.choice(sorted(v for v in candidates - {value} if 0 <= v < 100))


def aligned(numbers: list[int]) -> list[str]:
    """The numbers in decimal, padded with zeros to the widest."""
    width = max(len(str(n)) for n in numbers)
    return [str(n).zfill(width) for n in numbers]


def add(work: Work, x: str, y: str) -> int:
    """Column by column, x and y equally long."""
    carry, digits = "", ""
    for a, b in zip(reversed(x), reversed(y), strict=True):
        total = work.compute(f"{a}+{b}{carry}", int(a) + int(b) + int(carry or 0))
        carry, digits = f"+{total // 10}", str(total % 10) + digits
    return int(carry + digits)


def subtract(work: Work, x: str, y: str) -> int:
    """Column by column, x and y equally long and x >= y."""
    borrow, digits = "", ""
    for a, b in zip(reversed(x), reversed(y), strict=True):
        difference = int(a) - int(b) + int(borrow or 0)
        needs_ten = difference < 0
        value = work.compute(f"{a}-{b}{borrow}" + "+10" * needs_ten, difference + 10 * needs_ten)
        borrow, digits = f"-{int(needs_ten)}", str(value % 10) + digits
    return int(digits)


def multiply_row(work: Work, x: str, digit: str) -> int:
    """x times one digit; the product and the carry are two steps, since each is a small table and both a large one."""
    carry, digits = 0, ""
    for a in reversed(x):
        product = work.compute(f"{a}*{digit}", int(a) * int(digit))
        if carry:
            product = work.compute(f"{product}+{carry}", product + carry)
        carry, digits = product // 10, str(product % 10) + digits
    return int(f"{carry}{digits}")


def multiply(work: Work, x: str, y: str) -> int:
    """Row by row, then the rows are added up."""
    total = multiply_row(work, x, y[-1])
    for place, digit in enumerate(reversed(y[:-1]), start=1):
        row = multiply_row(work, x, digit) * 10**place
        left, right = aligned([total, row])
        work.write(Stage.EXECUTE, f"{left}+{right}")
        total = add(work, left, right)
    return total


def compare(work: Work, x: str, y: str) -> str:
    """`<`, `>` or `=`, digit by digit from the left, x and y equally long."""
    for a, b in zip(x, y, strict=True):
        sign = "<" if a < b else ">" if a > b else "="
        work.write(Stage.EXECUTE, f"{a}{sign}{b}")
        if sign != "=":
            return sign
    return "="


def signed_difference(work: Work, x: str, y: str) -> int:
    """x - y, where it is not known yet which is larger."""
    if compare(work, x, y) == "<":
        work.write(Stage.EXECUTE, f"-({y}-{x})")
        return -subtract(work, y, x)
    return subtract(work, x, y)


def signed_sum(work: Work, x: int, sign: str, y: int) -> int:
    """x + y or x - y for x of any sign and y >= 0, first restated as a sum or difference of magnitudes."""
    left, right = aligned([abs(x), y])
    if x < 0 and sign == "-":
        work.write(Stage.EXECUTE, f"-({left}+{right})")
        return -add(work, left, right)
    if x < 0:
        left, right, sign = right, left, "-"
    work.write(Stage.EXECUTE, f"{left}{sign}{right}")
    return add(work, left, right) if sign == "+" else signed_difference(work, left, right)


def _calculate(work: Work, problem: Problem) -> tuple[str, str]:
    """Sums, differences and products of two or three numbers, bare or told."""
    assert problem.expression is not None
    first, *rest = re.split(r"([-+*])", problem.expression)
    terms = [(rest[i], int(rest[i + 1])) for i in range(0, len(rest), 2)]
    if [sign for sign, _ in terms] == ["-", "+"]:
        terms.reverse()  # adding first keeps what is in between positive
    x, (sign, y) = int(first), terms[0]
    if sign == "*":
        x, y = sorted((x, y), key=lambda n: -len(str(n)))  # one row where one digit is enough
        terms[0] = (sign, y)
        left, right, *others = str(x), str(y), *(str(n) for _, n in terms[1:])
    else:
        left, right, *others = aligned([x, y, *(n for _, n in terms[1:])])
    signs = [sign, *(s for s, _ in terms[1:])]
    work.write(Stage.UNDERSTAND, left + "".join(s + n for s, n in zip(signs, [right, *others], strict=True)))
    words = work.words
    plans = {"+": [words.add], "-": [words.compare, words.subtract], "*": [words.multiply]}
    work.write(Stage.PLAN, *(word for s in signs for word in plans[s]))
    operation: dict[str, Callable[[Work, str, str], int]] = {"+": add, "-": signed_difference, "*": multiply}
    result = operation[sign](work, left, right)
    for sign_, n in terms[1:]:
        left_, right_ = aligned([result, n])
        work.write(Stage.EXECUTE, f"{left_}{sign_}{right_}")
        result = operation[sign_](work, left_, right_)
    return str(result), _inverse(x, terms, result)


def _inverse(x: int, terms: list[tuple[str, int]], result: int) -> str:
    """What undoes the computation and should give x again, `{r}` standing for the result."""
    (sign, y), later = terms[0], "".join({"+": "-", "-": "+"}[s] + str(n) for s, n in terms[1:])
    if sign != "*":
        return f"{{r}}{later}{'-' if sign == '+' else '+'}{y}={x}"
    product = f"({{r}}{later})" if later else "{r}"
    return f"{product}/{y}={x}" if y else f"{{r}}{later}=0"


def _pattern(work: Work, problem: Problem) -> tuple[str, str]:
    terms = [int(t) for t in re.findall(r"-?\d+", problem.question)]
    last = terms[-1]
    work.write(Stage.UNDERSTAND, f"{terms[0]}, {terms[1]}, {last}")
    if terms[2] - terms[1] == terms[1] - terms[0]:
        work.write(Stage.PLAN, work.words.difference, work.words.add)
        difference = signed_sum(work, terms[1], "-", terms[0])
        result = signed_sum(work, last, "-" if difference < 0 else "+", abs(difference))
        return str(result), f"{{r}}{'-' if last >= 0 else '+'}{abs(last)}={terms[1] - terms[0]}"
    ratio = terms[1] // terms[0]
    work.write(Stage.PLAN, f"{work.words.times} {ratio}", work.words.multiply)
    work.write(Stage.EXECUTE, f"{last}*{ratio}")
    return str(multiply(work, str(last), str(ratio))), f"{{r}}/{ratio}={last}"


def _even_odd(work: Work, problem: Problem) -> tuple[str, str]:
    digit = int(re.findall(r"\d", problem.question)[-1])
    work.write(Stage.UNDERSTAND, f"{work.words.last} {digit}")
    work.write(Stage.PLAN, work.words.halve)
    rest = digit % 2
    if work.checks_steps:  # this step can be wrong, too, though the answer does not rest on its value
        work.compute(f"{digit}-{rest}", digit - rest)
    else:
        work.write(Stage.EXECUTE, f"{digit}-{rest}={digit - rest}")
    return work.words.odd if rest else work.words.even, f"{digit // 2}*2+{rest}={digit}"


def _comparison(work: Work, problem: Problem) -> tuple[str, str]:
    x, y = (int(n) for n in re.findall(r"\d+", problem.question))
    larger, smaller = work.words.larger, work.words.smaller
    wants_larger = larger in problem.question
    left, right = aligned([x, y])
    work.write(Stage.UNDERSTAND, f"{left}, {right}")
    work.write(Stage.PLAN, larger if wants_larger else smaller)
    sign = compare(work, left, right)
    return str(x if (sign == ">") == wants_larger else y), f"{x}{sign}{y}"


def _sorting(work: Work, problem: Problem) -> tuple[str, str]:
    numbers = [int(n) for n in re.findall(r"\d+", problem.question)]
    work.write(Stage.UNDERSTAND, " ".join(aligned(numbers)))
    work.write(Stage.PLAN, work.words.insert)
    texts = aligned(numbers)
    for count in range(2, len(texts) + 1):
        work.write(Stage.EXECUTE, f"{texts[count - 1]}: {' '.join(sorted(texts[:count]))}")
    ordered = sorted(numbers)
    return ", ".join(map(str, ordered)), f"{len(ordered)}={len(numbers)}"


def _true_false(work: Work, problem: Problem) -> tuple[str, str]:
    """A claim of one number is that it is even, of two that the first is larger, of three that the sum is the third."""
    words, numbers = work.words, [int(n) for n in re.findall(r"\d+", problem.question)]
    if len(numbers) == 1:
        parity, check = _even_odd(work, problem)
        return words.true if parity == words.even else words.false, check
    x, y, *claimed = numbers
    left, right = aligned([x, y])
    if not claimed:
        work.write(Stage.UNDERSTAND, f"{left}, {right}")
        work.write(Stage.PLAN, words.compare)
        sign = compare(work, left, right)
        return words.true if sign == ">" else words.false, f"{x}{sign}{y}"
    work.write(Stage.UNDERSTAND, f"{left}+{right}, {claimed[0]}")
    work.write(Stage.PLAN, words.add, words.compare)
    total = add(work, left, right)
    found, stated = aligned([total, claimed[0]])
    work.write(Stage.EXECUTE, f"{found}, {stated}")
    return words.true if compare(work, found, stated) == "=" else words.false, f"{total}-{y}={x}"


def _chat(work: Work, problem: Problem) -> tuple[str, str]:
    """There is nothing to compute and nothing to check."""
    talk = talk_of(problem.answer)
    work.write(Stage.UNDERSTAND, talk.topic)
    work.write(Stage.PLAN, talk.plan)
    return problem.answer, ""


SOLVERS: dict[str, Callable[[Work, Problem], tuple[str, str]]] = {
    "arithmetic": _calculate,
    "two_step": _calculate,
    "word_problem": _calculate,
    "even_odd": _even_odd,
    "comparison": _comparison,
    "pattern": _pattern,
    "sorting": _sorting,
    "addition": _calculate,
    "subtraction": _calculate,
    "multiplication": _calculate,
    "word_addition": _calculate,
    "word_subtraction": _calculate,
    "word_multiplication": _calculate,
    "sequence": _pattern,
    "true_false": _true_false,
    "chat": _chat,
}


def solve(
    problem: Problem,
    *,
    error_rate: float = 0.0,
    slip_rate: float = 0.0,
    seed: int = 0,
    verify: Verify = "inverse",
) -> Trace:
    """The trace of a nano problem in the nrm format; its answer is always the right one.

    In a share `error_rate` of the traces that compute, one EXECUTE step is wrong, what follows is built on it (and each
    computing step of it is wrong, too, with probability `slip_rate`), and VERIFY finds the first error, corrects it and
    computes on from there. Deterministic by (problem, seed).

    With `verify="steps"` VERIFY computes every step of a computation again and compares. Where nothing is computed,
    VERIFY is as with "inverse".
    """
    random = Random(f"{seed}/{problem.id}/{problem.question}")
    work = Work(WORDS[problem.language], checks_steps=verify == "steps")
    answer, check = SOLVERS[problem.task](work, problem)
    steps = work.steps
    if work.num_computed and random.random() < error_rate:
        steps = _with_error(problem, work, answer, check, random, slip_rate)
    else:
        work.write(Stage.VERIFY, *work.verify(check.format(r=answer)))
    return Trace(problem, write_nrm(problem.question, steps, answer), "nrm", "symbolic")


def _with_error(problem: Problem, right: Work, answer: str, check: str, random: Random, slip_rate: float) -> Steps:
    """The steps of a solution with a slip, and a VERIFY that puts it right."""
    slip = random.randrange(right.num_computed)
    work = Work(right.words, wrong_step=slip, slip_rate=slip_rate, random=random, checks_steps=right.checks_steps)
    wrong_answer, wrong_check = SOLVERS[problem.task](work, problem)
    confirmed, denied = check.format(r=answer), wrong_check.format(r=wrong_answer)
    if denied != confirmed and not right.checks_steps:
        work.write(Stage.VERIFY, denied.replace("=", "!="))
    work.write(Stage.VERIFY, *right.verify(confirmed, of=work.executed))
    return work.steps


def correct(problem: Problem, execute: Sequence[str], *, verify: Verify = "inverse") -> tuple[str, int] | None:
    """A student's own EXECUTE steps with a VERIFY that puts them right: (text in the nrm format, first wrong step).

    The step, counted from 0, is the first that is not the teacher's. None where there is none to correct: the steps
    are the teacher's own, or the first so many of them, or go on after them.
    """
    right = Work(WORDS[problem.language], checks_steps=verify == "steps")
    answer, check = SOLVERS[problem.task](right, problem)
    first = first_difference(execute, right.executed)
    if first == min(len(execute), len(right.executed)):
        return None
    steps = [(stage, text) for stage, text in right.steps if stage is not Stage.EXECUTE]
    steps += [(Stage.EXECUTE, text) for text in execute]
    steps += [(Stage.VERIFY, text) for text in right.verify(check.format(r=answer), of=execute)]
    return write_nrm(problem.question, steps, answer), first


def executed_with(problem: Problem, changed: Mapping[int, int]) -> list[str]:
    """The EXECUTE steps, were those at the places of `changed`, counted from 0, to have other values.

    >>> problem = Problem("What is 347 - 285?", "62", "arithmetic", expression="347-285")
    >>> executed_with(problem, {})
    ['3>2', '7-5=2', '4-8-0+10=6', '3-2-1=0']
    >>> executed_with(problem, {1: -2})
    ['3>2', '7-5=-2', '4-8-0+10=6', '3-2-1=0']
    """
    work = Work(WORDS[problem.language], changed=changed)
    SOLVERS[problem.task](work, problem)
    return work.executed


def write_nrm(question: str, steps: Steps, answer: str) -> str:
    """Steps in the order of their stages as `<INST>…</INST><THINK>[UNDERSTAND]<STEP>…</THINK><ANS>…</ANS>`."""
    parts, current = [f"<INST>{question}</INST><THINK>"], None
    for stage, text in steps:
        if stage is not current:
            parts.append(f"[{stage.name}]")
            current = stage
        parts.append(f"<STEP>{text}")
    return "".join(parts) + f"</THINK><ANS>{answer}</ANS>"
