"""Batched decoding with a cache, for any causal language model, and loading a saved student.

    model, tokenizer = load_student("runs/miniaxion-1f0c9a52/student")
    generate(model, tokenizer, ["<INST>What is 4 + 5?</INST><THINK>"], stop="</ANS>")[0].text
    -> "[UNDERSTAND]<STEP>…</THINK><ANS>9</ANS>"

Rows are sorted by prompt length, padded on the left and decoded together. A long prefix that all prompts share is read
once, and finished rows leave the batch. On a 1M-parameter student this is faster than `model.generate`, whose
bookkeeping costs as much as the model. Measured by benchmarks/bench_train_nano.py, bench_axion.py and bench_decode.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from parsers.text.markers import END_ANSWER
from parsers.text.tags import untagged
from students.axion_decoding import decoding_forward
from students.cache import roomy_cache, shared_length
from students.decoding import Decoding, fill_padding
from students.hub import in_one_line, refuse_absurd, student_folder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNFINISHED = "\ufffd"
KEEP_SHARE = 0.8  # finished rows leave the batch once this share or less is still decoding; leaving copies the cache


@dataclass(frozen=True, slots=True)
class Generation:
    """A model's text after one prompt. `finished` is False if it ran out of tokens before the stop token or EOS.

    Tags (parsers/text/tags.py) are in the text, so that the student can continue from it.
    """

    text: str
    num_tokens: int
    finished: bool


def load_student(path_or_id: str | Path, *, device: str | torch.device | None = None) -> tuple[Any, Any]:
    """(model, tokenizer) of a saved student, in evaluation mode, ready for `model.generate`.

    A folder of either kind of student, a run that has one, or the name of such a folder on the Hub.

    Raises:
        ValueError: no folder and nothing on the Hub (students/hub.py: BaseError), the folder holds nothing that can be
            loaded or its files are damaged, or an adapter student whose base cannot be loaded or is another one.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    import students.miniaxion  # noqa: F401  (makes its architecture known to AutoModelForCausalLM)

    folder = student_folder(path_or_id)
    if (folder / "base.json").is_file():
        from students.adapter import load_adapter_student

        return load_adapter_student(folder, device=device)
    with in_one_line("student", str(path_or_id)):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        refuse_absurd(config)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, config=config, trust_remote_code=False, output_loading_info=True
        )
        model, info = loaded
        if missing := sorted(info["missing_keys"]):
            raise ValueError(f"{len(missing)} weights are missing, {missing[0]} first")
    tokenizer.padding_side = "left"
    if model.generation_config.pad_token_id is None:
        model.generation_config.pad_token_id = pad_id(tokenizer)
    return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval(), tokenizer


@torch.inference_mode()
def generate(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 384,
    seed: int = 0,
    batch_size: int = 64,
    stop: str | None = END_ANSWER,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    on_progress: Callable[[int], None] | None = None,
    **decoding: Any,
) -> list[Generation]:
    """One Generation for each prompt, in the order of the prompts; greedy unless `decoding` has a `temperature`.

    `decoding`: `temperature`, `top_k`, `top_p`, `repetition_penalty`, `min_new_tokens` (students/decoding.py).

    A row ends at EOS or at the token `stop` (which stays in the text; ignored where the vocabulary has no such single
    token). A prompt that leaves no room in the model's context ends at once, unfinished. Sampling is repeatable by
    `seed` for the same prompts and batch size. `logits_processor(input_ids (B, T), logits (B, V))` gives the logits to
    choose from, as in transformers (students/calculator.py is one). `on_progress` is called with the number of newly
    finished rows.

    Raises:
        ValueError: a number makes no sense, or a prompt is empty.
    """
    if max_new_tokens < 1 or batch_size < 1:
        raise ValueError("need max_new_tokens >= 1 and batch_size >= 1")
    encoded = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    if not all(encoded):
        raise ValueError(f"prompt {encoded.index([])} is empty")
    ends, how, generator = end_ids(model, tokenizer, stop), Decoding(**decoding), _generator(model, seed)
    was_training = model.training
    model.eval()
    written: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: len(encoded[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        asked = [encoded[row] for row in rows]
        done = 0
        for place, token in _decode(model, tokenizer, asked, ends, max_new_tokens, how, generator, logits_processor):
            written[rows[place]].append(token)
            if on_progress and (token in ends or len(written[rows[place]]) == max_new_tokens):
                done += 1
                on_progress(1)
        if on_progress and done < len(rows):
            on_progress(len(rows) - done)  # rows that the model's context ended
    model.train(was_training)
    return [
        Generation(text_of(tokenizer, tokens, stop), len(tokens), bool(tokens) and tokens[-1] in ends)
        for tokens in written
    ]


@torch.inference_mode()
def stream(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    *,
    max_new_tokens: int = 384,
    seed: int = 0,
    stop: str | None = END_ANSWER,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None = None,
    **decoding: Any,
) -> Iterator[str]:
    """Yield the text after one prompt piece by piece; the joined pieces equal the result of `generate` without tags.

    Works for both kinds of students; the arguments are those of `generate`.

    Raises:
        ValueError: a number is out of range, or the prompt is empty.
    """
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    if not ids or max_new_tokens < 1:
        raise ValueError("need a prompt that is not empty and max_new_tokens >= 1")
    ends, how, generator = end_ids(model, tokenizer, stop), Decoding(**decoding), _generator(model, seed)
    written: list[int] = []
    shown = text = ""
    for token in _decode_one(model, ids, ends, max_new_tokens, how, generator, logits_processor):
        written.append(token)
        text = untagged(text_of(tokenizer, written, stop))
        if not text.endswith(UNFINISHED):  # else bytes of a letter may still come
            yield text[len(shown) :]
            shown = text
    if text != shown:
        yield text[len(shown) :]


def _decode_one(
    model: nn.Module,
    prompt: list[int],
    ends: set[int],
    max_new_tokens: int,
    how: Decoding,
    generator: torch.Generator,
    logits_processor: Callable[[Tensor, Tensor], Tensor] | None,
) -> Iterator[int]:
    """The next token ids after one prompt: `_decode` without masks and bookkeeping for several rows."""
    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    ids = written = torch.tensor([prompt], device=generator.device)
    position_ids = torch.arange(len(prompt), device=ids.device)[None]
    choose = how.chooser(len(prompt), torch.tensor(sorted(ends), device=ids.device), generator)
    forward, cache = decoding_forward(model), roomy_cache(model)
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
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
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
    asked = [prompts[row] for row in fitting]
    padded, mask = left_padded(asked, pad_id(tokenizer), generator.device)
    rows = torch.tensor(fitting, device=padded.device)
    room = (context - mask.sum(-1)).clamp_max(max_new_tokens)
    end_ids = torch.tensor(sorted(ends), device=padded.device)
    choose = how.chooser(padded.shape[1], end_ids, generator)
    filled = fill_padding(padded, mask)
    gate = getattr(model, "verify_gate", None)  # students/dual_lora.py
    is_open = torch.ones_like(rows, dtype=torch.bool)
    forward: Any = decoding_forward(model)
    cache, shared = _read_shared(model, forward, asked, generator.device)
    ids, mask = left_padded([prompt[shared:] for prompt in asked], pad_id(tokenizer), generator.device)
    mask = torch.cat([mask.new_ones(len(mask), shared), mask], dim=1)
    position_ids = (mask.cumsum(-1) - 1).clamp_min(0)[:, shared:]
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


def _read_shared(
    model: nn.Module, forward: Callable[..., Any], prompts: list[list[int]], device: torch.device
) -> tuple[Any, int]:
    """(cache for these prompts, number of tokens in it): a shared prefix is read once."""
    cache = roomy_cache(model)
    shared = shared_length(prompts) if cache is not None else 0
    if cache is None or not shared:
        return cache, 0
    ids = torch.tensor([prompts[0][:shared]], device=device)
    positions = torch.arange(shared, device=device)[None]
    forward(input_ids=ids, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1)
    all_rows = torch.zeros(len(prompts), dtype=torch.long, device=device)
    cache.batch_select_indices(all_rows)
    if (gate := getattr(model, "verify_gate", None)) is not None:
        gate.select_rows(cache, all_rows)
    return cache, shared


def left_padded(encoded: list[list[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and mask (B, T), padded on the left so that every row's next token is the last column."""
    width = max(map(len, encoded))
    ids = torch.tensor([[pad_id] * (width - len(row)) + row for row in encoded], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in encoded], device=device)
    return ids, mask


def pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of the padding token."""
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id)
    return next((token_id for token_id in known if isinstance(token_id, int)), 0)


def end_ids(model: nn.Module, tokenizer: PreTrainedTokenizerBase, stop: str | None) -> set[int]:
    """EOS as the tokenizer and the model's generation settings have it, and the id of the stop token."""
    declared = getattr(model.generation_config, "eos_token_id", None)
    ends = [*(declared if isinstance(declared, list) else [declared]), tokenizer.eos_token_id]
    if stop is not None and (stop_id := tokenizer.convert_tokens_to_ids(stop)) != tokenizer.unk_token_id:
        ends.append(stop_id)
    return {end for end in ends if isinstance(end, int)}


def text_of(tokenizer: PreTrainedTokenizerBase, tokens: list[int], stop: str | None = END_ANSWER) -> str:
    """The tokens as text, without EOS and padding; a stop token stays."""
    stop_id = tokenizer.convert_tokens_to_ids(stop) if stop else None
    hidden = [token for token in (tokenizer.eos_token_id, tokenizer.pad_token_id) if token != stop_id]
    return str(tokenizer.decode([token for token in tokens if token not in hidden], skip_special_tokens=False))


def _generator(model: nn.Module, seed: int) -> torch.Generator:
    return torch.Generator(device=next(model.parameters()).device).manual_seed(seed)
