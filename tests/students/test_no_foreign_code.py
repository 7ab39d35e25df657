"""Loading a student or a base runs no code that came with it, and asks nobody whether it may."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from students.adapter import Base, BaseError, load_base, load_tokenizer
from students.generation import load_student

ROOT = Path(__file__).parents[2]
PACKAGES = ("parsers", "teachers", "losses", "students", "distill", "benchmarks")


def loading_calls(tree: ast.AST) -> list[ast.Call]:
    """The calls of transformers' Auto classes that read a folder or a name, or a configuration that came from one."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("from_pretrained", "from_config")
        and ast.unparse(node.func.value).rpartition(".")[2].startswith("Auto")
    ]


def refuses_code(call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    value = given.get("trust_remote_code")
    return isinstance(value, ast.Constant) and value.value is False


def test_every_loading_call_refuses_code():
    found = [
        (file.relative_to(ROOT).as_posix(), call)
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        for call in loading_calls(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert len(found) >= 10
    assert not [f"{name}:{call.lineno}" for name, call in found if not refuses_code(call)]
    text = "x.AutoModel.from_pretrained(a, trust_remote_code=None); AutoConfig.from_pretrained(a); Llama.from_config(a)"
    assert [refuses_code(call) for call in loading_calls(ast.parse(text))] == [False, False]


def hostile(folder: Path, trace: Path, *, place: str) -> Path:
    """A model folder whose code writes the file `trace` as soon as it is imported."""
    folder.mkdir()
    (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass C: pass\n")
    auto = dict.fromkeys(("AutoConfig", "AutoModelForCausalLM"), "evil.C")
    config = {"model_type": "unheard_of", "auto_map": auto} if place == "config" else {"model_type": "llama"}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = {"tokenizer_class": "Unheard", "auto_map": {"AutoTokenizer": ["evil.C", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer if place == "tokenizer" else {}))
    return folder


class Yes:
    """Standard input that says yes to everything, and remembers that it was read."""

    was_read = False

    def readline(self, *_: object) -> str:
        Yes.was_read = True
        return "y\n"

    read = readline

    def fileno(self) -> int:
        return 0

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("place", ["config", "tokenizer"])
@pytest.mark.parametrize("load", ["student", "base", "tokenizer"])
def test_code_in_a_model_folder_does_not_run(tmp_path, monkeypatch, place, load):
    trace = tmp_path / "it ran"
    folder = hostile(tmp_path / "model", trace, place=place)
    monkeypatch.setattr(sys, "stdin", Yes())
    base = Base(str(folder))
    with pytest.raises((BaseError, ValueError, OSError)):
        {"student": load_student, "base": lambda _: load_base(base), "tokenizer": lambda _: load_tokenizer(base)}[load](
            folder
        )
    assert not trace.exists() and not Yes.was_read
