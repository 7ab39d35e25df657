"""From recipes to examples: repeatable, on the right side of the split, every token in its stage."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.data.nano import problems_beyond, problems_to_ask, symbolic_trace, training_rows, validation_rows
from distill.data.rows import Row, encode_row, load_rows
from distill.data.sources import load_traces
from distill.errors import UserError
from distill.forecast.problems import refuse_impossible
from distill.recipe.schema import Recipe, load_recipe
from distill.runs.folder import Run
from distill.training.validation import validation_loss
from distill.verbs.trace import write_graphs
from parsers import NO_STAGE, Stage, parse
from parsers.writing.render import write_nrm
from students.encoding import IGNORE_INDEX
from students.tokenizer import train_tokenizer
from teachers.problems import is_test_side

NUM_PROBED = 300


def recipe_with(*overrides: str, name: str = "miniaxion_from_teacher") -> Recipe:
    return load_recipe(name, overrides)


@pytest.fixture(scope="module")
def erring() -> Recipe:
    """Every trace that computes has a wrong step."""
    return recipe_with("teacher.error_rate=1")


@pytest.fixture(scope="module")
def tokenizer(erring):
    return train_tokenizer(training_rows(erring).texts(2000), vocab_size=1024)


def question_of(text: str) -> str:
    return text.split("<INST>")[1].split("</INST>")[0]


def test_text_number_i_is_the_same_at_every_call():
    recipe = recipe_with()
    rows = training_rows(recipe)
    indices = random.Random(0).sample(range(10**6), 50)
    assert [rows.row(i) for i in indices] == [training_rows(recipe).row(i) for i in reversed(indices)][::-1]
    assert rows.size is None and len(set(rows.texts(200))) > 190
    assert training_rows(recipe_with("seed=1")).row(0) != rows.row(0)


@pytest.mark.parametrize("count", [3_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_no_question_of_the_test_side_is_ever_trained_on(count):
    recipe = recipe_with("teacher.error_rate=0")
    questions = (symbolic_trace(recipe, index).problem.question for index in range(count))
    assert not any(map(is_test_side, questions))


def test_all_questions_asked_are_new_to_the_student():
    recipe = recipe_with("eval.num_questions_per_task=30")
    assert list(problems_beyond(recipe)) == [1, 2, 3]
    for problems in (problems_to_ask(recipe), *problems_beyond(recipe).values()):
        tasks = [task for _, task in recipe_with().teacher.task_weights]  # type: ignore[union-attr]
        assert Counter(p.task for p in problems) == dict.fromkeys(tasks, 30)
        assert all(is_test_side(p.question) for p in problems)
        assert len({p.question for p in problems}) == len(problems)


def test_tasks_come_in_the_shares_of_the_recipe():
    recipe = recipe_with("teacher.tasks={sorting: 3, pattern: 1}")
    tasks = Counter(symbolic_trace(recipe, index).problem.task for index in range(2000))
    assert set(tasks) == {"sorting", "pattern"}
    assert abs(tasks["sorting"] / 2000 - 0.75) < 5 * (0.75 * 0.25 / 2000) ** 0.5  # five standard deviations


def test_stage_ids_of_a_text_by_hand(tokenizer):
    text = write_nrm("2+2?", [(Stage.PLAN, "add", 0), (Stage.EXECUTE, "2+2=4", 1), (Stage.VERIFY, "ok", 2)], "4")
    assert text == "<INST>2+2?</INST><THINK>[PLAN]<STEP>add[EXECUTE]<STEP>2+2=4[VERIFY]<STEP>ok</THINK><ANS>4</ANS>"
    row = Row("2+2?", text, spans=text.spans, ignored=((0, text.index("[PLAN]")),))
    example = encode_row(row, tokenizer)
    tokens = [tokenizer.decode([i]) for i in example.input_ids]
    first = tokens.index("[PLAN]")
    assert "".join(tokens) == text
    assert example.labels[:first] == [IGNORE_INDEX] * first and example.labels[first:] == example.input_ids[first:]
    execute, verify, end = (tokens.index(name) for name in ("[EXECUTE]", "[VERIFY]", "</THINK>"))
    assert example.stage_ids == [
        *[NO_STAGE] * first,
        *[Stage.PLAN] * (execute - first),
        *[Stage.EXECUTE] * (verify - execute),
        *[Stage.VERIFY] * (end - verify),
        *[NO_STAGE] * (len(tokens) - end),
    ]


def test_spans_agree_with_the_parser(erring):
    for row in training_rows(erring).first(100):
        assert "".join(row.text[span.start : span.end] for span in row.spans) == row.text
        for step in parse(row.text, format="nrm", language="en").steps:
            (span,) = [s for s in row.spans if s.start <= step.start and step.end <= s.end]
            assert (span.stage, span.step_id) == (step.stage, step.id)


def test_wrong_steps_are_those_that_the_parser_finds_wrong_and_are_not_learnt(erring, tokenizer):
    num_wrong = 0
    for row in training_rows(erring).first(200):
        text, (_, *unlearnt) = row.text, row.ignored
        graph = parse(text, format="nrm", language="en")
        wrong = [s for s in graph.steps if s.stage is Stage.EXECUTE and s.correct is False]
        assert [(s.start, s.end) for s in wrong] == [(begin + len("<STEP>"), end) for begin, end in unlearnt]
        num_wrong += len(wrong)
        assert row.injected == bool(wrong)
        example = encode_row(row, tokenizer)
        forgotten = [i for i, label in zip(example.input_ids, example.labels, strict=True) if label == IGNORE_INDEX]
        hidden = tokenizer.decode(forgotten)
        assert hidden == text[: text.index("<THINK>") + 7] + "".join(f"<STEP>{step.text}" for step in wrong)
    assert num_wrong > 50


def test_right_traces_have_no_wrong_steps():
    for row in training_rows(recipe_with("teacher.error_rate=0")).first(300):
        assert row.ignored == ((0, row.text.index("<THINK>") + len("<THINK>")),) and not row.injected


@pytest.fixture
def solutions(tmp_path: Path) -> Path:
    """Sixty sums in the published form of GSM8K, and a test file beside them."""
    rows = [
        {
            "question": f"Ines has {a} shells and finds {b} more. How many shells does Ines have?",
            "answer": f"Ines has {a}+{b}=<<{a}+{b}={a + b}>>{a + b} shells.\n#### {a + b}",
        }
        for a in range(20, 30)
        for b in range(3, 9)
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:7]))
    return tmp_path / "train.jsonl"


def reference(path: Path, *overrides: str) -> Recipe:
    return recipe_with(f"data.path={path}", *overrides, name="miniaxion_gsm8k")


def test_reference_solutions_become_four_stages_on_two_sides(solutions, tmp_path):
    recipe = reference(solutions)
    run = Run(tmp_path, recipe)
    counts = write_graphs(run)
    held_out = [trace.problem.question for trace in load_traces(recipe) if is_test_side(trace.problem.question)]
    num_learnt = 60 - len(held_out)
    sides = {"training": num_learnt, "validation": len(held_out)}
    assert counts == {"read": 60, **sides, "datasets": {"gsm8k": num_learnt}, "injected_errors": {}, "unused": {}}
    assert 1 <= len(held_out) <= 15
    rows = list(training_rows(recipe, run.graphs).first(100))
    assert rows == [replace(row, graph=None) for row in training_rows(recipe).first(100)]
    assert rows == list(load_rows(run.graphs, "training"))
    held = validation_rows(recipe, run.graphs)
    assert sorted(row.question for row in held) == sorted(question_of(row.text) for row in held) == sorted(held_out)
    assert not {row.question for row in rows} & set(held_out)
    for text in (row.text for row in rows):
        assert all(f"[{stage.name}]" in text for stage in Stage)
        assert parse(text).answer == text.split("<ANS>")[1].removesuffix("</ANS>")


def test_a_solution_without_an_answer_is_counted_and_left_out(solutions, tmp_path):
    with solutions.open("a") as file:
        file.write(json.dumps({"question": "How many?", "answer": "He counts 3 of them."}) + "\n")
    recipe = reference(solutions)
    run = Run(tmp_path, recipe)
    assert write_graphs(run)["unused"] == {"no answer was found": 1}
    assert not any("He counts" in text for text in training_rows(recipe, run.graphs).texts(100))


def test_with_widths_of_its_own_training_has_a_range_of_its_own():
    recipe = recipe_with("teacher.max_digits=5", "teacher.tasks={even_odd: 1}", "eval.num_questions_per_task=40")
    widths = {
        extra: {len(re.findall(r"\d", problem.question)) for problem in problems}
        for extra, problems in problems_beyond(recipe).items()
    }
    assert widths == {0: {1, 2, 3, 4, 5}, 1: {6}, 2: {7}, 3: {8}}
    trained = [row.question for row in (training_rows(recipe).row(i) for i in range(200))]
    assert {len(re.findall(r"\d", question)) for question in trained} == {1, 2, 3, 4, 5}


def test_test_questions_stand_beside_the_training_file(solutions):
    problems = problems_to_ask(reference(solutions))
    assert [p.answer for p in problems] == ["23", "24", "25", "26", "27", "28", "24"]
    assert problems_beyond(reference(solutions)) == {}
    assert len(problems_to_ask(reference(solutions, "eval.num_questions_per_task=2"))) == 2


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("", "train.jsonl: the file is empty; it needs one JSON object with question, answer per line"),
        ('{"question": "a", "answer": "b"}\n{"question"', "train.jsonl: line 2: not JSON"),
        ('{"question": "a"}', "train.jsonl: line 1: no text in answer (it has question)"),
        ('{"question": "a", "answer": 3}', "train.jsonl: line 1: no text in answer"),
    ],
)
def test_a_broken_data_file_is_refused(solutions, content, finding):
    solutions.write_text(content)
    with pytest.raises(UserError) as caught:
        refuse_impossible(reference(solutions))
    assert finding in str(caught.value)


def test_missing_data_files_are_refused(solutions, tmp_path):
    with pytest.raises(UserError, match=r"gone\.jsonl: no such file"):
        refuse_impossible(reference(tmp_path / "gone.jsonl"))
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(UserError, match=r"data\.test_path: there is no test\.jsonl beside"):
        refuse_impossible(reference(solutions))


def test_without_a_file_a_check_does_not_download(monkeypatch):
    monkeypatch.setattr("distill.data.sources.load_dataset_traces", lambda *_, **__: pytest.fail("a download"))
    assert refuse_impossible(recipe_with(name="miniaxion_gsm8k"), may_download=False) is None


def test_how_many_examples_would_be_dropped_is_said():
    with pytest.raises(
        UserError, match=r"max_length: 100 is shorter than the longest example, \d+ tokens; \d+ of the first"
    ):
        refuse_impossible(recipe_with("student.max_length=100", "eval.max_new_tokens=50"))


def test_validation_loss_of_a_uniform_student_by_hand(tokenizer):
    """A student that gives every token the same probability loses ln V a token."""

    class Uniform(torch.nn.Module):
        device = torch.device("cpu")

        def forward(self, input_ids, attention_mask):
            return type("Output", (), {"logits": torch.zeros(*input_ids.shape, 1024)})

    rows = list(training_rows(recipe_with()).first(40))
    found = validation_loss(Uniform(), tokenizer, [encode_row(row, tokenizer) for row in rows], batch_size=7)
    num_ignored = sum(end - begin for row in rows for begin, end in row.ignored)
    assert found["n"] == 40
    assert found["loss"] == pytest.approx(6.931472, abs=1e-5)  # ln 1024
    assert found["bytes"] == sum(len(row.text) for row in rows) - num_ignored
    assert found["bits_per_byte"] == pytest.approx(10 * found["tokens"] / found["bytes"], rel=1e-6)  # log2 1024 = 10
