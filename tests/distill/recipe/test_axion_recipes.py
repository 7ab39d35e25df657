"""Plain language-model students: what is learnt and counted, whole windows, and recipes that cannot work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from distill.data.nano import training_rows, validation_rows
from distill.data.rows import encode_row
from distill.data.sources import row_of
from distill.errors import UserError
from distill.forecast.forecast import forecast
from distill.forecast.problems import refuse_impossible
from distill.recipe.files import shipped_recipes
from distill.recipe.schema import load_recipe
from distill.tracks.choose import track_of
from distill.tracks.nano import refuse_unfilled
from distill.tracks.needs import Sample
from distill.training.validation import validation_loss, windows
from parsers.text.prompts import write_pergunta
from students.tokenizer import FORMS, train_tokenizer
from teachers.problems import Problem, Trace

AXION = [name for name in shipped_recipes() if name.startswith("axion")]
ROWS = [
    {
        "question": f"Rui packs {n} pens and {n + 3} clips. How many things?",
        "answer": f"{n}+{n + 3} = <<{n}+{n + 3}={2 * n + 3}>>{2 * n + 3} things.\n#### {2 * n + 3}",
    }
    for n in range(60)
]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("gsm8k")
    for name, rows in (("train", ROWS[:50]), ("test", ROWS[50:])):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder / "train.jsonl"


def recipe(data: Path, *changes: str):
    return load_recipe("axion1_gsm8k", [f"data.path={data}", "student.vocab_size=350", *changes])


@pytest.fixture(scope="module")
def tokenizer(data):
    return train_tokenizer(training_rows(recipe(data)).texts(100), vocab_size=350, form="pergunta")


def test_every_token_but_the_headers_is_learnt(tokenizer):
    question, solution = ROWS[7]["question"], ROWS[7]["answer"]
    example = encode_row(row_of(trace(7), "pergunta"), tokenizer)
    learnt = [label for label in example.labels if label != -100]
    assert tokenizer.decode(learnt) == f" {question} {solution}</s>"
    assert example.input_ids[-1] == learnt[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(example.input_ids) == write_pergunta(question, solution) + "</s>"
    assert set(example.stage_ids) == {-1}


def test_headers_are_one_token_each_and_the_chat_template_asks(tokenizer):
    for marker in FORMS["pergunta"].markers:
        assert len(tokenizer(marker, add_special_tokens=False).input_ids) == 1
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "2 + 2?"}], tokenize=False, add_generation_prompt=True
    )
    assert prompt == "# Pergunta: 2 + 2?\n# Resposta:"
    assert len(tokenizer) <= 350


def test_long_texts_are_cut(tokenizer):
    assert len(encode_row(row_of(trace(3), "pergunta"), tokenizer, max_length=9).input_ids) == 9


def trace(n: int) -> Trace:
    problem = Problem(ROWS[n]["question"], str(2 * n + 3), "gsm8k", "en", str(n))
    return Trace(problem, ROWS[n]["answer"], "gsm8k", "reference")


def test_validation_is_the_whole_test_split(data, tmp_path):
    texts = [row.text for row in validation_rows(recipe(data), tmp_path)]
    assert texts == [row_of(trace(n), "pergunta").text for n in range(50, 60)]


def test_thinkset_records_of_a_data_set():
    row = row_of(trace(2), "thinkset")
    text = row.text
    assert row.ignored == ((0, text.index("<THINK>") + len("<THINK>")),)
    assert text.startswith(f"<USER>{ROWS[2]['question']}<\\USER> <THINK>")
    assert text.endswith("<\\THINK> <ANSWER>7<\\ANSWER>")


def test_windows_count_every_token_once(tokenizer):
    example = encode_row(row_of(trace(3), "pergunta"), tokenizer)
    assert windows(example, None) == [example]
    length = 10
    pieces = windows(example, length)
    assert all(len(piece.input_ids) <= length for piece in pieces)
    assert [label for piece in pieces for label in piece.labels if label != -100] == [
        label for label in example.labels if label != -100
    ]
    for piece in pieces[1:]:  # each token that counts has half a window before it
        assert piece.labels[: length // 2] == [-100] * (length // 2)


def test_bits_per_byte_count_text_alone(tokenizer):
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
        )
    )
    example = encode_row(row_of(trace(3), "pergunta"), tokenizer)
    found = validation_loss(model, tokenizer, [example])
    assert found["bytes"] == len(f" {ROWS[3]['question']} {ROWS[3]['answer']}".encode())
    assert found["tokens"] == sum(label != -100 for label in example.labels)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (["student.max_length=16", "eval.max_new_tokens=16"], "shorter than the longest question"),
        (["student.sizes={n_routed_experts: 1}"], "leave less than 2"),
        (["student.sizes={experts: 4}"], "axion1-350k has no experts; it has"),
        (["student.size=axion1-v9"], "axion1-v0.2"),
    ],
)
def test_what_cannot_work_is_refused(data, changes, finding):
    with pytest.raises(UserError, match=finding):
        refuse_impossible(recipe(data, *changes))


def test_a_vocabulary_that_the_texts_do_not_fill(data):
    def refuse(num_tokens: int, *changes: str) -> None:
        loaded = recipe(data, *changes)
        assert loaded.student.kind == "nano"
        refuse_unfilled(loaded, loaded.student, num_tokens)

    with pytest.raises(UserError, match="2,048 is more than the texts fill, which is 400"):
        refuse(400, "student.vocab_size=2048")
    refuse(350)


def test_the_symbolic_teacher_writes_nrm_alone():
    with pytest.raises(UserError, match="the symbolic teacher writes nrm, not pergunta"):
        load_recipe("axion1_synthetic", ["student.format=pergunta"])


def test_the_recipes_that_ship():
    assert AXION == [
        "axion1_gsm8k",
        "axion1_synthetic",
        "axion1_v02",
        "axion1_v03",
        "axion1_v04",
        "axion1_v05",
        "axion_scaling",
    ]


@pytest.mark.parametrize("name", AXION)
def test_recipes_load_and_are_forecast(name, data):
    loaded = load_recipe(name)
    if loaded.teacher.kind == "reference":
        loaded = load_recipe(name, [f"data.path={data}"])
    needed = track_of(loaded).sizes()
    assert needed is not None
    found = forecast(loaded, Sample([200, 300]), needed)
    assert found.parameters > 300_000
    assert found.tokens > 0
