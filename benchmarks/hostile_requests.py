"""Requests that no well-behaved client sends, each a pure function of its number, for the chat server.

hostile_request(7, "student")  ->  Hostile(method="POST", path="/v1/chat/completions", headers={…}, body=b"{…")
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
TEXTS = (
    SCRIPT, "", " ", "\x00", "\u202e", "\ud800", "’" * 50, "9" * 3000, "[VERIFY]" * 80, "<INST>" * 40, "</ANS>",
    "<|im_end|>", "What is 4 + 5?", "{{ 7 * 7 }}", "%s%n", "../../etc/passwd", "1e999 / 0 = ?", "(" * 900,
    "7^7^7^7^7 = ?", "\n" * 500,
)  # fmt: skip
NUMBERS = (0, -1, 1, 2, 3, 10**9, -(10**9), 2**63, 2**70, 0.5, -0.5, 1e308, True, "1", None, [], {})
ROLES = ("user", "system", "assistant", "developer", "tool", "robot", "", None, 7)
BROKEN = (
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"[" * 5000, b'{"model":', b"NaN", b"{}" * 3, b'{"a":1e99999}',
)  # fmt: skip
TYPES = ("application/json", "application/json; charset=utf-8", "text/plain", "", "application/x-www-form-urlencoded")
PATHS = (
    "/", "/health", "/v1/models", "/v1/models/%00", "/v1/models/../../x", "/v1/completions", "/v1/chat/completions/",
    "/page/answer", "/page/facts", "/page/../chat.js", "/chat.css", "//", "/%2e%2e/%2e%2e/etc/passwd", "/docs",
    "/?q=" + "a" * 3000,
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
KEYS = (
    "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "seed", "stop", "stream", "logprobs",
    "top_logprobs", "vote", "repetition_penalty", "stream_options", "tools", "response_format", "messages", "model",
    "x",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def hostile_request(number: int, model: str) -> Hostile:
    """Number `number` of an endless list of requests to a server of that model."""
    draw = random.Random(number)
    kind, headers, broken = number % 5, {"Content-Type": draw.choice(TYPES)}, draw.choice(BROKEN)
    if kind == 0:
        return Hostile(draw.choice(METHODS), draw.choice(PATHS), headers, broken)
    path = draw.choice(("/v1/chat/completions", "/page/answer"))
    if kind == 1:
        return Hostile("POST", path, headers, broken)
    messages = [_message(draw) for _ in range(draw.choice((1, 1, 1, 2, 5)))]
    if kind == 2:
        messages = [{"role": "user", "content": draw.choice(TEXTS)}]
    body: dict[str, Any] = {"model": model, "messages": messages, "max_tokens": 8}
    for _ in range(draw.choice((0, 1, 1, 2))):
        body[draw.choice(KEYS)] = draw.choice((*NUMBERS, *TEXTS, *([text] for text in TEXTS), True, False))
    if number % 97 == 0:
        body["messages"] = [{"role": "user", "content": "1 " * draw.choice((10_000, 400_000, 700_000))}]
    content = json.dumps(body).encode()
    if kind == 4:  # cut or changed somewhere
        place = draw.randrange(len(content))
        content = draw.choice((content[:place], content[:place] + b"\xff" + content[place:], content + b"}"))
    return Hostile("POST", path, {"Content-Type": "application/json"}, content)


def _message(draw: random.Random) -> Any:
    text = draw.choice(TEXTS)
    content = draw.choice(
        (text, text, text, [{"type": "text", "text": text}], [{"type": "image_url"}], None, 7, [text])
    )
    return draw.choice(({"role": draw.choice(ROLES), "content": content}, {"content": content}, content))


def finding(status: int, body: bytes, content_type: str) -> str | None:
    """What is wrong with the answer to a hostile request; None where nothing is."""
    if not 200 <= status < 500:
        return f"status {status}"
    if b"<script>alert" in body and "html" in content_type:
        return "unescaped HTML"
    if status >= 400 and b"Traceback" in body:
        return "a traceback"
    if b"event: failed" in body or b'"server_error"' in body:
        return "the model failed"
    return None
