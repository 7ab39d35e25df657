"""A damaged model folder is one line that names it, whatever its reader raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from students.adapter import Base, load_tokenizer
from students.generation import load_student
from students.hub import BaseError

SIZES: dict[str, Any] = {
    "vocab_size": 8,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}


@pytest.fixture
def student(tmp_path) -> Path:
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=False)).save_pretrained(tmp_path)
    vocabulary = Tokenizer(models.WordLevel({"</s>": 0, "x": 1}, unk_token="x"))
    PreTrainedTokenizerFast(tokenizer_object=vocabulary, eos_token="</s>").save_pretrained(tmp_path)
    return tmp_path


def change(file: str, **keys: object) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | keys))


def cut(file: str, length: int) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes()[:length])


def without_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut("model.safetensors", 0), "damaged"),
        (cut("model.safetensors", 300), "damaged"),
        (cut("tokenizer.json", 20), "damaged"),
        (without_a_weight, "1 weights are missing, lm_head.weight"),
        (change("config.json", hidden_size=10**9), "hidden_size is 1,000,000,000"),
        (change("config.json", hidden_size="abc"), "damaged"),
        (change("config.json", num_attention_heads=0), "damaged"),
        (change("config.json", rms_norm_eps=float("nan")), "rms_norm_eps is nan"),
        (change("config.json", model_type="unheard_of"), "unheard_of"),
        (change("tokenizer.json", model=None), "damaged"),
        (lambda folder: (folder / "base.json").write_text('{"model": "x", "evil": 1}'), "damaged"),
        (lambda folder: (folder / "base.json").write_text("[]"), "damaged"),
    ],
)
def test_damage_is_one_line_that_names_the_folder(student, spoil, words):
    load_student(student)
    spoil(student)
    with pytest.raises(BaseError) as caught:
        load_student(student)
    assert str(student) in str(caught.value) and words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 40])
def test_a_truncated_gguf_file_is_one_line(tmp_path, data):
    pytest.importorskip("gguf")
    (tmp_path / "model.gguf").write_bytes(data)
    with pytest.raises(BaseError, match="base some/name") as caught:
        load_tokenizer(Base("some/name", str(tmp_path / "model.gguf")))
    assert "\n" not in str(caught.value)
