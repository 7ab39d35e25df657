"""A logits processor that fills in results in EXECUTE and VERIFY: computed, not guessed.

    [EXECUTE]
    1. 48 / 2 = <<48/2=         the next tokens are forced to be   24>>
    [VERIFY]
    72 - 24 =                   the next tokens are forced to be   48, and no further digit

The student says what to compute, and exact arithmetic gives the result. `parsers.arithmetic.expressions` reads the
expression; it evaluates only numbers and + - * / ( ).
"""

from __future__ import annotations

import functools
import re

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import show
from parsers.graph import Stage
from parsers.text.markers import STAGED_MARKERS
from students.encoding import token_ids

MAX_TOKENS = 96
"""How far back a computation is looked for; longer expressions are left to the student."""
MAX_CHARACTERS = 120
MAX_RESULT = 20
"""Characters of a value that is written in place of the student's."""

LIST_MARK = re.compile(r"^\s*\d{1,2}[.)]\s+")
_COMPUTED = re.compile(
    r"(?<![\w.,)$])(?P<expression>[(\d$][\d\s.,()$%+*/×÷·−-]*[\d)%])"
    r"(?P<space> ?)=(?P<gap> ?\$?)(?P<written>-?[\d.]*)$",
    re.ASCII,
)
_IN_FRONT = frozenset("+-*/×÷·−^x")
"""Signs after which an expression is only the end of a longer one that cannot be read: "8 boys - 3 + 2 ="."""


class Calculator(LogitsProcessor):
    """For `model.generate(logits_processor=[Calculator(tokenizer)])` and for `students.generation.generate`.

    In EXECUTE it forces the values of calculator marks, in VERIFY also those of plain computations. If nothing can be
    computed (no readable expression, no short result, or no fitting token), the logits do not change.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, language: str = "en") -> None:
        self.tokenizer, self.language = tokenizer, language
        self.marker_ids = token_ids(tokenizer, STAGED_MARKERS)
        self._first_token = functools.lru_cache(maxsize=4096)(self._first_token_of)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """Logits (B, V); in rows (B, T) where a value must follow, all tokens but the forced one are at -inf.

        After a complete value in VERIFY, tokens that begin with a digit are at -inf.
        """
        changed = scores
        last = self._last_marker(input_ids).tolist()
        for row, stage in enumerate(last):
            if stage not in (Stage.EXECUTE, Stage.VERIFY):
                continue
            text = str(self.tokenizer.decode(input_ids[row, -MAX_TOKENS:].tolist(), skip_special_tokens=False))
            rest = remaining(text, self.language) or None
            if rest is None and stage == Stage.VERIFY:
                rest = remaining_value(text, self.language)
            token = self._first_token(rest) if rest else None
            if token is None and rest != "":
                continue
            if changed is scores:
                changed = scores.clone()
            if token is None:
                changed[row, self._digits.to(scores.device)] = -torch.inf
            else:
                changed[row] = -torch.inf
                changed[row, token] = 0.0
        return changed

    def _last_marker(self, input_ids: Tensor) -> Tensor:
        """(B,) index of the last of STAGED_MARKERS in each row; -1 if there is none."""
        places = torch.arange(1, input_ids.shape[1] + 1, device=input_ids.device)
        last = torch.stack([(places * (input_ids == marker)).amax(1) for marker in self.marker_ids])  # (5, B)
        return torch.where(last.amax(0) > 0, last.argmax(0), -1)

    @functools.cached_property
    def _digits(self) -> Tensor:
        """Ids of the tokens that begin with a digit."""
        tokens = list(self.tokenizer.convert_ids_to_tokens(list(range(len(self.tokenizer)))))
        return torch.tensor([i for i, token in enumerate(tokens) if token and token[0] in "0123456789"])

    def _first_token_of(self, rest: str) -> int | None:
        ids = self.tokenizer.encode(rest, add_special_tokens=False)
        written = str(self.tokenizer.decode(ids[:1]))
        return ids[0] if written and rest.startswith(written) else None


def remaining(text: str, language: str = "en") -> str:
    """The rest of `value>>` at the end of a text; empty if there is nothing to compute.

    >>> remaining("2. 48 + 24 = <<48+24=7")
    '2>>'
    >>> remaining("2. 48 + 24 = <<48+24=72>>72")
    ''
    """
    _, opened, inside = text[-2 * MAX_CHARACTERS :].rpartition("<<")
    expression, equals, written = inside.partition("=")
    if not opened or not equals or ">>" in inside or len(expression) > MAX_CHARACTERS:
        return ""
    shown = _shown(expression, language)
    whole = f"{shown}>>"
    return whole[len(written) :] if shown and whole.startswith(written) else ""


def remaining_value(text: str, language: str = "en") -> str | None:
    """The rest of the value of an unmarked computation at the end of a text.

    Empty if the value is complete; None if there is no computation, or the text began another value.

    >>> remaining_value("Check: 72 - 24 =")
    ' 48'
    >>> remaining_value("Check: 72 - 24 = 4"), remaining_value("72 - 24 = 48"), remaining_value("72 - 24 = 5")
    ('8', '', None)
    """
    line = LIST_MARK.sub("", text[-MAX_CHARACTERS:].rpartition("\n")[2])
    found = _COMPUTED.search(line)
    if found is None or line[: found.start()].rstrip()[-1:] in _IN_FRONT:
        return None
    expression = found["expression"].replace("$", "")
    shown = _shown(expression, language) if set(expression.strip()[1:]) & _IN_FRONT else ""
    if not shown or not shown.startswith(found["written"]):
        return None
    space = "" if found["gap"] or found["written"] else found["space"]
    return space + shown[len(found["written"]) :]


def _shown(expression: str, language: str) -> str:
    """The value of an expression as text; empty if it is not a short decimal."""
    value = evaluate(expression, language)
    shown = "" if value is None else show(value, language)
    return "" if "/" in shown or len(shown) > MAX_RESULT else shown
