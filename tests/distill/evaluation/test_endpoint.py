"""Asking an endpoint: a stub server on this machine that refuses, stalls and breaks as real ones do."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from benchmarks.attack_server import CHUNKED, OK, forever
from distill.errors import UserError
from distill.evaluation import endpoint as endpoint_module
from distill.evaluation.api_key import masked
from distill.evaluation.completions import read_answer
from distill.evaluation.endpoint import ask_all, checked_endpoint
from distill.verbs.measure import eval_endpoint, load_questions

KEY = "sk-secret-0123456789"


def completion(text: str, **more: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
    return {"choices": [choice], "usage": {"completion_tokens": 7}}


def answer(question: str) -> tuple[int, Any]:
    """Right answers to "What is a + b?"."""
    a, b = (int(word) for word in question.strip("?").split() if word.isdigit())
    return 200, completion(f"{a} + {b} = {a + b}\n#### {a + b}")


@pytest.fixture
def stub(endpoint_stub: Any) -> Any:
    endpoint_stub.reply = answer
    return endpoint_stub


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.jsonl"
    rows = [{"question": f"What is {n} + {n}?", "answer": str(2 * n), "task": "sum"} for n in range(5)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def evaluate(stub: Any, questions, out, **options: Any):
    return eval_endpoint(stub.url, "stub", questions, out, Console(file=io.StringIO()), **options)


def everything(folder) -> str:
    return "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


def test_an_endpoint_is_measured_like_a_student(stub, questions, tmp_path):
    folder = evaluate(stub, questions, tmp_path / "out", max_new_tokens=50, parallel=3)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["tasks"]["sum"]["accuracy"] == 1.0
    assert (metrics["model"], metrics["endpoint"], metrics["unfinished"]) == ("stub", stub.url, 0)
    rows = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert [row["question"] for row in rows] == [f"What is {n} + {n}?" for n in range(5)]  # whatever came first
    assert {row["num_tokens"] for row in rows} == {7}
    assert stub.asked[0] | {"messages": []} == {"model": "stub", "messages": [], "temperature": 0, "max_tokens": 50}


def test_the_key_is_sent_and_written_nowhere(stub, questions, tmp_path, monkeypatch):
    folder = evaluate(stub, questions, tmp_path / "out")
    assert set(stub.keys) == {f"Bearer {KEY}"}
    assert KEY not in everything(folder)
    stub.reply = lambda question: (400, {"error": {"message": f"Incorrect key {KEY} for this model"}})
    with pytest.raises(UserError) as caught:
        evaluate(stub, questions, tmp_path / "other")
    assert "Incorrect key ***" in str(caught.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    stub.reply = answer
    evaluate(stub, questions, tmp_path / "third")
    assert stub.keys[-1] is None


def test_what_was_answered_is_kept_and_never_asked_again(stub, questions, tmp_path):
    out = tmp_path / "out"
    stub.reply = lambda question: (400, "no") if question == "What is 3 + 3?" else answer(question)
    with pytest.raises(UserError, match=r"status 400 \(no\); answers so far are kept, continue with the same command"):
        evaluate(stub, questions, out)
    assert len((out / "answers.jsonl").read_text().splitlines()) == 3
    assert not (out / "metrics.json").exists()
    with (out / "answers.jsonl").open("a") as file:
        file.write('{"question": "What is 3 + 3?", "outp')  # killed while writing
    with pytest.raises(UserError, match="the folder exists; continue with --resume"):
        evaluate(stub, questions, out)
    with pytest.raises(UserError, match=r"holds answers of stub at .* with 384 tokens at most"):
        evaluate(stub, questions, out, max_new_tokens=9, resume=True)
    stub.asked.clear()
    stub.reply = answer
    evaluate(stub, questions, out, resume=True)
    assert stub.questions == ["What is 3 + 3?", "What is 4 + 4?"]
    assert json.loads((out / "metrics.json").read_text())["accuracy"]["strict"]["correct"] == 5


def test_an_answer_is_on_disk_before_the_next_question_is_sent(stub, tmp_path):
    kept, seen = tmp_path / "answers.jsonl", []

    def reply(question: str) -> tuple[int, Any]:
        seen.append(len(kept.read_text().splitlines()) if kept.exists() else 0)
        return answer(question)

    stub.reply = reply
    ask_all(checked_endpoint(stub.url, "stub", 9), [f"What is {n} + 1?" for n in range(4)], kept)
    assert seen == [0, 1, 2, 3]


def test_failures_on_the_way_are_tried_again(stub, tmp_path):
    failures = iter([(503, "busy"), (429, "slow down"), (500, "")])
    stub.reply = lambda question: next(failures, answer(question))
    found = ask_all(checked_endpoint(stub.url, "stub", 9), ["What is 1 + 1?"], tmp_path / "answers.jsonl")
    assert found["What is 1 + 1?"].output.endswith("#### 2")
    assert len(stub.asked) == 4


@pytest.mark.parametrize(
    ("status", "reply", "words"),
    [
        (401, {"error": {"message": "who are you"}}, "refuses the key in OPENAI_API_KEY"),
        (404, {"error": "no such model"}, r"status 404 \(no such model\)"),
        (302, "", "status 302, it sends us to another address"),
        (200, "<html>sign in</html>", "not a chat completion"),
        (200, "[" * 100_000, "not a chat completion"),
        (400, "[" * 100_000, "status 400"),
        (200, {"choices": [{"message": {"content": "9", "reasoning": 3}}]}, "not a chat completion"),
        (200, "hello", r"not a chat completion \(hello\)"),
        (200, {"choices": []}, "not a chat completion"),
        (200, completion([1]), "not a chat completion"),  # type: ignore[arg-type]
        (503, "busy", r"status 503 \(busy\)"),
    ],
)
def test_what_cannot_be_used_ends_in_one_line(stub, tmp_path, status, reply, words):
    stub.reply = lambda question: (status, reply)
    with pytest.raises(UserError, match=words):
        ask_all(checked_endpoint(stub.url, "stub", 9), ["What is 1 + 1?"], tmp_path / "answers.jsonl")


def test_nobody_there_and_nobody_answering_in_time(stub, tmp_path, monkeypatch):
    monkeypatch.setattr(endpoint_module, "MAX_RETRIES", 0)
    monkeypatch.setattr(endpoint_module, "ANSWER_SECONDS", 0.2)
    waiting = threading.Event()
    stub.reply = lambda question: (200, waiting.wait(5))
    with pytest.raises(UserError, match="no answer"):
        ask_all(checked_endpoint(stub.url, "stub", 9), ["What is 1 + 1?"], tmp_path / "answers.jsonl")
    waiting.set()
    with pytest.raises(UserError, match="no answer"):
        ask_all(checked_endpoint("http://127.0.0.1:9", "stub", 9), ["q"], tmp_path / "other.jsonl")


def reply_of(message: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, **more}], "usage": None}


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "4 + 5"}, {"type": "text", "text": " = 9"}]},
    {"type": "text", "text": "9"},
    {"type": "text", "text": "."},
]


@pytest.mark.parametrize(
    ("reply", "output"),
    [
        (completion("9"), "9"),
        (completion(None), ""),  # type: ignore[arg-type]
        (completion("half \ud83d"), "half ?"),
        (reply_of({"content": "9", "reasoning_content": "4 + 5 = 9"}), "<think>4 + 5 = 9</think>9"),
        (reply_of({"content": "9", "reasoning": "4 + 5 = 9"}), "<think>4 + 5 = 9</think>9"),
        (reply_of({"content": PARTS}), "<think>4 + 5 = 9</think>9."),
        (reply_of({"content": None, "reasoning": "4 +"}, finish_reason="length"), "<think>4 +"),
        (reply_of({"content": "9 is", "reasoning": "4"}, finish_reason="length"), "<think>4</think>9 is"),
    ],
)
def test_every_way_in_which_servers_word_an_answer(reply, output):
    found = read_answer("q", json.dumps(reply).encode())
    assert found.output == output
    assert found.finished == (reply["choices"][0].get("finish_reason") != "length")
    assert found.num_tokens == (reply["usage"] and 7)


def test_a_question_that_repeats_is_asked_once(stub, tmp_path):
    questions = ["What is 1 + 1?", "What is 2 + 2?", "What is 1 + 1?"]
    assert len(ask_all(checked_endpoint(stub.url, "stub", 9), questions, tmp_path / "answers.jsonl")) == 2
    assert len(stub.asked) == 2


def test_options_that_a_server_refuses_are_changed_once_for_all_questions(stub, tmp_path):
    def picky(question: str) -> tuple[int, Any]:
        options = stub.asked[-1].keys()
        if "max_tokens" in options:
            return 400, {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}}
        if "temperature" in options:
            return 400, {"error": {"message": "'temperature' does not support 0 with this model."}}
        return answer(question)

    stub.reply = picky
    questions = [f"What is {n} + 1?" for n in range(3)]
    assert len(ask_all(checked_endpoint(stub.url, "stub", 9), questions, tmp_path / "answers.jsonl")) == 3
    assert len(stub.asked) == 5 and stub.asked[-1]["max_completion_tokens"] == 9


def test_a_missing_v1_is_guessed(stub, tmp_path):
    stub.reply = lambda question: (404, "not found")
    with pytest.raises(UserError, match="is /v1 missing"):
        ask_all(checked_endpoint(stub.url.removesuffix("/v1"), "stub", 9), ["q"], tmp_path / "answers.jsonl")


def test_a_server_without_the_model_says_what_it_has(stub, tmp_path):
    stub.models = ["small", "large"]
    stub.reply = lambda question: (404, {"error": "model not found"})
    with pytest.raises(UserError, match="it has no model stub, but small, large"):
        ask_all(checked_endpoint(stub.url, "stub", 9), ["q"], tmp_path / "answers.jsonl")


class Raw:
    """A server that writes what `talk(connection)` does, byte by byte."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/v1"
        self.talk, self.num_requests = talk, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.num_requests += 1
            connection.recv(65536)
            with contextlib.suppress(OSError), connection:
                self.talk(connection)


MEGABYTE = b"100000\r\n" + b" " * 2**20 + b"\r\n"


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (forever(OK + CHUNKED, b"1\r\n \r\n"), "took longer than"),  # a space now and then
        (forever(OK, b"X-More: 1\r\n"), "took longer than"),  # a header now and then
        (forever(b"", b"HTTP/1.1 102 Processing\r\n\r\n"), "took longer than"),
        (forever(OK + CHUNKED, MEGABYTE, 0.0), "longer than 16 MB"),
        (forever(b"HTTP/1.1 400 No\r\n" + CHUNKED, MEGABYTE, 0.0), "longer than 16 MB"),
        (forever(OK + b"Content-Encoding: gzip\r\n" + CHUNKED, b""), "compressed form"),
    ],
)
def test_servers_without_an_end_are_left(tmp_path, monkeypatch, talk, words):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(endpoint_module, "ANSWER_SECONDS", 2.0)
    started = time.monotonic()
    with pytest.raises(UserError, match=words) as caught:
        ask_all(checked_endpoint(Raw(talk).url, "stub", 9), ["q"], tmp_path / "answers.jsonl")
    assert time.monotonic() - started < 8 and "\n" not in str(caught.value)


def test_a_server_that_asks_for_an_hour_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    busy = b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: %d\r\n\r\n"
    server, heard = Raw(lambda connection: connection.sendall(busy % 3600)), []
    with pytest.raises(UserError, match="it asks to wait 3,600 seconds"):
        ask_all(checked_endpoint(server.url, "m", 9), ["q"], tmp_path / "a.jsonl", on_wait=heard.append)
    assert server.num_requests == 1 and "asks to wait 3,600 seconds" in heard[0]


@pytest.mark.parametrize(
    "echo", [KEY, KEY.upper(), " ".join(KEY), KEY[:5] + "\n" + KEY[5:], base64.b64encode(KEY.encode()).decode()]
)
def test_a_key_that_a_server_repeats_is_masked_everywhere(stub, questions, tmp_path, echo):
    stub.reply = lambda question: (200, completion(f"Authorization: Bearer {echo} #### 2"))
    folder = evaluate(stub, questions, tmp_path / "out")
    written = everything(folder)
    assert "Bearer ***" in written
    for form in (KEY, " ".join(KEY), base64.b64encode(KEY.encode()).decode()):
        assert form.lower() not in written.lower()
    stub.reply = lambda question: (400, "no " + "".join(f"\\u{ord(letter):04x}" for letter in KEY))
    with pytest.raises(UserError, match=r"status 400 \(no \*\*\*\)"):
        evaluate(stub, questions, tmp_path / "other")


def test_short_keys_are_words_and_stay(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    assert masked("an empty box") == "an empty box"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000", "ftp://x/v1", "http://", "https://me:pw@x/v1", "https://x/v1?key=1",
        "http://[::1", "http://x:99999/v1", "http://x:port/v1", "http://a b/v1",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url):
    with pytest.raises(UserError, match="--endpoint"):
        checked_endpoint(url, "m", 9)


def test_the_address_of_the_method_itself_is_understood():
    assert checked_endpoint("http://x/v1/chat/completions", "m", 9).url == "http://x/v1"
    assert checked_endpoint("http://x/v1/", "m", 9).url == "http://x/v1"


def test_names_of_data_sets(monkeypatch):
    from distill.verbs import measure as eval_files
    from teachers.problems import Problem, Trace

    trace = Trace(Problem("4 clips and 5 clips?", "9", "gsm8k"), "4+5 = <<4+5=9>>9\n#### 9", "gsm8k", "reference")
    monkeypatch.setattr(eval_files, "load_dataset_traces", lambda name, split: [trace])
    problems, graphs = load_questions("gsm8k")
    assert problems == [trace.problem]
    assert graphs["4 clips and 5 clips?"].answer == "9"
    with pytest.raises(UserError, match='unknown file or data set gsm8, did you mean "gsm8k"'):
        load_questions("gsm8")
    with pytest.raises(UserError, match=r"gsm8k\.jsonl: no such file"):
        load_questions("gsm8k.jsonl")
