"""A real llama.cpp (package xllamacpp) on a GGUF file, in a process of its own.

with llama_cpp_server(Path("out/model.gguf")) as post:
    post("/completion", {"prompt": "4 + 5 =", "n_predict": 2})
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Post = Callable[[str, dict[str, Any]], dict[str, Any]]
"""(path, body in JSON) to what the server answers."""

SERVER = """
import sys, time, xllamacpp
options = xllamacpp.CommonParams()
path, port, slots, *adapters = sys.argv[1:]
options.model.path, options.port, options.n_parallel, options.n_ctx = path, int(port), int(slots), 1024 * int(slots)
options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
options.warmup = options.fit_params = False
options.verbosity = -1
options.cache_type_k = options.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
options.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
loras = []
for path in adapters:
    lora = xllamacpp.CommonAdapterLoraInfo()
    lora.path, lora.scale = path, 0.0
    loras.append(lora)
options.lora_adapters = loras
server = xllamacpp.Server(options)
print(server.listening_address, flush=True)
time.sleep(3600)
"""
"""One thread, keys and values in float32: with one slot nothing but the file decides what is written."""


@contextlib.contextmanager
def llama_cpp_server(
    model: Path, adapters: Sequence[Path] = (), *, slots: int = 1, port: int | None = None
) -> Iterator[Post]:
    """Start a server and give what posts to it; the process is killed at the end: freeing it can wait for ever.

    Raises:
        RuntimeError: the server ended before it listened.
    """
    command = [sys.executable, "-c", SERVER, str(model), str(port or free_port()), str(slots), *map(str, adapters)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            address = next((line.strip() for line in lines if line.startswith("http")), "")
            if not address:
                raise RuntimeError(f"llama.cpp ended before it listened; can it read {model}?")
            yield lambda path, body: _post(address + path, body)
        finally:
            server.kill()


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
