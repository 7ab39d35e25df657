"""The notebooks: nothing stored in them, and every cell runs top to bottom on a CPU with a tiny student."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
TINY_NANO = [
    "student.size=miniaxion1-tiny", "train.max_minutes=", "train.max_steps=2", "train.warmup_steps=1",
    "train.compile=off", "train.logging_steps=1", "eval.num_questions_per_task=1", "eval.max_new_tokens=8",
]  # fmt: skip
TINY_ADAPTER = [
    "student.gguf_file=", "student.load_in_4bit=false", "teacher.datasets={}", "train.max_minutes=",
    "train.max_steps=2", "train.warmup_steps=1", "train.dtype=float32", "train.logging_steps=1",
    "train.gradient_accumulation_steps=1", "eval.num_questions_per_task=2", "eval.max_new_tokens=8",
]  # fmt: skip


def test_there_are_three_and_their_outputs_are_stripped() -> None:
    assert len(NOTEBOOKS) == 3
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
        for cell in code:
            compile("".join(cell["source"]), path.name, "exec")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_runs_again(
    path: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    rows = [
        {"question": f"Ole has {n} pens and buys 5. How many now?", "answer": f"{n}+5=<<{n}+5={n + 5}>>{n + 5}\n#### {n + 5}"}
        for n in range(40)
    ]  # fmt: skip
    for side, part in (("train", rows[:30]), ("test", rows[30:])):
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    adapter = [*TINY_ADAPTER, f"student.base={tiny_base}", f"data.path={tmp_path / 'train.jsonl'}"]
    settings = TINY_NANO if path.stem.startswith("miniaxion") else adapter
    monkeypatch.setenv("NOTEBOOK_SETTINGS", " ".join(settings))
    monkeypatch.setenv("NOTEBOOK_OUT", str(tmp_path / "run"))
    for _ in range(2):  # the second time nothing is left to do, as after a session that was killed at the end
        notebook: Any = nbformat.read(path, as_version=4)
        nbclient.NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
        ).execute()
    assert (tmp_path / "run" / "report.html").is_file()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("<iframe srcdoc=" in output.get("data", {}).get("text/html", "") for output in shown)


def test_a_command_is_shown_line_by_line_and_torch_stays() -> None:
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert "capture_output" not in text and "for line in process.stdout" in text
        assert "keep_torch.txt" in text and "torch==" in text
