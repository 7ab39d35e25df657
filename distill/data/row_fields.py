"""Finds the question, the text and the gold answer in a row of a user's file, by the common field names.

{"question": …, "answer": "… #### 72"}                       GSM8K: the gold answer is 72
{"problem": …, "solution": "… \\boxed{5}", "answer": 5}       MATH
{"instruction": …, "input": …, "output": …}                  Alpaca
{"messages": [{"role": "user", "content": …}, …]}            chat
{"conversations": [{"from": "human", "value": …}, …]}        ShareGPT
{"prompt": …, "reasoning": …, "completion": …}               thinking is put between <think> and </think>
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from parsers.answers.final import final_answer

QUESTION_FIELDS = ("question", "problem", "Question", "query", "instruction", "prompt", "input")
REPLY_FIELDS = ("output", "trace", "completion", "response", "generation", "generated_text", "prediction")
SOLUTION_FIELDS = ("solution", "Explanation")
THOUGHT_FIELDS = ("reasoning", "reasoning_content", "thinking", "thinking_trajectories")
_SURE_GOLD_FIELDS = ("gold", "reference", "ground_truth", "target", "expected_answer", "final_answer")
GOLD_FIELDS = (*_SURE_GOLD_FIELDS, "answer", "Choice", "Answer")
CHAT_FIELDS = ("messages", "conversations", "conversation")
SEVERAL_FIELDS = ("generations", "completions", "responses", "outputs")
ONE_LINE = 300
"""Characters of a gold answer; what is longer or has several lines is a solution."""


def question_of(row: Mapping[str, Any]) -> str | None:
    """The question of a row, with its input or story; None if it has no question as text."""
    chat = _chat(row)
    if chat is not None:
        return chat[0]
    name = next((name for name in QUESTION_FIELDS if name in row), None)
    question = row[name] if name else None
    if not isinstance(question, str):
        return None
    if isinstance(row.get("Body"), str):
        return f"{row['Body'].strip()} {question}".strip()
    more = row.get("input") if name == "instruction" else None
    return f"{question}\n{more}" if isinstance(more, str) and more.strip() else question


def reply_of_row(row: Mapping[str, Any]) -> str | None:
    """The reply of a model, after its thinking in tags; None if the row has none as text."""
    chat = _chat(row)
    if chat is not None:
        return chat[1]
    reply = _first_text(row, REPLY_FIELDS)
    if reply is None and any(row.get(name) is not None for name in _SURE_GOLD_FIELDS):
        reply = _first_text(row, ("answer",))
    return _with_thought(row, reply)


def solution_of(row: Mapping[str, Any]) -> str | None:
    """The worked solution of a row, by any writer; the field `answer` is used only if there is no other."""
    chat = _chat(row)
    if chat is not None:
        return chat[1]
    reply = _first_text(row, (*REPLY_FIELDS[:2], *SOLUTION_FIELDS, *REPLY_FIELDS[2:-1], "text", "answer", "prediction"))
    return _with_thought(row, reply)


def several_solutions(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, text) of each of several solutions: model solutions by model, or a list of generations."""
    by_model = [
        (name, value["solution"])
        for name, value in row.items()
        if isinstance(value, dict) and isinstance(value.get("solution"), str)
    ]
    listed = next((row[name] for name in SEVERAL_FIELDS if isinstance(row.get(name), list)), [])
    return by_model or [(str(i), text) for i, text in enumerate(listed, start=1) if isinstance(text, str)]


def golds_of(row: Mapping[str, Any]) -> list[str]:
    """All accepted answers of a row, [] if it has none; ValueError says what is wrong with them.

    If a solution stands in place of an answer, its answer is taken: after `####`, in a box, or in an answer phrase.
    """
    names = [name for name in GOLD_FIELDS if name in row and row[name] is not None]
    if not names:
        found = final_answer(row["solution"]) if isinstance(row.get("solution"), str) else None
        return [found] if found else []
    value = row[names[0]]
    if isinstance(value, list):
        if not value:
            raise ValueError(f"{names[0]} as a list holds the accepted answers, and it is empty")
        return [_gold(one, names[0]) for one in value]
    return [_gold(value, names[0])]


def _gold(value: object, name: str) -> str:
    name = "the answer" if name == "answer" else name
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{name} is neither text nor a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, which is no number in JSON")
    text = str(value).strip()
    if "####" in text:
        text = text.rpartition("####")[2].strip()
    if "\n" not in text and len(text) <= ONE_LINE:
        return text
    answer = final_answer(text)
    if answer is None:
        lines = text.count("\n") + 1
        raise ValueError(f"{name} is a text of {lines} lines with no answer in it; give one, or end it with #### 72")
    return answer


def _first_text(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((row[name] for name in names if isinstance(row.get(name), str)), None)


def _with_thought(row: Mapping[str, Any], reply: str | None) -> str | None:
    """The reply, preceded by the thinking that the row keeps in a separate field."""
    thought = next((row[name] for name in THOUGHT_FIELDS if row.get(name)), None)
    thought = thought[0] if isinstance(thought, list) and thought else thought
    if not isinstance(thought, str) or (reply is not None and "</think>" in reply):
        return reply
    return thought if reply is None else f"<think>{thought}</think>\n{reply}"


def _chat(row: Mapping[str, Any]) -> tuple[str | None, str | None] | None:
    """(question, reply) of a conversation: its last reply and the user's turn before it; None for other rows."""
    for name in CHAT_FIELDS:
        if isinstance(row.get(name), list):
            return _turns(row[name])
    if isinstance(row.get("prompt"), list):
        completion = row.get("completion")
        question, _ = _turns(row["prompt"])
        reply = _turns(completion)[1] if isinstance(completion, list) else completion
        return question, reply if isinstance(reply, str) else None
    return None


_USER, _MODEL = ("user", "human"), ("assistant", "gpt", "model", "bot", "chatgpt")


def _turns(messages: list[Any]) -> tuple[str | None, str | None]:
    if messages and isinstance(messages[0], list):
        messages = messages[0]
    question = reply = None
    for message in messages:
        if not isinstance(message, dict):
            continue
        role, text = message.get("role") or message.get("from"), _message_text(message)
        if role in _USER:
            question, reply = text, None
        elif role in _MODEL:
            reply = text
    return question, reply


def _message_text(message: Mapping[str, Any]) -> str | None:
    content = message.get("content") if message.get("content") is not None else message.get("value")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    return _with_thought(message, content if isinstance(content, str) else None)
