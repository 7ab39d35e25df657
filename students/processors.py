"""The logits processors that help an adapter student while it writes: `eval.calculator` and `eval.guided`."""

from __future__ import annotations

from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedTokenizerBase

from students.calculator import Calculator
from students.guide import StageGuide


def processors_of(tokenizer: PreTrainedTokenizerBase, *, calculator: bool, guided: bool) -> LogitsProcessorList | None:
    """Those that are wanted, for `students.generation.generate` or `model.generate`; None if there are none."""
    chosen: list[LogitsProcessor] = []
    if calculator:
        chosen.append(Calculator(tokenizer))
    if guided:
        chosen.append(StageGuide(tokenizer))
    return LogitsProcessorList(chosen) if chosen else None
