"""Client of an OpenAI-compatible endpoint: every answer is on disk before the next question is sent.

    POST https://host/v1/chat/completions
    {"model": "…", "messages": [{"role": "user", "content": "What is 4 + 5?"}], "temperature": 0, "max_tokens": 384}

answers.jsonl keeps one line per answer, so that no answer is paid for twice. The key comes only from the environment
variable OPENAI_API_KEY. It is sent as a header and never written, even if a server repeats it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from distill.errors import UserError
from distill.evaluation.api_key import KEY_VARIABLE, api_key, masked
from distill.evaluation.completions import Answer, excerpt, read_answer

ANSWER_SECONDS = 300.0
"""How long one answer may take in all, further tries and waiting included."""
CONNECT_SECONDS = 10.0
REPLY_BYTES = 16_000_000
"""Longest reply that is read; an answer of 100,000 tokens has less than 1 MB."""
MAX_RETRIES = 4
"""Further tries; the client waits 0.5, 1, 2 … seconds between them, or up to two minutes if the server asks."""
ANNOUNCED_SECONDS = 5.0
"""A wait that a server asks for is shown from this length on."""


WRONG_SETTINGS = (401, 403, 404, 405)
"""Statuses that every further question would get as well; so would redirects."""
MAX_FAILURES = 16
"""Questions in a row without an answer, after which no more are asked."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server, the model and how to ask; `url` ends before /chat/completions."""

    url: str
    model: str
    max_new_tokens: int
    seconds: float | None = field(default=None, compare=False)
    """How long one answer may take in all; ANSWER_SECONDS where it is None."""

    @property
    def deadline(self) -> float:
        """Seconds for one answer, retries and waiting included."""
        return ANSWER_SECONDS if self.seconds is None else self.seconds


@dataclass(frozen=True, slots=True)
class Question:
    """The text of the user's message, and how the answer is drawn."""

    text: str
    temperature: float = 0.0
    seed: int | None = None


class NoAnswer(UserError):
    """The reason why a question has no answer. `is_final`: no other question would get one either."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class TooLate(NoAnswer):
    """A question whose answer took longer than the deadline."""


def checked_endpoint(
    url: str, model: str, max_new_tokens: int, *, seconds: float | None = None, named: str = "--endpoint"
) -> Endpoint:
    """The endpoint of a URL that a user typed as the option or key `named`; an answer may take so many `seconds`.

    Raises:
        UserError: it is not a plain http(s) address; a password in it would end up in the results.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        if is_address:
            httpx2.URL(url)
            (parts.hostname or "").encode("idna")  # a label has 63 letters at most
    except (ValueError, httpx2.InvalidURL):  # a port beyond 65535, half of an IPv6 address
        parts, is_address = urlsplit(""), False
    if not is_address or any(character.isspace() or not character.isprintable() for character in url):
        raise UserError(f"{named}: {url[:200]} is no http(s) address such as http://localhost:8000/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UserError(f"{named}: no user, password or parameters in the address; a key belongs in {KEY_VARIABLE}")
    return Endpoint(url.rstrip("/").removesuffix("/chat/completions"), model, max_new_tokens, seconds)


def ask_all(
    endpoint: Endpoint,
    questions: Iterable[str],
    kept: Path,
    *,
    parallel: int = 1,
    on_progress: Callable[[int], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> dict[str, Answer]:
    """Question to answer; questions that the file `kept` already answers are not asked again.

    Args:
        kept: answers.jsonl; every answer is appended and flushed to disk before its worker asks the next question.
        parallel: number of questions asked at the same time.
        on_progress: called with the number of newly answered questions.
        on_wait: called with a sentence when the server asks to wait.

    Raises:
        UserError: the endpoint refuses or does not answer, or `kept` is of another model. Answers so far stay.
    """
    questions = dict.fromkeys(questions)
    answers = _read_kept(kept, endpoint)
    missing = [question for question in questions if question not in answers]
    if on_progress:
        on_progress(len(questions) - len(missing))

    def keep(_: Question, answer: Answer) -> None:
        asked = {"url": endpoint.url, "model": endpoint.model, "max_new_tokens": endpoint.max_new_tokens}
        row = json.dumps({**asdict(answer), **asked}, ensure_ascii=False) + "\n"
        with kept.open("ab") as file:
            file.write(row.encode())
            file.flush()
            os.fsync(file.fileno())
        answers[answer.question] = answer
        if on_progress:
            on_progress(1)

    if missing:
        try:
            ask_each(endpoint, map(Question, missing), keep, parallel=parallel, on_wait=on_wait)
        except UserError as error:
            raise UserError(f"{error}; answers so far are kept, continue with the same command and --resume") from None
    return answers


def ask_each(
    endpoint: Endpoint,
    questions: Iterable[Question],
    keep: Callable[[Question, Answer], None],
    *,
    parallel: int = 1,
    on_failure: Callable[[Question, NoAnswer], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> None:
    """Ask with `parallel` workers; every answer goes to `keep` before its worker asks the next question.

    Args:
        on_failure: called for a question without an answer; then the next is asked. Without it, the first failure
            stops new questions; answers on their way are still awaited, because they are paid for.

    Raises:
        NoAnswer: the first failure; with `on_failure` only one that every question would meet, or the last of many in
            a row.
    """
    asyncio.run(_ask_each(endpoint, iter(questions), keep, parallel, on_failure, on_wait))


async def _ask_each(
    endpoint: Endpoint,
    queue: Iterator[Question],
    keep: Callable[[Question, Answer], None],
    parallel: int,
    on_failure: Callable[[Question, NoAnswer], None] | None,
    on_wait: Callable[[str], None] | None,
) -> None:
    refused: set[str] = set()
    failures: list[Exception] = []
    in_a_row = 0

    async def place(client: openai.AsyncOpenAI) -> None:
        nonlocal in_a_row
        for question in queue:
            try:
                keep(question, await _ask(client, endpoint, refused, question))
                in_a_row = 0
            except NoAnswer as error:
                in_a_row += 1
                if on_failure is None or error.is_final or in_a_row >= MAX_FAILURES:
                    failures.append(error)
                else:
                    on_failure(question, error)
            except Exception as error:
                failures.append(error)
            if failures:
                return

    async with _client(endpoint, on_wait) as client:
        await asyncio.gather(*(place(client) for _ in range(parallel)))
    if failures:
        raise failures[0]


def _client(endpoint: Endpoint, on_wait: Callable[[str], None] | None) -> openai.AsyncOpenAI:
    """The official client, which retries. It follows no redirect, so that the key goes to this host only."""
    said = -ANNOUNCED_SECONDS

    async def on_response(response: httpx2.Response) -> None:
        nonlocal said
        wait = _seconds_to_wait(response)
        if on_wait and wait >= ANNOUNCED_SECONDS and time.monotonic() - said >= ANNOUNCED_SECONDS:
            said = time.monotonic()
            on_wait(f"{endpoint.url}: status {response.status_code}, the server asks to wait {wait:,.0f} seconds")
        if response.headers.get("content-encoding", "identity") != "identity":  # a few bytes could grow to any size
            raise UserError("answers in compressed form, which was not asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Capped(response.stream)

    http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [on_response]}, follow_redirects=False)
    return openai.AsyncOpenAI(
        base_url=endpoint.url,
        api_key=api_key() or "none",
        timeout=httpx2.Timeout(endpoint.deadline, connect=CONNECT_SECONDS),
        max_retries=MAX_RETRIES,
        http_client=http,
        default_headers={"Accept-Encoding": "identity"},
    )


class _Capped(httpx2.AsyncByteStream):
    """The bytes of a reply, up to REPLY_BYTES."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self.stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self.stream:
            size += len(piece)
            if size > REPLY_BYTES:
                raise UserError(
                    f"the reply is longer than {REPLY_BYTES // 1_000_000} MB; this is not a chat completion"
                )
            yield piece

    async def aclose(self) -> None:
        await self.stream.aclose()


async def _ask(client: openai.AsyncOpenAI, endpoint: Endpoint, refused: set[str], question: Question) -> Answer:
    """One answer; what this server does not take is added to `refused` and left out.

    Raises:
        NoAnswer: the server gave no answer; one line says why.
    """
    url = f"{endpoint.url}/chat/completions"
    request: Any = {"model": endpoint.model, "messages": [{"role": "user", "content": question.text}]}
    if not api_key():
        request["extra_headers"] = {"Authorization": openai.omit}
    try:
        async with asyncio.timeout(endpoint.deadline):
            while True:
                left_out = set(refused)
                options = _options(endpoint, question, left_out)
                try:
                    reply = await client.chat.completions.with_raw_response.create(**request, **options)
                    break
                except openai.BadRequestError as error:
                    if not _adapt(refused, left_out, options, str(error.body or error.message)):
                        raise
    except (openai.APITimeoutError, TimeoutError):
        raise TooLate(f"{url}: no answer (it took longer than {endpoint.deadline:.0f} seconds)") from None
    except openai.APIStatusError as error:
        is_final = error.status_code in WRONG_SETTINGS or error.status_code // 100 == 3
        models = await _models(client, endpoint) if error.status_code == 404 else ""
        raise NoAnswer(f"{url}: {_refusal(endpoint, error)}{models}", is_final=is_final) from None
    except openai.APIConnectionError as error:
        is_refused = isinstance(error.__cause__, httpx2.ConnectError)
        cause = "no connection; is a server running there?" if is_refused else "the connection broke off"
        raise NoAnswer(f"{url}: no answer ({cause})") from None
    except UserError as error:
        raise NoAnswer(f"{url}: {error}") from None
    try:
        return read_answer(question.text, reply.content)
    except ValueError:
        raise NoAnswer(f"{url}: the reply is not a chat completion ({excerpt(reply.content)})") from None


async def _models(client: openai.AsyncOpenAI, endpoint: Endpoint) -> str:
    """The models of a server, if it lists them and the requested model is missing."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            names = [model.id for model in (await client.with_options(max_retries=0).models.list()).data]
    except (openai.OpenAIError, UserError, ValueError, TypeError, AttributeError, TimeoutError):
        return ""
    if endpoint.model in names or not names:
        return ""
    return f"; it has no model {endpoint.model}, but {masked(', '.join(names[:8]))[:300]}"


def _options(endpoint: Endpoint, question: Question, refused: set[str]) -> dict[str, Any]:
    """The sampling options, under the names that this server accepts."""
    limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
    options = {"temperature": question.temperature, limit: endpoint.max_new_tokens, "seed": question.seed}
    return {name: value for name, value in options.items() if value is not None and name not in refused}


def _adapt(refused: set[str], left_out: set[str], sent: dict[str, Any], message: str) -> bool:
    """Add the option that the server refuses. True if one was added, here or by a request sent beside this one."""
    if refused != left_out:
        return True
    if "max_tokens" in sent and ("max_completion_tokens" in message or "'max_tokens'" in message):
        refused.add("max_tokens")
    else:
        refused.update([name for name in ("temperature", "seed") if name in sent and name in message][:1])
    return refused != left_out


def _refusal(endpoint: Endpoint, error: openai.APIStatusError) -> str:
    """The meaning of a status, and what to do about it."""
    status, reply = error.status_code, error.response
    if status in (401, 403):
        cure = "refuses the key in" if api_key() else "wants a key, which it takes from"
        return f"{cure} {KEY_VARIABLE} (status {status})"
    if 300 <= status < 400:
        return f"status {status}, it sends us to another address; give that one, if you trust it with your key"
    cure = ""
    if status in (404, 405) and not urlsplit(endpoint.url).path.strip("/"):
        cure = "; is /v1 missing at the end of the address?"
    elif (wait := _seconds_to_wait(reply)) >= ANNOUNCED_SECONDS:
        cure = f"; it asks to wait {wait:,.0f} seconds"
    return f"status {status} ({excerpt(reply.content)}){cure}"


def _seconds_to_wait(response: httpx2.Response) -> float:
    """Of the Retry-After header of a refusal, where it is a number."""
    try:
        return float(response.headers["retry-after"]) if response.status_code >= 400 else 0.0
    except (LookupError, ValueError):
        return 0.0


def _read_kept(kept: Path, endpoint: Endpoint) -> dict[str, Answer]:
    """The answers in a file of an earlier call; an incomplete last line, from a kill, is cut off."""
    if not kept.is_file():
        return {}
    data = kept.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with kept.open("r+b") as file:
            file.truncate(len(whole))
    answers = {}
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        try:
            row = json.loads(line)
            asked = Endpoint(row["url"], row["model"], row["max_new_tokens"])
            answer = Answer(row["question"], row["output"], row["finished"], row["num_tokens"])
        except (ValueError, LookupError, TypeError, RecursionError):
            raise UserError(f"{kept}: line {number} is damaged; take it out, or choose another --out") from None
        if asked != endpoint:
            limit = f"with {asked.max_new_tokens} tokens at most"
            raise UserError(f"{kept}: holds answers of {asked.model} at {asked.url} {limit}; choose another --out")
        answers[answer.question] = answer
    return answers
