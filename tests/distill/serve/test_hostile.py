"""Hostile requests are refused or answered, never a 500, and the server serves on; benchmarks/bench_serve.py sends 10,000."""

from __future__ import annotations

import socket
import time

import httpx2
import pytest
from starlette.testclient import TestClient

from benchmarks.hostile_requests import finding, hostile_request
from distill.serve.app import build_app
from distill.serve.decoder import Decoder
from distill.serve.requests import Served

from .conftest import running


@pytest.fixture(scope="module", params=["nano", "chat"])
def client(request, nano_student, chat_student):
    student = nano_student if request.param == "nano" else chat_student
    with TestClient(build_app([Served("student", Decoder(*student))]), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("part", range(4))
def test_hostile_requests_are_refused_or_answered(client, part):
    statuses = set()
    for number in range(part * 60, part * 60 + 60):
        hostile = hostile_request(number, "student")
        url = "http://localhost" + hostile.path
        found = client.request(hostile.method, url, headers=hostile.headers, content=hostile.body)
        statuses.add(found.status_code)
        assert finding(found.status_code, found.content, found.headers.get("content-type", "")) is None, hostile
    assert {200, 400} <= statuses
    assert client.get("/health").json()["models"] == {"student": {"writing": 0, "waiting": 0}}


def test_a_reader_that_does_not_read_holds_nobody_up(script):
    with running([script("[PLAN]" + "<STEP>4+5=9" * 60)]) as address:
        host, port = address.removeprefix("http://").split(":")
        body = b'{"model": "script", "stream": true, "logprobs": true, "top_logprobs": 20, "messages": [{"role": "user", "content": "x"}]}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        lazy = [socket.create_connection((host, int(port))) for _ in range(8)]
        for one in lazy:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(head.encode() + body)
        request = {"model": "script", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
        assert httpx2.post(f"{address}/v1/chat/completions", json=request, timeout=30).status_code == 200
        for one in lazy:
            one.close()
        end = time.monotonic() + 20
        while httpx2.get(f"{address}/health").json()["models"]["script"] != {"writing": 0, "waiting": 0}:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_body_that_does_not_come_is_not_waited_for(script, monkeypatch):
    monkeypatch.setattr("distill.serve.app.BODY_SECONDS", 0.2)
    with running([script()]) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                b"POST /page/answer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            )
            slow.settimeout(10)
            assert b" 408 " in slow.recv(1000)


def test_a_reader_that_never_reads_is_given_up(script, monkeypatch):
    monkeypatch.setattr("distill.serve.app.READ_SECONDS", 0.3)
    monkeypatch.setattr("distill.serve.answers.SECONDS_BETWEEN", 0.0)
    served = script("[PLAN]" + "<STEP>4+5=9" * 60)
    with running([served]) as address:
        host, port = address.removeprefix("http://").split(":")
        body = b'{"model": "script", "n": 16, "stream": true, "logprobs": true, "top_logprobs": 20, "messages": [{"role": "user", "content": "x"}]}'
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect((host, int(port)))
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            lazy.sendall(head.encode() + body)
            assert lazy.recv(100).startswith(b"HTTP/1.1 200")
            end = time.monotonic() + 30
            while served.decoder._listeners:
                assert time.monotonic() < end
                time.sleep(0.05)
