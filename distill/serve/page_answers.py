"""Answers for the page: as those of the endpoint, plus stages, verdicts and graph of the text so far.

event: growth    data: {"blocks": […], "svg": "<svg…", "held": 1, "checked": 1, "verifying": false, "text": "…"}
event: done      data: {"finish_reason": "stop", "tokens": 61, "seconds": 1.2, "votes": null, "picture": "<svg…"}
event: failed    data: {"message": "…"}
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.to_thread

from distill.serve.annotated import annotated, picture
from distill.serve.answers import Asked, Voting
from distill.serve.requests import ApiError, ChatRequest

SECONDS_BETWEEN = 0.12
"""Between two pictures of a growing answer; parsing and drawing one takes some milliseconds."""
MAX_QUESTION = 4_000
"""Characters of a question that are searched for what is given."""


async def page_events(
    request: ChatRequest, asked: Asked, *, is_narrow: bool, drawing: anyio.CapacityLimiter
) -> AsyncIterator[str]:
    """The first sample while it grows; once all have ended or the vote is decided, the winner."""
    start, last_time, last_text = time.monotonic(), 0.0, ""
    question = asked.question[:MAX_QUESTION]
    has_gate = asked.served.has_gate

    async def drawn(text: str) -> dict[str, Any]:  # in a thread: the event loop serves others meanwhile
        show = functools.partial(annotated, text, question=question, is_narrow=is_narrow, has_gate=has_gate)
        return {"text": text, **await anyio.to_thread.run_sync(show, limiter=drawing)}

    voting = Voting(asked, request.vote or "plain") if len(asked.samples) > 1 else None
    try:
        async for samples in asked.growing():
            for sample in samples:
                sample.take()
            if voting and await voting.count():
                break
            text = samples[0].text
            if text != last_text and time.monotonic() - last_time >= SECONDS_BETWEEN:
                yield _event("growth", await drawn(text))
                last_time, last_text = time.monotonic(), text
    except ApiError as error:
        yield _event("failed", {"message": str(error)})
        return
    shown = asked.samples[voting.winner if voting else 0]
    yield _event("growth", await drawn(shown.text))
    result = {
        "finish_reason": shown.finish_reason or "stop",
        "tokens": sum(sample.num_tokens for sample in asked.samples),
        "seconds": round(time.monotonic() - start, 2),
        "votes": voting.poll.to_json() if voting else None,
        "picture": await anyio.to_thread.run_sync(
            functools.partial(picture, shown.text, question=question), limiter=drawing
        ),
    }
    yield _event("done", result)


def _event(name: str, body: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(body)}\n\n"
