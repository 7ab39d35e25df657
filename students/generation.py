"""Batched decoding with a cache, for any causal language model, and loading a saved student.

    model, tokenizer = load_student("runs/miniaxion-1f0c9a52/student")
    generate(model, tokenizer, ["<INST>What is 4 + 5?</INST><THINK>"], stop="</ANS>")[0].text
    -> "[UNDERSTAND]<STEP>…</THINK><ANS>9</ANS>"

Rows are sorted by prompt length, padded on the left and decoded together; rows that have finished leave the batch. On
a 1M-parameter student this is faster than `model.generate` on the same batch, whose bookkeeping costs as much as the
model (benchmarks/bench_measures.py measures it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from students.decoding import Choose, Decoding, fill_padding

UNFINISHED = "\ufffd"
KEEP_SHARE = 0.8  # finished rows leave the batch once this share or less is still decoding; leaving copies the cache


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model wrote after one prompt. `finished` is False where it ran out of tokens before the stop or EOS."""

    text: str
    num_tokens: int
    finished: bool


def load_student(path_or_id: str | Path, *, device: str | torch.device | None = None) -> tuple[Any, Any]:
    """(model, tokenizer) of a saved student, in evaluation mode, ready for `model.generate`.

    Raises:
        OSError: nothing there that can be loaded.
        ValueError: an adapter student whose base cannot be loaded or is another one.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    import students.miniaxion  # noqa: F401  (makes its architecture known to AutoModelForCausalLM)

    if (Path(path_or_id) / "base.json").is_file():
        from students.adapter import load_adapter_student

        return load_adapter_student(path_or_id, device=device)
    tokenizer = AutoTokenizer.from_pretrained(str(path_or_id))
    model: Any = AutoModelForCausalLM.from_pretrained(str(path_or_id))
    tokenizer.padding_side = "left"
    if model.generation_config.pad_token_id is None:
        model.generation_config.pad_token_id = _pad_id(tokenizer)
    return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval(), tokenizer


@torch.inference_mode()
def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 384,
    seed: int = 0,
    batch_size: int = 64,
    stop: str | None = "</ANS>",
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    on_progress: Callable[[int], None] | None = None,
    **decoding: Any,
) -> list[Generation]:
    """One Generation for each prompt, in the order of the prompts; greedy unless `decoding` has a `temperature`.

    `decoding`: `temperature`, `top_k`, `top_p`, `repetition_penalty`, `min_new_tokens` (students/decoding.py).

    A row ends at EOS or at the token `stop` (which stays in the text; ignored where the vocabulary has no such single
    token). A prompt that leaves no room in the model's context ends at once, unfinished. Sampling is repeatable by
    `seed` for the same prompts and batch size. `logits_processor(input_ids (B, T), logits (B, V))` gives the logits to
    choose from, as in transformers (students/calculator.py is one). `on_progress` hears how many more rows are done.

    Raises:
        ValueError: a number makes no sense, or a prompt is empty.
    """
    if max_new_tokens < 1 or batch_size < 1:
        raise ValueError("need max_new_tokens >= 1 and batch_size >= 1")
    how = Decoding(**decoding)
    encoded = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    if not all(encoded):
        raise ValueError(f"prompt {encoded.index([])} is empty")
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    generator = torch.Generator(device=device).manual_seed(seed)
    ends = torch.tensor(sorted(_end_ids(model, tokenizer, stop)), device=device)
    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    written: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: len(encoded[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        fitting = [row for row in rows if len(encoded[row]) < context]
        if fitting:
            ids, mask = _left_padded([encoded[row] for row in fitting], _pad_id(tokenizer), device)
            room = (context - mask.sum(-1)).clamp_max(max_new_tokens)
            choose = how.chooser(ids.shape[1], ends, generator)
            for position, tokens in _decode(model, ids, mask, room, ends, choose, logits_processor):
                written[fitting[position]] = tokens
        if on_progress:
            on_progress(len(rows))
    model.train(was_training)
    end_ids = set(ends.tolist())
    hidden = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {stop and tokenizer.convert_tokens_to_ids(stop)}
    return [_generation(tokenizer, tokens, end_ids, hidden) for tokens in written]


def _decode(
    model: Any,
    ids: Tensor,
    mask: Tensor,
    room: Tensor,
    ends: Tensor,
    choose: Choose,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None,
) -> Iterator[tuple[int, list[int]]]:
    """(row, its new token ids) of each row of ids (B, T), as rows finish: at an end token or after room (B,) tokens."""
    prompts, context = ids, fill_padding(ids, mask)
    rows = torch.arange(len(ids), device=ids.device)  # which row of the batch each line still here is
    position_ids = (mask.cumsum(-1) - 1).clamp_min(0)
    written = ids.new_empty(len(ids), 0)  # (lines still here, tokens so far)
    lengths = torch.zeros_like(rows)
    is_open = torch.ones_like(rows, dtype=torch.bool)
    gate = getattr(model, "verify_gate", None)  # students/dual_lora.py
    cache = None
    while True:
        out = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        logits = out.logits[:, -1]
        if logits_processor is not None:
            logits = logits_processor(torch.cat([prompts, written], dim=1), logits)
        ids = choose(torch.cat([context, written], dim=1), logits)
        written = torch.cat([written, ids], dim=1)
        lengths += is_open
        is_open = is_open & (lengths < room) & ~torch.isin(ids[:, 0], ends)
        num_open = int(is_open.sum())
        if num_open <= KEEP_SHARE * len(rows):
            for row, tokens, length in zip(*(x[~is_open].tolist() for x in (rows, written, lengths)), strict=True):
                yield row, tokens[:length]
            if num_open == 0:
                return
            kept = is_open.nonzero()[:, 0]
            cache.batch_select_indices(kept)
            if gate is not None:
                gate.select_rows(cache, kept)
            rows, prompts, context, written, lengths, room, is_open, ids, mask, position_ids = (
                x[kept] for x in (rows, prompts, context, written, lengths, room, is_open, ids, mask, position_ids)
            )
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        position_ids = position_ids[:, -1:] + 1


@torch.inference_mode()
def stream(
    model: Any,
    tokenizer: Any,
    prompt: str,
    *,
    max_new_tokens: int = 384,
    seed: int = 0,
    stop: str | None = "</ANS>",
    **decoding: Any,
) -> Iterator[str]:
    """The text after one prompt, piece by piece as it is written; the pieces joined are what `generate` gives.

    Raises:
        ValueError: a number makes no sense, or the prompt is empty.
    """
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    if not ids or max_new_tokens < 1:
        raise ValueError("need a prompt that is not empty and max_new_tokens >= 1")
    device = next(model.parameters()).device
    ends = torch.tensor(sorted(_end_ids(model, tokenizer, stop)), device=device)
    choose = Decoding(**decoding).chooser(len(ids), ends, torch.Generator(device=device).manual_seed(seed))
    hidden = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {stop and tokenizer.convert_tokens_to_ids(stop)}
    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    so_far, new, cache = torch.tensor([ids], device=device), torch.tensor([ids], device=device), None
    written: list[int] = []
    shown = ""
    for _ in range(min(max_new_tokens, context - len(ids))):
        out = model(input_ids=new, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, new = out.past_key_values, choose(so_far, out.logits[:, -1])
        so_far = torch.cat([so_far, new], dim=1)
        token = int(new)
        written += [] if token in hidden else [token]
        text = tokenizer.decode(written, skip_special_tokens=False)
        if not text.endswith(UNFINISHED):  # else bytes of a letter are still to come
            yield text[len(shown) :]
            shown = text
        if token in ends.tolist():
            break


def _left_padded(encoded: list[list[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and mask (B, T), padded on the left so that every row's next token is the last column."""
    width = max(map(len, encoded))
    ids = torch.tensor([[pad_id] * (width - len(row)) + row for row in encoded], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in encoded], device=device)
    return ids, mask


def _pad_id(tokenizer: Any) -> int:
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            return token_id
    return 0


def _end_ids(model: Any, tokenizer: Any, stop: str | None) -> set[int]:
    """EOS as the tokenizer and the model's generation settings have it, and the id of the stop token."""
    declared = getattr(model.generation_config, "eos_token_id", None)
    ends = {*(declared if isinstance(declared, list) else [declared]), tokenizer.eos_token_id}
    if stop is not None:
        stop_id = tokenizer.convert_tokens_to_ids(stop)
        ends |= {stop_id} - {tokenizer.unk_token_id}
    return ends - {None}


def _generation(tokenizer: Any, tokens: list[int], end_ids: set[int], hidden: set[int | None]) -> Generation:
    finished = bool(tokens) and tokens[-1] in end_ids
    shown = [token for token in tokens if token not in hidden]
    return Generation(tokenizer.decode(shown, skip_special_tokens=False), len(tokens), finished)
