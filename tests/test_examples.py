"""From recipes to examples: repeatable, on the right side of the split, every token in its stage."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.errors import UserError
from distill.examples import (
    encode_text,
    problems_to_ask,
    stage_spans,
    symbolic_trace,
    training_texts,
    validation_texts,
    wrong_steps,
)
from distill.forecast import refuse_impossible
from distill.recipe import Recipe, load_recipe
from distill.reference import load_traces, read_texts, write_graphs
from distill.runs import Run
from distill.validation import validation_loss
from parsers import NO_STAGE, Stage, parse
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
    return train_tokenizer(training_texts(erring).first(2000), vocab_size=1024)


def question_of(text: str) -> str:
    return text.split("<INST>")[1].split("</INST>")[0]


def test_text_number_i_is_the_same_at_every_call():
    recipe = recipe_with()
    texts = training_texts(recipe)
    indices = random.Random(0).sample(range(10**6), 50)
    assert [texts.text(i) for i in indices] == [training_texts(recipe).text(i) for i in reversed(indices)][::-1]
    assert texts.size is None and len(set(texts.first(200))) > 190
    assert training_texts(recipe_with("seed=1")).text(0) != texts.text(0)


@pytest.mark.parametrize("count", [3_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_no_question_of_the_test_side_is_ever_trained_on(count):
    recipe = recipe_with("teacher.error_rate=0")
    questions = (symbolic_trace(recipe, index).problem.question for index in range(count))
    assert not any(map(is_test_side, questions))


def test_all_questions_asked_are_new_to_the_student():
    for digits in (0, 1):
        problems = problems_to_ask(recipe_with("eval.num_questions_per_task=30"), extra_digits=digits)
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
    text = "<INST>2+2?</INST><THINK>[PLAN]<STEP>add[EXECUTE]<STEP>2+2=4[VERIFY]<STEP>ok</THINK><ANS>4</ANS>"
    example = encode_text(text, tokenizer)
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
    for text in training_texts(erring).first(100):
        spans = stage_spans(text)
        assert "".join(text[span.start : span.end] for span in spans) == text
        for step in parse(text, format="nrm", language="en").steps:
            assert [s.stage for s in spans if s.start <= step.start and step.end <= s.end] == [step.stage]


def test_wrong_steps_are_those_that_the_parser_finds_wrong_and_are_not_learnt(erring, tokenizer):
    num_wrong = 0
    for text in training_texts(erring).first(200):
        graph = parse(text, format="nrm", language="en")
        wrong = [s for s in graph.steps if s.stage is Stage.EXECUTE and s.correct is False]
        assert [(s.start, s.end) for s in wrong] == [(begin + len("<STEP>"), end) for begin, end in wrong_steps(text)]
        num_wrong += len(wrong)
        example = encode_text(text, tokenizer)
        forgotten = [i for i, label in zip(example.input_ids, example.labels, strict=True) if label == IGNORE_INDEX]
        hidden = tokenizer.decode(forgotten)
        assert hidden == text[: text.index("<THINK>") + 7] + "".join(f"<STEP>{step.text}" for step in wrong)
    assert num_wrong > 50


def test_right_traces_have_no_wrong_steps():
    texts = training_texts(recipe_with("teacher.error_rate=0"))
    assert not any(wrong_steps(text) for text in texts.first(300))


@settings(max_examples=50)
@given(st.text(alphabet="<>[]STEPVRIFYXCUANDLH/HINK12+=", max_size=80))
def test_no_text_brings_the_encoder_down(text):
    assert "".join(text[span.start : span.end] for span in stage_spans(text)) == text
    wrong_steps(text)


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
    counts = write_graphs(run, load_traces(recipe))
    held_out = [trace.problem.question for trace in load_traces(recipe) if is_test_side(trace.problem.question)]
    assert counts == {"read": 60, "training": 60 - len(held_out), "validation": len(held_out), "unused": {}}
    assert 1 <= len(held_out) <= 15
    texts = list(training_texts(recipe, run.graphs).first(100))
    assert texts == list(training_texts(recipe).first(100)) == read_texts(run.graphs, "training")
    assert sorted(map(question_of, validation_texts(recipe, run.graphs))) == sorted(held_out)
    assert not {question_of(text) for text in texts} & set(held_out)
    for text in texts:
        assert all(f"[{stage.name}]" in text for stage in Stage)
        assert parse(text).answer == text.split("<ANS>")[1].removesuffix("</ANS>")


def test_a_solution_without_an_answer_is_counted_and_left_out(solutions, tmp_path):
    with solutions.open("a") as file:
        file.write(json.dumps({"question": "How many?", "answer": "He counts 3 of them."}) + "\n")
    recipe = reference(solutions)
    run = Run(tmp_path, recipe)
    assert write_graphs(run, load_traces(recipe))["unused"] == {"no answer was found": 1}
    assert not any("He counts" in text for text in training_texts(recipe, run.graphs).first(100))


def test_test_questions_stand_beside_the_training_file(solutions):
    problems = problems_to_ask(reference(solutions))
    assert [p.answer for p in problems] == ["23", "24", "25", "26", "27", "28", "24"]
    assert problems_to_ask(reference(solutions), extra_digits=1) == []
    assert len(problems_to_ask(reference(solutions, "eval.num_questions_per_task=2"))) == 2


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("", "train.jsonl: empty; one JSON object a line with question, answer is due"),
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
    monkeypatch.setattr("distill.reference.load_dataset_traces", lambda *_, **__: pytest.fail("a download"))
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

    texts = list(islice(training_texts(recipe_with()).first(40), 40))
    found = validation_loss(Uniform(), tokenizer, [encode_text(text, tokenizer) for text in texts], batch_size=7)
    learnt = ["".join(text.split("<THINK>", 1)[1]) for text in texts]
    wrong = sum(end - begin for text in texts for begin, end in wrong_steps(text))
    assert found["n"] == 40
    assert found["loss"] == pytest.approx(6.931472, abs=1e-5)  # ln 1024
    assert found["bytes"] == sum(map(len, learnt)) - wrong
    assert found["bits_per_byte"] == pytest.approx(10 * found["tokens"] / found["bytes"], rel=1e-6)  # log2 1024 = 10
