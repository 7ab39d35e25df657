"""A vote among several samples for one question: the most frequent answer wins, optionally weighted by VERIFY.

    poll = Poll(8, question="What is 4 + 5?", how="plain")
    poll.add(0, "…</THINK><ANS>9</ANS>")
    poll.is_decided                        no missing sample can change the winner
    poll.winner                            Candidate(answer="9", samples=[0, …], weight=5.0)

Majority over samples: self-consistency (arXiv 2203.11171). Answers are the same where the checker calls them equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from distill.evaluation.accuracy import answer_field, asks_for_order
from distill.evaluation.scored import Scored
from distill.evaluation.statistics import compare_paired, wilson
from distill.evaluation.svr import flags_error
from parsers import ReasoningGraph, parse
from parsers.answers.equality import Verdict, answers_equal
from parsers.text.markers import NRM_ANSWER

How = Literal["plain", "verify"]
SAMPLING_TEMPERATURE = 0.7
"""Where several samples are drawn and no temperature is said."""
HOLDS, FLAGGED, WRONG = 1.0, 0.5, 0.1
"""Weights of a sample under `verify`: every computation holds and VERIFY is content; VERIFY flags an error, which the
answer may have mended; a computation does not hold and VERIFY has not noticed."""
SYMBOLIC_SECONDS = 1.0
"""Time to compare two answers: a vote compares many."""
MAX_READ = 20_000
"""Characters of a sample that are read."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The number of samples per question, and how they vote."""

    samples: int
    how: How = "plain"
    temperature: float = SAMPLING_TEMPERATURE
    seed: int = 0


@dataclass(slots=True)
class Candidate:
    """An answer, the samples that give it, in order, and their total weight."""

    answer: str
    samples: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    @property
    def weight(self) -> float:
        """The weights of its samples."""
        return sum(self.weights)

    @property
    def best_sample(self) -> int:
        """The sample to show for it: the first with the greatest weight."""
        return min(zip(self.samples, self.weights, strict=True), key=lambda pair: (-pair[1], pair[0]))[0]


class Poll:
    """The votes of up to `num_samples` samples for one question, in any order."""

    def __init__(self, num_samples: int, *, question: str = "", how: How = "plain", language: str = "auto") -> None:
        self.num_samples, self.question, self.how, self.language = num_samples, question, how, language
        self.candidates: list[Candidate] = []
        self.num_counted = 0

    def add(self, sample: int, text: str) -> None:
        """Count a sample; without an answer it has no vote."""
        self.num_counted += 1
        graph = parse(text[-MAX_READ:], question=self.question, language=self.language)
        answer = answer_field(text[-MAX_READ:], graph.language)
        if not answer:
            return
        is_ordered = asks_for_order(self.question) or bool(NRM_ANSWER.search(text))
        candidate = self._of(answer, graph.language, is_ordered)
        candidate.samples.append(sample)
        candidate.weights.append(weight_of(graph) if self.how == "verify" else HOLDS)

    @property
    def ranked(self) -> list[Candidate]:
        """The candidates, the winner first; of equal weights the one with the earliest sample."""
        return sorted(self.candidates, key=lambda one: (-round(one.weight, 9), min(one.samples)))

    @property
    def winner(self) -> Candidate | None:
        """The leading candidate; None while no sample has an answer."""
        return self.ranked[0] if self.candidates else None

    @property
    def is_decided(self) -> bool:
        """Whether the missing samples cannot change the winner any more."""
        missing = self.num_samples - self.num_counted
        if missing <= 0:
            return True
        weights = [*(one.weight for one in self.ranked), 0.0, 0.0]
        return weights[0] - weights[1] > missing * HOLDS + 1e-9

    def to_json(self) -> dict[str, Any]:
        """The result for a client: requested and counted samples, and every candidate with its votes."""
        answers = [{"answer": one.answer, "votes": len(one.samples), "weight": one.weight} for one in self.ranked]
        return {"how": self.how, "samples": self.num_samples, "counted": self.num_counted, "answers": answers}

    def _of(self, answer: str, language: str, is_ordered: bool) -> Candidate:
        for one in self.candidates:
            verdict = answers_equal(
                gold=one.answer,
                prediction=answer,
                language=language,
                ordered=is_ordered,
                symbolic_seconds=SYMBOLIC_SECONDS,
            )
            if verdict is Verdict.EQUAL:
                return one
        self.candidates.append(Candidate(answer))
        return self.candidates[-1]


def weight_of(graph: ReasoningGraph) -> float:
    """The weight of a sample, from its own VERIFY and its re-computed steps, without a gold answer."""
    if flags_error(graph):
        return FLAGGED
    return WRONG if any(step.correct is False for step in graph.steps) else HOLDS


@dataclass(frozen=True, slots=True)
class Voted:
    """The vote on one question: whether each sample was right, the winning sample, and how many were needed."""

    is_right: tuple[bool, ...]
    winner: int | None
    num_needed: int

    @property
    def is_winner_right(self) -> bool:
        """Whether the vote ends in the gold answer."""
        return self.winner is not None and self.is_right[self.winner]


def vote_on(samples: Sequence[Scored], how: How) -> Voted:
    """The vote of graded samples of one question."""
    output = samples[0].output
    poll = Poll(len(samples), question=output.question, how=how, language=output.language)
    num_needed = len(samples)
    for i, one in enumerate(samples):
        poll.add(i, one.output.text)
        if poll.is_decided:
            num_needed = min(num_needed, i + 1)
    winner = poll.winner.best_sample if poll.winner else None
    return Voted(tuple(bool(one.grade and one.grade.strict) for one in samples), winner, num_needed)


def summarize_votes(greedy: Sequence[Scored], samples: Sequence[Sequence[Scored]], how: How) -> dict[str, Any]:
    """The section `votes` of metrics.json: greedy, maj@K and pass@K on the same questions, and their tokens.

    `samples[i]` are the K samples of the question of `greedy[i]`. `maj_at_k` is the vote; `difference` its accuracy
    minus the greedy one, paired, with a bootstrap 95 % interval. `tokens_needed` counts samples, drawn one after
    another, until the vote is decided.
    """
    pairs = [(one, vote_on(drawn, how), drawn) for one, drawn in zip(greedy, samples, strict=True) if one.grade]
    if not pairs:
        return {"how": how, "n": 0}
    greedy_right = [bool(one.grade and one.grade.strict) for one, _, _ in pairs]
    voted_right = [voted.is_winner_right for _, voted, _ in pairs]
    found = compare_paired(greedy_right, voted_right)
    return {
        "how": how,
        "n": len(pairs),
        "samples": len(samples[0]),
        "greedy": _share(greedy_right),
        "single": _mean([right for _, voted, _ in pairs for right in voted.is_right]),
        "maj_at_k": _share(voted_right),
        "pass_at_k": _share([any(voted.is_right) for _, voted, _ in pairs]),
        "difference": found.difference,
        "interval": list(found.interval),
        "p_value": found.p_value,
        "tokens_greedy": sum(one.output.num_tokens or 0 for one, _, _ in pairs),
        "tokens_samples": sum(one.output.num_tokens or 0 for _, _, drawn in pairs for one in drawn),
        "tokens_needed": sum(
            one.output.num_tokens or 0 for _, voted, drawn in pairs for one in drawn[: voted.num_needed]
        ),
    }


def _share(right: Sequence[bool]) -> dict[str, Any]:
    return {
        "accuracy": sum(right) / len(right),
        "correct": sum(right),
        "interval": list(wilson(sum(right), len(right))),
    }


def _mean(right: Sequence[bool]) -> float:
    return sum(right) / len(right)
