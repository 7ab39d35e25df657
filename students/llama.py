"""MiniAxion as an equal stock Llama: loop unrolled, factors multiplied out, logit scale in the last norm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from students.miniaxion import FactoredLinear, MiniAxionForCausalLM


def to_llama(student: MiniAxionForCausalLM) -> LlamaForCausalLM:
    """A `LlamaForCausalLM` with the same logits (to float32 rounding) and more parameters."""

    config = student.config
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_key_value_heads,
            head_dim=config.head_dim,
            max_position_embeddings=config.max_position_embeddings,
            rms_norm_eps=config.rms_norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
            tie_word_embeddings=True,
            pad_token_id=config.pad_token_id,
            bos_token_id=config.bos_token_id,
            eos_token_id=config.eos_token_id,
        )
    )
    weights = {
        "model.embed_tokens.weight": student.model.embed_tokens.weight,
        "lm_head.weight": student.model.embed_tokens.weight,
        "model.norm.weight": student.model.norm.weight * student.logit_scale,
    }
    for depth, index in enumerate(student.model.layer_order):
        layer: Any = student.model.layers[index]
        prefix = f"model.layers.{depth}"
        weights[f"{prefix}.input_layernorm.weight"] = layer.attention_norm.weight
        weights[f"{prefix}.post_attention_layernorm.weight"] = layer.mlp_norm.weight
        for name, part in layer.named_children():
            if isinstance(part, FactoredLinear):
                block = "mlp" if name in ("gate_proj", "up_proj", "down_proj") else "self_attn"
                weights[f"{prefix}.{block}.{name}.weight"] = part.b @ part.a
    llama.load_state_dict({name: weight.detach().clone() for name, weight in weights.items()})
    llama.generation_config.eos_token_id = config.eos_token_id
    llama.generation_config.pad_token_id = config.pad_token_id
    return llama.eval()


@torch.no_grad()
def export_llama(student_dir: Path, out_dir: Path) -> None:
    """Write the student of `student_dir` as a stock Llama with its tokenizer.

    Raises:
        ValueError: the student is neither a MiniAxion nor a Llama.
    """
    from students.generation import load_student

    student, _ = load_student(student_dir, device="cpu")
    if isinstance(student, MiniAxionForCausalLM):
        student = to_llama(student.float())
    elif not isinstance(student, LlamaForCausalLM):
        raise ValueError(f"{student_dir}: a {type(student).__name__} has no equal Llama; AutoModelForCausalLM loads it")
    student.save_pretrained(out_dir)
    AutoTokenizer.from_pretrained(student_dir).save_pretrained(out_dir)
