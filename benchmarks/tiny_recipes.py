"""Recipes of both tracks that run in seconds, for measurements of the pipeline and not of a student."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.recipe.schema import Recipe, load_recipe

if TYPE_CHECKING:
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

REFINE = {"num_problems": 6, "num_samples": 2, "max_steps": 6, "rounds": 1, "teacher_share": 0.3}


def nano_recipe(folder: Path, *, micro_batches: int = 1) -> Path:
    """`miniaxion_tiny` with a round of refine, as a file in `folder`."""
    keys = ["teacher.verify=steps", "train.max_steps=60", "train.save_steps=4", "eval.max_new_tokens=24"]
    keys += [f"train.gradient_accumulation_steps={micro_batches}", "eval.num_questions_per_task=2"]
    keys += [f"refine.{name}={value}" for name, value in REFINE.items() if name != "teacher_share"]
    recipe = load_recipe("miniaxion_tiny", keys)
    path = folder / f"nano-{micro_batches}.yaml"
    path.write_text(recipe.to_yaml(), encoding="utf-8")
    return path


def adapter_recipe(folder: Path) -> Path:
    """Two adapters on an untrained base of two layers that is made in `folder`, with a round of refine."""
    rows = [_row(number) for number in range(20, 80, 2)]
    other = [
        {"question": f"What do {n} apples at 3 coins cost?", "answer": f"<<{n}*3={3 * n}>>\n#### {3 * n}"}
        for n in range(4)
    ]
    for name, some in (("train", rows), ("test", other)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    recipe = two_adapters(
        make_base(folder / "base"),
        folder,
        teacher={"error_rate": 0.3},
        train={"max_steps": 30, "save_steps": 3},
        refine=REFINE | {"max_steps": 4},
        eval={"num_questions_per_task": 4},
    )
    path = folder / "adapter.yaml"
    path.write_text(recipe.to_yaml(), encoding="utf-8")
    return path


def two_adapters(base: Path, data: Path, **changes: dict[str, Any]) -> Recipe:
    """Two small adapters that learn the reference solutions in `data`/train.jsonl; `changes` are keys by section."""
    lora = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    values: dict[str, Any] = {
        "name": "tiny",
        "teacher": {"kind": "reference", "error_rate": 0.5},
        "data": {"path": str(data / "train.jsonl")},
        "student": {
            "kind": "adapter", "base": str(base), "load_in_4bit": False, "reasoning": lora, "verification": lora,
            "max_length": 1024,
        },
        "train": {
            "max_steps": 4, "warmup_steps": 1, "per_device_train_batch_size": 2, "dtype": "float32", "save_steps": 2,
            "logging_steps": 1, "learning_rate": 1e-3, "weight_decay": 0,
        },
        "eval": {"num_questions_per_task": 2, "max_new_tokens": 12, "calculator": True, "guided": True},
    }  # fmt: skip
    for section, change in changes.items():
        values[section] = values.get(section, {}) | change
    return Recipe.model_validate(values)


def make_base(folder: Path) -> Path:
    """A pretrained base in small: an untrained Llama of two layers, tied embeddings, a chat tokenizer of bytes."""
    import torch
    from tokenizers import models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = chat_tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    end: Any = tokenizer.eos_token_id  # typed for a batch of tokens, too
    pad: Any = tokenizer.pad_token_id
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            eos_token_id=end,
            pad_token_id=pad,
            bos_token_id=None,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def chat_tokenizer(pieces: BPE, texts: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """A tokenizer of bytes with a chat template; `texts` teach it pairs of them, 262 pieces at most."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(pieces)
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    words.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    if texts:
        letters = pre_tokenizers.ByteLevel.alphabet()
        words.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=262, initial_alphabet=letters))
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template="{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    )


def _row(number: int) -> dict[str, str]:
    half, both = number // 2, number + number // 2
    return {
        "question": f"Ana has {number} pens and her brother has half as many. How many pens are in box {number}?",
        "answer": f"Her brother has {number}/2 = <<{number}/2={half}>>{half} pens.\n"
        f"Together they have {number}+{half} = <<{number}+{half}={both}>>{both} pens.\n#### {both}",
    }
