"""Load balancing of experts without an auxiliary loss, by a bias on the choice of experts.

DeepSeek-V3 (arXiv 2412.19437, sec. 2.1.2), after arXiv 2408.15664, algorithm 1: each expert's score gets a bias before
the best K are chosen. The weight of its output comes from the score alone. After every optimizer step

    bias[e] += rate · sign(mean load − load[e])

where load[e] counts how often e was chosen in the whole step: all micro-batches, all processes, padding left out.

    expert        0      1      2      3
    load       1200    300    500      0      mean 500
    bias      −0.001 +0.001     0  +0.001
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

BIAS = "e_score_correction_bias"
"""The buffer by which transformers' routers choose; a module that has it is a router."""


class ExpertBalance:
    """Counts the tokens of every expert while a model trains and moves the biases after every optimizer step.

    For a model without such routers it does nothing. With rate 0 it counts loads and leaves the biases, so that the
    report shows what balancing prevents.
    """

    def __init__(self, model: nn.Module, *, rate: float) -> None:
        self.rate = rate
        self.routers: list[Any] = [module for module in model.modules() if hasattr(module, BIAS)]
        num_experts = max((len(getattr(router, BIAS)) for router in self.routers), default=0)
        self._step_load = torch.zeros(len(self.routers), num_experts, dtype=torch.float64)
        self._load = self._step_load.clone()
        # Set before any compilation, so that compiled code meets the same module at every call.
        for router in self.routers:
            router.chosen_experts = torch.empty(0, 0, dtype=torch.long)
        self._hooks = [router.register_forward_hook(_keep_choice) for router in self.routers]

    def count(self, attention_mask: Tensor) -> None:
        """Add the loads of the forward pass just made, whose padding is 0 in attention_mask (B, T)."""
        is_token = attention_mask.flatten().bool()
        self._step_load = self._step_load.to(is_token.device)
        for load, router in zip(self._step_load, self.routers, strict=True):
            load += torch.bincount(router.chosen_experts[is_token].flatten(), minlength=len(load))

    @torch.no_grad()
    def finish_step(self, over_processes: Callable[[Tensor], Tensor]) -> None:
        """Move every bias by the load of the step; `over_processes` sums a tensor over all processes."""
        if not self.routers:
            return
        step_load = over_processes(self._step_load)
        for load, router in zip(step_load, self.routers, strict=True):
            bias = getattr(router, BIAS)
            bias += self.rate * torch.sign(load.mean() - load).to(bias.dtype)
        self._load += step_load.cpu()
        self._step_load = torch.zeros_like(self._step_load)

    def entry(self) -> dict[str, float]:
        """For the history, over the steps since the last entry: the share of tokens of every expert, and how even.

        `share_<layer>_<expert>` (they sum to 1 in each layer), `expert_share_min`, `dead_experts` (chosen by no token)
        and `expert_entropy`, mean over layers of −Σ p ln p / ln E: 1 where all are chosen alike.
        """
        if not self.routers or not self._load.sum():
            return {}
        shares = self._load / self._load.sum(1, keepdim=True)
        entropy = -torch.xlogy(shares, shares).sum(1).mean() / math.log(shares.shape[1])
        entry = {f"share_{i}_{e}": share for i, row in enumerate(shares.tolist()) for e, share in enumerate(row)}
        entry |= {"expert_share_min": float(shares.min()), "expert_entropy": float(entropy)}
        entry["dead_experts"] = float((self._load == 0).sum())
        self._load = torch.zeros_like(self._load)
        return entry

    def state_dict(self) -> list[list[float]]:
        """Loads since the last entry, for a checkpoint; the biases are saved with the model."""
        return self._load.tolist()

    def load_state_dict(self, state: list[list[float]]) -> None:
        """Restore what `state_dict` gave; an empty list where nothing was counted."""
        self._load = torch.tensor(state, dtype=torch.float64).reshape(self._load.shape)

    def close(self) -> None:
        """Stop counting."""
        for hook in self._hooks:
            hook.remove()
        for router in self.routers:
            del router.chosen_experts
        self.routers, self._hooks = [], []


def _keep_choice(router: Any, _args: object, output: tuple[Tensor, Tensor, Tensor]) -> None:
    """Keep the indices (tokens, K) of the chosen experts; one function for all routers, so that code compiles once."""
    if router.training:
        router.chosen_experts = output[2]
