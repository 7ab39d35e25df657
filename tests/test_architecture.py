"""Imports run one way, parsers are text only, and no file grows past its promise."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "parsers": {"parsers"},
    "teachers": {"parsers", "teachers"},
    "losses": {"parsers", "losses"},
    "students": {"parsers", "students"},
    "distill": {"parsers", "teachers", "losses", "students", "distill"},
    "benchmarks": {"parsers", "teachers", "losses", "students", "distill", "benchmarks"},
}
HEAVY = {"torch", "transformers", "accelerate", "peft", "trl", "datasets"}
FILES = sorted(file for package in MAY_IMPORT for file in (ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all absolute imports, wherever they stand."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_follow_the_design(file: Path):
    package = file.relative_to(ROOT).parts[0]
    names = imported(ast.parse(file.read_text(encoding="utf-8")))
    assert names & MAY_IMPORT.keys() <= MAY_IMPORT[package]
    if package == "parsers":
        assert not names & HEAVY


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_files_and_functions_stay_small(file: Path):
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 80, node.name


def test_the_import_rule_sees_what_it_must():
    assert imported(ast.parse("def f():\n    import torch.nn\n    from losses.nll import x")) == {"torch", "losses"}


def test_every_package_is_listed_for_installation():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {file.parent.relative_to(ROOT) for file in FILES if file.relative_to(ROOT).parts[0] != "benchmarks"}
    assert set(listed) == {".".join(folder.parts) for folder in folders} | {"recipes"}


def test_no_package_hides_under_tests():
    assert not list((ROOT / "tests").rglob("__init__.py"))
