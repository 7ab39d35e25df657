"""AdamW, and Muon for matrices with AdamW for the rest, from the settings of a recipe."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw
from torch.optim.optimizer import Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of Muon's quintic iteration (kellerjordan.github.io/posts/muon, 2024), as in torch.optim.Muon."""


def build_optimizer(
    model: nn.Module,
    *,
    kind: str,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.95),
    eps: float = 1e-8,
    muon_learning_rate: float | None = None,
    muon_momentum: float = 0.95,
    learning_rate_multipliers: Mapping[str, float] | None = None,
) -> Optimizer:
    """The optimizer of `model`'s trained parameters.

    Matrices decay; vectors, scalars and embeddings do not. With `kind="muon"` every matrix but the embeddings and
    the output head is trained by Muon. Its update is scaled to the size of AdamW's (arXiv 2502.16982, eq. 4), so the
    same learning rate is a sensible start for both.

    A stack of matrices (E, R, C), such as that of experts, counts as E matrices.

    Args:
        kind: `adamw`, `muon`, or `paged_adamw_8bit`: bitsandbytes' AdamW on a GPU (arXiv 2305.14314), else `adamw`.
        muon_learning_rate: of Muon's matrices; `learning_rate` where None.
        learning_rate_multipliers: shell patterns of parameter names to factors; the first match is used.
    """
    multipliers = learning_rate_multipliers or {}
    embeddings = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    output = getattr(model, "get_output_embeddings", lambda: None)()
    if output is not None:
        embeddings |= {id(p) for p in output.parameters()}
    groups: dict[tuple[bool, bool, float], list[Tensor]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_matrix = parameter.ndim >= 2 and id(parameter) not in embeddings
            factor = next((f for pattern, f in multipliers.items() if fnmatchcase(name, pattern)), 1.0)
            groups[kind == "muon" and is_matrix and parameter.ndim <= 3, is_matrix, factor].append(parameter)
    described = [
        {
            "params": parameters,
            "kind": "muon" if is_muon else "adamw",
            "lr": factor * (muon_learning_rate or learning_rate if is_muon else learning_rate),
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (is_muon, decays, factor), parameters in groups.items()
    ]
    if kind == "muon":
        return MuonAdamW(described, lr=learning_rate, momentum=muon_momentum, betas=betas, eps=eps)
    plain = [{key: value for key, value in group.items() if key != "kind"} for group in described]
    if kind == "paged_adamw_8bit" and all(p.is_cuda for group in plain for p in group["params"]):
        from bitsandbytes.optim.adamw import PagedAdamW8bit

        return PagedAdamW8bit(plain, lr=learning_rate, betas=betas, eps=eps)
    return torch.optim.AdamW(plain, lr=learning_rate, betas=betas, eps=eps, fused=True)


class MuonAdamW(Optimizer):
    """Muon on the parameter groups of kind `muon`, AdamW on those of kind `adamw`, as one optimizer.

    Muon's arithmetic is that of torch.optim.Muon with `adjust_lr_fn="match_rms_adamw"`. But here matrices of one shape
    are orthogonalised together: one by one, the 84 small factors of a MiniAxion take seven times as long.
    """

    def __init__(
        self, groups: list[dict[str, Any]], *, lr: float, momentum: float, betas: tuple[float, float], eps: float
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; a parameter without a gradient does not change."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                (self._muon if group["kind"] == "muon" else self._adamw)(group, parameters)
        return loss

    def _muon(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        shapes: dict[tuple[int, int], list[tuple[Tensor, bool]]] = defaultdict(list)
        for p in parameters:
            self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
            shapes[min(p.shape[-2:]), max(p.shape[-2:])].append((p, p.shape[-2] > p.shape[-1]))
        updates = {}
        for p in parameters:
            assert p.grad is not None
            buffer = self.state[p]["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
            updates[p] = p.grad.lerp(buffer, group["momentum"])  # Nesterov
            p.mul_(1 - group["lr"] * group["weight_decay"])
        for shape, members in shapes.items():
            wide = [(updates[p].mT if tall else updates[p]).reshape(-1, *shape) for p, tall in members]
            scale = -group["lr"] * 0.2 * math.sqrt(max(shape))
            found = orthogonalize(torch.cat(wide)).split([len(matrices) for matrices in wide])
            for (p, tall), update in zip(members, found, strict=True):
                p.add_((update.mT if tall else update).reshape(p.shape), alpha=scale)

    def _adamw(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p] |= {
                    "step": torch.zeros((), dtype=torch.float32, device=p.device),
                    "exp_avg": torch.zeros_like(p),
                    "exp_avg_sq": torch.zeros_like(p),
                }
        states = [self.state[p] for p in parameters]
        adamw(
            parameters,
            [p.grad for p in parameters if p.grad is not None],
            [s["exp_avg"] for s in states],
            [s["exp_avg_sq"] for s in states],
            [],
            [s["step"] for s in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """(N, R, C), R ≤ C: for each matrix about U Vᵀ of its singular value decomposition, by Newton-Schulz in bfloat16.

    The singular values of the result lie between about 0.7 and 1.2, which is exact enough for Muon.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrices.bfloat16()
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(matrices.dtype)
