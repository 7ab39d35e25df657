"""Votes: what counts as the same answer, what VERIFY weighs, when it is decided, and what eval reports."""

from __future__ import annotations

import itertools

import pytest

from distill.evaluation.outputs import score_output
from distill.evaluation.scored import Output
from distill.evaluation.votes import FLAGGED, HOLDS, WRONG, Poll, summarize_votes, vote_on, weight_of
from parsers import parse


def staged(answer: str, *, step: str = "4 + 5 = 9", check: str = "9 - 5 = 4. Correct.") -> str:
    return f"[UNDERSTAND]\nGiven: 4; 5\n[PLAN]\n1. add\n[EXECUTE]\n1. {step}\n[VERIFY]\n{check}\n[ANSWER] {answer}"


RIGHT = staged("9")
SLIP = staged("8", step="4 + 5 = 8", check="It holds. Correct.")
FLAG = staged("8", check="9 - 5 = 3, so this is wrong.")


def poll(texts: list[str], how="plain", num_samples: int | None = None) -> Poll:
    found = Poll(num_samples or len(texts), question="What is 4 + 5?", how=how)
    for i, text in enumerate(texts):
        found.add(i, text)
    return found


def test_equal_answers_are_one_candidate():
    found = poll([staged("0.5"), staged("1/2"), staged("2"), "no answer here", staged("$\\frac{1}{2}$")])
    assert [(one.answer, one.samples) for one in found.ranked] == [("0.5", [0, 1, 4]), ("2", [2])]
    assert found.num_counted == 5


def test_of_a_tie_the_earliest_sample_wins_whatever_comes_first():
    for order in itertools.permutations(range(4)):
        found = Poll(4, how="plain")
        for i in order:
            found.add(i, staged("7" if i % 2 else "6"))
        assert found.winner is not None
        assert found.winner.answer == "6"


def test_weights_come_from_the_own_check_and_from_computing_again():
    assert [weight_of(parse(text)) for text in (RIGHT, FLAG, SLIP)] == [HOLDS, FLAGGED, WRONG]


def test_verify_outweighs_a_majority_that_computes_wrong():
    texts = [SLIP, SLIP, SLIP, RIGHT]
    assert poll(texts).winner.answer == "8"
    assert poll(texts, "verify").winner.answer == "9"
    assert poll(texts, "verify").winner.best_sample == 3


@pytest.mark.parametrize("how", ["plain", "verify"])
def test_a_decided_vote_ends_as_the_whole_vote(how):
    kinds = [RIGHT, SLIP, staged("10"), "nothing"]
    for texts in itertools.product(kinds, repeat=5):
        whole = poll(list(texts), how).winner
        early = Poll(5, how=how)
        for i, text in enumerate(texts):
            early.add(i, text)
            if early.is_decided:
                break
        assert (early.winner and early.winner.answer) == (whole and whole.answer)


def test_it_is_decided_as_soon_as_the_lead_is_out_of_reach():
    assert not poll([RIGHT, RIGHT], num_samples=4).is_decided  # two more could tie, and a tie is not won by all
    assert poll([RIGHT] * 3, num_samples=5).is_decided
    assert not poll([RIGHT, SLIP], num_samples=3).is_decided
    assert poll(["none"] * 2, num_samples=2).is_decided


def scored(text: str, num_tokens: int = 10):
    return score_output(Output("What is 4 + 5?", text, gold="9", language="en", num_tokens=num_tokens))


def test_the_summary_is_paired_and_counts_tokens():
    samples = [[scored(RIGHT), scored(RIGHT), scored(SLIP)], [scored(SLIP), scored(SLIP), scored(RIGHT)]]
    found = summarize_votes([scored(SLIP, 7), scored(SLIP, 7)], samples, "plain")
    assert (found["n"], found["samples"]) == (2, 3)
    assert (found["greedy"]["correct"], found["maj_at_k"]["correct"], found["pass_at_k"]["correct"]) == (0, 1, 2)
    assert found["single"] == pytest.approx(0.5)
    assert found["difference"] == pytest.approx(0.5)
    assert (found["tokens_greedy"], found["tokens_samples"], found["tokens_needed"]) == (14, 60, 40)
    assert vote_on(samples[0], "plain").winner == 0
