"""The cache of keys and values for decoding: in growing buffers, with a shared prompt prefix read only once.

cache = roomy_cache(model)                  layers grow in blocks, without copying everything at every token
shared_length([[1, 2, 3], [1, 2, 4]])       length of the common prefix, which is read once for all rows
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

ROOM_TOKENS = 64
"""Room for further tokens that a cache gets each time it is full."""
MIN_SHARED = 16
"""A shorter common beginning is not worth a pass of its own."""


class RoomyLayer(DynamicLayer):
    """Keys and values in buffers with spare room; the stock layer would copy all of them at every token."""

    keys: Tensor  # type: ignore[assignment]
    values: Tensor  # type: ignore[assignment]
    room: tuple[Tensor, Tensor]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """All keys and values (B, H, T, D), the new ones last."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.replace(key_states[..., :0, :], value_states[..., :0, :])
        used, end = self.get_seq_length(), self.get_seq_length() + key_states.shape[-2]
        if end > self.room[0].shape[-2]:
            more = end - used + ROOM_TOKENS
            self.room = F.pad(self.keys, (0, 0, 0, more)), F.pad(self.values, (0, 0, 0, more))
        self.keys, self.values = self.room[0][..., :end, :], self.room[1][..., :end, :]
        self.keys[..., used:, :], self.values[..., used:, :] = key_states, value_states
        return self.keys, self.values

    def replace(self, keys: Tensor, values: Tensor) -> None:
        """Hold these keys and values."""
        self.keys, self.values = self.room = keys, values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows; a row may be taken several times."""
        self.replace(self.keys[indices], self.values[indices])

    def join(self, other: RoomyLayer, places: Tensor) -> None:
        """Add the rows of another layer: the first into these free places, without a copy, the others at the end."""
        width = max(self.get_seq_length(), other.get_seq_length())
        if width > self.get_seq_length():
            self.replace(fitted(self.keys, width), fitted(self.values, width))
        pairs = [(self.keys, fitted(other.keys, width)), (self.values, fitted(other.values, width))]
        for held, new in pairs:
            held[places] = new[: len(places)]
        if len(places) < len(pairs[0][1]):
            self.replace(*(torch.cat([held, new[len(places) :]]) for held, new in pairs))


def fitted(x: Tensor, width: int) -> Tensor:
    """Keys or values (B, H, T, D) as (B, H, width, D): columns are dropped or added on the left."""
    return F.pad(x, (0, 0, width - x.shape[-2], 0))


def roomy_cache(model: nn.Module) -> Cache | None:
    """An empty roomy cache; None for a model that must make its own cache.

    Such a model caches more than keys and values, or has a sliding window, which would contain padding after a shared
    prefix.
    """
    config: Any = getattr(model, "config", None)
    layers = DynamicCache(config=config).layers if hasattr(config, "get_text_config") else []
    is_plain = all(type(layer) is DynamicLayer for layer in layers)
    return Cache(layer_class_to_replicate=RoomyLayer) if is_plain else None


def shared_length(prompts: Sequence[list[int]]) -> int:
    """Length of the prefix that all prompts share and that is read once; each prompt keeps at least one own token.

    >>> shared_length([[*range(20), 1], [*range(20), 2], [*range(20)]])
    19
    """
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)  # the beginning of these two is that of all
    alike = next((i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    length = min(alike, min(map(len, prompts)) - 1)
    return length if length >= MIN_SHARED else 0
