"""What holds for every test: one thread, for models this small lose more to waiting for one another than they gain.

And no deadline for what hypothesis draws: a loaded machine is no error.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pretrained base in small: an untrained Llama with tied embeddings and a chat tokenizer of bytes."""
    from benchmarks.tiny_recipes import make_base

    return make_base(tmp_path_factory.mktemp("base"))


def random_adapters(base: Path, *, lora_alpha: int) -> tuple[Any, Any]:
    """(model, tokenizer) of a base with both adapters, of random weights; new adapters would not change the base."""
    import torch

    from students.adapter import Base, build_adapter_student

    lora = {"r": 4, "lora_alpha": lora_alpha, "target_modules": ["q_proj", "v_proj", "down_proj"]}
    model, tokenizer = build_adapter_student(Base(str(base)), reasoning=lora, verification=lora, seed=0)
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    return model.requires_grad_(False).eval(), tokenizer


def byte_tokenizer() -> Any:
    """One token a byte, and the markers of the staged form."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from parsers.text.markers import STAGED_MARKERS

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words = Tokenizer(models.BPE({letter: i for i, letter in enumerate(sorted(alphabet))}, []))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")
    made.add_tokens(list(STAGED_MARKERS))
    return made
