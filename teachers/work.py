"""A trace that the symbolic teacher is writing: its steps, its deliberate errors, and VERIFY.

VERIFY inverts the complete computation in one step. With `checks_steps`, it computes every step again instead. It
writes the value of EXECUTE next to its own, so that it compares two neighbours. After an error it only computes:

    [EXECUTE]    3>2 | 7-5=2    | 4-8-0+10=8          | 3-2-1=0
    [VERIFY]     3>2 | 7-5=2, 2 | 4-8-0+10=6, 8 wrong | 3-2-1=0 | ok
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from random import Random

from parsers.graph import Stage
from parsers.text.tags import FIRST
from teachers.problems import Problem
from teachers.words import WORDS, Words

Steps = list[tuple[Stage, str]]


@dataclass
class Work:
    """A trace that is being written.

    The computing step number `wrong_step` gets a plausible wrong value. So does each later one, with probability
    `slip_rate`. `changed` maps positions of EXECUTE steps to the values that they must have.
    """

    words: Words = WORDS["en"]
    wrong_step: int | None = None
    slip_rate: float = 0.0
    changed: Mapping[int, int] = field(default_factory=dict)
    random: Random = field(default_factory=Random)
    steps: Steps = field(default_factory=list)
    num_computed: int = 0
    first_tag: int = FIRST
    """Place in the ring of the question's first tag, if digits have tags (parsers/text/tags.py)."""
    wrong: list[int] = field(default_factory=list)
    """Positions in `steps` of the steps with a deliberately wrong value."""
    checks_steps: bool = False

    @property
    def executed(self) -> list[str]:
        """The EXECUTE steps so far."""
        return [text for stage, text in self.steps if stage is Stage.EXECUTE]

    def verify(self, check: str, *, of: Sequence[str] | None = None) -> list[str]:
        """The VERIFY steps for the EXECUTE steps of this correct work, or for the steps `of`, which have an error."""
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

    def compute(self, expression: str, value: int, *, written: Callable[[int], str] = str) -> int:
        """Write `expression=value` as a step, with an error if one is planned here; returns the written value.

        `written` is how the value is written if its digits have tags (teachers/tagged.py).
        """
        if self._slips():
            value = _plausible_error(value, self.random)
            self.wrong.append(len(self.steps))
        if self.changed:
            value = self.changed.get(len(self.executed), value)
        self.num_computed += 1
        self.write(Stage.EXECUTE, f"{expression}={written(value)}")
        return value

    def _slips(self) -> bool:
        if self.wrong_step is None or self.num_computed <= self.wrong_step:
            return self.num_computed == self.wrong_step
        return self.slip_rate > 0 and self.random.random() < self.slip_rate


def first_difference(steps: Sequence[str], others: Sequence[str]) -> int:
    """Index of the first step that differs; the length of the shorter list if none does."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(steps, others, strict=False)))


def _compared(step: str, written: str) -> str:
    """A computing step, followed by the value that `written` gives the same expression; other steps unchanged."""
    expression, equals, value = step.rpartition("=")
    if written == step:
        return f"{step}, {value}" if equals else step
    return f"{step}, {written.removeprefix(expression + equals)}"


def _plausible_error(value: int, random: Random) -> int:
    """A value with an error in the last digit, in the carry, or in the order of the digits."""
    candidates = {value + 1, value - 1, value + 2, value - 2, value + 10, value - 10, int(str(value)[::-1])}
    return random.choice(sorted(v for v in candidates - {value} if 0 <= v < 100))


Solver = Callable[[Work, Problem], tuple[str, str]]
"""Writes UNDERSTAND, PLAN and EXECUTE of a problem; returns (its answer, its check with `{r}` for the answer)."""
