"""Runs the application with uvicorn, on a socket that is bound early."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

import uvicorn
from starlette.types import ASGIApp

from distill.errors import UserError

MAX_CONNECTIONS = 1_024


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to host and port; port 0 takes a free port.

    Raises:
        UserError: the port is taken or not allowed, or the host is unknown.
    """
    found = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere it lets two servers share a port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen()  # before models are loaded: a second server is refused at once
        return found
    except (OSError, OverflowError, UnicodeError) as error:
        if found is not None:
            found.close()
        raise UserError(_reason(error, host, port)) from None


def _reason(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, socket.gaierror):
        return f"--host: {host} is no address of this machine; leave it out to serve this machine only"
    if number == errno.EADDRINUSE:
        return f"--port: {port} is taken on {host}; choose another, or 0 for a free one"
    if number == errno.EACCES:
        return f"--port: {port} needs more rights; choose one above 1023"
    return f"--host: {host} cannot be served ({error}); leave it out to serve this machine only"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on that host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(app: ASGIApp, found: socket.socket) -> None:
    """Answer requests until the process is interrupted."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=3,
        ws="none",
    )
    try:
        uvicorn.Server(config).run(sockets=[found])
    except KeyboardInterrupt:
        return
