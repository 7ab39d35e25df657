"""Bias-only balancing: exact loads, the golden update, and the same bias however a step is cut into pieces."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from distill.recipe.schema import ConstantWeights, Train
from distill.report.line_chart import balance_chart, last_balance
from distill.training.balancing import BIAS, ExpertBalance
from distill.training.fit import train
from students.encoding import Example
from students.sizes import build_student

TOKENIZER = SimpleNamespace(pad_token_id=0, bos_token_id=1, eos_token_id=2)


def example(index: int) -> Example:
    """Between 6 and 20 tokens of a chain, so that rows are padded."""
    draw = random.Random(index)
    ids = [draw.randrange(3, 31)]
    while len(ids) < 6 + index % 15:
        ids.append((3 * ids[-1] + 1) % 28 + 3)
    return Example(ids, [-100] * 2 + ids[2:], [-1] * len(ids))


def student(seed: int = 0):
    sizes = {"num_hidden_layers": 2, "moe_intermediate_size": 8, "hidden_size": 32}
    model = build_student("axion1-350k", TOKENIZER, vocab_size=32, max_length=32, seed=seed, **sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(5)
    return model


def learn(model: Any, folder: Path, **changes: Any):
    values = {
        "max_steps": 4, "per_device_train_batch_size": 8, "warmup_steps": 1, "logging_steps": 2, "compile": "off",
        "dtype": "float32", "batching": "padded", "learning_rate": 1e-3, "balancing_rate": 0.01,
    }  # fmt: skip
    resume, examples = changes.pop("resume", False), changes.pop("examples", example)
    return train(
        model, TOKENIZER, examples, settings=Train(**values | changes), weights=ConstantWeights(), run_dir=folder,
        show=False, resume=resume,
    )  # fmt: skip


def biases(model: Any) -> torch.Tensor:
    return torch.stack([buffer for name, buffer in model.named_buffers() if name.endswith(BIAS)])


def same(total: torch.Tensor) -> torch.Tensor:
    return total


def test_loads_leave_padding_out():
    model = student().train()
    balance = ExpertBalance(model, rate=0.1)
    ids = torch.randint(3, 32, (2, 6), generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]])
    kept = []
    for router in balance.routers:
        router.register_forward_hook(lambda _module, _args, output: kept.append(output[2]))
    model(ids)
    balance.count(mask)
    balance.finish_step(same)
    expected = [torch.bincount(chosen[[0, 1, 2, 3, 4, 5, 6, 7]].flatten(), minlength=4) for chosen in kept]
    assert balance.state_dict() == torch.stack(expected).tolist()
    assert sum(balance.state_dict()[0]) == 8 * 2  # tokens times experts of a token


def test_golden_step():
    model = student()
    balance = ExpertBalance(model, rate=0.001)
    first, second = balance.routers
    first.chosen_experts = torch.tensor([[0, 1], [0, 2], [0, 2], [0, 1]])  # loads 4 2 2 0, mean 2
    second.chosen_experts = torch.tensor([[0, 1], [2, 3], [0, 1], [2, 3]])  # even
    balance.count(torch.ones(1, 4))
    balance.finish_step(same)
    assert biases(model).tolist() == [[pytest.approx(x) for x in row] for row in [[-0.001, 0, 0, 0.001], [0, 0, 0, 0]]]
    entry = balance.entry()
    assert [entry[f"share_0_{e}"] for e in range(4)] == [0.5, 0.25, 0.25, 0.0]
    assert entry["dead_experts"] == 1
    assert entry["expert_share_min"] == 0
    # layer 0: −(½ ln ½ + 2 · ¼ ln ¼) / ln 4 = (1.5 ln 2) / (2 ln 2) = 0.75; layer 1: 1
    assert entry["expert_entropy"] == pytest.approx((0.75 + 1) / 2)
    assert balance.entry() == {}


def test_evaluation_is_not_counted():
    model = student().eval()
    balance = ExpertBalance(model, rate=0.1)
    model(torch.tensor([[5, 6, 7]]))
    assert all(router.chosen_experts.numel() == 0 for router in balance.routers)


def test_it_evens_out_a_skewed_router():
    model = student().train()
    balance = ExpertBalance(model, rate=0.02)
    with torch.no_grad():
        balance.routers[0].e_score_correction_bias[:] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    ids = torch.randint(3, 32, (8, 16), generator=torch.Generator().manual_seed(0))
    shares = []
    for _ in range(60):
        with torch.no_grad():
            model(ids)
        balance.count(torch.ones_like(ids))
        balance.finish_step(same)
        shares.append(balance.entry()["share_0_3"])
    assert shares[0] < 0.05
    assert min(shares[-5:]) > 0.15


def test_micro_batches_do_not_matter(tmp_path):
    found = []
    for rows, accumulation in [(8, 1), (4, 2), (1, 8)]:
        model = student()
        learn(model, tmp_path / str(rows), per_device_train_batch_size=rows, gradient_accumulation_steps=accumulation)
        found.append(biases(model))
    assert found[0].abs().sum() > 0
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_rate_zero_counts_and_moves_nothing(tmp_path):
    model = student()
    result = learn(model, tmp_path, balancing_rate=0)
    assert not biases(model).any()
    assert all(0 <= entry["expert_share_min"] <= 0.25 for entry in result.history)
    assert not hasattr(model.model.layers[0].mlp.gate, "chosen_experts")


def test_resume_is_exact(tmp_path):
    def dying(index: int) -> Example:
        if index >= 4 * 8:  # in the fifth step
            raise ConnectionError
        return example(index)

    whole, again = student(), student(seed=1)
    options = {"max_steps": 6, "logging_steps": 4, "save_steps": 3}
    history = learn(whole, tmp_path / "a", **options).history
    with pytest.raises(ConnectionError):
        learn(student(), tmp_path / "b", examples=dying, **options)
    later = learn(again, tmp_path / "b", resume=True, **options).history
    assert torch.equal(biases(whole), biases(again))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    assert [entry["share_0_0"] for entry in later] == [entry["share_0_0"] for entry in history]


def test_other_students_are_left_alone():
    model = build_student("miniaxion1-tiny", TOKENIZER, vocab_size=320, max_length=32, seed=0)
    balance = ExpertBalance(model, rate=0.1)
    balance.count(torch.ones(1, 2))
    balance.finish_step(same)
    assert balance.entry() == {}
    assert not any(module._forward_hooks for module in model.modules())


def test_the_chart_has_a_panel_a_layer_and_a_line_an_expert():
    shares = {f"share_{layer}_{expert}": 0.25 for layer in range(2) for expert in range(4)}
    numbers = {"expert_share_min": 0.25, "expert_entropy": 1.0, "dead_experts": 0.0}
    history = [{"step": 50.0, **shares, **numbers}, {"step": 100.0, **shares, **numbers, "expert_share_min": 0.2}]
    chart = balance_chart(history)
    assert chart.count(">layer ") == 2
    assert last_balance(history) == history[1]
    assert balance_chart([{"step": 50.0}, {"step": 100.0}]) == ""
    assert last_balance([{"step": 50.0}]) is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # what Dynamo looks at while it traces
def test_compiled_layers_are_counted_alike(tmp_path):
    plain, compiled = student(), student()
    options = {"dtype": "float32", "batching": "length_grouped"}
    expected = learn(plain, tmp_path / "a", compile="off", **options).history
    found = learn(compiled, tmp_path / "b", compile="on", **options).history
    for a, b in zip(expected, found, strict=True):
        assert [a[f"share_1_{e}"] for e in range(4)] == pytest.approx([b[f"share_1_{e}"] for e in range(4)], abs=0.02)
    assert torch.allclose(biases(plain), biases(compiled), atol=0.021)
    assert biases(compiled).any()


@pytest.mark.slow
def test_two_processes_are_one(tmp_path, in_ranks):
    """The biases after a short run over one process and over two."""
    (one,) = in_ranks(__file__, [str(tmp_path / "one")], 1)
    two = in_ranks(__file__, [str(tmp_path / "two")], 2)
    assert two == [one, one]
    assert any(value for row in one for value in row)


if __name__ == "__main__":
    trained = student()
    learn(trained, Path(sys.argv[1]), per_device_train_batch_size=2, gradient_accumulation_steps=4, max_steps=5)
    print(json.dumps(biases(trained).tolist()))
