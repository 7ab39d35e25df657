"""The ASGI application: the page, the OpenAI-compatible endpoint, access control, and limits of a request.

GET  /                      the page and its files
POST /v1/chat/completions   OpenAI's form, whole or streamed            GET /v1/models, /v1/models/{id}, /health
POST /page/answer           the same request, answered with stages, verdicts and graph
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distill.serve.answers import Asked, answer, events
from distill.serve.page import page_files
from distill.serve.page_answers import page_events
from distill.serve.requests import MAX_BODY, ApiError, ChatRequest, Served, read_request, rows_of

BODY_SECONDS = 30
"""Within which the body of a request must be here."""
READ_SECONDS = 60
"""Within which a client must read what it was sent, else it is given up."""
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "[::1]")
"""Names by which a server on loopback is reached: others are of pages elsewhere that point their name here."""


def build_app(models: Sequence[Served], *, api_key: str | None = None, is_local: bool = True) -> Starlette:
    """The application. With a key, requests to a model need it; on loopback only local host names are served."""
    middleware = [Middleware(NeedsKey, api_key=api_key)] if api_key else []
    if is_local:
        middleware.insert(0, Middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL_HOSTS)))
    routes = Endpoint(models).routes() + page_files(models)
    handlers: Any = {
        ApiError: _refused,
        404: _not_found,
        405: _wrong_method,
        ClientDisconnect: _gone,
        500: _our_bug,
    }
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers, lifespan=_decoding(models))
    app.router.redirect_slashes = False
    return app


class NeedsKey:
    """Refuses requests to a model without the key: `Authorization: Bearer KEY`."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self.app, self.expected = app, f"Bearer {api_key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["path"].startswith(("/v1", "/page/")):
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self.expected):
                error = ApiError("wrong or missing API key; send it as Authorization: Bearer KEY", status=401,
                                 code="invalid_api_key")  # fmt: skip
                await JSONResponse(error.body, 401)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class Endpoint:
    """The requests that the models answer."""

    def __init__(self, models: Sequence[Served]) -> None:
        self.models = {served.name: served for served in models}
        self.since = int(time.time())
        self.drawing = anyio.CapacityLimiter(1)
        """Pictures are drawn one by one, so that decoding keeps its share of the processor."""

    def routes(self) -> list[Route]:
        """Paths and their handlers."""
        return [
            Route("/v1/chat/completions", self.completions, methods=["POST"]),
            Route("/page/answer", self.page_answer, methods=["POST"]),
            Route("/v1/models", self.list_models),
            Route("/v1/models/{name:path}", self.show_model),
            Route("/health", self.health),
        ]

    async def completions(self, http: Request) -> Response:
        """An answer in OpenAI's format."""
        request, asked = await self._asked(http)
        if request.stream:
            return EventStream(events(request, asked), asked)
        try:
            return JSONResponse(await _unless_gone(http, answer(request, asked)))
        finally:
            asked.leave()

    async def page_answer(self, http: Request) -> Response:
        """An answer for the page."""
        request, asked = await self._asked(http)
        is_narrow = http.query_params.get("narrow") == "1"
        return EventStream(page_events(request, asked, is_narrow=is_narrow, drawing=self.drawing), asked)

    async def list_models(self, _: Request) -> Response:
        """The models by name."""
        return JSONResponse({"object": "list", "data": [self._card(name) for name in self.models]})

    async def show_model(self, http: Request) -> Response:
        """One model."""
        return JSONResponse(self._card(self._served(http.path_params["name"]).name))

    async def health(self, _: Request) -> Response:
        """`ok`, and the numbers of running and waiting rows of each model."""
        loads = {
            name: dict(zip(("writing", "waiting"), one.decoder.load, strict=True)) for name, one in self.models.items()
        }
        return JSONResponse({"status": "ok", "models": loads})

    async def _asked(self, http: Request) -> tuple[ChatRequest, Asked]:
        request = read_request(await _body(http))
        served = self._served(request.model)
        rows = await anyio.to_thread.run_sync(rows_of, request, served)
        return request, Asked(served, rows, question=request.messages[-1].text, stops=request.stops)

    def _served(self, name: str) -> Served:
        if name not in self.models:
            message = f"model: {name[:100]!r} is not served here; choose from {', '.join(self.models)}"
            raise ApiError(message, status=404, param="model", code="model_not_found")
        return self.models[name]

    def _card(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self.since, "owned_by": "distill"}


class EventStream(StreamingResponse):
    """Server-sent events. At the end, also after an error, the rows free their places."""

    def __init__(self, content: AsyncIterator[str], asked: Asked) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end, the client disconnects, or it stops reading."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(READ_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except (TimeoutError, ClientDisconnect):
            return
        finally:
            self._asked.leave()


async def _body(http: Request) -> bytes:
    """The body of a request in JSON.

    Raises:
        ApiError: the content type is wrong, or the body is too long or does not arrive in time.
    """
    if http.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError("Content-Type: application/json is expected", status=415)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in http.stream():
                body += part
                if len(body) > MAX_BODY:
                    raise ApiError(f"body: more than {MAX_BODY:,} bytes", status=413)
    except TimeoutError:
        raise ApiError(f"body: it did not come within {BODY_SECONDS} seconds", status=408) from None
    return bytes(body)


async def _unless_gone(http: Request, work: Awaitable[Any]) -> Any:
    """The result of the work, which is cancelled if the client disconnects.

    Raises:
        ClientDisconnect: the client disconnected.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(http))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass


def _decoding(models: Sequence[Served]) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        threads = [served.decoder.start() for served in models]
        yield
        for served in models:
            served.decoder.close()
        for thread in threads:
            await anyio.to_thread.run_sync(thread.join)

    return lifespan


async def _refused(_: Request, error: ApiError) -> Response:
    return JSONResponse(error.body, error.status, headers={"Retry-After": "1"} if error.status == 429 else None)


async def _not_found(http: Request, _: Exception) -> Response:
    error = ApiError(f"{http.method} {http.url.path[:100]}: nothing is here", status=404)
    return JSONResponse(error.body, 404)


async def _wrong_method(http: Request, error: Any) -> Response:
    body = ApiError(f"{http.method[:20]} is not allowed here", status=405).body
    return JSONResponse(body, 405, headers=error.headers)


async def _our_bug(_: Request, error: Exception) -> Response:
    message = f"{type(error).__name__}: this is our bug; the server's log shows where"
    return JSONResponse(ApiError(message, status=500).body, 500)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)
