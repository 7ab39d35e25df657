"""What an adapter student will need: sizes by the base's config.json, without the base and without a GPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.data.adapter import HeldOut, learnable
from distill.data.bases import BaseFacts, base_of, base_tokenizer, find_base
from distill.data.question_files import load_problems
from distill.data.rows import encode_row
from distill.data.sources import is_local, load_traces
from distill.errors import UserError
from distill.recipe.schema import AdapterStudent, Lora, ModelTeacher, Recipe, ReferenceTeacher
from distill.tracks.base_problems import base_problems, empty_model, linear_layers
from distill.tracks.needs import Sample, Sizes, without_masks
from parsers.text.markers import STAGED_MARKERS

if TYPE_CHECKING:
    from torch import nn

PROBED_TEXTS = 100
"""Solutions that a forecast looks at; reading one takes milliseconds."""

NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8
"""Bytes a weight: 4 bit, an 8-bit scale for each 64, a 32-bit scale for each 256 of those (arXiv 2305.14314)."""


@dataclass(frozen=True, slots=True)
class DatasetSize:
    """Training texts of a data set that are used, and tokens of one with its prompt, on average."""

    texts: int
    tokens: float


PUBLISHED_SIZES = {"gsm8k": DatasetSize(6_660, 344), "math": DatasetSize(10_600, 455), "vnhsge": DatasetSize(88, 483)}
"""Assumed where the data is not on this machine. Counted with SmolLM2's tokenizer on 700 and 400 solutions drawn from
GSM8K and MATH, and on all of VNHSGE."""


def problems(student: AdapterStudent) -> Iterator[str]:
    """What cannot work in the section of the student: packages, its base; a name on the Hub is not looked up."""
    facts, found = find_base(student.base), [*_missing_packages(student), *_missing_base(student)]
    yield from found or base_problems(student, facts)


def _missing_packages(student: AdapterStudent) -> Iterator[str]:
    def is_missing(package: str) -> bool:
        return importlib.util.find_spec(package) is None

    if is_missing("peft"):
        yield "student.kind: adapters need peft; pip install 'step-aware-distillation[adapter]'"
    if student.load_in_4bit and is_missing("bitsandbytes"):
        yield "student.load_in_4bit: bitsandbytes is not installed; pip install bitsandbytes, or set it to false"


def _missing_base(student: AdapterStudent) -> Iterator[str]:
    """A folder that is no base; whether a name is one on the Hub is not known here."""
    name = student.base
    is_folder = name.startswith((".", "/", "~")) or name.count("/") > 1
    if is_folder and base_of(student).source == name and not (Path(name) / "config.json").is_file():
        yield f"student.base: {name} is no folder with a config.json; name one, or a base on the Hub (owner/name)"


def sample(recipe: Recipe, student: AdapterStudent, may_download: bool) -> Sample:
    """Some solutions of the recipe where data and base are on this machine, else what is assumed of its data sets.

    Of a teacher that is a model it is assumed that each problem gives one text.

    Raises:
        UserError: the base's tokenizer may be downloaded but cannot be had.
    """
    if may_download:
        base_tokenizer(student)
    if isinstance(recipe.teacher, ModelTeacher):
        return _assumed_of_model(recipe.teacher)
    if not is_local(recipe) or not Path(base_of(student).source).exists():
        return _assumed(recipe)
    traces, tokenizer = load_traces(recipe), base_tokenizer(student)
    tokenizer.add_tokens(list(STAGED_MARKERS))
    probed = traces[:: -(-len(traces) // PROBED_TEXTS)]
    rows = [learnable(trace, recipe, HeldOut([])) for trace in probed]
    examples = [encode_row(row, tokenizer) for row in rows]
    used = sum(row.unused is None and row.side == "training" for row in rows)
    lengths = [len(example.input_ids) for example in examples]
    return Sample(lengths, round(used / len(rows) * len(traces)), examples[0], tokenizer)


def _assumed_of_model(teacher: ModelTeacher) -> Sample:
    """Every problem that is asked gives a text as long as a reference solution."""
    if teacher.problems is not None:
        count = len(load_problems(teacher.problems))
        return Sample([PUBLISHED_SIZES["gsm8k"].tokens], min(teacher.num_problems or count, count))
    asked = teacher.num_problems or 10**9
    limits = {name: source.limit for name, source in teacher.datasets.items()} or {teacher.dataset: None}
    return _of_published({name: min(limit or asked, asked) for name, limit in limits.items()})


def _assumed(recipe: Recipe) -> Sample:
    teacher = recipe.teacher
    assert isinstance(teacher, ReferenceTeacher)
    return _of_published({name: source.limit for name, source in teacher.datasets.items()} or {teacher.dataset: None})


def _of_published(limits: Mapping[Any, int | None]) -> Sample:
    """Texts of the published data sets, at most these of each."""
    known = {name: PUBLISHED_SIZES[name] for name in limits}
    counts = {name: min(limits[name] or size.texts, size.texts) for name, size in known.items()}
    total = sum(counts.values())
    return Sample([sum(counts[name] * size.tokens for name, size in known.items()) / total], total)


def sizes(student: AdapterStudent) -> Sizes | None:
    """What the student is made of; None where nothing is known of its base.

    Raises:
        UserError: the base's config.json is of no causal model.
    """
    facts = find_base(student.base)
    if facts is None:
        return None
    try:
        model = empty_model(facts.config)
    except ValueError as error:
        raise UserError(f"student.base: {facts.name}: {error}") from None
    linear = linear_layers(model)
    loras = [lora for lora in (student.reasoning, student.verification) if lora]
    trained = sum(lora_parameters(linear, lora) for lora in loras)
    markers = len(STAGED_MARKERS) * model.config.hidden_size
    trained += markers if model.config.tie_word_embeddings else 2 * markers
    held = sum(count * width_in * width_out for count, width_in, width_out in linear.values())
    total, layers = model.num_parameters(), model.config.num_hidden_layers
    return Sizes(
        model=model,
        trained=trained,
        frozen_bytes=held * (NF4_BYTES if student.load_in_4bit else 2) + 2 * (total - held),
        multiplied=total + trained,
        passes=6 if student.gradient_checkpointing else 4,
        build=lambda count: _to_trace(facts, loras, count or layers),
        longest=student.max_length,
        num_equal_layers=layers,
        recomputes_layers=student.gradient_checkpointing,
    )


def lora_parameters(layers: Mapping[str, tuple[int, int, int]], lora: Lora) -> int:
    """r · (in + out) of every layer that an adapter changes."""
    changed = [sizes for name, sizes in layers.items() if name in lora.target_modules]
    return sum(lora.r * count * (width_in + width_out) for count, width_in, width_out in changed)


def _to_trace(facts: BaseFacts, loras: list[Lora], layers: int) -> nn.Module:
    """The base in half precision with so many layers, under adapters that keep for the backward pass what PEFT's keep.

    PEFT itself cannot be built where there are no values.
    """
    import torch
    from torch import nn
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.pytorch_utils import Conv1D

    class Adapted(nn.Module):
        def __init__(self, layer: nn.Linear | Conv1D, ranks: list[int]) -> None:
            super().__init__()
            shape = layer.weight.shape
            width_in, width_out = shape if isinstance(layer, Conv1D) else shape[::-1]
            self.layer = layer
            pairs = ((nn.Linear(width_in, r, bias=False), nn.Linear(r, width_out, bias=False)) for r in ranks)
            self.adapters = nn.ModuleList(nn.Sequential(*pair) for pair in pairs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result = self.layer(x)
            for adapter in self.adapters:
                result = result + 2.0 * adapter(x.float())
            return result

    config = AutoConfig.for_model(**facts.config)
    config.num_hidden_layers = layers
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layers]
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, trust_remote_code=False)
    model.requires_grad_(False)
    model.get_input_embeddings().requires_grad_(True)  # as the rows of the markers are
    for name, module in list(model.named_modules()):
        ranks = [lora.r for lora in loras if name.rpartition(".")[2] in lora.target_modules]
        if ranks and isinstance(module, nn.Linear | Conv1D):
            model.set_submodule(name, Adapted(module, ranks))
    return without_masks(model.train(), sdpa_attention_forward)
