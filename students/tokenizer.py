r"""The nano students' tokenizer: SentencePiece BPE in which every digit and every marker is one token.

A form is the format of a student's prompt and text; `nrm` is our own, the others are those of published models:

    nrm        <INST> What ▁is ▁ 4 7 ▁+ ▁ 3 5 ? </INST> <THINK> [UNDERSTAND] <STEP> 4 7 + 3 5 [PLAN] …
    tagged     as nrm, with a tag before every digit (parsers/text/tags.py)
    pergunta   # Pergunta: ▁What ▁is … ? \n # Resposta: ▁ 8 2 </s>
    thinkset   <USER> What ▁is … ? <\USER> ▁ <THINK> 4 7 + 3 5 … <\THINK> ▁ <ANSWER> 8 2 <\ANSWER>

It is trained by SentencePiece and saved as a stock fast tokenizer, so that `AutoTokenizer` gives the same ids.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, normalizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from parsers.text.markers import (
    ANSWER_HEADER,
    END_ANSWER,
    END_QUESTION,
    NRM_MARKERS,
    QUESTION,
    QUESTION_HEADER,
    THINK,
    THINKSET_MARKERS,
)
from parsers.text.tags import CHAT_CONTENT, RING

CONTROL = ("<pad>", "<s>", "</s>", "<unk>")
SPACE = "\u2581"


@dataclass(frozen=True, slots=True)
class Form:
    """The format of a student's prompt and text: its single tokens, its end token, and its chat template.

    Tags are single tokens, too, but special ones: they are not in decoded text.
    """

    markers: tuple[str, ...]
    end: str
    chat_template: str
    tags: str = ""


def _chat(before: str, after: str, answer: str, content: str = "{{ message['content'] }}") -> str:
    """The chat template of students that read one question, the user's last one."""
    return (
        "{% for message in messages if message['role'] == 'user' %}{% if loop.last %}"
        + f"{before}{content}{after}{{% if add_generation_prompt %}}{answer}{{% endif %}}"
        + "{% endif %}{% endfor %}"
    )


FORMS = {
    "nrm": Form(NRM_MARKERS, END_ANSWER, _chat(QUESTION, END_QUESTION, THINK)),
    "tagged": Form(NRM_MARKERS, END_ANSWER, _chat(QUESTION, END_QUESTION, THINK, CHAT_CONTENT), RING),
    "pergunta": Form((QUESTION_HEADER, ANSWER_HEADER), "</s>", _chat(f"{QUESTION_HEADER} ", "\n", ANSWER_HEADER)),
    "thinkset": Form(
        THINKSET_MARKERS,
        THINKSET_MARKERS[-1],
        _chat(THINKSET_MARKERS[0], f"{THINKSET_MARKERS[1]} ", THINKSET_MARKERS[2]),
    ),
}
MIN_VOCAB_SIZE = len(CONTROL) + len(NRM_MARKERS) + 256 + 64
"""Control tokens, markers, the 256 bytes that any text falls back to, and room for the letters."""


def least_vocab_size(form: str) -> int:
    """The smallest vocabulary of a form, whose tags are tokens, too."""
    return MIN_VOCAB_SIZE + len(FORMS[form].tags)


def train_tokenizer(texts: Iterable[str], *, vocab_size: int, form: str = "nrm") -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocab_size` pieces for texts of a form, whose end token is its `eos_token`.

    Any text can be encoded: characters outside the vocabulary become bytes.

    Raises:
        ValueError: the vocabulary has no room for markers, bytes and letters.
    """
    if vocab_size < (least := least_vocab_size(form)):
        raise ValueError(f"vocab_size {vocab_size} is too small; markers, bytes and letters need {least}")
    model, shape = io.BytesIO(), FORMS[form]
    # SentencePiece has no symbols with a blank inside; these are cut out of its texts and added behind its pieces.
    spaced = [marker for marker in shape.markers if " " in marker]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_without(texts, spaced) if spaced else iter(texts),
        model_writer=model,
        vocab_size=vocab_size - len(spaced),
        hard_vocab_limit=False,
        model_type="bpe",
        split_digits=True,
        byte_fallback=True,
        user_defined_symbols=[*(marker for marker in shape.markers if marker not in spaced), *shape.tags],
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
    return _fast_tokenizer(sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()), shape)


def _without(texts: Iterable[str], markers: list[str]) -> Iterator[str]:
    """The stretches of the texts between markers and control tokens."""
    cut = re.compile("|".join(map(re.escape, [*markers, *CONTROL])))
    return (part for text in texts for part in cut.split(text) if part)


def _fast_tokenizer(pieces: sentencepiece.SentencePieceProcessor, form: Form) -> PreTrainedTokenizerFast:
    """The same pieces and merges as a stock tokenizer."""
    vocab = {pieces.id_to_piece(i): i for i in range(pieces.vocab_size())}
    vocab |= {name: i for i, name in enumerate(CONTROL)}
    tokenizer = Tokenizer(
        BPE(vocab=vocab, merges=_merges(vocab, form), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in CONTROL])
    tokenizer.add_special_tokens([AddedToken(tag, special=True, normalized=False) for tag in form.tags])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in form.markers])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token=form.end,
        unk_token="<unk>",
        chat_template=form.chat_template,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def _merges(vocab: dict[str, int], form: Form) -> list[tuple[str, str]]:
    """Every way to make a piece of two others, in the order in which SentencePiece learnt the pieces."""
    names = {*CONTROL, *form.markers, *form.tags}
    merges = []
    for piece, rank in vocab.items():
        if piece in names or len(piece) < 2:
            continue
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        found = [(left, right) for left, right in pairs if left in vocab and right in vocab]
        found.sort(key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
        merges += [(rank, left, right) for left, right in found]
    return [(left, right) for _, left, right in sorted(merges, key=lambda merge: merge[0])]
