"""Asking a student and measuring it, from the prompt to metrics.json, with a student that is a table of answers."""

from __future__ import annotations

import io
import json

import pytest
import torch
from rich.console import Console
from torch import nn
from transformers import DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from distill.evaluation import evaluate
from distill.evaluation.votes import Sampling
from distill.verbs.measure import eval_model
from students.generation import generate, load_student
from students.sizes import build_student
from students.tokenizer import train_tokenizer
from teachers.nano_tasks import TASKS, draw_problem
from teachers.symbolic import solve


@pytest.fixture(scope="module")
def problems():
    return [draw_problem(task, seed=1, index=i, split="test") for task in TASKS for i in range(3)]


@pytest.fixture(scope="module")
def harder():
    """Extra digits to questions."""
    return {
        extra: [draw_problem(task, seed=1, index=i, split="test", extra_digits=extra) for task in TASKS for i in (0, 1)]
        for extra in (1, 2)
    }


@pytest.fixture(scope="module")
def tokenizer(problems, harder):
    return train_tokenizer([solve(problem).text for problem in problems + harder[1]], vocab_size=512)


class Parrot(nn.Module):
    """Writes the text that belongs to each prompt, token by token, and a stop forever after; nothing it does not know."""

    def __init__(self, tokenizer, texts: list[str]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.known = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        self.end, self.size = tokenizer.convert_tokens_to_ids("</ANS>"), len(tokenizer)
        self.config = self.generation_config = type(
            "Config", (), {"eos_token_id": None, "max_position_embeddings": 4096}
        )()

    def forward(self, input_ids, attention_mask, past_key_values=None, **_):
        cache = past_key_values or DynamicCache()
        seen, _ = cache.update(input_ids[:, None, :, None].float(), input_ids[:, None, :, None].float(), 0)
        logits = torch.zeros(len(input_ids), 1, self.size)
        for row, (ids, mask) in enumerate(zip(seen[:, 0, :, 0].long(), attention_mask, strict=True)):
            written = ids[mask.bool()].tolist()
            following = [
                text[len(written)]
                for text in self.known
                if text[: len(written)] == written and len(text) > len(written)
            ]
            logits[row, 0, following[0] if following else self.end] = 1.0
        return CausalLMOutputWithPast(logits=logits, past_key_values=cache)


def test_a_student_that_writes_what_its_teacher_writes(problems, harder, tokenizer):
    student = Parrot(tokenizer, [solve(problem).text for problem in problems])
    heard: list[int] = []
    metrics, rows = evaluate(student, tokenizer, problems, harder=harder, batch_size=8, on_progress=heard.append)
    assert metrics["accuracy"]["strict"]["accuracy"] == 1.0
    assert metrics["average"] == {"accuracy": 1.0, "published": pytest.approx(0.169, abs=5e-4)}
    assert list(metrics["tasks"]) == list(TASKS)
    assert all(task["n"] == 3 and task["correct"] == 3 for task in metrics["tasks"].values())
    assert metrics["format"]["well_formed"] == 1.0
    assert metrics["rfs"] == metrics["rfs_strict"] == 1.0
    own = metrics["svr"]["own"]
    assert (own["wrong"], own["false_alarms"], own["broken"], own["rate"]) == (0, 0, 0, None)
    assert sum(heard) == len(problems) + len(harder[1]) + len(harder[2])
    # It knows nothing beyond, and its answers there are empty.
    assert list(metrics["beyond"]) == ["1", "2"]
    assert metrics["beyond"]["2"]["average"] == {"accuracy": 0.0, "published": None}
    assert rows[0]["output"].endswith("</ANS>")
    json.dumps([metrics, rows], allow_nan=False)


def test_a_student_that_always_corrects_what_its_teacher_got_wrong(problems, tokenizer):
    traces = [solve(problem, error_rate=1.0, seed=3).text for problem in problems]
    metrics, rows = evaluate(Parrot(tokenizer, traces), tokenizer, problems, num_perturbed=0)
    own = metrics["svr"]["own"]
    assert own["wrong"] > 5
    assert own["rate"] == own["detection_rate"] == 1.0
    assert own["broken"] == 0
    assert all(row["strict"] for row in rows)


def test_an_untrained_student(problems, tokenizer):
    student = build_student("miniaxion1-tiny", tokenizer, vocab_size=len(tokenizer), max_length=256, seed=0)
    metrics, rows = evaluate(student, tokenizer, problems, max_new_tokens=12)
    assert metrics["accuracy"]["strict"]["correct"] <= 2
    assert len(rows) == len(problems)
    assert metrics["unfinished"] > 0
    json.dumps([metrics, rows], allow_nan=False)


def test_a_saved_student_on_a_file_of_questions(problems, tokenizer, tmp_path):
    folder = tmp_path / "student"
    build_student("miniaxion1-tiny", tokenizer, vocab_size=len(tokenizer), max_length=128, seed=0).save_pretrained(
        folder
    )
    tokenizer.save_pretrained(folder)
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps({"question": p.question, "answer": p.answer}) + "\n" for p in problems[:4]))
    out = eval_model(str(folder), questions, tmp_path / "out", Console(file=io.StringIO()), max_new_tokens=8)
    assert json.loads((out / "metrics.json").read_text())["n"] == 4
    assert len((out / "samples.jsonl").read_text().splitlines()) == 4
    assert (out / "report.html").is_file()


def test_a_loaded_student_is_ready_for_generate(tokenizer, tmp_path):
    student = build_student("miniaxion1-tiny", tokenizer, vocab_size=len(tokenizer), max_length=128, seed=0)
    student.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, loaded = load_student(tmp_path)
    assert not model.training
    ids = loaded(
        ["<INST>What is 4 + 5?</INST><THINK>", "<INST>hi</INST><THINK>"],
        return_tensors="pt",
        padding=True,
        add_special_tokens=False,
    )
    out = model.generate(ids["input_ids"], attention_mask=ids["attention_mask"], max_new_tokens=5, do_sample=False)
    # padded on the left, so a short prompt beside a long one is continued as it is alone
    texts = [
        g.text
        for g in generate(
            model, loaded, ["<INST>What is 4 + 5?</INST><THINK>", "<INST>hi</INST><THINK>"], max_new_tokens=5
        )
    ]
    length = ids["input_ids"].shape[1]
    assert [loaded.decode(row[length:]).replace("<pad>", "") for row in out] == texts


def test_samples_vote_beside_the_greedy_answers(problems, tokenizer):
    student = Parrot(tokenizer, [solve(problem).text for problem in problems])
    heard: list[int] = []
    sampling = Sampling(4, how="verify", temperature=0.02)  # so that the table's token stands alone
    metrics, rows = evaluate(student, tokenizer, problems, num_perturbed=0, sampling=sampling, on_progress=heard.append)
    votes = metrics["votes"]
    assert (votes["n"], votes["samples"], votes["how"]) == (len(rows), 4, "verify")
    assert votes["greedy"]["accuracy"] == metrics["accuracy"]["strict"]["accuracy"] == 1
    assert votes["maj_at_k"]["accuracy"] == votes["pass_at_k"]["accuracy"] == votes["single"] == 1
    assert (votes["difference"], votes["interval"]) == (0, [0, 0])
    assert sum(heard) == 5 * len(rows)
    assert votes["tokens_needed"] == votes["tokens_samples"] * 3 / 4  # the third of four equal votes decides
