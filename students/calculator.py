"""A calculator for the decoder: inside `<<…=` of EXECUTE the value is computed, not guessed.

    [EXECUTE]
    1. 48 / 2 = <<48/2=         the next tokens are forced to be   24>>

The symbolic half of hybrid reasoning: the student says what to compute, exact arithmetic says what comes out. The
expression is read by `parsers.expressions`, which evaluates nothing but numbers and + - * / ( ) within bounds.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor

from parsers.expressions import evaluate
from parsers.graph import Stage
from parsers.recompute import show

MAX_TOKENS = 96
"""How far back `<<` is looked for; longer expressions are left to the student."""
MAX_CHARACTERS = 120
MAX_RESULT = 20
"""Characters of a value that is written in place of the student's."""


class Calculator(LogitsProcessor):
    """For `model.generate(logits_processor=[Calculator(tokenizer)])` and for `students.generation.generate`.

    Where nothing can be computed (an expression or a result that is no short number, a token that does not fit) the
    logits stay as they are.
    """

    def __init__(self, tokenizer: Any, *, language: str = "en") -> None:
        self.tokenizer, self.language = tokenizer, language
        markers = [f"[{stage.name}]" for stage in Stage] + ["[ANSWER]"]
        ids = tokenizer.convert_tokens_to_ids(markers)
        self.execute = ids[Stage.EXECUTE]
        self.others = [i for i in ids if i != self.execute]
        self._first_token = functools.lru_cache(maxsize=4096)(self._first_token_of)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """Logits (B, V) with all but the forced token at -inf, in the rows (B, T) that stand behind `<<…=`."""
        for row in self._executing(input_ids).nonzero()[:, 0].tolist():
            forced = self.forced_token(input_ids[row, -MAX_TOKENS:].tolist())
            if forced is not None:
                scores = scores.clone()
                scores[row] = torch.full_like(scores[row], -torch.inf)
                scores[row, forced] = 0.0
        return scores

    def forced_token(self, tokens: list[int]) -> int | None:
        """The token that must come next after these tokens of EXECUTE, if the calculator has a say."""
        rest = remaining(self.tokenizer.decode(tokens, skip_special_tokens=False), self.language)
        return self._first_token(rest) if rest else None

    def _executing(self, input_ids: Tensor) -> Tensor:
        """(B,) bool: whether EXECUTE is the last marker of the row."""
        others = torch.tensor(self.others, device=input_ids.device)
        places = torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
        last_execute = places.where(input_ids == self.execute, -1).amax(1)
        return last_execute > places.where(torch.isin(input_ids, others), -1).amax(1)

    def _first_token_of(self, rest: str) -> int | None:
        ids = self.tokenizer.encode(rest, add_special_tokens=False)
        written = self.tokenizer.decode(ids[:1])
        return ids[0] if written and rest.startswith(written) else None


def remaining(text: str, language: str = "en") -> str:
    """What is still to be written of `value>>` at the end of a text; empty where there is nothing to compute.

    >>> remaining("2. 48 + 24 = <<48+24=7")
    '2>>'
    >>> remaining("2. 48 + 24 = <<48+24=72>>72")
    ''
    """
    _, opened, inside = text[-2 * MAX_CHARACTERS :].rpartition("<<")
    expression, equals, written = inside.partition("=")
    if not opened or not equals or ">>" in inside or len(expression) > MAX_CHARACTERS:
        return ""
    value = evaluate(expression, language)
    shown = "" if value is None else show(value, language)
    if not shown or "/" in shown or len(shown) > MAX_RESULT:  # no number, or one that is no short decimal
        return ""
    due = f"{shown}>>"
    return due[len(written) :] if due.startswith(written) else ""
