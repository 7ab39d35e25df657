"""The stage-weighted loss: plain case, a value worked out by hand, identities, and the lean variant."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from losses import (
    IGNORE_INDEX,
    TOKEN_LOSSES,
    chunked_stage_weighted_nll,
    stage_totals,
    stage_weighted_nll,
    token_dft,
    token_eaft,
    token_nll,
    token_weights,
)

SCALAR = 1e-6
"""float32 scalars of order one."""
HALF = 2e-2
"""bfloat16 keeps 8 bits: each logit of size 3 is off by up to 0.01."""


def batch(seed: int = 0, rows: int = 8, length: int = 12, vocabulary: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels with about a third ignored, stage ids from −1 to 3."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, length, vocabulary, generator=generator, requires_grad=True)
    labels = torch.randint(vocabulary, (rows, length), generator=generator)
    labels[torch.rand(rows, length, generator=generator) < 0.3] = IGNORE_INDEX
    return logits, labels, torch.randint(-1, 4, (rows, length), generator=generator)


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of, retain_graph=True)[0]


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_weights_of_one_are_plain_cross_entropy(seed: int) -> None:
    logits, labels, stages = batch(seed)
    ours = stage_weighted_nll(logits, labels, stages, torch.ones(4))
    plain = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(ours, plain, rtol=SCALAR, atol=SCALAR)
    torch.testing.assert_close(gradient(ours, logits), gradient(plain, logits), rtol=1e-5, atol=1e-8)


def test_value_by_hand() -> None:
    # Two words. Logits (0, ln 3) give p = 1/4, 3/4; logits (0, 0) give 1/2 each.
    # PLAN, weight 2, label 0: 2·ln 4.   EXECUTE, weight 1/2, label 1: ln(4/3)/2.   Outside, weight 1, label 0: ln 2.
    # Ignored token of VERIFY: nothing. Sum of the weights 3.5.
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, math.log(3)], [0.0, 0.0], [5.0, 0.0]]])
    labels, stages = torch.tensor([[0, 1, 0, IGNORE_INDEX]]), torch.tensor([[1, 2, -1, 3]])
    expected = (2 * math.log(4) + 0.5 * math.log(4 / 3) + math.log(2)) / 3.5
    assert stage_weighted_nll(logits, labels, stages, torch.tensor([1, 2, 0.5, 9])).item() == pytest.approx(expected)
    # With a fifth weight of 0.1 for what is outside every stage.
    expected = (2 * math.log(4) + 0.5 * math.log(4 / 3) + 0.1 * math.log(2)) / 2.6
    weights = torch.tensor([1, 2, 0.5, 9, 0.1])
    assert stage_weighted_nll(logits, labels, stages, weights).item() == pytest.approx(expected)


def test_weight_zero_gives_exactly_zero_gradient_even_where_the_label_is_impossible() -> None:
    logits, labels, stages = batch()
    with torch.no_grad():
        logits[(stages == 2) & (labels != IGNORE_INDEX)] = float("-inf")
        logits[..., 0] = 0.0  # so that something is possible
    loss = stage_weighted_nll(logits, labels, stages, torch.tensor([1.0, 1.0, 0.0, 1.0]))
    assert torch.isfinite(loss)
    of_execute = gradient(loss, logits)[stages == 2]
    assert of_execute.abs().max() == 0
    assert gradient(loss, logits)[(stages == 1) & (labels != IGNORE_INDEX)].abs().min() > 0


@given(st.floats(1e-3, 1e3))
@settings(max_examples=20)
def test_scaling_all_weights_changes_nothing(factor: float) -> None:
    logits, labels, stages = batch()
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0, 1.5])
    one, other = (stage_weighted_nll(logits, labels, stages, w) for w in (weights, weights * factor))
    torch.testing.assert_close(one, other, rtol=SCALAR, atol=SCALAR)
    torch.testing.assert_close(gradient(one, logits), gradient(other, logits), rtol=1e-5, atol=1e-8)


def test_eight_micro_batches_of_one_are_one_batch_of_eight() -> None:
    logits, labels, stages = batch()
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    whole = stage_weighted_nll(logits, labels, stages, weights)
    denominator = torch.cat([weights, torch.ones(1)])[stages][labels != IGNORE_INDEX].sum()
    parts = [
        stage_weighted_nll(logits[i : i + 1], labels[i : i + 1], stages[i : i + 1], weights, denominator=denominator)
        for i in range(8)
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), whole, rtol=SCALAR, atol=SCALAR)
    torch.testing.assert_close(gradient(torch.stack(parts).sum(), logits), gradient(whole, logits))
    without = [stage_weighted_nll(logits[i : i + 1], labels[i : i + 1], stages[i : i + 1], weights) for i in range(8)]
    assert (torch.stack(without).mean() - whole).abs() > 1e-3  # so the denominator matters


def test_nothing_supervised_is_zero_and_differentiable() -> None:
    logits, labels, stages = batch()
    loss = stage_weighted_nll(logits, torch.full_like(labels, IGNORE_INDEX), stages, torch.ones(4))
    assert loss.item() == 0
    assert gradient(loss, logits).abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_stay_near(dtype: torch.dtype) -> None:
    logits, labels, stages = batch()
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    exact, half = (stage_weighted_nll(x, labels, stages, weights) for x in (logits, logits.to(dtype)))
    assert half.dtype == torch.float32
    assert abs(exact.item() - half.item()) < HALF


def test_bad_arguments_are_refused() -> None:
    logits, labels, stages = batch()
    with pytest.raises(ValueError, match="do not match labels"):
        stage_weighted_nll(logits[:, :-1], labels, stages, torch.ones(4))
    with pytest.raises(ValueError, match="do not match stage_ids"):
        stage_weighted_nll(logits, labels, stages[:, :-1], torch.ones(4))
    for bad in ([1.0, -1.0, 1.0, 1.0], [1.0, float("nan"), 1.0, 1.0]):
        with pytest.raises(ValueError, match="≥ 0"):
            stage_weighted_nll(logits, labels, stages, torch.tensor(bad))
    with pytest.raises(ValueError, match="stage ids"):
        stage_weighted_nll(logits, labels, stages, torch.ones(2))


def test_totals_of_each_stage() -> None:
    values = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]])
    labels, stages = torch.tensor([[7, 7, IGNORE_INDEX, 7, 7]]), torch.tensor([[0, -1, 0, 2, 2]])
    assert stage_totals(values, labels, stages).tolist() == [[1, 0, 24, 0, 2], [1, 0, 2, 0, 1]]


class Head(nn.Module):
    """A head with a scale, as MiniAxion has."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.linear, self.scale = nn.Linear(6, 32), nn.Parameter(torch.tensor(1.5))

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden * self.scale)


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_lean_variant_equals_the_plain_one(chunk_size: int) -> None:
    _, labels, stages = batch()
    hidden, head = torch.randn(8, 12, 6, requires_grad=True), Head()
    weights, denominator = torch.tensor([0.5, 0.0, 1.0, 3.0, 0.7]), torch.tensor(123.0)
    sources = [hidden, *head.parameters()]
    plain = stage_weighted_nll(head(hidden), labels, stages, weights, denominator=denominator)
    lean, nll = chunked_stage_weighted_nll(
        hidden, labels, stages, weights, head=head, parameters=list(head.parameters()), denominator=denominator,
        chunk_size=chunk_size,
    )  # fmt: skip
    torch.testing.assert_close(lean, plain, rtol=SCALAR, atol=SCALAR)
    for ours, theirs in zip(
        torch.autograd.grad(3 * lean, sources), torch.autograd.grad(3 * plain, sources), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(nll, token_nll(head(hidden), labels).detach())
    assert not nll.requires_grad


def test_lean_variant_with_nothing_supervised_and_without_gradients() -> None:
    _, labels, stages = batch()
    hidden, head = torch.randn(8, 12, 6, requires_grad=True), Head()
    nothing = torch.full_like(labels, IGNORE_INDEX)
    loss, _ = chunked_stage_weighted_nll(
        hidden, nothing, stages, torch.ones(4), head=head, parameters=list(head.parameters())
    )
    assert loss.item() == 0
    assert gradient(loss, hidden).abs().max() == 0
    with torch.no_grad():
        loss, _ = chunked_stage_weighted_nll(hidden, labels, stages, torch.ones(4), head=head)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, F.cross_entropy(head(hidden).flatten(0, 1), labels.flatten()).detach())


def test_lean_variant_never_sees_more_than_a_chunk_and_nothing_unsupervised() -> None:
    _, labels, stages = batch()
    hidden, head, seen = torch.randn(8, 12, 6, requires_grad=True), Head(), []

    def watched(chunk: Tensor) -> Tensor:
        seen.append(chunk.shape[0])
        return head(chunk)

    chunked_stage_weighted_nll(
        hidden, labels, stages, torch.ones(4), head=watched, parameters=list(head.parameters()), chunk_size=10
    )[0].backward()
    assert max(seen) <= 10
    assert sum(seen) == int((labels != IGNORE_INDEX).sum())


def test_lean_variant_under_autocast_stays_near() -> None:
    _, labels, stages = batch()
    hidden, head = torch.randn(8, 12, 6, requires_grad=True), Head()
    weights, sources = torch.tensor([0.5, 0.0, 1.0, 3.0, 0.7]), [hidden, *head.parameters()]
    exact = stage_weighted_nll(head(hidden), labels, stages, weights)
    with torch.autocast("cpu", torch.bfloat16):
        lean, _ = chunked_stage_weighted_nll(
            hidden, labels, stages, weights, head=head, parameters=list(head.parameters()), chunk_size=10
        )
    assert lean.dtype == torch.float32
    assert abs(lean.item() - exact.item()) < HALF
    for ours, theirs in zip(torch.autograd.grad(lean, sources), torch.autograd.grad(exact, sources), strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).abs().max() < HALF * theirs.abs().max()


def test_dft_has_the_value_of_the_nll_and_the_gradient_of_probability_times_nll() -> None:
    logits, labels, _ = batch()
    nll, ours = token_nll(logits, labels), token_dft(logits, labels)
    torch.testing.assert_close(ours, nll, rtol=SCALAR, atol=SCALAR)
    probability = logits.softmax(-1).gather(-1, labels.clamp_min(0)[..., None])[..., 0].detach()
    expected = gradient((probability * nll).sum(), logits)
    torch.testing.assert_close(gradient(ours.sum(), logits), expected, rtol=1e-5, atol=1e-7)
    assert expected[labels != IGNORE_INDEX].abs().max() > 0


def test_dft_by_hand() -> None:
    # Logits (0, ln 3), label 0: p = 1/4, and ∂nll/∂z = (1/4, 3/4) − (1, 0); DFT takes a quarter of it.
    logits = torch.tensor([[0.0, math.log(3)]], requires_grad=True)
    loss = token_dft(logits, torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log(4))
    torch.testing.assert_close(gradient(loss.sum(), logits), torch.tensor([[-3 / 16, 3 / 16]]))


@pytest.mark.parametrize("kind", ["dft", "eaft"])
def test_gated_losses_leave_impossible_labels_alone(kind: str) -> None:
    logits = torch.tensor([[0.0, float("-inf")], [0.0, 1.0]], requires_grad=True)
    found = gradient(TOKEN_LOSSES[kind](logits, torch.tensor([1, 1])).sum(), logits)
    assert found[0].tolist() == [0, 0]
    assert found[1].abs().min() > 0


def test_eaft_by_hand() -> None:
    # Logits (0, ln 3), label 0: q = (1/4, 3/4), H = ln 4 − 3/4 ln 3, K = 2 as there are two; ∂nll/∂z = (−3/4, 3/4).
    logits = torch.tensor([[0.0, math.log(3)]], requires_grad=True)
    loss = token_eaft(logits, torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log(4))
    gate = (math.log(4) - 0.75 * math.log(3)) / math.log(2)
    torch.testing.assert_close(gradient(loss.sum(), logits), gate * torch.tensor([[-0.75, 0.75]]))


def test_eaft_learns_all_where_twenty_are_equally_likely_and_nothing_where_one_is_sure() -> None:
    # 20 equal logits and 5 that are far below: q of the 20 is uniform, H = ln 20, so the gate is 1 for any label.
    open_minded, sure = torch.zeros(1, 25), torch.zeros(1, 25)
    open_minded[0, 20:] = -5.0
    sure[0, 3] = 1000.0
    label = torch.tensor([22])
    for row, gate in ((open_minded, 1.0), (sure, 0.0)):
        row.requires_grad_(True)
        plain = gradient(token_nll(row, label).sum(), row)
        torch.testing.assert_close(gradient(token_eaft(row, label).sum(), row), gate * plain)


def test_eaft_under_stage_weights() -> None:
    # Two tokens with gates 1 (two equal logits) and g (the case by hand), in stages of weight 1 and 3.
    logits = torch.tensor([[[0.0, 0.0], [0.0, math.log(3)]]], requires_grad=True)
    labels, stages = torch.tensor([[0, 0]]), torch.tensor([[0, 2]])
    weights = token_weights(labels, stages, torch.tensor([1.0, 1.0, 3.0, 1.0]))
    loss = (weights * token_eaft(logits, labels)).sum() / weights.sum()
    gate = (math.log(4) - 0.75 * math.log(3)) / math.log(2)
    expected = torch.tensor([[[-0.5 / 4, 0.5 / 4], [-0.75 * gate * 3 / 4, 0.75 * gate * 3 / 4]]])
    torch.testing.assert_close(gradient(loss, logits), expected)


@pytest.mark.parametrize("kind", ["dft", "eaft"])
def test_lean_variants_have_their_gradients(kind: str) -> None:
    token_loss = TOKEN_LOSSES[kind]
    _, labels, stages = batch()
    hidden, head, weights = torch.randn(8, 12, 6, requires_grad=True), Head(), torch.tensor([0.5, 0.0, 1.0, 3.0])
    lean, nll = chunked_stage_weighted_nll(
        hidden, labels, stages, weights, head=head, parameters=list(head.parameters()), chunk_size=7,
        token_loss=token_loss,
    )  # fmt: skip
    by_token = token_weights(labels, stages, weights)
    plain = (by_token * token_loss(head(hidden), labels)).sum() / by_token.sum()
    torch.testing.assert_close(gradient(lean, hidden), gradient(plain, hidden), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(nll, token_nll(head(hidden), labels).detach())
