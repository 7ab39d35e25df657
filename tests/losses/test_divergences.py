"""Divergences from a teacher distribution: identities, limits, values by hand, stored top-k."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from losses import IGNORE_INDEX, chunked_weighted_sum, forward_kl, generalized_jsd, reverse_kl, token_divergence

SCALAR = 1e-6


def case(seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(9, (3, 5), generator=generator)
    labels[0, :2] = IGNORE_INDEX
    return {
        "student_logits": torch.randn(3, 5, 9, generator=generator, requires_grad=True),
        "teacher_logits": torch.randn(3, 5, 9, generator=generator),
        "labels": labels,
        "stage_ids": torch.randint(-1, 4, (3, 5), generator=generator),
        "stage_weights": torch.tensor([1.0, 0.5, 2.0, 0.0]),
    }


def logs(*probabilities: float) -> Tensor:
    return torch.tensor([probabilities]).log()


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_equal_distributions_give_zero_and_others_do_not(beta: float) -> None:
    values = case()
    assert generalized_jsd(**values, beta=beta).item() > 0.01
    values["teacher_logits"] = values["student_logits"] + 3.0  # a constant changes no distribution
    loss = generalized_jsd(**values, beta=beta)
    assert abs(loss.item()) < SCALAR
    assert torch.autograd.grad(loss, values["student_logits"])[0].abs().max() < SCALAR


def test_values_by_hand() -> None:
    p, q = logs(0.5, 0.5), logs(0.25, 0.75)  # teacher, student
    forward = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    backward = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert token_divergence(q, p, beta=0).item() == pytest.approx(forward, abs=SCALAR)
    assert token_divergence(q, p, beta=1).item() == pytest.approx(backward, abs=SCALAR)
    # m = (0.375, 0.625)
    half = sum(0.5 * a * math.log(a / m) for a, m in [(0.5, 0.375), (0.5, 0.625), (0.25, 0.375), (0.75, 0.625)])
    assert token_divergence(q, p, beta=0.5).item() == pytest.approx(half, abs=SCALAR)


def test_jsd_is_symmetric_at_a_half_and_nowhere_else() -> None:
    a, b = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(token_divergence(a, b, beta=0.5), token_divergence(b, a, beta=0.5))
    torch.testing.assert_close(token_divergence(a, b, beta=0.2), token_divergence(b, a, beta=0.8))
    assert (token_divergence(a, b, beta=0.2) - token_divergence(b, a, beta=0.2)).abs().max() > 1e-3


def test_limits_are_the_two_kls() -> None:
    a, b = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    tiny = 1e-3  # JSD_β / β = KL + O(β)
    torch.testing.assert_close(
        token_divergence(a, b, beta=tiny) / tiny, token_divergence(a, b, beta=0), rtol=1e-2, atol=0
    )
    torch.testing.assert_close(
        token_divergence(a, b, beta=1 - tiny) / tiny, token_divergence(a, b, beta=1), rtol=1e-2, atol=0
    )


def test_named_kls_are_the_ends_and_torch_agrees() -> None:
    values = case()
    values["stage_weights"] = torch.ones(4)
    kept = values["labels"] != IGNORE_INDEX
    q, p = (values[name][kept].log_softmax(-1) for name in ("student_logits", "teacher_logits"))
    torch.testing.assert_close(
        forward_kl(**values), torch.nn.functional.kl_div(q, p, log_target=True, reduction="batchmean")
    )
    torch.testing.assert_close(
        reverse_kl(**values), torch.nn.functional.kl_div(p, q, log_target=True, reduction="batchmean")
    )


def test_weight_zero_and_ignored_positions_have_no_gradient() -> None:
    values = case()
    gradient = torch.autograd.grad(generalized_jsd(**values, beta=0.3), values["student_logits"])[0]
    off = (values["stage_ids"] == 3) | (values["labels"] == IGNORE_INDEX)
    assert off.any()
    assert gradient[off].abs().max() == 0
    assert gradient[~off].abs().sum(-1).min() > 0


@pytest.mark.parametrize("tail", ["renormalize", "bucket"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_top_k_with_all_tokens_is_the_full_divergence(beta: float, tail: Any) -> None:
    values = case()
    full = generalized_jsd(**values, beta=beta)
    log_p, ids = values["teacher_logits"].log_softmax(-1).topk(9)
    values |= {"teacher_logits": log_p, "teacher_token_ids": ids}
    torch.testing.assert_close(generalized_jsd(**values, beta=beta, tail=tail), full, rtol=1e-4, atol=1e-5)


def test_top_k_by_hand() -> None:
    student, teacher, ids = logs(0.2, 0.3, 0.1, 0.4), logs(0.5, 0.25), torch.tensor([[2, 0]])
    # renormalize: teacher (2/3, 1/3), student of tokens 2, 0: (1/3, 2/3)
    expected = 2 / 3 * math.log(2) + 1 / 3 * math.log(0.5)
    assert token_divergence(student, teacher, ids, beta=0).item() == pytest.approx(expected, abs=SCALAR)
    # bucket: teacher (0.5, 0.25, 0.25), student (0.1, 0.2, 0.7)
    expected = 0.5 * math.log(5) + 0.25 * math.log(1.25) + 0.25 * math.log(0.25 / 0.7)
    assert token_divergence(student, teacher, ids, beta=0, tail="bucket").item() == pytest.approx(expected, abs=SCALAR)
    with pytest.raises(ValueError, match="log-probabilities"):
        token_divergence(student, torch.zeros(1, 2), ids, tail="bucket")


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_ruled_out_tokens_make_no_nan(beta: float) -> None:
    values = case()
    with torch.no_grad():
        values["student_logits"][..., :3] = float("-inf")
        values["teacher_logits"][..., 2:5] = float("-inf")
    loss = generalized_jsd(**values, beta=beta)
    assert torch.isfinite(loss)
    assert torch.isfinite(torch.autograd.grad(loss, values["student_logits"])[0]).all()


def test_lean_variant_takes_a_divergence_as_its_token_loss() -> None:
    hidden, teacher, head = torch.randn(11, 6, requires_grad=True), torch.randn(11, 9), torch.nn.Linear(6, 9)
    weights = torch.rand(11)
    plain = (weights * token_divergence(head(hidden), teacher, beta=0.5)).sum()
    lean, _ = chunked_weighted_sum(
        hidden,
        weights,
        (teacher,),
        head=head,
        token_loss=token_divergence,
        parameters=list(head.parameters()),
        chunk_size=4,
    )
    torch.testing.assert_close(lean, plain)
    for ours, theirs in zip(
        torch.autograd.grad(lean, [hidden, head.weight]), torch.autograd.grad(plain, [hidden, head.weight]), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
