"""`distill chat`: serves a page to try students on, and an OpenAI-compatible endpoint, until Ctrl-C.

distill chat runs/miniaxion-1f0c9a52
open http://127.0.0.1:8321/ · OpenAI clients: base_url http://127.0.0.1:8321/v1
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from distill.errors import UserError
from distill.runs.quiet import quiet_libraries
from distill.runs.students import helpers_of, loaded, student_path

if TYPE_CHECKING:
    from transformers import LogitsProcessorList

PORT = 8321
MAX_MODELS = 4


def chat(
    models: Sequence[str],
    console: Console,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    api_key: str | None = None,
    no_auth: bool = False,
    calculator: bool = False,
    guided: bool = False,
) -> None:
    """Serve the students until the process is interrupted.

    Raises:
        UserError: a student cannot be loaded, `calculator` or `guided` is for another kind of student, the port is
            taken, or others could reach the server without a key.
    """
    from distill.serve.server import is_loopback, listening

    is_local = is_loopback(host)
    if api_key is not None and (not api_key.isascii() or not api_key.isprintable() or not api_key.strip()):
        raise UserError("--api-key: it is empty or has characters that HTTP headers do not take")
    if not is_local and not (api_key or no_auth):
        raise UserError(f"--host: others can reach {host}; give an --api-key, or --no-auth to let everybody in")
    if len(models) > MAX_MODELS:
        raise UserError(f"{len(models)} models: at most {MAX_MODELS} can be served together; leave some out")
    paths = [student_path(model) for model in models]
    with listening(host, port) as found:
        quiet_libraries()
        students = [loaded(path) for path in paths]
        helpers = _helpers(students, calculator, guided)

        from distill.serve.app import build_app
        from distill.serve.decoder import Decoder
        from distill.serve.requests import Served
        from distill.serve.server import serve

        decoders = [
            Decoder(*student, logits_processor=helper) for student, helper in zip(students, helpers, strict=True)
        ]
        served = [Served(name, decoder) for name, decoder in zip(names(models), decoders, strict=True)]
        if not is_local:
            console.print(
                f"others can reach this server{'' if api_key else ' and use it without a key'}", style="yellow"
            )
        console.print(greeting(host, found.getsockname()[1]), highlight=False, markup=False, soft_wrap=True)
        serve(build_app(served, api_key=api_key, is_local=is_local), found)


def _helpers(students: Sequence[tuple[Any, Any]], calculator: bool, guided: bool) -> list[LogitsProcessorList | None]:
    """What helps each student; nothing helps a base beside its student."""
    are_adapters = [hasattr(model, "peft_config") for model, _ in students]
    return [
        helpers_of(*student, calculator=calculator, guided=guided) if is_adapter or not any(are_adapters) else None
        for student, is_adapter in zip(students, are_adapters, strict=True)
    ]


def greeting(host: str, port: int) -> str:
    """The line that says how to reach the server."""
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return f"open {address}/ · OpenAI clients: base_url {address}/v1 · Ctrl-C ends"


def names(models: Sequence[str]) -> list[str]:
    """Names of the models: those of their folders, or whole paths if two folders have the same name."""
    short = [Path(model).parent.name if Path(model).name == "student" else Path(model).name for model in models]
    if len(set(short)) < len(short):
        short = list(models)
    return [f"{name} ({short[:i].count(name) + 1})" if name in short[:i] else name for i, name in enumerate(short)]
