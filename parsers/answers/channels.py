"""Reduces a model's text to its reply: removes thinking, other channels and everything after the end of its turn.

    reply_of("<think>Is it 12?</think>The answer is 13.<|im_end|>")  ->  "The answer is 13."
    reply_of("<think>Is it 12?")                                     ->  "", thinking cut off

Thinking is not an answer, so a text that ends inside its thinking has an empty reply.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Reply(NamedTuple):
    """The reply and its start in the text; `is_cut` means that the text ends inside its thinking."""

    text: str
    start: int
    is_cut: bool


_HARMONY = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
"""OpenAI's harmony format: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`."""

_TAGS = "think|thinking|thought|thoughts|reasoning|reflection|analysis|seed:think|scratchpad"
_OPENER = re.compile(
    rf"<(?:{_TAGS})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|channel>thought|<unused94>thought|<\|START_THINKING\|>",
    re.IGNORECASE,
)
_CLOSER = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<channel\|>|<unused95>|<\|END_THINKING\|>", re.IGNORECASE
)
"""Marks around thinking: DeepSeek, Qwen and others; Magistral; Kimi; OpenThoughts; Gemma 4; MedGemma; Command."""

_TURN_END = re.compile(
    r"<\|im_end\|>|<\|eot_id\|>|<\|eom_id\|>|<\|end_of_text\|>|<\|endoftext\|>|<end_of_turn>|<turn\|>|<eos>|</s>|<\|end\|>"
    r"|<\|return\|>|<\|END_OF_TURN_TOKEN\|>|<｜end▁of▁sentence｜>|<\|end_of_solution\|>|<\|eo[st]\|>|\[EOS\]|<\|im_start\|>user"
    r"|<\|END_RESPONSE\|>|<\|file_separator\|>|<pad>|<\|pad\|>|\[/?INST\]|<\|user\|>|<｜User｜>|<start_of_turn>user"
)
_TURN_START = re.compile(
    r"\s*(?:<\|im_start\|>assistant|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model"
    r"|<\|turn>model|<\|assistant\|>|<｜Assistant｜>|<s>|<bos>|<\|begin_of_solution\|>|<\|START_RESPONSE\|>)\s*"
)


_ANY_MARK = re.compile(r"<[a-zA-Z/|｜]|\[[/tTeEI]|◁")
"""The beginning of each of these marks. Most texts have none, and this one search then replaces five."""


def reply_of(text: str) -> Reply:
    """The part of a text that answers, without the thinking before it and the turns after it."""
    if not _ANY_MARK.search(text):
        return Reply(text, 0, False)
    start = 0
    channels = list(_HARMONY.finditer(text))
    if channels:
        finals = [channel for channel in channels if channel[1] == "final"]
        if not finals:
            return Reply("", len(text), True)
        start = finals[-1].end()
    else:
        start = _after_thinking(text)
        opener = _OPENER.search(text, start)
        if opener:
            if not text[start : opener.start()].strip():
                return Reply("", len(text), True)
            text = text[: opener.start()]  # the model answered and then thought again
    while opening := _TURN_START.match(text, start):
        start = opening.end()
    end = _TURN_END.search(text, start)
    while end and not text[start : end.start()].strip():
        start = end.end()
        end = _TURN_END.search(text, start)
    return Reply(text[start : end.start() if end else len(text)], start, False)


def _after_thinking(text: str) -> int:
    """Where the text resumes after its thinking.

    If nothing follows the last thought, the answer between the last two thoughts counts, if there is one.
    """
    ends = [0, *(match.end() for match in _CLOSER.finditer(text))]
    if len(ends) > 1 and not text[ends[-1] :].strip():
        opener = _OPENER.search(text, ends[-2])
        if opener and text[ends[-2] : opener.start()].strip():
            return ends[-2]
    return ends[-1]
