"""Answers in OpenAI's format: whole, or streamed as server-sent events.

data: {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "4 + 5"}, …}], …}
data: [DONE]
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio.to_thread

from distill.evaluation.votes import How, Poll
from distill.serve.decoder import Full, cancel
from distill.serve.pieces import Pieces
from distill.serve.requests import ApiError, ChatRequest, Served
from students.continuous import Row, TokenScore

FAILED = "the model could not answer, perhaps for lack of memory; ask for fewer or shorter answers"
SECONDS_BETWEEN, PIECES_A_SECOND = 0.03, 500
"""The least time between two pieces of an answer, and the most pieces per second of all answers together. A reader sees
no difference, and the model gets more of the processor."""
Scored = tuple[int, TokenScore]
"""A token that was written, and its scores."""
BUSY = "too many requests are waiting; try again later"


class Sample:
    """One row as its client sees it: all text so far and the new part."""

    def __init__(self, row: Row, served: Served, stops: Sequence[str]) -> None:
        self.row = row
        self.pieces = Pieces(served.decoder.tokenizer, stops=stops)
        self.num_tokens = 0
        """Tokens that were taken up."""
        self.has_ended = False
        """All tokens were taken up, and none will follow."""

    @property
    def text(self) -> str:
        """All text so far."""
        return self.pieces.text

    @property
    def finish_reason(self) -> str | None:
        """OpenAI's word for why the answer ended; None before its end."""
        if self.pieces.is_stopped:
            return "stop"
        if not self.has_ended:
            return None
        return "stop" if self.row.finish in ("stop", "cancelled") else "length"

    def take(self) -> tuple[str, list[Scored]]:
        """The new text, and the new tokens with their scores if the request wants scores.

        Raises:
            ApiError: the row was lost.
        """
        if self.row.finish == "error":
            raise ApiError(FAILED, status=503)
        self.has_ended = bool(self.row.finish)  # before the tokens are looked at: none follows an end
        tokens = self.row.written[self.num_tokens :]
        scores = self.row.scores[self.num_tokens : self.num_tokens + len(tokens)]
        self.num_tokens += len(tokens)
        text = self.pieces.feed(tokens, is_last=self.has_ended)
        if self.pieces.is_stopped:
            cancel([self.row])
        return text, list(zip(tokens, scores, strict=False))


class Asked:
    """A submitted request and its samples."""

    def __init__(self, served: Served, rows: Sequence[Row], *, question: str, stops: Sequence[str] = ()) -> None:
        self.served, self.rows, self.question = served, rows, question
        self.samples = [Sample(row, served, stops) for row in rows]
        try:
            self.changed = served.decoder.submit(rows)
        except Full:
            raise ApiError(BUSY, status=429, code="too_many_requests") from None

    async def growing(self) -> AsyncIterator[list[Sample]]:
        """Yield the samples each time that one grows, the last time when all have ended."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            yield self.samples
            if all(sample.finish_reason for sample in self.samples):
                return
            writing, _ = self.served.decoder.load
            await asyncio.sleep(max(SECONDS_BETWEEN, writing / PIECES_A_SECOND))

    def leave(self) -> None:
        """Give up unfinished rows, which frees their places."""
        self.served.decoder.leave(self.rows)

    def usage(self) -> dict[str, int]:
        """Numbers of prompt tokens and of written tokens."""
        prompt, written = len(self.rows[0].prompt), sum(sample.num_tokens for sample in self.samples)
        return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


class Voting:
    """A vote among samples that end one by one."""

    def __init__(self, asked: Asked, how: How) -> None:
        self.poll = Poll(len(asked.rows), question=asked.question, how=how)
        self._asked = asked
        self._counted: set[int] = set()

    async def count(self) -> bool:
        """Count newly ended samples; once the vote is decided, give up the others."""
        for i, sample in enumerate(self._asked.samples):
            if sample.finish_reason and i not in self._counted and not self.poll.is_decided:
                self._counted.add(i)
                await anyio.to_thread.run_sync(self.poll.add, i, sample.text)
        if self.poll.is_decided:
            cancel(self._asked.rows)
        return self.poll.is_decided

    @property
    def winner(self) -> int:
        """The sample to show."""
        return self.poll.winner.best_sample if self.poll.winner else 0


async def answer(request: ChatRequest, asked: Asked) -> dict[str, Any]:
    """The whole answer: one choice per sample; with a vote, only the winner and the `votes`.

    Raises:
        ApiError: the model failed.
    """
    scores: list[list[Scored]] = [[] for _ in asked.samples]
    voting = Voting(asked, request.vote) if request.vote else None
    async for samples in asked.growing():
        for i, sample in enumerate(samples):
            scores[i] += sample.take()[1]
        if voting and await voting.count():
            break
    shown = [voting.winner] if voting else range(len(asked.samples))
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": asked.samples[i].text, "refusal": None},
            "logprobs": _logprobs(asked.served, scores[i]) if request.logprobs else None,
            "finish_reason": asked.samples[i].finish_reason or "stop",
        }
        for index, i in enumerate(shown)
    ]
    body = {**_head(asked.served, "chat.completion"), "choices": choices, "usage": asked.usage()}
    return body | ({"votes": voting.poll.to_json()} if voting else {})


async def events(request: ChatRequest, asked: Asked) -> AsyncIterator[str]:
    """The answer as server-sent events; a vote's result is sent once it is decided."""
    head = _head(asked.served, "chat.completion.chunk")
    try:
        async for part in _voted(request, asked) if request.vote else _parts(request, asked):
            yield _event(head | part)
    except ApiError as error:
        yield _event(error.body)
        return
    if request.stream_options and request.stream_options.include_usage:
        yield _event({**head, "choices": [], "usage": asked.usage()})
    yield "data: [DONE]\n\n"


async def _voted(request: ChatRequest, asked: Asked) -> AsyncIterator[dict[str, Any]]:
    whole = await answer(request, asked)
    [choice] = whole["choices"]
    delta = {"role": "assistant", "content": choice["message"]["content"]}
    yield {"choices": [_delta(0, delta, logprobs=choice["logprobs"])]}
    yield {"choices": [_delta(0, {}, choice["finish_reason"])], "votes": whole["votes"]}


async def _parts(request: ChatRequest, asked: Asked) -> AsyncIterator[dict[str, Any]]:
    ended: set[int] = set()
    for i in range(len(asked.samples)):
        yield {"choices": [_delta(i, {"role": "assistant", "content": ""})]}
    async for samples in asked.growing():
        for i, sample in enumerate(samples):
            text, scored = sample.take()
            if text or scored:
                logprobs = _logprobs(asked.served, scored) if request.logprobs else None
                yield {"choices": [_delta(i, {"content": text}, logprobs=logprobs)]}
            if sample.finish_reason and i not in ended:
                ended.add(i)
                yield {"choices": [_delta(i, {}, sample.finish_reason)]}


def _head(served: Served, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": served.name}


def _delta(
    index: int, delta: dict[str, Any], finish_reason: str | None = None, logprobs: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _logprobs(served: Served, scored: Sequence[Scored]) -> dict[str, Any]:
    tokenizer = served.decoder.tokenizer

    def entry(token: int, logprob: float) -> dict[str, Any]:
        text = tokenizer.decode([token], skip_special_tokens=False)
        return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(text.encode("utf-8"))}

    return {
        "content": [
            entry(token, score.logprob) | {"top_logprobs": [entry(*likely) for likely in score.likeliest]}
            for token, score in scored
        ],
        "refusal": None,
    }
