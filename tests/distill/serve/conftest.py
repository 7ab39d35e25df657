"""Students that are served in these tests, and servers for them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
import uvicorn

from distill.serve.app import build_app
from distill.serve.decoder import Decoder
from distill.serve.requests import Served
from tests.conftest import random_adapters

TEXT = (
    "[UNDERSTAND]<STEP>4 ; 5[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9<STEP>9+1=11[VERIFY]<STEP>9-5=4 ok</THINK><ANS>9</ANS>"
)


@pytest.fixture(scope="session")
def nano_student() -> tuple[Any, Any]:
    """A tiny MiniAxion with random weights and the tokenizer of the nano form."""
    from students.sizes import build_student
    from students.tokenizer import train_tokenizer

    tokenizer = train_tokenizer([f"<INST>What is 4 + 5?</INST><THINK>{TEXT}"] * 20, vocab_size=400)
    model = build_student("miniaxion1-tiny", tokenizer, vocab_size=len(tokenizer), max_length=256, seed=1)
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
    return model.eval(), tokenizer


@pytest.fixture(scope="session")
def chat_student(tiny_base: Any) -> tuple[Any, Any]:
    """A tiny base with both adapters, which are not the identity, and a chat template."""
    return random_adapters(tiny_base, lora_alpha=16)


class Script:
    """A model in place of a trained one: it writes a text, token by token, whatever it is asked."""

    def __init__(self, tokenizer: Any, text: str = TEXT, *, seconds: float = 0.0) -> None:
        from students.sizes import student_config

        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        self.following, self.seconds = [*ids, tokenizer.eos_token_id], seconds
        self.config = student_config("miniaxion1-tiny", vocab_size=len(tokenizer), max_length=256)
        self.generation_config = type("Settings", (), {"eos_token_id": tokenizer.eos_token_id})()
        self.parameter = torch.nn.Parameter(torch.zeros(1))
        self.starts: dict[Any, Any] = {}

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        return iter([self.parameter])

    def eval(self) -> Script:
        return self

    def __call__(self, *, input_ids: Any, past_key_values: Any, **options: Any) -> Any:
        time.sleep(self.seconds)
        if past_key_values.get_seq_length() == 0:
            places = torch.zeros(len(input_ids), dtype=torch.long)
        else:  # what a row has read stands in its keys
            places = past_key_values.layers[0].keys[:, 0, -1, 0].long() + 1
        keys = places[:, None, None, None].expand(-1, 1, input_ids.shape[1], 1).float()
        past_key_values.update(keys, keys, 0)
        logits = torch.zeros(len(input_ids), 1, self.config.vocab_size)
        following = torch.tensor(self.following)[places.clamp_max(len(self.following) - 1)]
        logits[torch.arange(len(input_ids)), 0, following] = 50.0
        return type("Output", (), {"logits": logits, "past_key_values": past_key_values})()


@pytest.fixture
def script(nano_student: tuple[Any, Any]) -> Callable[..., Served]:
    """A served model that writes a given text."""

    def build(text: str = TEXT, *, name: str = "script", seconds: float = 0.0, **limits: int) -> Served:
        tokenizer = nano_student[1]
        return Served(name, Decoder(Script(tokenizer, text, seconds=seconds), tokenizer, **limits))

    return build


@contextlib.contextmanager
def running(models: Sequence[Served], **options: Any) -> Iterator[str]:
    """The address of a real server for these models, on loopback."""
    found = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(build_app(models, **options), log_level="warning", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[found]), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{found.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        found.close()
