"""Text from outside is shown as it is: square brackets are no markup, and control characters are not obeyed."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from distill.report.page import write_report
from distill.runs.terminal import PlainConsole

HOSTILE = "[/b] [red]x[/red] :smile: \x1b]0;title\x07\x1b[31m\x9b2J\u202e"
SHOWN = (r"[/b] [red]x[/red] :smile: \x1b]0;title", r"\x1b[31m\x9b2J\u202e")  # rich takes the bell out of a Text


def table() -> Table:
    found = Table("task", title=HOSTILE)
    found.add_row(HOSTILE)
    return found


@pytest.mark.parametrize("what", [HOSTILE, Text(HOSTILE), table()], ids=["text", "Text", "table"])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_that_is_shown_is_obeyed(what, is_terminal):
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=is_terminal, width=200, color_system=None)
    console.print(what)
    with Live(what, console=console, auto_refresh=False) as live:
        live.refresh()
    shown = file.getvalue()
    assert all(part in shown for part in SHOWN)
    assert "\x1b]" not in shown and "\x1b[31m" not in shown and not {"\x07", "\x9b", "\u202e"} & set(shown)


def test_colours_of_ours_still_work():
    file = io.StringIO()
    PlainConsole(file=file, force_terminal=True, color_system="standard").print(Text("right", style="green"))
    assert file.getvalue() == "\x1b[32mright\x1b[0m\n"


def test_there_is_no_other_console():
    root = Path(__file__).parents[3] / "distill"
    made = [
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Console", "RichConsole")
    ]
    assert made == []
    assert Console in PlainConsole.__mro__


def test_a_page_holds_no_control_characters(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    (tmp_path / "run.json").write_text('{"recipe": "\\u001b[31m<b>"}')
    from distill.evaluation.outputs import score_outputs
    from distill.evaluation.scored import Output
    from distill.runs.files import write_json, write_jsonl

    metrics, rows = score_outputs([Output(f"q {HOSTILE}\x00", f"a {HOSTILE}", "1", "[/b]\x1b")])
    write_json(tmp_path / "metrics.json", metrics)
    write_jsonl(tmp_path / "samples.jsonl", rows)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert r"\x1b]0;title" in page and not {"\x1b", "\x00", "\x07", "\x9b", "\u202e"} & set(page)
