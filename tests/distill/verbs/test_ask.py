"""`distill ask`: what is shown is what the student writes, in the colours of the stages; wrong inputs are one line."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from distill import cli
from distill.evaluation.votes import Poll
from distill.report.card import model_card
from distill.tracks.nano import nano_card
from distill.verbs.ask import show, show_vote
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
    model = build_student("miniaxion1-tiny", tokenizer, vocab_size=len(tokenizer), max_length=CONTEXT, seed=4)
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
    (use,) = re.findall(r"```python\n(.*?)```", model_card(nano_card("tiny")), re.DOTALL)
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


def test_an_answer_is_written_with_the_threads_that_pay(run, capsys, monkeypatch):
    before, seen = torch.get_num_threads(), []

    def spy(*_args: object, **_options: object) -> list[str]:
        seen.append(torch.get_num_threads())
        return ["9"]

    monkeypatch.setattr("students.precision._product_times", lambda *_: [float(torch.get_num_threads())] * 7)
    monkeypatch.setattr("students.generation.stream", spy)
    torch.set_num_threads(2)  # which are twice as slow here, as on busy cores
    try:
        assert call(capsys, run, QUESTIONS[0], "--raw")[0] == 0 and seen == [1]
    finally:
        torch.set_num_threads(before)


def test_what_is_shown_is_what_generate_gives(run, capsys):
    drawn = {"temperature": 1.3, "repetition_penalty": 1.3, "seed": 5, "max_new_tokens": 20}
    flags = [word for name, value in drawn.items() for word in (f"--{name.replace('_', '-')}", value)]
    for folder in (run, run / "student"):
        assert call(capsys, folder, QUESTIONS[0], "--raw") == (0, written(run, QUESTIONS[0]) + "\n", "")
    assert call(capsys, run, QUESTIONS[0], "--raw", *flags) == (0, written(run, QUESTIONS[0], **drawn) + "\n", "")
    assert len({written(run, QUESTIONS[0], **drawn | {"seed": seed}) for seed in (5, 6)}) == 2


@pytest.mark.parametrize("dash", [["-"], []])
def test_every_line_of_standard_input_is_a_question(run, capsys, monkeypatch, dash):
    lines(monkeypatch, f"{QUESTIONS[0]}\n\n  {QUESTIONS[1]} ".encode())
    expected = "".join(written(run, question, max_new_tokens=12) + "\n" for question in QUESTIONS)
    assert call(capsys, run, *dash, "--raw", "--max-new-tokens", 12) == (0, expected, "")


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["gone", "hi"], "gone: no such folder"),
        (["broken", "hi"], "no student can be loaded from here"),
        (["unfinished", "hi"], "this run has no student yet"),
        (["RUN", " "], "question: it is empty"),
        (["RUN", "3" * CONTEXT], f"this student reads {CONTEXT}; shorten it"),
        (["RUN", "3" * 500_001], "500,001 characters are no question; shorten it"),
        (["RUN"], "not UTF-8"),
        (["RUN", "hi", "--calculator"], "--calculator: nano students"),
        (["RUN", "hi", "--guided"], "--guided: nano students"),
        (["RUN", "hi", "--samples", "2", "--guided"], "--guided: not with --samples"),
        (["RUN", "hi", "--repetition-penalty", "0"], "need repetition_penalty > 0"),
        (["RUN", "hi", "--repetition-penalty", "inf"], "need repetition_penalty > 0 and finite"),
        (["RUN", "hi", "--temperature", "inf"], "need temperature >= 0 and finite"),
        (["RUN", "hi", "--temperature", "-1"], "--temperature"),
        (["RUN", "hi", "--samples", "0"], "--samples"),
        (["RUN", "hi", "--vote", "loud"], "--vote: unknown vote (plain, verify)"),
        (["RUN", "hi", "--samples", "2", "--calculator"], "--calculator: not with --samples"),
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

    def interrupted_later(*_, **__):
        yield "[PLAN]add"
        raise KeyboardInterrupt

    monkeypatch.setattr("students.generation.stream", interrupted)
    assert call(capsys, run, "hi", "--raw") == (130, "[PLAN]\n", "interrupted\n")
    monkeypatch.setattr("students.generation.stream", interrupted_later)
    assert call(capsys, run, "hi") == (130, "PLAN  add\n", "interrupted\n")


ANSWER = ["[PLAN]", "<STEP>add", "[EXECUTE]<STEP>4+5=8<STEP>8+1=9", "[VERIFY]<STEP>ok", "</THINK>", "<ANS>9", "</ANS>"]


def test_an_answer_is_shown_in_its_stages_with_a_verdict_on_each_computation():
    console = Console(file=io.StringIO(), width=80)
    show(ANSWER, "What is 4 + 5?", console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.rstrip() for line in lines] == [
        "PLAN     add", "EXECUTE  4+5=8 ✗ comes to 9", "         8+1=9 ✓", "VERIFY   ok", "ANSWER   9",
        "1 of 2 computations is right; whether they answer the question is not checked",
    ]  # fmt: skip


def test_stages_have_their_colours_on_a_terminal_and_markup_is_text():
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False, width=80)
    show([*ANSWER[:2], " [red]x[/red]", *ANSWER[2:]], "What is 4 + 5?", terminal)
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[35mPLAN" in shown and "\x1b[32m ✓" in shown and "\x1b[1;31m ✗" in shown and "[red]x[/red]" in shown


def test_an_adapter_student_is_helped_while_it_writes(tiny_base, capsys, monkeypatch, tmp_path):
    pytest.importorskip("peft")
    from students.adapter import Base, build_adapter_student, save_adapter_student
    from students.calculator import Calculator
    from students.guide import StageGuide

    base = Base(str(tiny_base))
    model, tokenizer = build_adapter_student(
        base, reasoning={"r": 2, "target_modules": ["q_proj"]}, verification=None, seed=0, dtype=torch.float32
    )
    save_adapter_student(model, tokenizer, base, tmp_path / "student")
    seen = []
    for helper in (Calculator, StageGuide):
        helped = helper.__call__
        monkeypatch.setattr(helper, "__call__", lambda *given, helped=helped: seen.append(1) or helped(*given))
    code, out, err = call(capsys, tmp_path, "hi", "--calculator", "--max-new-tokens", 4)
    assert (code, err) == (0, "") and out.endswith("\n") and len(seen) == 4

    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "hi", "answer": "4"}\n')
    asked = ["eval", str(tmp_path / "student"), "--problems", str(questions), "--max-new-tokens", "3"]
    for extra, computed_tokens in (["--calculator"], 3), (["--calculator", "--guided"], 6), ([], 0):
        seen.clear()
        with pytest.raises(SystemExit) as stop:
            cli.main([*asked, "--out", str(tmp_path / f"out{len(extra)}"), *extra])
        assert stop.value.code == 0 and len(seen) == computed_tokens


def test_eval_has_a_calculator_only_for_what_writes_marks(capsys, tmp_path):
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "What is 4 + 5?", "answer": "9"}\n')
    for extra, message in ([], "nano students"), (["--endpoint", "http://127.0.0.1:9/v1"], "not with --endpoint"):
        with pytest.raises(SystemExit) as stop:
            cli.main(["eval", "miniaxion1", "--problems", str(questions), "--calculator", *extra])
        assert stop.value.code == 2 and message in capsys.readouterr().err


def test_of_several_samples_the_winner_is_shown_with_the_votes(run, capsys):
    flags = ["--samples", 3, "--seed", 4, "--max-new-tokens", 12]
    texts = [written(run, QUESTIONS[0], temperature=0.7, seed=4 + i, max_new_tokens=12) for i in range(3)]
    code, out, _ = call(capsys, run, QUESTIONS[0], "--raw", *flags)
    assert code == 0
    assert out.removesuffix("\n") in texts
    code, out, _ = call(capsys, run, QUESTIONS[0], "--vote", "verify", *flags)
    assert code == 0
    assert "votes, weight" in out or "no sample has an answer" in out


def test_what_is_shown_of_a_vote(capsys):
    poll = Poll(4, question="4 + 5 = ?")
    texts = [
        "[EXECUTE]<STEP>4+5=9</THINK><ANS>9</ANS>",
        "</THINK><ANS>8</ANS>",
        "[EXECUTE]<STEP>4+5=9</THINK><ANS>9</ANS>",
    ]
    for i, text in enumerate(texts):
        poll.add(i, text)
    show_vote(poll, texts, "4 + 5 = ?", Console(width=80), raw=False)
    shown = capsys.readouterr().out
    assert "4+5=9 ✓" in shown
    assert shown.splitlines()[-3:] == ["9: 2 of 3 votes", "8: 1 of 3 votes", "decided after 3 of 4 samples"]
