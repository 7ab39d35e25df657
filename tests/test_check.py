"""`distill check`: the sizes are exact where they can be, and the example shown is the one that is learnt."""

from __future__ import annotations

import io

import pytest
import yaml
from rich.console import Console

from distill.check import check_recipe, stage_weights
from distill.errors import UserError
from distill.examples import training_texts
from distill.forecast import forecast, refuse_impossible
from distill.recipe import Recipe, load_recipe
from parsers import NO_STAGE, Stage


def shown(recipe: Recipe, *, show_example: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200)
    check_recipe(recipe, show_example=show_example, console=console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_forecast_counts_parameters_tokens_and_steps():
    recipe = load_recipe("miniaxion_from_teacher", ["train.max_minutes=30"])
    found = forecast(recipe, [100, 200, 300])
    train = recipe.train
    assert found.parameters == 920_833  # the size that the name of the student promises
    assert found.tokens_per_step == 200 * train.per_device_train_batch_size * train.gradient_accumulation_steps
    assert found.seconds == 1800 and found.longest == 300 and found.num_texts is None
    assert found.tokens == pytest.approx(found.tokens_per_step * found.steps)
    assert 1e6 < found.tokens < 1e9
    again = forecast(load_recipe("miniaxion_from_teacher", [f"train.max_steps={round(found.steps)}"]), [100, 200, 300])
    assert again.seconds == pytest.approx(1800, rel=0.01)


def test_check_shows_the_resolved_recipe_and_the_forecast():
    recipe = load_recipe("miniaxion_tiny", ["train.max_steps=77"])
    text = shown(recipe)
    resolved, _, table = text.partition("parameters")
    assert Recipe.model_validate(yaml.safe_load(resolved)) == recipe
    assert "about 77" in table and "minutes" in table


def test_the_example_is_shown_token_by_token_with_its_weight():
    recipe = load_recipe("miniaxion_tiny", ["loss.weights.verify=2.5", "loss.weights.answer=0.5"])
    text = shown(recipe, show_example=True)
    learnt = training_texts(recipe).text(0)
    assert learnt in text.replace("\n", "")
    rows = [
        line.split()
        for line in text.splitlines()
        if line.split()[-2:-1] and line.split()[-2] in ("VERIFY", "answer", "prompt")
    ]
    assert {row[-2]: row[-1] for row in rows} == {"VERIFY": "2.5", "answer": "0.5", "prompt": "0"}
    assert "VERIFY 2.5" in text


def test_the_data_of_several_data_sets_is_looked_at_where_all_of_it_is_here(tmp_path):
    def shown_with(paths: str) -> str:
        return shown(load_recipe("miniaxion_gsm8k", ["teacher.datasets={" + paths + "}"]))

    with pytest.raises(UserError, match=r"gone\.jsonl: no such file"):
        shown_with(f"gsm8k: {{path: {tmp_path / 'gone.jsonl'}}}")
    assert "the data is on the Hub" in shown_with(f"gsm8k: {{path: {tmp_path / 'gone.jsonl'}}}, math: {{}}")


def test_weights_at_the_start_of_a_schedule():
    recipe = load_recipe("miniaxion_tiny", ["loss.weights={policy: schedule, plan: [[0, 3], [1, 1]], answer: 2}"])
    weights = stage_weights(recipe)
    assert weights == {Stage.UNDERSTAND: 1, Stage.PLAN: 3, Stage.EXECUTE: 1, Stage.VERIFY: 1, NO_STAGE: 2}


def test_float16_is_refused_where_there_is_no_gpu(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="float16 is computed on GPUs only"):
        refuse_impossible(load_recipe("miniaxion_tiny", ["train.dtype=float16"]))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    with pytest.raises(UserError, match=r"bfloat16 needs compute capability 8\.0, this Tesla T4 has 7\.5; use float16"):
        refuse_impossible(load_recipe("miniaxion_tiny", ["train.dtype=bfloat16"]))
