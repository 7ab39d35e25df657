"""A verification adapter as GGUF that llama.cpp switches on at the [VERIFY] token of a prompt (an activated LoRA).

llama.cpp looks for an activated adapter's invocation tokens from the end of the prompt, and opens one token before
them (measured with b11549; tests/distill/export/test_dual.py). So the token named here is the line end behind the
marker: in a prompt that ends in "[VERIFY]\\n" the adapter opens at [VERIFY], as in students/dual_lora.py.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gguf
from safetensors.torch import load_file

from distill.export.gguf_file import add_tensor, finish
from distill.export.gguf_tensors import ARCHITECTURES
from parsers.text.markers import VERIFY_MARKER


def write_gguf_adapter(folder: Path, model: Any, tokenizer: Any, path: Path) -> None:
    """Write the PEFT adapter of `folder` for a model that `write_gguf` has written, in float32.

    llama.cpp scales by alpha / r, so the alpha of a rank-stabilised adapter (alpha / √r) is written times √r.
    """
    from peft import LoraConfig

    config: Any = LoraConfig.from_pretrained(str(folder))
    architecture = ARCHITECTURES[type(model).__name__]
    names = gguf.get_tensor_name_map(architecture.name, model.config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture.name])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(
        gguf.Keys.Adapter.LORA_ALPHA, config.lora_alpha * (math.sqrt(config.r) if config.use_rslora else 1)
    )
    writer.add_key_value(
        gguf.Keys.Adapter.ALORA_INVOCATION_TOKENS,
        tokenizer(f"{VERIFY_MARKER}\n", add_special_tokens=False)["input_ids"][1:],
        gguf.GGUFValueType.ARRAY,
        gguf.GGUFValueType.UINT32,
    )
    for key, weight in load_file(folder / "adapter_model.safetensors").items():
        module, _, side = key.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".")
        target = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
        if side == "lora_B":  # its rows are those of the weight
            [(_, weight)] = architecture.layout(model.config, f"{module}.weight", weight)
        add_tensor(writer, f"{target}.{side.lower()}", weight, "f32")
    finish(writer)
