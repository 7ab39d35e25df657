"""Batched decoding with a cache, for any causal language model, and loading a saved student.

    model, tokenizer = load_student("runs/miniaxion-1f0c9a52/student")
    generate(model, tokenizer, ["<INST>What is 4 + 5?</INST><THINK>"], stop="</ANS>")[0].text
    -> "[UNDERSTAND]<STEP>…</THINK><ANS>9</ANS>"

Rows are sorted by prompt length, padded on the left and decoded together; rows that have finished leave the batch. On
a 1M-parameter student this is faster than `model.generate` on the same batch, whose bookkeeping costs as much as the
model (benchmarks/bench_train_nano.py and bench_axion.py measure it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from students.axion_decoding import decoding_forward
from students.decoding import Decoding, fill_padding
from students.hub import student_folder

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

    A folder of either kind of student, a run that has one, or the name of such a folder on the Hub.

    Raises:
        OSError: the folder holds nothing that can be loaded.
        ValueError: no folder and nothing on the Hub (students/hub.py: BaseError), or an adapter student whose base
            cannot be loaded or is another one.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    import students.miniaxion  # noqa: F401  (makes its architecture known to AutoModelForCausalLM)

    folder = student_folder(path_or_id)
    if (folder / "base.json").is_file():
        from students.adapter import load_adapter_student

        return load_adapter_student(folder, device=device)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
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
    encoded = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    if not all(encoded):
        raise ValueError(f"prompt {encoded.index([])} is empty")
    ends, how, generator = _end_ids(model, tokenizer, stop), Decoding(**decoding), _generator(model, seed)
    was_training = model.training
    model.eval()
    written: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: len(encoded[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        asked = [encoded[row] for row in rows]
        for place, token in _decode(model, tokenizer, asked, ends, max_new_tokens, how, generator, logits_processor):
            written[rows[place]].append(token)
        if on_progress:
            on_progress(len(rows))
    model.train(was_training)
    return [
        Generation(_text(tokenizer, tokens, stop), len(tokens), bool(tokens) and tokens[-1] in ends)
        for tokens in written
    ]


@torch.inference_mode()
def stream(
    model: Any,
    tokenizer: Any,
    prompt: str,
    *,
    max_new_tokens: int = 384,
    seed: int = 0,
    stop: str | None = "</ANS>",
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    **decoding: Any,
) -> Iterator[str]:
    """The text after one prompt, piece by piece as it is written; the pieces joined are what `generate` gives.

    For students of both kinds, in the mode that the model is in; arguments as in `generate`.

    Raises:
        ValueError: a number makes no sense, or the prompt is empty.
    """
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    if not ids or max_new_tokens < 1:
        raise ValueError("need a prompt that is not empty and max_new_tokens >= 1")
    ends, how, generator = _end_ids(model, tokenizer, stop), Decoding(**decoding), _generator(model, seed)
    written: list[int] = []
    shown = text = ""
    for token in _decode_one(model, ids, ends, max_new_tokens, how, generator, logits_processor):
        written.append(token)
        text = _text(tokenizer, written, stop)
        if not text.endswith(UNFINISHED):  # else bytes of a letter may still come
            yield text[len(shown) :]
            shown = text
    if text != shown:
        yield text[len(shown) :]


def _decode_one(
    model: Any,
    prompt: list[int],
    ends: set[int],
    max_new_tokens: int,
    how: Decoding,
    generator: torch.Generator,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None,
) -> Iterator[int]:
    """The next token ids after one prompt: `_decode` without the masks and the bookkeeping of several rows."""
    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    ids = written = torch.tensor([prompt], device=generator.device)
    position_ids = torch.arange(len(prompt), device=ids.device)[None]
    choose = how.chooser(len(prompt), torch.tensor(sorted(ends), device=ids.device), generator)
    forward, cache = decoding_forward(model), None
    for _ in range(min(max_new_tokens, context - len(prompt))):
        out = forward(input_ids=ids, position_ids=position_ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, logits = out.past_key_values, out.logits[:, -1]
        if logits_processor is not None:
            logits = logits_processor(written, logits)
        ids = choose(written, logits)
        yield (token := int(ids))
        if token in ends:
            return
        written, position_ids = torch.cat([written, ids], dim=1), position_ids[:, -1:] + 1


def _decode(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    ends: set[int],
    max_new_tokens: int,
    how: Decoding,
    generator: torch.Generator,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None,
) -> Iterator[tuple[int, int]]:
    """(place of a prompt, its next token id), step after step for each row that has not ended.

    A row ends at one of `ends`, after `max_new_tokens`, or where the model's context does.
    """
    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    fitting = [row for row, prompt in enumerate(prompts) if len(prompt) < context]
    if not fitting:
        return
    ids, mask = _left_padded([prompts[row] for row in fitting], _pad_id(tokenizer), generator.device)
    rows = torch.tensor(fitting, device=ids.device)
    room = (context - mask.sum(-1)).clamp_max(max_new_tokens)
    end_ids = torch.tensor(sorted(ends), device=ids.device)
    choose = how.chooser(ids.shape[1], end_ids, generator)
    padded, filled = ids, fill_padding(ids, mask)
    position_ids = (mask.cumsum(-1) - 1).clamp_min(0)
    gate = getattr(model, "verify_gate", None)  # students/dual_lora.py
    is_open = torch.ones_like(rows, dtype=torch.bool)
    forward: Any = decoding_forward(model)
    cache: Any = None
    while num_open := int(is_open.sum()):
        if num_open <= KEEP_SHARE * len(rows):
            kept = is_open.nonzero()[:, 0]
            cache.batch_select_indices(kept)
            if gate is not None:
                gate.select_rows(cache, kept)
            rows, padded, filled, room, is_open, ids, mask, position_ids = (
                x[kept] for x in (rows, padded, filled, room, is_open, ids, mask, position_ids)
            )
        out = forward(
            input_ids=ids,
            attention_mask=mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache, logits = out.past_key_values, out.logits[:, -1]
        if logits_processor is not None:
            logits = logits_processor(padded, logits)
        ids = choose(filled, logits)
        yield from zip(rows[is_open].tolist(), ids[is_open, 0].tolist(), strict=True)
        padded, filled = torch.cat([padded, ids], dim=1), torch.cat([filled, ids], dim=1)
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        position_ids = position_ids[:, -1:] + 1
        room = room - 1
        is_open = is_open & (room > 0) & ~torch.isin(ids[:, 0], end_ids)


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


def _text(tokenizer: Any, tokens: list[int], stop: str | None) -> str:
    """The tokens as text, without EOS and padding, unless one of them is the stop."""
    hidden = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {stop and tokenizer.convert_tokens_to_ids(stop)}
    return tokenizer.decode([token for token in tokens if token not in hidden], skip_special_tokens=False)


def _generator(model: Any, seed: int) -> torch.Generator:
    return torch.Generator(device=next(model.parameters()).device).manual_seed(seed)
