"""The trace store: each answer once and whole, whoever writes and whenever a writer is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from teachers.store import Answer, Request, TraceStore

ROOT = Path(__file__).parents[2]


def request(number: int, **changes: object) -> Request:
    fields = {"question": f"{number} + 1?", "teacher": "m", "template": "t", "sampling": (("temperature", 0.0),)}
    return Request(**(fields | changes))  # type: ignore[arg-type]


def answer(asked: Request) -> Answer:
    return Answer(asked.key, asked.question, f"the answer to {asked.question}\nin lines", num_tokens=5)


REQUESTS = [request(i) for i in range(12)]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], TraceStore]]:
    """Opens writers of one store; closes them after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(TraceStore(tmp_path))


def test_what_is_appended_is_there_and_is_not_asked_again(opened: Callable[[], TraceStore]) -> None:
    store = opened()
    taken = store.claim(REQUESTS, most=4)
    assert taken == REQUESTS[:4]
    for one in taken:
        store.append(answer(one))
    assert store.answers() == {one.key: answer(one) for one in taken} == opened().answers()
    assert store.claim(REQUESTS, most=20) == REQUESTS[4:]


def test_a_key_depends_on_everything_that_decides_the_answer() -> None:
    changes = [
        {"question": "x"}, {"teacher": "n"}, {"template": "u"}, {"sample": 1},
        {"sampling": (("temperature", 0.5),)}, {"sampling": (("temperature", 0.0), ("seed", 1))},
    ]  # fmt: skip
    keys = {request(0, **change).key for change in changes} | {request(0).key}
    assert len(keys) == len(changes) + 1 and request(0).key == request(0).key


def test_two_living_writers_never_take_the_same_request(opened: Callable[[], TraceStore]) -> None:
    first, second = opened(), opened()
    assert first.claim(REQUESTS, most=5) == REQUESTS[:5]
    assert second.claim(REQUESTS, most=5) == REQUESTS[5:10]
    first.close()
    assert second.claim(REQUESTS, most=20) == REQUESTS


@pytest.mark.parametrize("cut", [1, 2, 7, 40, 10_000])
def test_a_line_that_was_cut_off_is_asked_again_and_nothing_else(
    tmp_path: Path, opened: Callable[[], TraceStore], cut: int
) -> None:
    store = opened()
    for one in REQUESTS[:3]:
        store.append(answer(one))
    store.close()
    (file,) = tmp_path.glob("answers-*.jsonl")
    whole = file.read_bytes()
    last = whole.rfind(b"\n", 0, -1) + 1
    file.write_bytes(whole[: max(last + 1, len(whole) - cut)])
    again = opened()
    assert set(again.answers()) == {one.key for one in REQUESTS[:2]} and again.torn == 1
    (taken,) = again.claim(REQUESTS, most=1)
    again.append(answer(taken))
    assert set(TraceStore(tmp_path).answers()) == {one.key for one in REQUESTS[:3]}


@pytest.mark.parametrize("damage", [b"\x00\xff\n", b"[1, 2]\n", b'{"key": 3}\n', b"[" * 100_000 + b"\n"])
def test_a_damaged_line_is_not_an_answer(tmp_path: Path, opened: Callable[[], TraceStore], damage: bytes) -> None:
    (tmp_path / "answers-0.jsonl").write_bytes(damage)
    store = opened()
    store.append(answer(REQUESTS[0]))
    assert set(store.answers()) == {REQUESTS[0].key}


def fill(folder: Path, first: int, count: int) -> None:
    """A writer: takes whatever is left of its own requests and of shared ones."""
    with TraceStore(folder) as store:
        for number in range(first, first + count):
            store.append(answer(request(number)))
        while taken := store.claim(REQUESTS, most=3):
            for one in taken:
                time.sleep(0.001)
                store.append(answer(one))


def test_two_processes_lose_nothing_and_write_nothing_twice(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=fill, args=(tmp_path, first, 100)) for first in (100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = [line for file in tmp_path.glob("answers-*.jsonl") for line in file.read_text().splitlines()]
    expected = {request(number).key for number in range(100, 300)} | {one.key for one in REQUESTS}
    assert len(lines) == len(expected) and set(TraceStore(tmp_path).answers()) == expected


@pytest.mark.parametrize("after", [1, 4])
def test_what_was_answered_before_a_kill_stays_and_what_was_taken_is_free(
    tmp_path: Path, opened: Callable[[], TraceStore], after: int
) -> None:
    code = (
        "import sys, time; sys.path.insert(0, 'tests/teachers')\n"
        "from test_store import REQUESTS, answer\nfrom teachers.store import TraceStore\nfrom pathlib import Path\n"
        f"store = TraceStore(Path({str(tmp_path)!r}))\n"
        f"for one in store.claim(REQUESTS, most=12)[:{after}]: store.append(answer(one))\n"
        "print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "written\n"
        store = opened()
        assert store.claim(REQUESTS, most=20) == [], "a living writer has taken the rest"
        os.kill(writer.pid, signal.SIGKILL)
    assert set(store.answers()) == {one.key for one in REQUESTS[:after]}
    assert store.claim(REQUESTS, most=20) == REQUESTS[after:]
