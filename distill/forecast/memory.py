"""Forecasts training memory by tracing one micro-batch with FakeTensorMode, without computing it.

Tensors in FakeTensorMode have shapes and no values, so forward and backward of 100M parameters take seconds. A dispatch
mode counts the bytes that are alive after the forward pass, where memory peaks.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from distill.forecast.machines import library_bytes
from distill.recipe.schema import Train
from distill.tracks.needs import Sample, Sizes
from distill.training.batches import split_evenly
from distill.training.loss import MAX_CHUNK_LOGITS
from losses.chunked import CHUNK_SIZE
from students.cost import even_length
from students.heads import split_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BYTES_PER_LOGIT = 12
"""Float32: logit, its logarithm of a probability, its gradient; of one chunk of places at a time."""


def training_bytes(sizes: Sizes, sample: Sample, train: Train, *, on_gpu: bool) -> dict[str, float]:
    """Bytes, by part, that a process gains between building the student and the peak of its training.

    Args:
        sample: gives the lengths of rows where the sizes do not.
        on_gpu: whether it is forecast for a GPU, whose libraries are not counted.
    """
    rows, tokens = peak_rows(sizes, sample, train)
    vocabulary = sizes.model.config.get_text_config().vocab_size
    is_8bit = train.optim == "paged_adamw_8bit" and on_gpu
    parts = {
        "frozen weights": sizes.frozen_bytes,
        "trained weights and gradients": 8.0 * sizes.trained,
        "optimizer": (2.0 if is_8bit else 8.0) * sizes.trained,
        "activations": activation_bytes(sizes, rows, tokens),
        "loss": float(BYTES_PER_LOGIT * min(CHUNK_SIZE, MAX_CHUNK_LOGITS // vocabulary, rows * tokens) * vocabulary),
        "libraries": 0.0 if sizes.frozen_bytes else library_bytes(),
    }
    return {name: size for name, size in parts.items() if size}


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all live tensors that were created under it."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self._held: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key not in self._held:
            self._held.add(key)
            self.bytes += size
            weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._held.discard(key)
        self.bytes -= size


def peak_rows(sizes: Sizes, sample: Sample, train: Train) -> tuple[int, int]:
    """(rows, padded tokens of each) of the micro-batch with the largest memory."""
    if sizes.longest is not None:
        return train.per_device_train_batch_size, sizes.longest
    lengths = [round(length) for length in sample.lengths]
    rows, parts = train.per_device_train_batch_size, train.gradient_accumulation_steps
    found, tokens = largest_batch(lengths, sizes.model, batch_size=rows, parts=parts)
    is_part = sample.num_texts is None or sample.num_texts > len(lengths)
    return (max(found, rows) if is_part and len(lengths) < rows * parts else found), tokens


def largest_batch(lengths: Sequence[int], model: PreTrainedModel, *, batch_size: int, parts: int) -> tuple[int, int]:
    """(rows, padded tokens of each) of the most expensive micro-batch, for examples of these lengths."""
    found, multiple, even = [(1, 1)], 8, even_length(model)
    for start in range(0, len(lengths), batch_size * parts):
        step = sorted(lengths[start : start + batch_size * parts])
        cuts = split_evenly(step, parts, multiple=multiple, even_length=even)
        found += [(b - a, -(-step[b - 1] // multiple) * multiple) for a, b in pairwise(cuts) if b > a]
    return max(found, key=lambda shape: shape[0] * shape[1] * (1 + shape[1] / even))


def activation_bytes(sizes: Sizes, rows: int, tokens: int) -> float:
    """Bytes that the layers hold for the backward pass of a micro-batch, with half-precision products.

    Of a stack of equal layers one and two are traced; where layers are computed again, their inputs are held and one
    layer at a time.
    """
    if sizes.num_equal_layers is None:
        return float(traced_bytes(lambda: sizes.build(None), rows, tokens))
    one, two = (traced_bytes(lambda n=n: sizes.build(n), rows, tokens) for n in (1, 2))
    layer, rest = two - one, 2 * one - two
    inputs = 2 * rows * tokens * sizes.model.config.get_text_config().hidden_size
    count = sizes.num_equal_layers
    return float(rest + (count * inputs + layer if sizes.recomputes_layers else count * layer))


def traced_bytes(build: Callable[[], Any], rows: int, tokens: int) -> int:
    """Bytes that the model from `build` holds for the backward pass after its forward pass."""
    with FakeTensorMode(), LiveBytes() as live:
        model: nn.Module = build()
        before = live.bytes
        backbone, _ = split_head(model)
        ids = torch.zeros(rows, tokens, dtype=torch.long)
        positions = torch.arange(tokens).expand(rows, tokens)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = backbone(input_ids=ids, position_ids=positions, is_plain_causal=True)
        held = live.bytes - before
        del hidden
    return held
