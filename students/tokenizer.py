"""The nano students' tokenizer: SentencePiece BPE in which every digit and every marker is one token.

    <INST> What ▁is ▁ 4 7 ▁+ ▁ 3 5 ? </INST> <THINK> [UNDERSTAND] <STEP> 4 7 + 3 5 [PLAN] …

It is trained by SentencePiece and saved as a stock fast tokenizer, so that `AutoTokenizer` gives the same ids.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, normalizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from parsers.graph import Stage

QUESTION, END_QUESTION, THINK, END_THINK, STEP, ANSWER, END_ANSWER = (
    "<INST>", "</INST>", "<THINK>", "</THINK>", "<STEP>", "<ANS>", "</ANS>",
)  # fmt: skip
STAGE_MARKERS = tuple(f"[{stage.name}]" for stage in Stage)
MARKERS = (QUESTION, END_QUESTION, THINK, END_THINK, STEP, ANSWER, END_ANSWER, *STAGE_MARKERS)
CONTROL = ("<pad>", "<s>", "</s>", "<unk>")
SPACE = "\u2581"
CHAT_TEMPLATE = (
    "{% for message in messages if message['role'] == 'user' %}{% if loop.last %}"
    "<INST>{{ message['content'] }}</INST>{% if add_generation_prompt %}<THINK>{% endif %}"
    "{% endif %}{% endfor %}"
)
MIN_VOCAB_SIZE = len(CONTROL) + len(MARKERS) + 256 + 64
"""Control tokens, markers, the 256 bytes that any text falls back to, and room for the letters."""


def train_tokenizer(texts: Iterable[str], *, vocab_size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocab_size` pieces.

    Any text can be written: what the vocabulary lacks becomes bytes. `eos_token` is `</ANS>`, which ends an output.

    Raises:
        ValueError: the vocabulary has no room for markers, bytes and letters.
    """
    if vocab_size < MIN_VOCAB_SIZE:
        raise ValueError(f"vocab_size {vocab_size} is too small; markers, bytes and letters need {MIN_VOCAB_SIZE}")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        model_type="bpe",
        split_digits=True,
        byte_fallback=True,
        user_defined_symbols=list(MARKERS),
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        num_threads=1,  # several threads may order equally frequent merges differently
        minloglevel=2,
    )
    return _fast_tokenizer(sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()))


def _fast_tokenizer(pieces: sentencepiece.SentencePieceProcessor) -> PreTrainedTokenizerFast:
    """The same pieces and merges as a stock tokenizer."""
    vocab = {pieces.id_to_piece(i): i for i in range(pieces.vocab_size())}
    vocab |= {name: i for i, name in enumerate(CONTROL)}
    tokenizer = Tokenizer(BPE(vocab=vocab, merges=_merges(vocab), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in CONTROL])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in MARKERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token=END_ANSWER,
        unk_token="<unk>",
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def _merges(vocab: dict[str, int]) -> list[tuple[str, str]]:
    """Every way to make a piece of two others, in the order in which SentencePiece learnt the pieces."""
    names = {*CONTROL, *MARKERS}
    merges = []
    for piece, rank in vocab.items():
        if piece in names or len(piece) < 2:
            continue
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        found = [(left, right) for left, right in pairs if left in vocab and right in vocab]
        found.sort(key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
        merges += [(rank, left, right) for left, right in found]
    return [(left, right) for _, left, right in sorted(merges, key=lambda merge: merge[0])]
