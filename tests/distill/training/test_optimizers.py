"""Muon with AdamW as one optimizer: equal to torch's where torch has it, and a state that loads without pickle."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from distill.training.optimizers import MuonAdamW, build_optimizer, orthogonalize

HALF = 1e-3
"""A twentieth of what three steps move: equal here to the last bit, but batched bfloat16 products may sum in other order."""


class Small(nn.Module):
    """Two wide, two tall, one square matrix, an embedding and a vector."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        shapes = [(4, 12), (4, 12), (12, 4), (10, 4), (6, 6)]
        self.matrices = nn.ParameterList([nn.Parameter(torch.randn(shape)) for shape in shapes])
        self.embed = nn.Embedding(7, 4)
        self.norm = nn.Parameter(torch.ones(5))


def step(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=generator)
    optimizer.step()


def test_muon_is_that_of_torch() -> None:
    ours, theirs = Small(), Small()
    optimizer = build_optimizer(ours, kind="muon", learning_rate=0.02, weight_decay=0.1)
    reference = torch.optim.Muon(
        theirs.matrices.parameters(), lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for seed in range(3):
        step(optimizer, list(ours.matrices), seed)
        step(reference, list(theirs.matrices), seed)
    for a, b in zip(ours.matrices, theirs.matrices, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=HALF)
    assert all((a - b).abs().max() > 20 * HALF for a, b in zip(ours.matrices, Small().matrices, strict=True))


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_what_is_not_for_muon_gets_adamw(kind: str) -> None:
    ours, theirs = Small(), Small()
    optimizer = build_optimizer(ours, kind=kind, learning_rate=0.02, weight_decay=0.1)
    reference = torch.optim.AdamW([theirs.embed.weight, theirs.norm], lr=0.02, weight_decay=0.0, betas=(0.9, 0.95))
    for seed in range(3):
        step(optimizer, [ours.embed.weight, ours.norm], seed)
        step(reference, [theirs.embed.weight, theirs.norm], seed)
    torch.testing.assert_close(ours.embed.weight, theirs.embed.weight)
    torch.testing.assert_close(ours.norm, theirs.norm)


def test_groups_decay_and_multipliers() -> None:
    model = Small()
    optimizer = build_optimizer(
        model,
        kind="muon",
        learning_rate=0.01,
        muon_learning_rate=0.02,
        weight_decay=0.1,
        learning_rate_multipliers={"matrices.0": 3.0, "embed.*": 0.5},
    )
    found = {
        id(p): (group["kind"], group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for p in group["params"]
    }
    assert found[id(model.matrices[0])] == ("muon", pytest.approx(0.06), 0.1)
    assert found[id(model.matrices[1])] == ("muon", 0.02, 0.1)
    assert found[id(model.embed.weight)] == ("adamw", 0.005, 0.0)
    assert found[id(model.norm)] == ("adamw", 0.01, 0.0)
    assert len(found) == 7


def test_orthogonalize_brings_singular_values_near_one() -> None:
    matrices = torch.randn(5, 8, 20, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(matrices))
    assert 0.6 < values.min() < values.max() < 1.3


def test_state_loads_with_weights_only_and_goes_on_bit_for_bit(tmp_path: Path) -> None:
    model, other = Small(), Small()
    optimizer = build_optimizer(model, kind="muon", learning_rate=0.02, weight_decay=0.1)
    for seed in range(2):
        step(optimizer, list(model.parameters()), seed)
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    other.load_state_dict(model.state_dict())
    resumed = build_optimizer(other, kind="muon", learning_rate=0.5, weight_decay=0.1)
    resumed.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    assert isinstance(resumed, MuonAdamW)
    step(optimizer, list(model.parameters()), 2)
    step(resumed, list(other.parameters()), 2)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_parameters_without_gradient_stay() -> None:
    model = Small()
    before = model.matrices[0].clone()
    optimizer = build_optimizer(model, kind="muon", learning_rate=0.02, weight_decay=0.1)
    step(optimizer, [model.norm], 0)
    assert torch.equal(model.matrices[0], before)
