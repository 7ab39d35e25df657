"""A server that answers as real ones do on a bad day: `/drip/v1/chat/completions` drips, and so on for each name."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

ESCAPE = "\x1b]0;title\x07\x1b[31mX\x00\x9b31m"


@dataclass(frozen=True)
class Server:
    """Where it listens, and its process."""

    port: int
    process: BaseProcess


def serve() -> Server:
    """Start the server in a process of its own."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=200)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listening,), daemon=True)
    process.start()
    return Server(listening.getsockname()[1], process)


def _serve(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    try:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
                head += piece
            head, _, body = head.partition(b"\r\n\r\n")
            sizes = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            while len(body) < sum(
                map(int, sizes)
            ):  # closed with bytes unread, a connection is reset and the reply lost
                body += connection.recv(65536)
            path = head.split(b" ")[1].decode()
            key = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization:")), b"")
            talk(path.split("/")[1], key.decode().partition(" ")[2])(connection)
    except OSError:
        pass


def reply(status: int, body: bytes | str | dict[str, Any], *headers: str) -> bytes:
    """A whole HTTP reply."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def says(content: Any, **more: Any) -> dict[str, Any]:
    """A chat completion."""
    return {"choices": [{"message": {"content": content, **more}, "finish_reason": "stop"}]}


def forever(start: bytes, piece: bytes, seconds: float = 0.05) -> Callable[[socket.socket], None]:
    """Writes something, then a piece again and again."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(seconds)

    return talk


OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
STREAMS: dict[str, Callable[[socket.socket], None]] = {
    "drip": forever(OK + CHUNKED, b"1\r\n \r\n", 0.3),
    "drip-headers": forever(OK, b"X-More: 1\r\n", 0.3),
    "drip-status": forever(b"", b"H", 0.3),
    "continue": forever(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.1),
    "endless": forever(OK + CHUNKED, MEGABYTE, 0.0),
    "endless-400": forever(b"HTTP/1.1 400 No\r\n" + CHUNKED, MEGABYTE, 0.0),
    "endless-500": forever(b"HTTP/1.1 500 No\r\n" + CHUNKED, MEGABYTE, 0.0),
    "endless-header": forever(OK + b"X: ", b"x" * 65536, 0.0),
    "silent": lambda connection: time.sleep(100),
    "closes": lambda connection: None,
    "half": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"),
    "no-http": lambda connection: connection.sendall(b"220 mail.example.org ESMTP\r\n"),
    "garbage": lambda connection: connection.sendall(bytes(range(256)) * 8),
}
STATUSES = (
    100,
    201,
    204,
    301,
    302,
    307,
    308,
    400,
    401,
    403,
    404,
    405,
    413,
    418,
    422,
    429,
    451,
    500,
    502,
    503,
    529,
    999,
)


def talk(name: str, key: str) -> Callable[[socket.socket], None]:
    """What to do with a connection whose path begins with this name."""
    if name in STREAMS:
        return STREAMS[name]
    data = reply(int(name), {"error": {"message": f"no {ESCAPE}"}}) if name.isdigit() else BODIES[name](key)
    return lambda connection: connection.sendall(data)


BODIES: dict[str, Callable[[str], bytes]] = {
    "good": lambda key: reply(200, says("4 + 5 = 9\n#### 9")),
    "key": lambda key: reply(200, says(f"Bearer {key} #### 9")),
    "key-spaced": lambda key: reply(200, says(f"{' '.join(key)} #### 9")),
    "key-400": lambda key: reply(400, f"no {key}"),
    "key-escaped": lambda key: reply(400, "no " + "".join(f"\\u{ord(letter):04x}" for letter in key)),
    "escape": lambda key: reply(200, says(f"{ESCAPE} <script>alert(1)</script> [/b] #### 9")),
    "escape-400": lambda key: reply(400, ESCAPE),
    "deep": lambda key: reply(200, "[" * 100_000),
    "deep-400": lambda key: reply(400, "[" * 100_000),
    "html": lambda key: reply(200, "<html>sign in</html>"),
    "empty": lambda key: reply(200, ""),
    "null": lambda key: reply(200, "null"),
    "list": lambda key: reply(200, "[]"),
    "no-choices": lambda key: reply(200, {"choices": []}),
    "choices-5": lambda key: reply(200, {"choices": 5}),
    "no-message": lambda key: reply(200, {"choices": [{}]}),
    "content-null": lambda key: reply(200, says(None)),
    "content-5": lambda key: reply(200, says(5)),
    "content-list": lambda key: reply(200, says([{"type": "text", "text": "9"}])),
    "content-odd": lambda key: reply(200, says([{"type": "image"}, 5])),
    "surrogate": lambda key: reply(200, says("half \ud83d")),
    "huge-number": lambda key: reply(200, '{"choices": ' + "9" * 5000 + "}"),
    "nan": lambda key: reply(200, '{"choices": [{"message": {"content": "9"}}], "usage": {"completion_tokens": NaN}}'),
    "long": lambda key: reply(200, says("9" * 1_000_000)),
    "gzip": lambda key: reply(200, b"\x1f\x8b" + b"\0" * 99, "Content-Encoding: gzip"),
    "hour": lambda key: reply(429, "slow", "Retry-After: 3600"),
    "odd-wait": lambda key: reply(400, "slow", "Retry-After: soon"),
    "nan-wait": lambda key: reply(400, "slow", "Retry-After: nan"),
    "elsewhere": lambda key: reply(302, "", "Location: http://127.0.0.1:1/"),
    "loop": lambda key: reply(307, "", "Location: /loop/v1/chat/completions"),
    "not-utf8": lambda key: reply(200, b'{"choices": [{"message": {"content": "\xff"}}]}'),
}
