"""Writes a stock fast tokenizer as fields of a GGUF file, so that llama.cpp gives the same token ids.

A nano student's tokenizer becomes the model "llama": pieces with scores, the highest merged first. SentencePiece gave
lower ids to pieces that it learnt earlier, so a score is minus the id. The byte-level BPE of most bases becomes "gpt2":
pieces, merges, and the name of the pre-tokenizer, which splits a text into words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import gguf

BYTE = re.compile(r"<0x[0-9A-F]{2}>")
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")
WORD_PATTERNS = {QWEN2: "qwen2", LLAMA3: "llama-bpe"}


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Any, *, vocab_size: int) -> None:
    """Write a tokenizer's fields; ids above its own up to `vocab_size` are filled with unused pieces.

    No token is added before a text, because the prompts of this toolkit are complete.

    Raises:
        ValueError: llama.cpp would give other ids.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    if _is_nano(state):
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([float(-token_id) for token_id in range(vocab_size)])
        writer.add_add_space_prefix(False)
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre_tokenizer(state))
        writer.add_token_merges([" ".join(merge) for merge in state["model"]["merges"]])
    tokens = _tokens(tokenizer, vocab_size)
    kinds = {added["id"]: _kind_of_added(added) for added in state["added_tokens"]}
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.get(i) or _kind(token, i >= len(tokenizer)) for i, token in enumerate(tokens)])
    for name in ("bos", "eos", "unk", "pad"):
        if (token_id := getattr(tokenizer, f"{name}_token_id")) is not None:
            getattr(writer, f"add_{name}_token_id")(token_id)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def pre_tokenizer(state: Mapping[str, Any]) -> str:
    """llama.cpp's name of the pre-tokenizer, which splits a text into words before a byte-level BPE merges.

    Raises:
        ValueError: llama.cpp has no name for it, or the tokenizer is not a byte-level BPE.
    """
    steps = state["pre_tokenizer"] or {}
    steps = steps.get("pretokenizers", [steps])
    kinds = [step.get("type") for step in steps]
    is_words = state["normalizer"] is None or state["normalizer"].get("type") == "NFC"
    if (
        state["model"]["type"] == "BPE"
        and is_words
        and kinds[-1:] == ["ByteLevel"]
        and not steps[-1]["add_prefix_space"]
    ):
        if kinds == ["ByteLevel"] and steps[0]["use_regex"]:
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and steps[0]["individual_digits"] and steps[1]["use_regex"]:
            return "smollm"
        pattern = steps[0].get("pattern", {}).get("Regex")
        if kinds == ["Split", "ByteLevel"] and pattern in WORD_PATTERNS:
            return WORD_PATTERNS[pattern]
    raise ValueError(
        "its tokenizer has no name in llama.cpp that is known here; "
        "export it --to merged (or llama) and convert that folder with llama.cpp's convert_hf_to_gguf.py"
    )


def _is_nano(state: Mapping[str, Any]) -> bool:
    """Whether students/tokenizer.py made it: its merges follow the order of ids, and it falls back to bytes."""
    model, normalizer = state["model"], state["normalizer"] or {}
    if not (model["type"] == "BPE" and model["byte_fallback"] and state["pre_tokenizer"] is None):
        return False
    ids = [model["vocab"]["".join(merge)] for merge in model["merges"]]
    return normalizer.get("type") == "Replace" and ids == sorted(ids)


def _tokens(tokenizer: Any, vocab_size: int) -> list[str]:
    tokens = [f"[PAD{token_id}]" for token_id in range(vocab_size)]
    for token, token_id in tokenizer.get_vocab().items():
        if token_id >= vocab_size:
            raise ValueError(f"the tokenizer's {token} has the id {token_id}, but the model has {vocab_size} ids")
        tokens[token_id] = token
    return tokens


def _kind_of_added(added: Mapping[str, Any]) -> gguf.TokenType:
    """The type of an added token: markers appear in outputs, control tokens do not."""
    if added["content"] == "<unk>":
        return gguf.TokenType.UNKNOWN
    return gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED


def _kind(token: str, is_filler: bool) -> gguf.TokenType:
    if is_filler:
        return gguf.TokenType.UNUSED
    return gguf.TokenType.BYTE if BYTE.fullmatch(token) else gguf.TokenType.NORMAL
