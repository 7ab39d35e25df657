"""Confidence of shares: Wilson intervals, and the paired comparison of two runs on the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """The 95 % interval of a share, by E. B. Wilson's score method (1927); (0, 1) where nothing was counted.

    >>> [round(bound, 3) for bound in wilson(5, 10)]
    [0.237, 0.763]
    """
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} is no share")
    if n == 0:
        return 0.0, 1.0
    share, z2 = correct / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the bound is the end itself; rounding must not push the share out of its own interval.
    return (0.0 if correct == 0 else centre - half), (1.0 if correct == n else centre + half)


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs on the same questions. `difference` is b minus a, as shares; `p_value` is McNemar's, two-sided."""

    n: int
    only_a: int
    only_b: int
    difference: float
    interval: tuple[float, float]
    p_value: float


def compare_paired(a: Sequence[bool], b: Sequence[bool], *, num_resamples: int = 10_000, seed: int = 0) -> Paired:
    """How much more often b is right than a, question by question, with a bootstrap 95 % interval.

    Raises:
        ValueError: a and b differ in length, or are empty.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"paired comparison needs the same questions on both sides, got {len(a)} and {len(b)}")
    gain = np.asarray(b, dtype=np.int64) - np.asarray(a, dtype=np.int64)
    only_b, only_a, n = int((gain == 1).sum()), int((gain == -1).sum()), len(gain)
    # Resampling questions with replacement draws the three kinds of question multinomially.
    shares = [only_a / n, only_b / n, 1 - (only_a + only_b) / n]
    draws = np.random.default_rng(seed).multinomial(n, shares, num_resamples)
    low, high = np.percentile((draws[:, 1] - draws[:, 0]) / n, [2.5, 97.5])
    return Paired(n, only_a, only_b, (only_b - only_a) / n, (float(low), float(high)), mcnemar(only_a, only_b))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value of McNemar's test on the questions that only one side got right.

    >>> mcnemar(1, 5)
    0.21875
    """
    total, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(total, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / 2**total)


def area_under_curve(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Probability that a random positive scores above a random negative, ties count half; nan if a side is empty.

    >>> area_under_curve([0.9, 0.5], [0.5, 0.1])
    0.875
    """
    if not positives or not negatives:
        return math.nan
    low = np.sort(np.asarray(negatives))
    high = np.asarray(positives)
    below = np.searchsorted(low, high, side="left")
    up_to = np.searchsorted(low, high, side="right")
    return float((below + up_to).sum() / 2 / (len(high) * len(low)))
