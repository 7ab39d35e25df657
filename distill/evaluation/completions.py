"""Reads the text and the thinking out of a chat completion, in the variants that servers send.

{"choices": [{"message": {"content": "9", "reasoning_content": "4 + 5"}, "finish_reason": "stop"}], "usage": {…}}
->  Answer("…", "<think>4 + 5</think>9", finished=True, num_tokens=7)
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from distill.evaluation.api_key import masked

THOUGHT_FIELDS = ("reasoning_content", "reasoning")
"""Where servers keep what a model thinks apart from its answer: vLLM and DeepSeek, vLLM and OpenRouter."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an endpoint; `finished` is False if it ran out of tokens."""

    question: str
    output: str
    finished: bool
    num_tokens: int | None


def read_answer(question: str, reply: bytes) -> Answer:
    """The answer in a reply; reasoning from a separate field is put before it in <think>.

    Raises:
        ValueError: the reply is not a chat completion.
    """
    try:
        data = json.loads(reply)
        choice = data["choices"][0]
        message = choice["message"]
        text, thoughts = _text_and_thoughts(message.get("content"))
        thoughts = next((message[name] for name in THOUGHT_FIELDS if message.get(name)), "") or thoughts
        is_cut = choice.get("finish_reason") == "length"
        tokens = (data.get("usage") or {}).get("completion_tokens")
        end = "" if is_cut and not text else "</think>"  # cut while it thought
        whole = f"<think>{_checked(thoughts)}{end}{text}" if thoughts else text
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a chat completion") from error
    whole = whole.encode(errors="replace").decode()  # an answer cut within a character may end in half of it
    return Answer(question, masked(whole), not is_cut, tokens if type(tokens) is int else None)


def _text_and_thoughts(content: object) -> tuple[str, str]:
    """The two kinds of text in the content of a message, which may be a list of parts."""
    if not isinstance(content, list):
        return _checked(content or ""), ""
    text, thoughts = [], []
    for part in content:
        inner = part.get("thinking", part.get("text", ""))
        inner = _text_and_thoughts(inner)[0] if isinstance(inner, list) else _checked(inner)
        (thoughts if part["type"] in ("thinking", "reasoning") else text).append(inner)
    return "".join(text), "".join(thoughts)


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError("the content is not text")
    return text


def excerpt(reply: bytes) -> str:
    """A server's error text, shortened to one line, without the key, which some servers repeat."""
    text = reply[:20_000].decode(errors="replace")
    try:
        found = json.loads(text)["error"]
        text = str(found["message"] if isinstance(found, dict) else found)
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return " ".join(masked(text).split())[:200]
