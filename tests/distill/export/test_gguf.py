"""GGUF files under a real llama.cpp: the same token ids, and the same logits as transformers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from distill.data.prompts import prompt
from distill.export.gguf_file import write_gguf
from distill.export.gguf_tokenizer import pre_tokenizer
from parsers.text.tags import tag_digits
from students.axion import AXION_SIZES
from students.generation import load_student
from students.llama import to_llama
from students.tokenizer import FORMS, train_tokenizer

LOGPROB = 1e-3
"""llama.cpp sums in another order, and its softmax is approximate; a wrong layout is off by whole nats."""

TEXTS = [
    "<INST>What is 47 + 35?</INST><THINK>[UNDERSTAND]<STEP>47+35[PLAN]<STEP>add</THINK><ANS>82</ANS>",
    "# Pergunta: Quanto é 3,5 × 2?\n# Resposta: 7,0",
    "<USER> Ana tem 12 maçãs.<\\USER> <THINK> 12/3=4 <\\THINK> <ANSWER> 4 <\\ANSWER>",
    tag_digits("<INST>What is 47 + 35?</INST><THINK>[UNDERSTAND]<STEP>47+35"),
    "  two  blanks, a\ttab\r\n\n and ▁ itself </s> <unk> <pad>",
    "Lan có 5 quả táo, ăn 2 quả. 数学 🙂 ñ ½ −3 ≤ 4",
    "",
]


def texts() -> list[str]:
    """500 texts: those above, and numbers, words and markers in many orders."""
    parts = [
        "Lan",
        " 48",
        "+",
        "<STEP>",
        "é",
        " ",
        "  ",
        "\n",
        "7",
        "clips",
        "[VERIFY]",
        "½",
        "<s>",
        "?",
        " and",
        "-0.5",
    ]
    rows = [parts[(i * 7) % 16] + parts[(i // 3) % 16] + parts[(i * 5 + i // 16) % 16] for i in range(493)]
    return TEXTS + [f"{row}{TEXTS[i % 7][: i % 40]}" for i, row in enumerate(rows)]


@pytest.fixture(params=list(FORMS))
def tokenizer(request: Any) -> Any:
    return train_tokenizer(TEXTS * 3 + ["there are 12 clips and 30 stones"] * 4, vocab_size=700, form=request.param)


def randomised(model: Any) -> Any:
    """Weights far from their start, so that a wrong layout changes every logit."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(1 + 0.2 * torch.randn_like(weight) if weight.ndim < 2 else torch.randn_like(weight) / 6)
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(0.1 * torch.randn_like(buffer))
    return model.eval()


def small(kind: Any, config: Any, **more: Any) -> Any:
    sizes: dict[str, Any] = {
        "vocab_size": 720, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 256, "tie_word_embeddings": True,
    }  # fmt: skip
    return randomised(kind(config(**sizes, **more)))


def axion() -> Any:
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    config = AXION_SIZES["axion1-350k"].to_dict() | {"vocab_size": 720, "num_hidden_layers": 2}
    return randomised(DeepseekV3ForCausalLM(DeepseekV3Config(**config)))


def miniaxion(*, use_rope: bool = True) -> Any:
    from students.miniaxion import MiniAxionConfig, MiniAxionForCausalLM

    student = randomised(MiniAxionForCausalLM(MiniAxionConfig(vocab_size=720, use_rope=use_rope)))
    return to_llama(student)


MODELS: dict[str, Callable[[], Any]] = {
    "miniaxion": miniaxion,
    "miniaxion without positions": lambda: miniaxion(use_rope=False),
    "llama": lambda: small(LlamaForCausalLM, LlamaConfig),
    "qwen2": lambda: small(Qwen2ForCausalLM, Qwen2Config),
    "qwen3": lambda: small(Qwen3ForCausalLM, Qwen3Config, head_dim=16),
    "axion": axion,
}


def test_llama_cpp_gives_the_same_token_ids(tokenizer: Any, llama_cpp: Any, tmp_path: Path) -> None:
    write_gguf(small(LlamaForCausalLM, LlamaConfig), tokenizer, tmp_path / "m.gguf", dtype="f16", name="m")
    post = llama_cpp(tmp_path / "m.gguf")
    given = texts()
    assert len(given) == 500
    for text in given:
        ids = post("/tokenize", {"content": text, "parse_special": True, "add_special": True})["tokens"]
        assert ids == tokenizer(text, add_special_tokens=False)["input_ids"], text


def test_llama_cpp_writes_the_tags_into_a_question(llama_cpp: Any, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS * 3, vocab_size=700, form="tagged")
    write_gguf(small(LlamaForCausalLM, LlamaConfig), tokenizer, tmp_path / "m.gguf", dtype="f16", name="m")
    post = llama_cpp(tmp_path / "m.gguf")
    question = "Which is larger, 907 or 1234567890123 (or −5, à 2)?"
    asked = post("/apply-template", {"messages": [{"role": "user", "content": question}]})["prompt"]
    assert asked == prompt(tokenizer, question)
    assert tag_digits(question) in asked


def shown_by_llama_cpp(model: Any, tokenizer: Any) -> tuple[list[int], torch.Tensor]:
    """A prompt, and transformers' log-probabilities of the token after it (vocabulary,).

    llama.cpp shows no probabilities where the best token is half a letter or the end, so the prompt stops before one
    that it shows.
    """
    ids = tokenizer(TEXTS[0], add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        rows = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0], dim=-1)
    last = max(
        i for i, row in enumerate(rows.argmax(-1).tolist()) if "\ufffd" not in tokenizer.decode([row]) and row != 10
    )
    return ids[: last + 1], rows[last]


@pytest.mark.parametrize("name", MODELS)
def test_llama_cpp_gives_the_same_logits(name: str, llama_cpp: Any, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS * 3, vocab_size=700)
    model = MODELS[name]()
    write_gguf(model, tokenizer, tmp_path / "m.gguf", dtype="f32", name="m")
    post = llama_cpp(tmp_path / "m.gguf")
    ids, expected = shown_by_llama_cpp(model, tokenizer)
    answer = post("/completion", {"prompt": ids, "n_predict": 1, "temperature": 0, "n_probs": 5})
    found = answer["completion_probabilities"][0]["top_logprobs"]
    assert [one["id"] for one in found] == expected.topk(5).indices.tolist()
    assert max(abs(one["logprob"] - float(expected[one["id"]])) for one in found) < LOGPROB


@pytest.mark.parametrize("dtype", ["f16", "q8_0"])
def test_smaller_types_stay_near(dtype: str, llama_cpp: Any, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS * 3, vocab_size=700)
    model = MODELS["qwen2"]()
    for each in ("f32", dtype):
        write_gguf(model, tokenizer, tmp_path / f"{each}.gguf", dtype=each, name="m")
    assert (tmp_path / f"{dtype}.gguf").stat().st_size < 0.6 * (tmp_path / "f32.gguf").stat().st_size
    ids, expected = shown_by_llama_cpp(model, tokenizer)
    request = {"prompt": ids, "n_predict": 1, "temperature": 0, "n_probs": 1}
    answers = [llama_cpp(tmp_path / f"{each}.gguf")("/completion", request) for each in ("f32", dtype)]
    best = [answer["completion_probabilities"][0]["top_logprobs"][0] for answer in answers]
    assert best[0]["id"] == best[1]["id"] == int(expected.argmax())
    assert abs(best[0]["logprob"] - best[1]["logprob"]) < 0.1


def test_what_cuts_words_is_named_or_refused(tiny_base: Path) -> None:
    import json

    _, tokenizer = load_student(tiny_base, device="cpu")
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    assert pre_tokenizer(state) == "gpt-2"
    digits = {"type": "Digits", "individual_digits": True}
    steps = {"type": "Sequence", "pretokenizers": [digits, state["pre_tokenizer"]]}
    assert pre_tokenizer(state | {"pre_tokenizer": steps}) == "smollm"
    with pytest.raises(ValueError, match="convert_hf_to_gguf"):
        pre_tokenizer(state | {"pre_tokenizer": {"type": "Whitespace"}})
