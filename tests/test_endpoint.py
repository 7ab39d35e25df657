"""Asking an endpoint: a stub server on this machine that refuses, stalls and breaks as real ones do."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from rich.console import Console

from distill import endpoint as endpoint_module
from distill.endpoint import ask_all, checked_endpoint
from distill.errors import UserError
from distill.eval_files import eval_endpoint, load_questions

KEY = "sk-secret-0123456789"


def completion(text: str, **more: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
    return {"choices": [choice], "usage": {"completion_tokens": 7}}


def answer(question: str) -> tuple[int, Any]:
    """Right answers to "What is a + b?"."""
    a, b = (int(word) for word in question.strip("?").split() if word.isdigit())
    return 200, completion(f"{a} + {b} = {a + b}\n#### {a + b}")


class Stub:
    """A server whose `reply` maps a question to (status, JSON or text); it keeps what it was sent."""

    def __init__(self) -> None:
        self.reply: Callable[[str], tuple[int, Any]] = answer
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.asked.append(body)
                stub.keys.append(self.headers["Authorization"])
                status, reply = stub.reply(body["messages"][-1]["content"])
                data = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    @property
    def questions(self) -> list[str]:
        return [body["messages"][-1]["content"] for body in self.asked]


@pytest.fixture
def stub(monkeypatch) -> Iterator[Stub]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(endpoint_module.RETRIES, "backoff_factor", 0)
    server = Stub()
    thread = threading.Thread(target=server.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.jsonl"
    rows = [{"question": f"What is {n} + {n}?", "answer": str(2 * n), "task": "sum"} for n in range(5)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def evaluate(stub: Stub, questions, out, **options: Any):
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
    with pytest.raises(UserError, match=r"status 400 \(no\); answers so far are kept, the same command with --resume"):
        evaluate(stub, questions, out)
    assert len((out / "answers.jsonl").read_text().splitlines()) == 3
    assert not (out / "metrics.json").exists()
    with (out / "answers.jsonl").open("a") as file:
        file.write('{"question": "What is 3 + 3?", "outp')  # killed while writing
    with pytest.raises(UserError, match="use --resume"):
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
        (302, "", "status 302"),
        (200, "hello", r"no chat completion \(hello\)"),
        (200, {"choices": []}, "no chat completion"),
        (200, completion([1]), "no chat completion"),  # type: ignore[arg-type]
        (503, "busy", r"status 503 \(busy\)"),
    ],
)
def test_what_cannot_be_used_ends_in_one_line(stub, tmp_path, status, reply, words):
    stub.reply = lambda question: (status, reply)
    with pytest.raises(UserError, match=words):
        ask_all(checked_endpoint(stub.url, "stub", 9), ["What is 1 + 1?"], tmp_path / "answers.jsonl")


def test_nobody_there_and_nobody_answering_in_time(stub, tmp_path, monkeypatch):
    monkeypatch.setitem(endpoint_module.RETRIES, "read", 0)
    monkeypatch.setattr(endpoint_module, "REQUEST_SECONDS", 0.05)
    waiting = threading.Event()
    stub.reply = lambda question: (200, waiting.wait(5))
    with pytest.raises(UserError, match="no answer"):
        ask_all(checked_endpoint(stub.url, "stub", 9), ["What is 1 + 1?"], tmp_path / "answers.jsonl")
    waiting.set()
    with pytest.raises(UserError, match="no answer"):
        ask_all(checked_endpoint("http://127.0.0.1:9", "stub", 9), ["q"], tmp_path / "other.jsonl")


def test_reasoning_kept_apart_empty_content_and_cut_answers(stub, tmp_path):
    replies = {
        "a": completion("9", finish_reason="length"),
        "b": completion(None),  # type: ignore[arg-type]
        "d": completion("half \ud83d"),
        "c": {"choices": [{"message": {"content": "9", "reasoning_content": "4 + 5 = 9"}}], "usage": None},
    }
    stub.reply = lambda question: (200, replies[question])
    found = ask_all(checked_endpoint(stub.url, "stub", 9), [*replies, "a"], tmp_path / "answers.jsonl")
    assert (found["a"].finished, found["a"].num_tokens) == (False, 7)
    assert (found["b"].output, found["d"].output) == ("", "half ?")
    assert (found["c"].output, found["c"].num_tokens) == ("<think>4 + 5 = 9</think>9", None)
    assert len(stub.asked) == 4  # a question that repeats is asked once


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
    from distill import eval_files
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
