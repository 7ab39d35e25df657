"""The dual student in llama.cpp: reason without the verification adapter, verify with it, on a shared cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distill.verbs.export import export_model
from parsers.text.markers import VERIFY_MARKER
from students.adapter import Base, build_adapter_student, load_adapter_student, save_adapter_student

LORA: dict[str, Any] = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "k_proj", "v_proj", "down_proj"]}
LOGPROB = 1e-3
OFF, ON = [{"id": 0, "scale": 0.0}], [{"id": 0, "scale": 1.0}]


@pytest.fixture
def dual(chat_base: Path, tmp_path: Path) -> Path:
    base = Base(str(chat_base))
    model, tokenizer = build_adapter_student(base, reasoning=LORA, verification=LORA, seed=0, dtype=torch.float32)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name or "trainable_tokens" in name:
                weight.normal_(std=0.5)
    save_adapter_student(model, tokenizer, base, tmp_path / "dual")
    return tmp_path / "dual"


def test_two_calls_give_what_one_forward_pass_gives(dual: Path, tmp_path: Path, llama_cpp: Any) -> None:
    export_model(str(dual), tmp_path / "out", to="gguf", dtype="f32")
    post = llama_cpp(tmp_path / "out" / "model.gguf", [tmp_path / "out" / "verification.gguf"])
    student, tokenizer = load_adapter_student(dual, dtype=torch.float32, device="cpu")

    def apart(text: str, adapters: Any) -> tuple[float, int]:
        """(the largest gap among the first choices of llama.cpp, tokens taken from its cache)"""
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            expected = torch.log_softmax(student(input_ids=torch.tensor([ids])).logits[0, -1], dim=-1)
        body = {"prompt": ids, "n_predict": 2, "n_probs": 5, "temperature": 0, "lora": adapters, "ignore_eos": True}
        answer = post("/completion", body)
        found = answer["completion_probabilities"][0]["top_logprobs"]
        return max(abs(one["logprob"] - float(expected[one["id"]])) for one in found), answer["timings"]["cache_n"]

    reasoning = "there are 12 [EXECUTE]\n12 * 7 = 84\n"
    verifying = f"{reasoning}{VERIFY_MARKER}\n"
    assert apart(reasoning, OFF)[0] < LOGPROB
    gap, cached = apart(verifying, ON)
    assert gap < LOGPROB
    assert cached >= len(tokenizer(reasoning, add_special_tokens=False)["input_ids"]) - 1
    assert apart(verifying, OFF)[0] > 10 * LOGPROB  # else the adapter does nothing
    assert apart(f"{verifying}84 / 7", ON)[0] < LOGPROB
