"""`distill export`: every form from a real folder, what its card says, and what is refused in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from distill.cli import main
from distill.errors import UserError
from distill.verbs.export import export_model
from students.adapter import Base, build_adapter_student, load_adapter_student, save_adapter_student
from students.generation import generate, load_student
from students.miniaxion import MiniAxionConfig, MiniAxionForCausalLM
from students.tokenizer import train_tokenizer

LORA: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "k_proj", "v_proj", "down_proj"]}
PROMPTS = ["<INST>What is 4 + 5?</INST><THINK>", "<INST>Is 7 even or odd?</INST><THINK>"]


def disturb(model: Any) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.requires_grad and "lora_A" not in name:
                weight.add_(0.1 * torch.randn_like(weight))


@pytest.fixture
def nano(tmp_path: Path) -> Path:
    """A MiniAxion that has learnt nothing."""
    tokenizer = train_tokenizer([*PROMPTS, "[UNDERSTAND]<STEP>4+5</THINK><ANS>9</ANS>"], vocab_size=700)
    model = MiniAxionForCausalLM(MiniAxionConfig(vocab_size=704, eos_token_id=tokenizer.eos_token_id))
    disturb(model)
    model.save_pretrained(tmp_path / "nano")
    tokenizer.save_pretrained(tmp_path / "nano")
    (tmp_path / "nano" / "README.md").write_text("---\nlibrary_name: peft\n---\n# Small\n", encoding="utf-8")
    return tmp_path / "nano"


@pytest.fixture
def dual(chat_base: Path, tmp_path: Path) -> Path:
    """An adapter student whose adapters are no identity."""
    base = Base(str(chat_base))
    model, tokenizer = build_adapter_student(
        base, reasoning=LORA, verification=LORA | {"r": 2}, seed=0, dtype=torch.float32
    )
    disturb(model)
    save_adapter_student(model, tokenizer, base, tmp_path / "dual")
    return tmp_path / "dual"


def test_llama_writes_the_same(nano: Path, tmp_path: Path) -> None:
    export_model(str(nano), tmp_path / "out", to="llama")
    exported, tokenizer = load_student(tmp_path / "out", device="cpu")
    assert type(exported).__name__ == "LlamaForCausalLM"
    assert generate(exported, tokenizer, PROMPTS, max_new_tokens=20) == generate(
        *load_student(nano, device="cpu"), PROMPTS, max_new_tokens=20
    )
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n---\n# Small")
    assert "## This export" in card


def test_merged_has_the_logits_of_reasoning_and_verification_beside_it(dual: Path, tmp_path: Path) -> None:
    export_model(str(dual), tmp_path / "out", to="merged", dtype="f32")
    merged: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    student, tokenizer = load_adapter_student(dual, dtype=torch.float32, device="cpu")
    ids = tokenizer("What is 2+2?[UNDERSTAND]2+2[EXECUTE]4", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(merged(input_ids=ids).logits, student(input_ids=ids).logits, atol=1e-4, rtol=0)
    assert not any("lora" in name for name in merged.state_dict())
    PeftModel.from_pretrained(merged, tmp_path / "out" / "verification")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "its logits differ from the student's by" in card
    assert "cannot be folded" in card


def test_merged_is_in_16_bit_unless_told(dual: Path, tmp_path: Path) -> None:
    export_model(str(dual), tmp_path / "out", to="merged")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out").dtype == torch.float16


@pytest.mark.parametrize("kind", ["nano", "dual"])
def test_gguf_has_a_modelfile_that_asks_as_the_student_was_trained(
    kind: str, request: Any, tmp_path: Path, llama_cpp: Any
) -> None:
    student = request.getfixturevalue(kind)
    export_model(str(student), tmp_path / "out", to="gguf", dtype="f32")
    names = {"README.md", "Modelfile", "model.gguf"} | ({"verification.gguf"} if kind == "dual" else set())
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    lines = (tmp_path / "out" / "Modelfile").read_text(encoding="utf-8")
    assert lines.startswith("FROM ./model.gguf\nTEMPLATE ")
    asked = "<INST>{{ .Prompt }}</INST><THINK>" if kind == "nano" else "<|im_start|>user\n{{ .Prompt }}<|im_end|>"
    assert asked in lines
    assert llama_cpp(tmp_path / "out" / "model.gguf")("/tokenize", {"content": "12"})["tokens"]


def test_what_is_refused(nano: Path, dual: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stop:
            main(["export", *map(str, arguments)])
        error = capsys.readouterr().err.strip()
        assert (stop.value.code, error.count("\n")) == (2, 0), error
        return error

    out = tmp_path / "out"
    assert "exists already" in refused(nano, dual, "--to", "gguf")
    assert 'did you mean "merged"' in refused(nano, out, "--to", "mergd")
    assert "use --to llama" in refused(nano, out, "--to", "merged")
    assert "use --to merged" in refused(dual, out, "--to", "llama")
    assert "q8_0" in refused(nano, out, "--to", "gguf", "--dtype", "q4_0")
    assert "only for merged and gguf" in refused(nano, out, "--to", "llama", "--dtype", "f16")
    assert "OWNER/NAME" in refused(nano, "just a name", "--to", "hub")
    half = shutil.copytree(nano, tmp_path / "half")
    weights = half / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "half" in refused(half, out, "--to", "gguf")
    (half / "config.json").write_text("{", encoding="utf-8")
    assert "config.json is missing or damaged" in refused(half, out, "--to", "llama")
    assert not out.exists()


def test_an_architecture_that_llama_cpp_lacks_names_another_form(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = train_tokenizer(PROMPTS, vocab_size=700)
    GPT2LMHeadModel(GPT2Config(vocab_size=700, n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path / "gpt")
    tokenizer.save_pretrained(tmp_path / "gpt")
    with pytest.raises(UserError, match=r"GPT2LMHeadModel.*--to llama"):
        export_model(str(tmp_path / "gpt"), tmp_path / "out", to="gguf")


def test_the_hub_lists_what_it_would_take_and_wants_a_token(
    dual: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    (dual / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["export", str(dual), "me/dual", "--to", "hub"])
    shown = capsys.readouterr()
    assert stop.value.code == 2
    assert "no token for the Hub" in shown.err
    listed = {line.split()[-1] for line in shown.out.splitlines()}
    assert {"base.json", "config.json", "README.md", "tokenizer.json", "reasoning/adapter_config.json"} <= listed
    assert "notes.txt" not in listed
    with pytest.raises(SystemExit) as stop:
        main(["export", str(dual), "me/dual", "--to", "hub", "--dry-run"])
    assert stop.value.code == 0


def test_a_token_is_used_and_never_shown(
    nano: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    class Hub:
        def create_repo(self, name: str, **options: Any) -> str:
            calls.append((name, options))
            return f"https://huggingface.co/{name}"

        def upload_folder(self, **options: Any) -> None:
            calls.append(("upload", options))

    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_secret")
    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    with pytest.raises(SystemExit) as stop:
        main(["export", str(nano), "me/nano", "--to", "hub"])
    shown = capsys.readouterr()
    assert stop.value.code == 0
    assert shown.out.splitlines()[-1] == "https://huggingface.co/me/nano"
    assert calls[0] == ("me/nano", {"private": True, "exist_ok": True})
    assert calls[1][1]["folder_path"] == nano
    assert "hf_secret" not in shown.out + shown.err + str(calls)


def test_gguf_of_a_nano_student_needs_no_peft(nano: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['peft'] = None; from pathlib import Path; from distill.verbs.export import export_model; "
        "export_model(sys.argv[1], Path(sys.argv[2]), to='gguf')"
    )
    result = subprocess.run([sys.executable, "-c", code, nano, tmp_path / "out"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "model.gguf").is_file()
