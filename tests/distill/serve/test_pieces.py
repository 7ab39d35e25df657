"""Token ids to text: pieces joined are the whole text, letters come whole, stop texts never show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.serve.pieces import Pieces
from parsers.text.tags import tag_digits
from students.generation import text_of
from students.tokenizer import train_tokenizer

TEXTS = [
    "[PLAN]<STEP>add[EXECUTE]<STEP>4+5=9</THINK><ANS>9</ANS>",
    "Ước lượng: 14 + 25 = 39 ✓ 日本",
    "",
    "a\n\nb",
    "  x  ",
]


def joined(tokenizer, ids: list[int], sizes: list[int], **options) -> tuple[str, list[str]]:
    pieces, given_out, place = Pieces(tokenizer, **options), [], 0
    for size in [*sizes, len(ids)]:
        given_out.append(pieces.feed(ids[place : place + size], is_last=place + size >= len(ids)))
        place += size
        if place >= len(ids):
            break
    return pieces.text, given_out


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 7])
def test_pieces_joined_are_the_text(nano_student, chat_student, text, size):
    for _, tokenizer in nano_student, chat_student:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        whole, given_out = joined(tokenizer, ids, [size] * len(ids))
        assert whole == "".join(given_out) == text_of(tokenizer, ids)
        assert all("\ufffd" not in piece for piece in given_out)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_tags_do_not_show(size):
    text = tag_digits(TEXTS[0])
    tokenizer = train_tokenizer([text] * 20, vocab_size=500, form="tagged")
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert joined(tokenizer, ids, [size] * len(ids))[0] == TEXTS[0]
    assert text_of(tokenizer, ids) == text


@given(st.lists(st.integers(0, 300), max_size=30), st.lists(st.integers(1, 5), max_size=30))
def test_of_any_tokens_the_text_is_that_of_generate(nano_student, ids, sizes):
    tokenizer = nano_student[1]
    assert joined(tokenizer, ids, sizes)[0] == text_of(tokenizer, ids)


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize("stops", [["EXECUTE"], ["4+5", "zzz"], ["</ANS>"], ["[EXECUTE]<STEP>4+6", "5=9</T"]])
def test_a_stop_text_ends_it_and_no_part_of_it_shows(nano_student, size, stops):
    tokenizer, text = nano_student[1], TEXTS[0]
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole, given_out = joined(tokenizer, ids, [size] * len(ids), stops=stops)
    assert whole == "".join(given_out) == text[: min(text.find(stop) for stop in stops if stop in text)]


def test_a_piece_costs_little_more_than_one_decoding(nano_student, monkeypatch):
    tokenizer, lengths = nano_student[1], []
    monkeypatch.setattr(
        "distill.serve.pieces.text_of", lambda t, ids, stop: lengths.append(len(ids)) or text_of(t, ids)
    )
    ids = tokenizer(TEXTS[0], add_special_tokens=False)["input_ids"] * 10
    whole, _ = joined(tokenizer, ids, [1] * len(ids))
    assert whole == TEXTS[0] * 10
    assert len(lengths) < 1.1 * len(ids)
    assert max(lengths[:-1]) <= 50
