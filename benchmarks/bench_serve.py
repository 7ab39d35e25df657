"""A chat server under load, on this machine: first token, 64 chats in parallel, 10,000 hostile requests.

    python -m benchmarks.bench_serve runs/miniaxion-1f0c9a52

Starts `distill chat MODEL` in a process of its own and measures from outside, as clients see it. Prints every figure
beside its target and exits with 1 if one misses it. Memory is that of the server's process (Linux).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2

from benchmarks.hostile_requests import finding, hostile_request

FIRST_TOKEN_MILLISECONDS, SPEED_UP, GROWTH_MEGABYTES = 100.0, 5.0, 200.0
"""Targets: the median, at least, at most."""
QUESTIONS = [f"What is {17 * i % 900 + 10} + {31 * i % 900 + 10}?" for i in range(1, 65)]


def main() -> None:
    """Measure, print, and exit with 1 where a target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", help="a run folder, a saved student, or one that ships")
    arguments.add_argument("--chats", type=int, default=64, help="chats in parallel")
    arguments.add_argument("--repeats", type=int, default=3, help="measurements of each, taken in turns")
    arguments.add_argument("--hostile", type=int, default=10_000, help="hostile requests")
    options = arguments.parse_args()
    with serving(options.model) as (address, process):
        misses = asyncio.run(measure(address, process.pid, options.chats, options.repeats, options.hostile))
    if misses:
        raise SystemExit(f"missed: {', '.join(misses)}")


@contextlib.contextmanager
def serving(model: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a new server and its process."""
    command = [sys.executable, "-m", "distill", "chat", model, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = re.search(r"http://[\d.]+:\d+", line)
        if address is None:
            raise SystemExit(line + process.stderr.read())
        try:
            yield address[0], process
        finally:
            process.send_signal(signal.SIGINT)


async def measure(address: str, pid: int, chats: int, repeats: int, hostile: int) -> list[str]:
    """Print every figure; the names of those that miss their target."""
    limits = httpx2.Limits(max_connections=chats)
    async with httpx2.AsyncClient(base_url=address, timeout=600, limits=limits) as client:
        model = (await client.get("/v1/models")).json()["data"][0]["id"]
        await chat(client, model, QUESTIONS[0])
        firsts, alone, together, costs = [], [], [], []
        for _ in range(repeats):
            firsts += [(await chat(client, model, question))[0] for question in QUESTIONS[:20]]
            before = cpu_seconds(pid)
            alone.append(await speed(client, model, QUESTIONS[:16], parallel=1))
            between = cpu_seconds(pid)
            together.append(await speed(client, model, QUESTIONS * 4, parallel=chats))
            costs.append((between - before) / 16 / (cpu_seconds(pid) - between) * 4 * len(QUESTIONS))
        first, ratio = 1000 * statistics.median(firsts), statistics.median(together) / statistics.median(alone)
        print(f"first token: median {first:.0f} ms, slowest of {len(firsts)} {1000 * max(firsts):.0f} ms (≤ 100)")
        print(f"one after the other: {show(alone)} tokens/s; {chats} in parallel: {show(together)} tokens/s")
        print(f"in parallel {ratio:.1f} times as fast (≥ {SPEED_UP:.0f})")
        print(f"CPU time of the server for an answer: alone {statistics.median(costs):.1f} times that in parallel")
        bad, statuses, grown = await attack(client, model, pid, hostile)
    print(f"{hostile:,} hostile requests: {dict(sorted(statuses.items()))}, findings {dict(bad)}")
    print(f"memory of the server grew by {grown:.0f} MB over the last 90 % of them (≤ {GROWTH_MEGABYTES:.0f})")
    misses = {
        "first token": first > FIRST_TOKEN_MILLISECONDS,
        "parallel": ratio < SPEED_UP,
        "hostile": bool(bad),
        "memory": grown > GROWTH_MEGABYTES,
    }
    return [name for name, is_missed in misses.items() if is_missed]


async def chat(client: httpx2.AsyncClient, model: str, question: str) -> tuple[float, int]:
    """(seconds to the first piece of text, tokens) of one streamed answer."""
    start, first, tokens = time.perf_counter(), 0.0, 0
    async for event in events(client, model, question):
        if not first and any(choice["delta"].get("content") for choice in event["choices"]):
            first = time.perf_counter() - start
        if event.get("usage"):
            tokens = event["usage"]["completion_tokens"]
    return first, tokens


async def events(client: httpx2.AsyncClient, model: str, question: str) -> AsyncIterator[dict]:
    """The events of a streamed answer."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])


async def speed(client: httpx2.AsyncClient, model: str, questions: list[str], *, parallel: int) -> float:
    """Tokens per second of all questions, so many of them at a time."""
    places, start = asyncio.Semaphore(parallel), time.perf_counter()

    async def one(question: str) -> int:
        async with places:
            return (await chat(client, model, question))[1]

    tokens = await asyncio.gather(*map(one, questions))
    return sum(tokens) / (time.perf_counter() - start)


async def attack(
    client: httpx2.AsyncClient, model: str, pid: int, count: int
) -> tuple[Counter[str], Counter[int], float]:
    """What was found, the statuses, and the megabytes that the server grew by after the first tenth."""
    bad: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    places, before = asyncio.Semaphore(8), 0.0

    async def one(number: int) -> None:
        hostile = hostile_request(number, model)
        async with places:
            found = await client.request(hostile.method, hostile.path, headers=hostile.headers, content=hostile.body)
        statuses[found.status_code] += 1
        if wrong := finding(found.status_code, found.content, found.headers.get("content-type", "")):
            bad[wrong] += 1

    for part in range(10):
        await asyncio.gather(*map(one, range(part * count // 10, (part + 1) * count // 10)))
        before = before or resident_megabytes(pid)
    return bad, statuses, resident_megabytes(pid) - before


def resident_megabytes(pid: int) -> float:
    """Memory of a process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    return int(found[1]) / 1000 if found else 0.0


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far (Linux): on a busy machine it says more than the clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(speeds: list[float]) -> str:
    """The median with the range."""
    return f"{statistics.median(speeds):,.0f} ({min(speeds):,.0f} – {max(speeds):,.0f})"


if __name__ == "__main__":
    main()
