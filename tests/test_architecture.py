"""Imports run one way, parsers are text only, and no file grows past its promise."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import networkx as nx
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
ORDER = (
    {"errors"}, {"recipe"}, {"runs"}, {"data"}, {"training", "evaluation"}, {"traces"}, {"tracks"}, {"report"},
    {"forecast", "refine", "serve", "export"}, {"verbs"}, {"cli", "distill"}, {"__main__"},
)  # fmt: skip
"""Parts of distill/, each of which may import what stands before it and nothing behind or beside it."""
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


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of_files() -> nx.DiGraph:
    """Module to every module of ours that it imports, wherever the import stands; those for types alone count."""
    modules = {module_of(file): file for file in FILES}
    graph = nx.DiGraph()
    for module, file in modules.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [name if (name := f"{node.module}.{part}") in modules else node.module for part in names]
            graph.add_edges_from((module, name) for name in names if name in modules and name != module)
    return graph


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_follow_the_design(file: Path):
    package = file.relative_to(ROOT).parts[0]
    names = imported(ast.parse(file.read_text(encoding="utf-8")))
    assert names & MAY_IMPORT.keys() <= MAY_IMPORT[package]
    if package == "parsers":
        assert not names & HEAVY


def test_no_files_import_one_another_in_a_circle():
    circles = [sorted(part) for part in nx.strongly_connected_components(imports_of_files()) if len(part) > 1]
    assert circles == []


def test_packages_of_distill_import_one_way():
    def part(module: str) -> str:
        return f"{module}.distill".split(".")[1]

    rank = {name: i for i, names in enumerate(ORDER) for name in names}
    inside = [edge for edge in imports_of_files().edges if all(name.startswith("distill") for name in edge)]
    assert len(inside) > 100
    upward = [(a, b) for a, b in inside if part(a) != part(b) and rank[part(a)] <= rank[part(b)]]
    assert upward == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_files_and_functions_stay_small(file: Path):
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_the_kind_of_a_student_is_asked_once():
    """Everything else is told by its track (distill/tracks/)."""
    question = re.compile(r"isinstance\([^)\n]*(?:AdapterStudent|NanoStudent)|is_adapter\(|student\.kind ==")
    asking = [name_of(file) for file in FILES for _ in question.findall(file.read_text(encoding="utf-8"))]
    assert [name for name in asking if not name.startswith("benchmarks/")] == ["distill/tracks/choose.py"]


def test_the_import_rule_sees_what_it_must():
    assert imported(ast.parse("def f():\n    import torch.nn\n    from losses.nll import x")) == {"torch", "losses"}


def test_every_package_is_listed_for_installation():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {file.parent.relative_to(ROOT) for file in FILES if file.relative_to(ROOT).parts[0] != "benchmarks"}
    assert set(listed) == {".".join(folder.parts) for folder in folders} | {"recipes"}


def test_no_package_hides_under_tests():
    assert not list((ROOT / "tests").rglob("__init__.py"))
