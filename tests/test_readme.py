"""What the README and the guides promise is there: commands, options, files, links, code."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from distill import cli
from distill.recipe.schema import Recipe, Section, load_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


GUIDES = [ROOT / "docs" / "quickstart.md", *sorted((ROOT / "docs").glob("how-to-*.md"))]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text: str) -> list[list[str]]:
    lines = [line for block in blocks("bash", text) for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip() and not line.startswith("#")]


COMMANDS = commands(README)
GUIDE_COMMANDS = [
    one for page in GUIDES for one in commands(page.read_text(encoding="utf-8")) if one[0] in ("distill", "make")
]
INLINE = [shlex.split(code) for code in re.findall(r"`((?:distill|make) [^`…<>]+)`", README)]


def test_the_readme_has_the_two_commands_that_set_everything_up():
    assert ["make", "run"] in COMMANDS and ["make", "test"] in COMMANDS


@pytest.mark.parametrize("command", [c for c in COMMANDS + GUIDE_COMMANDS + INLINE if c[0] == "make"], ids=" ".join)
def test_make_targets_exist(command):
    result = subprocess.run(["make", "--dry-run", *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    if "MINUTES=5" in command:
        assert "--set train.max_minutes=5" in result.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS + GUIDE_COMMANDS + INLINE if c[0] == "distill"], ids=" ".join)
def test_distill_commands_are_understood(command, monkeypatch):
    """The command line reads them: every verb, option and recipe exists. Nothing is run."""
    from typer.main import get_command

    root = get_command(cli.app)
    context = root.make_context("distill", list(command[1:]))
    name, verb, rest = root.resolve_command(context, command[1:])  # type: ignore[attr-defined]
    assert name
    if rest and rest[0] in getattr(verb, "commands", {}):
        _, verb, rest = verb.resolve_command(verb.make_context("x", rest), rest)  # type: ignore[union-attr]
    arguments = verb.make_context(name, list(rest)).params  # type: ignore[union-attr]
    if arguments.get("recipe") and not arguments["recipe"].endswith(".yaml"):
        load_recipe(arguments["recipe"], arguments.get("overrides") or [])


@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_import_what_exists(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_layout_names_every_folder():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    layout = re.findall(r"^([a-z]+)/", page, re.MULTILINE)
    named = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} & set(layout)
    assert named == set(layout) >= {"parsers", "teachers", "losses", "students", "distill", "recipes"}
    packages = {path.name for path in (ROOT / "distill").iterdir() if (path / "__init__.py").is_file()}
    missing = {name for name in packages if f"`{name}/`" not in page}
    assert not missing


def test_the_guide_to_recipes_names_every_key():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    named = {key for name in re.findall(r"`([a-z0-9_.]+)`", page) for key in name.split(".")}

    def sections(section: type[Section]) -> list[type[Section]]:
        return [section, *(s for sub in section.__subclasses__() for s in sections(sub))]

    missing = {key for section in sections(Section) for key in section.model_fields} - named - {"policy", "kind"}
    assert not missing
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])  # type: ignore[index]
    assert {*example} - {"include"} <= set(Recipe.model_fields)


def test_nothing_names_this_or_that_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(?<![\w.])/(?:root|home)/\w")
    for name in tracked.stdout.splitlines():
        if name.endswith((".md", ".py", ".yaml", ".toml", ".txt", "Makefile")) and (ROOT / name).is_file():
            assert not pattern.search((ROOT / name).read_text(encoding="utf-8")), name


def test_every_page_stands_in_the_site_and_is_built_without_a_warning(tmp_path):
    pytest.importorskip("material", reason="needs the documentation's tools: pip install -e .[docs]")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    left_out = re.search(r"exist in the docs directory, but are not included.*", result.stderr, re.DOTALL)
    assert left_out is None, left_out
    page = (tmp_path / "concepts" / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|img|link)[^>]*(?:src|href)=\"?(https?:[^\" >]+)", page)
    assert loaded == []
