"""Writes a stock model and its tokenizer as one GGUF file, the format of llama.cpp and Ollama."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.quants import quantize
from torch import Tensor

from distill.export.gguf_tensors import ARCHITECTURES, add_sizes, named_tensors
from distill.export.gguf_tokenizer import add_tokenizer

FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
BLOCK = 32
"""Numbers that share one scale in q8_0; a row must be a multiple of it."""
ALWAYS_F32 = ("_norm.weight", "ffn_gate_inp.weight")
"""Small, and llama.cpp computes with them in float32."""


def write_gguf(model: Any, tokenizer: Any, path: Path, *, dtype: str, name: str) -> None:
    """Write a model as one GGUF file of `dtype` f32, f16 or q8_0; vectors, norms and routers stay f32.

    If a row does not divide into blocks of q8_0, its weight is f16.

    Raises:
        ValueError: llama.cpp does not know the architecture or the tokenizer.
    """
    kind = type(model).__name__
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"gguf is for {', '.join(ARCHITECTURES)}; this is a {kind}: export it --to llama (merged for an adapter "
            "student) and convert that folder with llama.cpp's convert_hf_to_gguf.py"
        )
    architecture = ARCHITECTURES[kind]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture.name])
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[dtype])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_sizes(writer, model.config)
    architecture.add_sizes(writer, model.config)
    add_tokenizer(writer, tokenizer, vocab_size=model.config.vocab_size)
    for tensor_name, weight in named_tensors(model, architecture):
        add_tensor(writer, tensor_name, weight, dtype)
    finish(writer)


def add_tensor(writer: gguf.GGUFWriter, name: str, weight: Tensor, dtype: str) -> None:
    """Add one weight in the type for a file of `dtype`."""
    data = weight.detach().float().cpu().contiguous().numpy()
    if dtype == "f32" or data.ndim < 2 or name.endswith(ALWAYS_F32):
        writer.add_tensor(name, data)
    elif dtype == "f16" or data.shape[-1] % BLOCK:
        writer.add_tensor(name, data.astype(np.float16))
    else:
        packed = quantize(data, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)


def finish(writer: gguf.GGUFWriter) -> None:
    """Write the collected data, and close the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
