"""Writes a folder for llama.cpp and Ollama: GGUF model, Modelfile, and an adapter student's verification adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.data.prompts import has_tags, prompt
from distill.export.gguf_file import write_gguf
from distill.export.stock import stock_student

MODEL_FILE, ADAPTER_FILE = "model.gguf", "verification.gguf"
VERIFICATION = "verification"
"""The folder of an adapter student; its module is not imported here, as nano students need no PEFT."""


def write_llama_cpp(student: Path, out: Path, *, dtype: str) -> str:
    """Write the folder; returns the text for the card.

    Raises:
        ValueError: llama.cpp does not know the architecture or the tokenizer.
        UserError: the student cannot be loaded.
    """
    notes = [f"`{MODEL_FILE}` is for llama.cpp, in {dtype}."]
    if (student / "base.json").is_file():
        from distill.export.folded import describe, fold

        held = "float32" if dtype == "f32" else "float16"
        model, tokenizer, measured = fold(student, dtype=held)
        notes.append(describe(measured, held))
    else:
        model, tokenizer = stock_student(student)
    write_gguf(model, tokenizer, out / MODEL_FILE, dtype=dtype, name=student.name)
    if (student / VERIFICATION).is_dir():
        from distill.export.gguf_adapter import write_gguf_adapter

        write_gguf_adapter(student / VERIFICATION, model, tokenizer, out / ADAPTER_FILE)
        notes.append(
            f"`{ADAPTER_FILE}` is the verification adapter. llama.cpp switches it on at a `[VERIFY]` of the prompt, so "
            "an answer takes two calls: docs/how-to-export.md shows them. Ollama cannot switch it on inside a prompt; "
            "there the model writes VERIFY without it."
        )
    if has_tags(tokenizer):
        notes.append("Ollama cannot ask it: only the chat template writes the tags into a question.")
    else:
        notes[0] += " `ollama create NAME -f Modelfile` takes it into Ollama."
        (out / "Modelfile").write_text(modelfile(model, tokenizer), encoding="utf-8")
    return "\n\n".join(notes)


def modelfile(model: Any, tokenizer: Any) -> str:
    """The Modelfile for Ollama: model file, prompt template and greedy decoding.

    The template takes one question, as in training, and no conversation.
    """
    question = prompt(tokenizer, "{{ .Prompt }}")
    settings = {
        "num_ctx": min(model.config.max_position_embeddings, 4096),
        "temperature": 0,
        "repeat_penalty": 1,
        "stop": f'"{tokenizer.eos_token}"',
    }
    lines = [f"PARAMETER {name} {value}" for name, value in settings.items()]
    return "\n".join([f"FROM ./{MODEL_FILE}", f'TEMPLATE """{question}"""', *lines]) + "\n"
