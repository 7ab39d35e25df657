"""Continuous batching: decodes rows together that start and end at different times.

    batch = ContinuousBatch(model, tokenizer)
    batch.step([Row(prompt_ids, max_new_tokens=100)])       the prompt is read, its first token written
    batch.step([another])                                   one more token for both
    row.written, row.finish                                 [17, 4, …], "stop"

Each row is the same as from `students.generation.generate` alone, with its own settings and seed. Rows are aligned at
their last token, with padding on the left. Keys and values are written in place: new rows take the places of ended
rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from parsers.text.markers import END_ANSWER
from students.axion_decoding import decoding_forward
from students.cache import ROOM_TOKENS, RoomyLayer, fitted
from students.decoding import Choose, Decoding
from students.generation import KEEP_SHARE, end_ids, left_padded, pad_id


class TokenScore(NamedTuple):
    """The log-probability of a written token, and the most likely tokens at its place with theirs."""

    logprob: float
    likeliest: list[tuple[int, float]]


@dataclass(eq=False, slots=True)
class Row:
    """One prompt and its answer so far.

    `finish` is "" while the row runs; then "stop" (EOS or the stop token), "length", "cancelled" or "error".
    `num_likeliest`: number of most likely tokens to report with the score of each token; None for no scores.
    """

    prompt: list[int]
    max_new_tokens: int
    how: Decoding = field(default_factory=Decoding)
    seed: int = 0
    num_likeliest: int | None = None
    written: list[int] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    finish: str = ""
    choose: Choose | None = None
    """The sampling of a row that is not plain greedy."""

    def __post_init__(self) -> None:
        if not self.prompt or self.max_new_tokens < 1:
            raise ValueError("need a prompt that is not empty and max_new_tokens >= 1")


class ContinuousBatch:
    """The rows that one model is writing; every `step` adds a token to each.

    `stop` and `logits_processor` are those of `students.generation.generate`.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        *,
        stop: str | None = END_ANSWER,
        logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self.model = model.eval()
        self.context = getattr(model.config, "max_position_embeddings", None) or math.inf
        self.rows: list[Row] = []
        self._processor = logits_processor
        self._ends = end_ids(model, tokenizer, stop)
        self._pad_id = pad_id(tokenizer)
        self._forward: Any = decoding_forward(model)
        self._gate = getattr(model, "verify_gate", None)  # students/dual_lora.py
        self._device = next(model.parameters()).device
        self._end_ids = torch.tensor(sorted(self._ends), device=self._device)
        self._cache: Any = None
        self._ids = torch.zeros(0, 1, dtype=torch.long, device=self._device)
        """(B, 1) the token that is read next."""
        self._lengths = self._ids[:, 0]
        """(B) tokens of each row, that one included."""

    @property
    def num_open(self) -> int:
        """The number of running rows."""
        return sum(not row.finish for row in self.rows)

    @torch.inference_mode()
    def step(self, joining: Sequence[Row] = ()) -> list[Row]:
        """Add one token to each row, the first one to new rows; returns the rows with a new token."""
        if not joining:
            self._drop_ended()
        self._trim()
        advanced = self._advance() if self.num_open else []
        return advanced + self._join(list(joining))

    def _advance(self) -> list[Row]:
        width = self._cache.get_seq_length() + 1
        logits = self._logits(self._ids, self._mask(self._lengths, width), self._lengths[:, None] - 1, self._cache)
        open_rows = [row for row in self.rows if not row.finish]
        self._ids = self._write(self.rows, logits)
        is_open = torch.tensor([not row.finish for row in self.rows], device=self._device)
        self._lengths = torch.where(is_open, self._lengths + 1, 1)  # an ended row stays at the start of its context
        return open_rows

    def _join(self, joining: list[Row]) -> list[Row]:
        """Read the prompts of new rows, write their first tokens, and decode them with the others from then on."""
        joining = self._with_room(joining)
        if not joining:
            return []
        ids, mask = left_padded([row.prompt for row in joining], self._pad_id, self._device)
        lengths = mask.sum(-1)
        for row in joining:
            self._prepare(row)
        cache = Cache(layer_class_to_replicate=RoomyLayer)
        positions = (mask.cumsum(-1) - 1).clamp_min(0)
        logits = self._logits(ids, self._mask(lengths, ids.shape[1]), positions, cache)
        self._take_up(joining, self._write(joining, logits), lengths + 1, cache)
        return joining

    def _take_up(self, joining: list[Row], ids: Tensor, lengths: Tensor, cache: Any) -> None:
        """Put rows with their caches into the places of ended rows, and the others at the end."""
        if not self.num_open:
            self.rows, self._ids, self._lengths, self._cache = joining, ids, lengths, cache
            return
        free = [i for i, row in enumerate(self.rows) if row.finish][: len(joining)]
        places = torch.tensor(free, dtype=torch.long, device=self._device)
        for i, row in zip(free, joining, strict=False):
            self.rows[i] = row
        self.rows = self.rows + joining[len(free) :]
        self._ids[places], self._lengths[places] = ids[: len(free)], lengths[: len(free)]
        self._ids = torch.cat([self._ids, ids[len(free) :]])
        self._lengths = torch.cat([self._lengths, lengths[len(free) :]])
        for layer, other in zip(self._cache.layers, cache.layers, strict=True):
            layer.join(other, places)
        if self._gate is not None:
            self._gate.join_rows(self._cache, cache, places)

    def _with_room(self, joining: list[Row]) -> list[Row]:
        """The rows whose prompts leave room in the model's context; the others end at once."""
        for row in joining:
            row.finish = row.finish or ("length" if len(row.prompt) >= self.context else "")
        return [row for row in joining if not row.finish]

    def _prepare(self, row: Row) -> None:
        row.max_new_tokens = int(min(row.max_new_tokens, self.context - len(row.prompt)))
        if row.how != Decoding():
            generator = torch.Generator(device=self._device).manual_seed(row.seed)
            row.choose = row.how.chooser(len(row.prompt), self._end_ids, generator)

    def _logits(self, ids: Tensor, mask: Tensor | None, positions: Tensor, cache: Any) -> Tensor:
        """Logits (B, V) of the next tokens."""
        out = self._forward(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1]

    def _mask(self, lengths: Tensor, width: int) -> Tensor | None:
        """The mask (B, width) of rows that end in the last column; None if no row has padding."""
        if int(lengths.min()) == width:
            return None
        return (torch.arange(width, device=lengths.device) >= width - lengths[:, None]).long()

    def _write(self, rows: Sequence[Row], logits: Tensor) -> Tensor:
        """Choose a token (B, 1) for each row and append it to running rows."""
        if self._processor is not None:
            written, _ = left_padded([row.prompt + row.written for row in rows], self._pad_id, self._device)
            logits = self._processor(written, logits)
        chosen = logits.argmax(-1, keepdim=True)
        for i, row in enumerate(rows):
            if row.choose is not None and not row.finish:
                written = torch.tensor([row.prompt + row.written], device=self._device)
                chosen[i] = row.choose(written, logits[i : i + 1])[0]
        for i, (row, token) in enumerate(zip(rows, chosen[:, 0].tolist(), strict=True)):
            if row.finish:
                continue
            if row.num_likeliest is not None:
                row.scores.append(_score(logits[i], token, row.num_likeliest))
            row.written.append(token)
            if token in self._ends:
                row.finish = "stop"
            elif len(row.written) >= row.max_new_tokens:
                row.finish = "length"
        return chosen

    def _drop_ended(self) -> None:
        """Remove ended rows from the batch once there are many, because removal copies the cache."""
        kept = [i for i, row in enumerate(self.rows) if not row.finish]
        if len(kept) > KEEP_SHARE * len(self.rows):
            return
        picked = torch.tensor(kept, dtype=torch.long, device=self._device)
        self.rows = [self.rows[i] for i in kept]
        self._ids, self._lengths = self._ids[picked], self._lengths[picked]
        if not kept:
            self._cache = None
            return
        if self._gate is not None:
            self._gate.select_rows(self._cache, picked)
        for layer in self._cache.layers:
            layer.replace(layer.keys[picked], layer.values[picked])

    def _trim(self) -> None:
        """Drop left columns that are padding in all rows once there are many, because that copies the cache."""
        if self._cache is None:
            return
        longest = int(self._lengths.max()) - 1
        if self._cache.get_seq_length() > longest + ROOM_TOKENS:
            for layer in self._cache.layers:
                layer.replace(fitted(layer.keys, longest), fitted(layer.values, longest))


def _score(logits: Tensor, token: int, num_likeliest: int) -> TokenScore:
    logprobs = logits.float().log_softmax(-1)
    best = logprobs.topk(min(num_likeliest, len(logprobs)))
    return TokenScore(float(logprobs[token]), list(zip(best.indices.tolist(), best.values.tolist(), strict=True)))
