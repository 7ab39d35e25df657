"""The trace store under real load: writers that are killed, a server that is killed, many appends at once.

    python -m benchmarks.bench_store --appends 10000                   two processes, so many appends each
    python -m benchmarks.bench_store --gguf model.gguf --data gsm8k/train.jsonl
        `distill trace` asks a real llama.cpp for 500 solutions, eight at a time; on the way the server is killed and
        started again once, and `distill trace` is killed with -9 three times. Every answer must stand in the store
        exactly once, and none that stood there may have been asked for again.

Prints what it found and exits with 1 where something is lost, doubled, torn, or asked for again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.llama_cpp_server import free_port, llama_cpp_server
from teachers.store import Answer, Request, TraceStore

CONCURRENCY, MAX_NEW_TOKENS = 8, 24
"""Requests on their way; tokens of an answer, which need not be right here."""


def main() -> None:
    """Run what was asked for, print, and exit with 1 where a number is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--appends", type=int, help="appends of each of two processes")
    parser.add_argument("--gguf", type=Path, help="a model for llama.cpp")
    parser.add_argument("--data", help="GSM8K's train.jsonl, with test.jsonl beside it")
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        faults = appends(Path(folder) / "appends", options.appends) if options.appends else []
        if options.gguf:
            faults += killed(Path(folder), options.gguf, options.data, options.requests)
    if faults:
        raise SystemExit("; ".join(faults))


def appends(folder: Path, count: int) -> list[str]:
    """Two processes append at the same time, to keys of which half are the same in both."""
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(append_many, [(folder, count, 0), (folder, count, count // 2)])
    seconds = time.perf_counter() - start
    store = TraceStore(folder)
    found, lines = store.answers(), list(lines_of(folder))
    wanted = {key_of(i) for i in range(count + count // 2)}
    print(f"{2 * count:,} appends of two processes: {len(lines):,} lines in {seconds:.0f} s, {store.torn} torn")
    faults = [f"{len(wanted - found.keys())} answers are lost"] if wanted - found.keys() else []
    return faults + (["lines are torn"] if store.torn else []) + _doubles(lines)


def append_many(folder: Path, count: int, first: int) -> None:
    """Claim and append, 50 at a time, until all of these keys have an answer."""
    left = [_request(i) for i in range(first, first + count)]
    with TraceStore(folder) as store:
        while left:
            for request in store.claim(left, most=50):
                store.append(Answer(request.key, request.question, f"text of {request.question}"))
            answered = store.answers()
            left = [request for request in left if request.key not in answered]


def key_of(i: int) -> str:
    """The key of request i."""
    return _request(i).key


def _request(i: int) -> Request:
    return Request(f"question {i}", "writer", "words", (("seed", 0),))


def killed(folder: Path, gguf: Path, data: str, count: int) -> list[str]:
    """`distill trace` with kills on both sides; what is wrong afterwards."""
    store, asked, faults, port = folder / "store", list[str](), list[str](), free_port()
    recipe, server = folder / "recipe.yaml", ServerProcess(gguf, port)
    with proxy(port, asked) as url:
        recipe.write_text(json.dumps(_recipe(url, data, count, store)))
        for share in (0.2, 0.6, 0.8, 1.0):
            before, since = _questions(store), len(asked)
            with client(recipe) as process:
                if share == 0.6:
                    _wait(process, store, 0.4 * count)
                    server.restart()  # this client goes on
                _wait(process, store, share * count)
                if share < 1:
                    process.send_signal(signal.SIGKILL)
            again = [question for question in before if any(question in message for message in asked[since:])]
            faults += [f"{len(again)} answered questions were asked again"] if again else []
            print(f"{len(_questions(store))} answers after {len(asked)} requests", flush=True)
    server.stop()
    lines = list(lines_of(store))
    faults += [f"{len(lines)} answers in place of {count}"] if len(_questions(store)) != count else []
    return faults + _doubles(lines)


@contextmanager
def client(recipe: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`distill trace` of a recipe, waited for at the end."""
    command = [sys.executable, "-m", "distill", "trace", str(recipe)]
    environment = {**os.environ, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:  # it shows its progress
        yield process


def _wait(process: subprocess.Popen[bytes], store: Path, count: float) -> None:
    """Until so many answers stand in the store, or the process has ended."""
    while process.poll() is None and len(_questions(store)) < count:
        time.sleep(0.2)


class ServerProcess:
    """llama.cpp on one port; it can be killed and started again."""

    def __init__(self, gguf: Path, port: int) -> None:
        self.start = lambda: llama_cpp_server(gguf, slots=CONCURRENCY, port=port)
        self.running = self.start()
        self.running.__enter__()

    def restart(self) -> None:
        """Kill it, wait, and start another."""
        self.stop()
        time.sleep(3)
        self.running = self.start()
        self.running.__enter__()

    def stop(self) -> None:
        """Kill it."""
        self.running.__exit__(None, None, None)


@contextmanager
def proxy(port: int, asked: list[str]) -> Iterator[str]:
    """An address that hands chat requests on to the server of this port and notes the question of each."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(json.loads(body)["messages"][-1]["content"])
            try:
                request = urllib.request.Request(f"http://127.0.0.1:{port}{self.path}", body, dict(self.headers))
                with urllib.request.urlopen(request, timeout=600) as answer:
                    status, data = answer.status, answer.read()
            except (OSError, urllib.error.URLError):
                status, data = 503, b"{}"
            with suppress(OSError):  # a client that was killed
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def _recipe(url: str, data: str, count: int, store: Path) -> dict[str, Any]:
    teacher = {
        "kind": "endpoint", "url": url, "model": "any", "num_problems": count, "num_samples": 1,
        "show_reference": False, "max_new_tokens": MAX_NEW_TOKENS, "concurrency": CONCURRENCY, "store": str(store),
    }  # fmt: skip
    student = {"kind": "adapter", "base": "Qwen/Qwen2.5-Coder-0.5B-Instruct"}
    train = {"max_steps": 1, "warmup_steps": 0}
    return {"name": "store", "teacher": teacher, "data": {"path": data}, "student": student, "train": train}


def lines_of(folder: Path) -> Iterator[dict[str, Any]]:
    """Every answer that stands in the store."""
    for path in folder.glob("answers-*.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)


def _questions(folder: Path) -> set[str]:
    """The questions that have an answer on disk now."""
    return {line["question"] for line in lines_of(folder)}


def _doubles(lines: list[dict[str, Any]]) -> list[str]:
    twice = sum(count > 1 for count in Counter(line["key"] for line in lines).values())
    return [f"{twice} answers stand there twice"] if twice else []


if __name__ == "__main__":
    main()
