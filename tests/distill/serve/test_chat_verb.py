"""`distill chat` as a process: what it says when it cannot start, and that it serves once it can."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from distill.errors import UserError
from distill.verbs.chat import chat, names


@pytest.fixture(scope="module")
def saved(nano_student, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny" / "student"
    for part in nano_student:
        part.save_pretrained(folder)
    return folder.parent


def refused(*models: object, **options) -> str:
    with pytest.raises(UserError) as error:
        chat([str(model) for model in models], Console(), port=0, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_others_are_let_in_with_a_key_or_on_purpose(saved):
    for host in "0.0.0.0", "::", "192.0.2.1":
        assert "--api-key" in refused(saved, host=host)
    assert "--api-key: it is empty" in refused(saved, api_key="")
    assert "--host" in refused(saved, host="192.0.2.1", no_auth=True)
    assert "no address of this machine" in refused(saved, host="no.such.host.invalid", no_auth=True)


def test_a_taken_port_is_said_before_a_model_is_loaded(saved):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port: {port} is taken"):
            chat([str(saved)], Console(), port=port)


def test_what_is_no_student_is_said(saved, tmp_path):
    assert "neither a run folder nor a saved student" in refused(tmp_path)
    (tmp_path / "recipe.yaml").write_text("name: x")
    assert "this run has no student yet" in refused(tmp_path)
    assert "no such folder" in refused(tmp_path / "nothing")
    assert "at most 4" in refused(*[saved] * 5)
    assert "--calculator: nano students" in refused(saved, calculator=True)
    assert "--guided: nano students" in refused(saved, guided=True)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_half_written_student_is_said(saved, tmp_path, file):
    for path in (saved / "student").iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[: len(content) // 2] if path.name == file else content)
    assert "no student can be loaded" in refused(tmp_path)


def test_names_tell_models_apart():
    assert names(["runs/a", "b/student"]) == ["a", "b"]
    assert names(["x/a", "y/a"]) == ["x/a", "y/a"]
    assert names(["x/a", "x/a"]) == ["x/a", "x/a (2)"]


def test_it_serves_until_it_is_interrupted(saved):
    command = [sys.executable, "-m", "distill", "chat", str(saved), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = re.search(r"open (http://127\.0\.0\.1:\d+)/", line)
        assert address, line
        body = {"model": "tiny", "messages": [{"role": "user", "content": "What is 4 + 5?"}], "max_tokens": 3}
        found = httpx2.post(f"{address[1]}/v1/chat/completions", json=body, timeout=60)
        assert found.status_code == 200
        assert "Ask a student" in httpx2.get(f"{address[1]}/").text
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
