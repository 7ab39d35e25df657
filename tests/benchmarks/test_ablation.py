"""The ablation of stage weights: equal budgets, one change an arm, and the table by hand."""

from __future__ import annotations

import pytest

from benchmarks.ablation import ARMS, arm_recipe, differences, markdown, mean_over_seeds, plot
from distill.training.settings import build_policy


def metrics(accuracy: float, *, svr: float | None = None) -> dict:
    own = {"rate": svr, "false_alarm_rate": 0.01}
    return {"average": {"accuracy": accuracy}, "rfs": accuracy, "svr": {"own": own, "injected": None}}


def test_arms_differ_in_the_loss_and_in_nothing_else() -> None:
    recipes = {arm: arm_recipe("ablation_stage_weights", arm, 1) for arm in ARMS}
    dumped = {arm: recipe.model_dump() for arm, recipe in recipes.items()}
    losses = {arm: str(one.pop("loss")) for arm, one in dumped.items()}
    assert len(set(losses.values())) == len(ARMS) == 6
    assert all(one == dumped["uniform"] for one in dumped.values())
    assert recipes["uniform"].seed == 1 and recipes["uniform"].train.max_steps


@pytest.mark.parametrize("arm", ARMS)
def test_weights_of_every_arm_have_a_mean_of_one(arm: str) -> None:
    recipe = arm_recipe("ablation_stage_weights", arm, 2)
    policy = build_policy(recipe.loss.weights, recipe.seed)
    for progress in (0.0, 0.3, 1.0):
        assert policy.weights(progress)[:4].mean().item() == pytest.approx(1)


def test_means_over_seeds_by_hand() -> None:
    found = mean_over_seeds([0.5, 0.6, 0.7])  # standard deviation 0.1; 4.303 · 0.1 / √3
    assert (found.mean, found.half) == (pytest.approx(0.6), pytest.approx(0.24843, abs=1e-5))
    assert mean_over_seeds([0.5]).half is None


def test_the_table_pairs_by_seed(tmp_path) -> None:
    found = {
        "uniform": [metrics(0.5, svr=0.2), metrics(0.6), metrics(0.7)],
        "dft": [metrics(0.52), metrics(0.62), metrics(0.72)],
    }
    gain = differences(found)["dft"]
    assert (gain.mean, gain.half) == (pytest.approx(0.02), pytest.approx(0, abs=1e-9))  # though accuracies vary widely
    lines = markdown(found).splitlines()
    assert lines[2].startswith("| uniform | 3 | 60.0 ± 24.8 | 0.600 ± 0.248 | 20.0 | – | – | 1.0 ± 0.0 | – |")
    assert lines[3].endswith("| +2.0 ± 0.0 |")
    plot(found, tmp_path / "plot.svg")
    assert "dft" in (tmp_path / "plot.svg").read_text() or (tmp_path / "plot.svg").stat().st_size > 2000
