"""The memory that training takes, found by tracing one micro-batch without computing it.

Tensors in FakeTensorMode have shapes and no values, so that forward and backward of 100M parameters take seconds; a
dispatch mode counts the bytes that are alive after the forward pass, which is when most are.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AttentionInterface, AttentionMaskInterface

from distill.data import split_evenly
from distill.student_loss import MAX_CHUNK_LOGITS
from losses.chunked import CHUNK_SIZE
from students.axion import DENSE, choose_experts_implementation, short_rows_attention
from students.cost import even_length
from students.heads import split_head
from students.sizes import untrained

LIBRARY_BYTES = 250e6
"""Trainer, compiler, threads, and what malloc does not give back: measured with benchmarks/bench_memory.py."""

KERNEL_BYTES = 600e6
"""oneDNN keeps the code of the last 1,024 products that differ in shape, about 0.6 MB each; a CPU run has as many."""

BYTES_PER_WEIGHT = 16
"""Float32: weight, gradient, and two moments of AdamW or momentum and update of Muon."""

BYTES_PER_LOGIT = 12
"""Float32: logit, its logarithm of a probability, its gradient; of one chunk of places at a time."""


def training_bytes(model: Any, size: str, lengths: Sequence[int], train: Any) -> float:
    """Bytes by which a process grows from before the student is built to the peak of its training.

    Args:
        model: the student, which may be without values (device `meta`).
        size: its name in students.sizes.SIZES.
        lengths: tokens of some of the examples.
        train: the `train` section of a recipe.
    """
    shape = largest_batch(
        lengths, model, batch_size=train.per_device_train_batch_size, parts=train.gradient_accumulation_steps
    )
    vocabulary = model.config.vocab_size
    logits = BYTES_PER_LOGIT * min(CHUNK_SIZE, MAX_CHUNK_LOGITS // vocabulary) * vocabulary
    weights = BYTES_PER_WEIGHT * model.num_parameters()
    kept = LIBRARY_BYTES + (0 if torch.cuda.is_available() else KERNEL_BYTES)
    return kept + weights + logits + activation_bytes(size, model.config, *shape)


PLAIN_ROWS = "plain_rows"
"""Attention of an Axion in training, without the mask that transformers always makes where there are no values."""


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors made under it that are still held."""

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


def largest_batch(lengths: Sequence[int], model: nn.Module, *, batch_size: int, parts: int) -> tuple[int, int]:
    """(rows, padded tokens of each) of the dearest micro-batch of the steps that examples of these lengths make."""
    found, multiple, even = [(1, 1)], 8, even_length(model)
    for start in range(0, len(lengths), batch_size * parts):
        step = sorted(lengths[start : start + batch_size * parts])
        cuts = split_evenly(step, parts, multiple=multiple, even_length=even)
        found += [(b - a, -(-step[b - 1] // multiple) * multiple) for a, b in pairwise(cuts) if b > a]
    return max(found, key=lambda shape: shape[0] * shape[1] * (1 + shape[1] / even))


def activation_bytes(size: str, config: Any, rows: int, tokens: int) -> int:
    """Bytes that the layers hold for the backward pass of a micro-batch, with bfloat16 products as on a CPU.

    Experts that are not chosen are left out where they are not computed either.
    """
    config = copy.deepcopy(config)
    is_routed = getattr(config, "n_routed_experts", None) is not None
    if is_routed and choose_experts_implementation(config, torch.device("cpu")) != DENSE:
        config.n_routed_experts = config.num_experts_per_tok
    with FakeTensorMode(), LiveBytes() as live:
        model = untrained(size, config).train()
        if is_routed:
            model.set_experts_implementation(DENSE)  # type: ignore[arg-type]
            model.set_attn_implementation(PLAIN_ROWS)
        before = live.bytes
        backbone, _ = split_head(model)
        ids = torch.zeros(rows, tokens, dtype=torch.long)
        positions = torch.arange(tokens).expand(rows, tokens)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = backbone(input_ids=ids, position_ids=positions, is_plain_causal=True)
        held = live.bytes - before
        del hidden
    return held


AttentionInterface.register(PLAIN_ROWS, short_rows_attention)
AttentionMaskInterface.register(PLAIN_ROWS, lambda *_, **__: None)
