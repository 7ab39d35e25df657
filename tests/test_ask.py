"""`distill ask`: what is shown is what the student writes, in the colours of the stages; wrong inputs are one line."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from distill import cli
from distill.ask import show
from distill.model_card import model_card
from students.generation import generate, load_student
from students.sizes import build_student
from students.tokenizer import train_tokenizer
from teachers.nano_tasks import TASKS, draw_problem
from teachers.symbolic import solve

QUESTIONS = ["What is 4 + 5?", "Is 7 even or odd?"]
CONTEXT = 96


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with an untrained student that writes something else for every question."""
    texts = [solve(draw_problem(task, seed=1, index=0, split="test")).text for task in TASKS]
    tokenizer = train_tokenizer(texts, vocab_size=512)
    model = build_student("miniaxion1-tiny", tokenizer, vocab_size=len(tokenizer), max_length=CONTEXT, seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8)
    folder = tmp_path_factory.mktemp("run")
    model.save_pretrained(folder / "student")
    tokenizer.save_pretrained(folder / "student")
    return folder


def written(run: Path, question: str, **options) -> str:
    model, tokenizer = load_student(run)
    return generate(model, tokenizer, [f"<INST>{question}</INST><THINK>"], **options)[0].text


def test_the_lines_that_the_model_card_gives_run(run, capsys, monkeypatch):
    monkeypatch.chdir(run)
    (use,) = re.findall(r"```python\n(.*?)```", model_card(name="tiny"), re.DOTALL)
    exec(use.replace("max_new_tokens=256", "max_new_tokens=8"), {})
    assert capsys.readouterr().out.startswith("<INST>What is 347 + 285?</INST><THINK>")


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `distill ask arguments`."""
    with pytest.raises(SystemExit) as exited:
        cli.main(["ask", *map(str, arguments)])
    captured = capsys.readouterr()
    assert isinstance(exited.value.code, int)
    return exited.value.code, captured.out, captured.err


def lines(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_what_is_shown_is_what_generate_gives(run, capsys):
    drawn = {"temperature": 0.8, "repetition_penalty": 1.3, "seed": 5, "max_new_tokens": 20}
    flags = [word for name, value in drawn.items() for word in (f"--{name.replace('_', '-')}", value)]
    for folder in (run, run / "student"):
        assert call(capsys, folder, QUESTIONS[0]) == (0, written(run, QUESTIONS[0]) + "\n", "")
    assert call(capsys, run, QUESTIONS[0], *flags) == (0, written(run, QUESTIONS[0], **drawn) + "\n", "")
    assert len({written(run, QUESTIONS[0], **drawn | {"seed": seed}) for seed in (5, 6)}) == 2


@pytest.mark.parametrize("dash", [["-"], []])
def test_every_line_of_standard_input_is_a_question(run, capsys, monkeypatch, dash):
    lines(monkeypatch, f"{QUESTIONS[0]}\n\n  {QUESTIONS[1]} ".encode())
    expected = "".join(written(run, question, max_new_tokens=12) + "\n" for question in QUESTIONS)
    assert call(capsys, run, *dash, "--max-new-tokens", 12) == (0, expected, "")


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["gone", "hi"], "gone: no such folder"),
        (["broken", "hi"], "no student can be loaded from here"),
        (["unfinished", "hi"], "this run has no student yet"),
        (["RUN", " "], "question: it is empty"),
        (["RUN", "3" * CONTEXT], f"this student reads {CONTEXT}; shorten it"),
        (["RUN"], "not UTF-8"),
        (["RUN", "hi", "--calculator"], "--calculator: nano students"),
        (["RUN", "hi", "--repetition-penalty", "0"], "need repetition_penalty > 0"),
        (["RUN", "hi", "--repetition-penalty", "inf"], "need repetition_penalty > 0 and finite"),
        (["RUN", "hi", "--temperature", "inf"], "need temperature >= 0 and finite"),
        (["RUN", "hi", "--temperature", "-1"], "--temperature"),
        (["RUN", "hi", "--max-new-tokens", "0"], "--max-new-tokens"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(run, capsys, monkeypatch, tmp_path, arguments, finding):
    monkeypatch.chdir(tmp_path)
    lines(monkeypatch, b"caf\xe9?\n")
    for folder, file in (("broken", "config.json"), ("unfinished", "recipe.yaml")):
        Path(folder).mkdir()
        Path(folder, file).write_text("{}")
    code, out, err = call(capsys, *(run if word == "RUN" else word for word in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and finding in err and len(err.splitlines()) == 1


def test_an_interruption_ends_the_line_and_the_program(run, capsys, monkeypatch):
    def interrupted(*_, **__):
        yield "[PLAN]"
        raise KeyboardInterrupt

    monkeypatch.setattr("students.generation.stream", interrupted)
    assert call(capsys, run, "hi") == (130, "[PLAN]\n", "interrupted\n")


def test_stages_are_coloured_on_a_terminal_only(capsys):
    pieces = ["[PLAN]", "add\n", "[VERIFY]ok", "</THINK>", "<ANS>", "9", "</ANS>"]
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False)
    show(pieces, terminal)
    coloured = terminal.file.getvalue()  # type: ignore[attr-defined]
    plan, verify, answer = "\x1b[35m[PLAN]\x1b[0m\x1b[35madd\x1b[0m\n", "\x1b[33m[VERIFY]ok\x1b[0m", "\x1b[1m9\x1b[0m"
    assert coloured == f"{plan}{verify}</THINK>\x1b[1m<ANS>\x1b[0m{answer}</ANS>"
    capsys.readouterr()
    show(pieces, Console(file=io.StringIO()))
    assert capsys.readouterr().out == "".join(pieces) + "\n"


def test_an_adapter_student_computes_with_the_calculator(tiny_base, capsys, monkeypatch, tmp_path):
    pytest.importorskip("peft")
    from students.adapter import Base, build_adapter_student, save_adapter_student
    from students.calculator import Calculator

    base = Base(str(tiny_base))
    model, tokenizer = build_adapter_student(
        base, reasoning={"r": 2, "target_modules": ["q_proj"]}, verification=None, seed=0, dtype=torch.float32
    )
    save_adapter_student(model, tokenizer, base, tmp_path / "student")
    seen = []
    computed = Calculator.__call__
    monkeypatch.setattr(Calculator, "__call__", lambda *given: seen.append(1) or computed(*given))
    code, out, err = call(capsys, tmp_path, "hi", "--calculator", "--max-new-tokens", 4)
    assert (code, err) == (0, "") and out.endswith("\n") and len(seen) == 4
