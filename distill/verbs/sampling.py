"""`--samples K --vote plain|verify`: the options, and a vote that ends as soon as it is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from distill.errors import UserError, unknown_name
from distill.evaluation.votes import How, Poll, Sampling
from parsers.text.tags import untagged

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


def sampling_of(samples: int, vote: str, **options: Any) -> Sampling | None:
    """The options of a command line as `Sampling`; None for a single answer.

    Raises:
        UserError: there is no such vote.
    """
    known = get_args(How)
    if vote not in known:
        raise UserError(f"--vote: {unknown_name('vote', vote, known)}")
    return Sampling(samples, "verify" if vote == "verify" else "plain", **options) if samples > 1 else None


def vote_on_one(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    sampling: Sampling,
    *,
    question: str,
    max_new_tokens: int,
    **decoding: Any,
) -> tuple[Poll, list[str]]:
    """The vote on one question and the texts of all samples; once it is decided, the rest are not finished.

    Samples are decoded together; sample i uses the seed + i.
    """
    from students.continuous import ContinuousBatch, Row
    from students.decoding import Decoding
    from students.generation import text_of

    how = Decoding(temperature=sampling.temperature, **decoding)
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    rows = [Row(list(ids), max_new_tokens, how=how, seed=sampling.seed + i) for i in range(sampling.samples)]
    batch, poll, joining = (
        ContinuousBatch(model, tokenizer),
        Poll(sampling.samples, question=question, how=sampling.how),
        rows,
    )
    counted: set[int] = set()
    while not poll.is_decided:
        batch.step(joining)
        joining = []
        for i, row in enumerate(rows):
            if row.finish and i not in counted:
                counted.add(i)
                poll.add(i, text_of(tokenizer, row.written))
    return poll, [untagged(text_of(tokenizer, row.written)) for row in rows]
