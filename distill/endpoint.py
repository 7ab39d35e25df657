"""Asking an OpenAI-compatible endpoint; every answer is on disk before the next question is sent.

    POST https://host/v1/chat/completions
    {"model": "…", "messages": [{"role": "user", "content": "What is 4 + 5?"}], "temperature": 0, "max_tokens": 384}

answers.jsonl keeps a line for each answer, so that what was paid for is never asked twice. The key comes from the
environment variable OPENAI_API_KEY alone; it is sent as a header and written nowhere, error messages included.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from distill.errors import UserError

KEY_VARIABLE = "OPENAI_API_KEY"
REQUEST_SECONDS = 300.0
"""How long one answer may take."""
RETRIES = {"total": 6, "connect": 2, "read": 2, "backoff_factor": 1.0}
"""Of a request that failed on the way, waiting 1, 2, 4 … seconds or what the server asks for by Retry-After."""
_RETRIED_STATUSES = (408, 409, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom to ask and how; `url` ends before /chat/completions."""

    url: str
    model: str
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint wrote; `finished` is False where it ran out of tokens."""

    question: str
    output: str
    finished: bool
    num_tokens: int | None


def checked_endpoint(url: str, model: str, max_new_tokens: int) -> Endpoint:
    """The endpoint of a URL that a user typed.

    Raises:
        UserError: it is no plain http(s) address; one with a password in it would end up in the results.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half of an IPv6 address
        parts, is_address = urlsplit(""), False
    if not is_address or any(map(str.isspace, url)):
        raise UserError(f"--endpoint: {url} is no http(s) address such as http://localhost:8000/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UserError(f"--endpoint: no user, password or parameters in the address; a key belongs in {KEY_VARIABLE}")
    return Endpoint(url.rstrip("/").removesuffix("/chat/completions"), model, max_new_tokens)


def ask_all(
    endpoint: Endpoint,
    questions: Iterable[str],
    kept: Path,
    *,
    parallel: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Answer]:
    """Question to answer; those that stand in the file `kept` already are not asked again.

    Args:
        kept: answers.jsonl; every answer is appended and flushed to disk before its thread asks on.
        parallel: questions on the way at the same time.
        on_progress: hears how many more questions are answered.

    Raises:
        UserError: the endpoint refuses or does not answer, or `kept` is of another model. Answers so far stay.
    """
    questions = dict.fromkeys(questions)
    answers = _read_kept(kept, endpoint)
    missing = [question for question in questions if question not in answers]
    if on_progress:
        on_progress(len(questions) - len(missing))
    if not missing:
        return answers
    lock, failed = Lock(), Event()

    def work(question: str) -> Answer | None:
        if failed.is_set():
            return None
        try:
            answer = _ask(session, endpoint, question)
        except BaseException:
            failed.set()  # here, before this thread takes the next question
            raise
        row = json.dumps({**asdict(answer), **asdict(endpoint)}, ensure_ascii=False) + "\n"
        with lock, kept.open("ab") as file:
            file.write(row.encode())
            file.flush()
            os.fsync(file.fileno())
        return answer

    with _session(parallel) as session, ThreadPoolExecutor(parallel) as pool:
        asked = [pool.submit(work, question) for question in missing]
        try:
            for done in as_completed(asked):
                if answer := done.result():
                    answers[answer.question] = answer
                    if on_progress:
                        on_progress(1)
        except BaseException as error:
            failed.set()
            pool.shutdown(cancel_futures=True)  # waits for what is on the way: it is paid for
            if isinstance(error, UserError):
                raise UserError(f"{error}; answers so far are kept, the same command with --resume goes on") from None
            raise
    return answers


def _session(parallel: int) -> requests.Session:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"{KEY_VARIABLE}: holds characters that no key has")

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if key:
            request.headers["Authorization"] = f"Bearer {key}"
        return request

    session = requests.Session()
    session.auth = authorize  # not a plain header: a password in ~/.netrc would replace it
    retry = Retry(**RETRIES, status_forcelist=_RETRIED_STATUSES, allowed_methods=None, raise_on_status=False)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=parallel))
    return session


def _ask(session: requests.Session, endpoint: Endpoint, question: str) -> Answer:
    url = f"{endpoint.url}/chat/completions"
    body = {
        "model": endpoint.model,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": endpoint.max_new_tokens,
    }
    try:
        reply = session.post(url, json=body, timeout=(10, REQUEST_SECONDS), allow_redirects=False)
    except requests.RequestException as error:
        cause = "it took too long" if isinstance(error, requests.Timeout) else type(error).__name__
        if type(error) is requests.ConnectionError:
            cause = "no connection; is a server running there?"
        raise UserError(f"{url}: no answer ({cause})") from None
    if reply.status_code in (401, 403):
        cure = "refuses the key in" if os.environ.get(KEY_VARIABLE) else "wants a key, which it takes from"
        raise UserError(f"{url}: {cure} {KEY_VARIABLE} (status {reply.status_code})")
    if reply.status_code != 200:
        raise UserError(f"{url}: status {reply.status_code} ({_message(reply)})")
    try:
        return _read_answer(question, reply.json())
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserError(f"{url}: answered something that is no chat completion ({_message(reply)})") from None


def _read_answer(question: str, reply: Any) -> Answer:
    """The answer in a chat completion; reasoning that the server keeps apart stands before it in <think>."""
    choice = reply["choices"][0]
    message = choice["message"]
    text, thoughts = message.get("content") or "", message.get("reasoning_content") or ""
    if not isinstance(text, str) or not isinstance(thoughts, str):
        raise TypeError("the content is not text")
    tokens = (reply.get("usage") or {}).get("completion_tokens")
    whole = f"<think>{thoughts}</think>{text}" if thoughts else text
    whole = whole.encode(errors="replace").decode()  # an answer cut within a character may end in half of it
    return Answer(question, whole, choice.get("finish_reason") != "length", tokens if type(tokens) is int else None)


def _message(reply: requests.Response) -> str:
    """What the server says is wrong, short, without the key, which some servers repeat."""
    try:
        found = reply.json()
        text = str(found["error"]["message"] if isinstance(found["error"], dict) else found["error"])
    except (ValueError, LookupError, TypeError):
        text = reply.text
    key = os.environ.get(KEY_VARIABLE, "").strip()
    return " ".join((text.replace(key, "***") if key else text).split())[:200]


def _read_kept(kept: Path, endpoint: Endpoint) -> dict[str, Answer]:
    """The answers of a file that an earlier call began; half a line at its end, from a kill, is cut off."""
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
        except (ValueError, LookupError, TypeError):
            raise UserError(f"{kept}: line {number} is damaged; take it out, or choose another --out") from None
        if asked != endpoint:
            limit = f"with {asked.max_new_tokens} tokens at most"
            raise UserError(f"{kept}: holds answers of {asked.model} at {asked.url} {limit}; choose another --out")
        answers[answer.question] = answer
    return answers
