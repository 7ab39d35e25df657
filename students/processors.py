"""The logits processors that help an adapter student while it writes: `eval.calculator` and `eval.end_loops`."""

from __future__ import annotations

from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedTokenizerBase

from students.calculator import Calculator
from students.loops import LoopBreaker


def processors_of(
    tokenizer: PreTrainedTokenizerBase, *, calculator: bool, end_loops: bool
) -> LogitsProcessorList | None:
    """Those that are wanted, for `students.generation.generate` or `model.generate`; None if there are none."""
    chosen: list[LogitsProcessor] = []
    if calculator:
        chosen.append(Calculator(tokenizer))
    if end_loops:
        chosen.append(LoopBreaker(tokenizer))
    return LogitsProcessorList(chosen) if chosen else None
