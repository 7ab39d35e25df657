"""The guide: no stage is left out, and one that repeats itself ends; any other text stays as the student wrote it."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from parsers.text.markers import STAGED_MARKERS
from students.guide import MAX_ALIKE_LINES, MAX_EQUAL_LINES, StageGuide, repeats_itself, repeats_lines
from tests.conftest import byte_tokenizer

MARKERS = list(STAGED_MARKERS)


TOKENIZER = byte_tokenizer()
GUIDE = StageGuide(TOKENIZER)
MARKER_IDS = torch.tensor(TOKENIZER.convert_tokens_to_ids(MARKERS))


def written(wishes: list[str], count: int) -> list[str]:
    """What greedy decoding writes in rows of one batch, if each student wishes to write its text."""
    wanted = [TOKENIZER.encode(wish, add_special_tokens=False) for wish in wishes]
    next_of = [0] * len(wishes)
    ids = torch.tensor([row[:1] for row in wanted])
    for _ in range(count):
        scores = torch.zeros(len(wishes), len(TOKENIZER))
        for row, text in enumerate(wanted):
            next_of[row] = min(next_of[row] + 1, len(text) - 1)
            scores[row, text[next_of[row]]] = 5.0
        chosen = GUIDE(ids, scores).argmax(-1, keepdim=True)
        for row, text in enumerate(wanted):
            if int(chosen[row]) != text[next_of[row]]:
                next_of[row] -= 1  # what was refused is still wished for
        ids = torch.cat([ids, chosen], dim=1)
    return [TOKENIZER.decode(row) for row in ids]


def test_the_third_equal_line_is_the_last_of_its_stage() -> None:
    lines = "".join(f"{n}. Find the number of pears.\n" for n in range(1, 6))
    (text,) = written(["[PLAN]\n" + lines], 100)
    assert text.startswith("[PLAN]\n" + "".join(lines.splitlines(keepends=True)[:3]) + "[EXECUTE]")


@pytest.mark.parametrize(("stage", "following"), list(itertools.pairwise(MARKERS)))
def test_the_marker_of_the_next_stage_is_forced(stage: str, following: str) -> None:
    ids = TOKENIZER.encode(f"{stage}\n" + "Tom has four pears.\n" * 3, add_special_tokens=False)
    forced = GUIDE(torch.tensor([ids]), torch.randn(1, len(TOKENIZER)))
    assert forced.isfinite().sum() == 1
    assert TOKENIZER.convert_ids_to_tokens([int(forced.argmax())]) == [following]


def test_no_line_is_forced_to_end_before_the_first_stage_or_in_the_answer() -> None:
    for start in ("", "[ANSWER] "):
        ids = TOKENIZER.encode(start + "Tom has four pears.\n" * 5, add_special_tokens=False)
        scores = torch.randn(1, len(TOKENIZER))
        held = {*MARKER_IDS.tolist(), TOKENIZER.eos_token_id}
        others = [token for token in range(len(TOKENIZER)) if token not in held]
        assert torch.equal(GUIDE(torch.tensor([ids]), scores)[:, others], scores[:, others])


@pytest.mark.parametrize("before", ["", *MARKERS])
@pytest.mark.parametrize("wished", [*MARKERS, "<end>", "x"])
def test_the_next_marker_takes_the_place_of_later_ones_and_of_an_early_end(before: str, wished: str) -> None:
    ids = TOKENIZER.encode(f"{before} Tom", add_special_tokens=False)
    scores = torch.zeros(1, len(TOKENIZER))
    scores[0, TOKENIZER.convert_tokens_to_ids(wished)] = 5.0
    guided = GUIDE(torch.tensor([ids]), scores)
    written = TOKENIZER.convert_ids_to_tokens([int(guided.argmax())])[0]
    following = MARKERS[MARKERS.index(before) + 1 :] if before else MARKERS
    if wished == "x" or (wished == "<end>" and not following):
        assert written == wished
    elif wished == "<end>" or wished in following:
        assert written == following[0] and guided.max() == 5.0
    else:
        assert written not in MARKERS, "a stage begins once"
    assert int(scores.argmax()) == TOKENIZER.convert_tokens_to_ids(wished), "the logits that came in are as before"


def test_a_loop_within_a_line_ends_the_line_and_then_the_stage() -> None:
    (text,) = written(["[UNDERSTAND]\nShe is his mother" + "'s mother" * 40], 300)
    line, _, rest = text.partition("[PLAN]")
    assert rest and line.endswith("\n") and 6 <= line.count("'s mother") <= 9


def test_lines_that_only_count_end_too_but_later() -> None:
    lines = "".join(f"{n}. Find the height of girl {n + 3}.\n" for n in range(1, 20))
    (text,) = written(["[PLAN]\n" + lines], 500)
    assert text.partition("[EXECUTE]")[0].count("girl") == MAX_ALIKE_LINES


@pytest.mark.parametrize(("line", "most"), [("x = 3", MAX_ALIKE_LINES), ("Tom has four pears.", MAX_EQUAL_LINES)])
def test_short_lines_may_repeat_more_often(line: str, most: int) -> None:
    assert [repeats_lines(f"{line}\n" * count) for count in (most - 1, most)] == [False, True]


def test_rows_of_a_batch_do_not_touch_each_other() -> None:
    looping, sound = (
        "[PLAN]\n" + "Find the pears.\n" * 9,
        "[PLAN]\nFind the pears.\nFind the plums.\nAdd all of them, and then all the others.",
    )
    length = len(TOKENIZER.encode(sound, add_special_tokens=False)) - 1
    together = written([looping, sound], length)
    assert together[1] == written([sound], length)[0] == sound
    assert together[0].startswith("[PLAN]\n" + "Find the pears.\n" * 3 + "[EXECUTE]")


def test_padding_on_the_left_changes_nothing() -> None:
    ids = TOKENIZER.encode("[PLAN]\nA long line of the" + " mother" * 12, add_special_tokens=False)
    scores = torch.randn(1, len(TOKENIZER))
    for cut in range(len(ids)):
        row = torch.tensor([ids[: cut + 1]])
        padded = torch.cat([torch.full((1, 7), TOKENIZER.pad_token_id), row], dim=1)
        assert torch.equal(GUIDE(row, scores), GUIDE(padded, scores))


@given(st.lists(st.text("abc 0123456789.", max_size=30), max_size=12, unique_by=lambda line: line.strip()))
def test_no_text_without_repeated_lines_ends(lines: list[str]) -> None:
    letters = [f"{chr(97 + number) * 3} {line} {chr(97 + number)}" for number, line in enumerate(lines)]
    assert not repeats_lines("".join(f"{line}\n" for line in letters))


def test_numbers_may_repeat_within_a_line() -> None:
    assert not repeats_itself("10 + 10 + 10 + 10 + 10 + 10 + 10 + 10 + 10")
    assert not repeats_itself("10 / 3 = 3." + "3" * 60)
