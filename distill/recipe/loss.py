"""The section `loss`: which loss, and how much the tokens of each stage weigh in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from distill.recipe.fields import Float, NonNegative, Positive, Section, Share, default_tag

WEIGHTS = ("understand", "plan", "execute", "verify", "answer")


class ConstantWeights(Section):
    """Five constant weights. All ones are plain cross-entropy."""

    policy: Literal["constant"] = "constant"
    """Selects this policy."""
    understand: NonNegative = 1.0
    """Weight of the tokens of UNDERSTAND."""
    plan: NonNegative = 1.0
    """Weight of the tokens of PLAN."""
    execute: NonNegative = 1.0
    """Weight of the tokens of EXECUTE."""
    verify: NonNegative = 1.0
    """Weight of the tokens of VERIFY."""
    answer: NonNegative = 1.0
    """Weight of the tokens of the answer, and of all others outside every stage."""


def _points(value: object) -> object:
    """Read one number as a weight that stays."""
    return value if isinstance(value, list | tuple) else [[0.0, value]]


Points = Annotated[
    tuple[tuple[Share, NonNegative], ...], BeforeValidator(_points), Field(min_length=1, validate_default=True)
]


class ScheduleWeights(Section):
    """Weights that change during training. Each is a number, or a list of `[progress, weight]` points joined by
    straight lines; progress runs from 0 to 1."""

    policy: Literal["schedule"]
    """Selects this policy."""
    understand: Points = ((0.0, 1.0),)
    """Weight of the tokens of UNDERSTAND."""
    plan: Points = ((0.0, 1.0),)
    """Weight of the tokens of PLAN."""
    execute: Points = ((0.0, 1.0),)
    """Weight of the tokens of EXECUTE."""
    verify: Points = ((0.0, 1.0),)
    """Weight of the tokens of VERIFY."""
    answer: Points = ((0.0, 1.0),)
    """Weight of the tokens of the answer, and of all others outside every stage."""


class AdaptiveWeights(ConstantWeights):
    """Weights that follow the losses: a stage whose running loss is high gains weight. The mean weight stays 1."""

    policy: Literal["adaptive"]  # type: ignore[assignment]
    """Selects this policy. The five weights are those to start from."""
    minimum: NonNegative = 0.5
    """Lower bound of a weight."""
    maximum: Positive = 2.0
    """Upper bound of a weight."""
    smoothing: Annotated[Float, Field(ge=0, lt=1)] = 0.98
    """How slowly the running losses change, from 0 (at once) to just below 1."""


class RandomWeights(Section):
    """Weights drawn once from the recipe's seed, with mean 1: a baseline for chosen weights."""

    policy: Literal["random"]
    """Selects this policy."""
    minimum: NonNegative = 0.5
    """Lower bound of a weight."""
    maximum: Positive = 2.0
    """Upper bound of a weight."""


Weights = Annotated[
    ConstantWeights | ScheduleWeights | AdaptiveWeights | RandomWeights,
    Field(discriminator="policy"),
    default_tag("policy", "constant"),
]


class Loss(Section):
    """The stage-weighted loss."""

    kind: Literal["nll", "dft", "eaft"] = "nll"
    """`nll`: negative log-likelihood. `dft`: dynamic fine-tuning, which scales each token's gradient by the student's
    probability of the token (arXiv 2508.05629). `eaft`: the gradient is scaled by the student's entropy (arXiv
    2601.02151), so that tokens of which it is sure change little. Both are for pretrained students."""
    skip_perplexity: Annotated[Float, Field(gt=1)] | None = None
    """Skip tokens whose probability under the base is below one divided by this number (2.5 in arXiv 2501.14315): text
    by other writers makes a base forget. Unset: all tokens are learnt. For adapter students."""
    weights: Weights = ConstantWeights()
    """Weight of the tokens of each stage."""


def weight_problems(weights: ConstantWeights | ScheduleWeights | AdaptiveWeights | RandomWeights) -> Iterator[str]:
    """Contradictions in `loss.weights`, each as `key.path: finding`."""
    if isinstance(weights, ScheduleWeights):
        points = {name: getattr(weights, name) for name in WEIGHTS}
        for name, course in points.items():
            progress = [at for at, _ in course]
            if progress != sorted(set(progress)):
                yield f"loss.weights.{name}: the progress of the points must rise, this is {progress}"
        is_zero = not any(weight for course in points.values() for _, weight in course)
    else:
        is_zero = isinstance(weights, ConstantWeights) and not any(getattr(weights, name) for name in WEIGHTS)
    if is_zero:
        yield "loss.weights: every weight is 0, so there is no loss"
    if isinstance(weights, AdaptiveWeights | RandomWeights) and not weights.minimum <= 1 <= weights.maximum:
        yield f"loss.weights: the mean weight is 1, outside minimum {weights.minimum} to maximum {weights.maximum}"
