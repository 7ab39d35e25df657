"""The page's files: HTML, a style sheet in the colours of all reports, a script, and its data.

There is no build step and no outside file; a content security policy stops the browser from loading more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distill.report.svg import style_sheet, variables
from distill.serve.requests import MAX_SAMPLES, Served

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_files(models: Sequence[Served]) -> list[Route]:
    """Paths of the page and its files."""
    facts = {
        "models": [
            {"name": served.name, "keeps_turns": served.keeps_turns, "has_gate": served.has_gate} for served in models
        ],
        "max_samples": MAX_SAMPLES,
        "examples": json.loads(_text("examples.json")),
    }
    return [
        Route("/", _serving(_text("chat.html"), "text/html")),
        Route("/chat.css", _serving(styles(), "text/css")),
        Route("/chat.js", _serving(_text("chat.js"), "text/javascript")),
        Route("/page/facts", lambda _: JSONResponse(facts, headers=HEADERS)),
        Route("/favicon.ico", lambda _: Response(status_code=204)),
    ]


def styles() -> str:
    """The style sheet: palette, pictures, page."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {variables(dark=True)} }} }}"
    return "\n".join([f":root {{ {variables()} }}", dark, style_sheet(), _text("chat.css")])


def _text(name: str) -> str:
    return resources.files("distill.serve").joinpath(name).read_text(encoding="utf-8")


def _serving(content: str, media_type: str) -> Any:
    def serve(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=HEADERS)

    return serve
