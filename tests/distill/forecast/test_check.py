"""`distill check`: the sizes are exact where they can be, and the example shown is the one that is learnt."""

from __future__ import annotations

import io

import pytest
import yaml
from rich.console import Console

from distill.data.nano import training_rows
from distill.errors import UserError
from distill.forecast.check import check_recipe
from distill.forecast.forecast import forecast
from distill.forecast.problems import refuse_impossible
from distill.recipe.schema import NanoStudent, Recipe, load_recipe
from distill.tracks.nano_needs import sizes
from distill.tracks.needs import Sample, Sizes
from distill.training.settings import stage_weights
from parsers import NO_STAGE, Stage


def sizes_of(recipe: Recipe) -> Sizes:
    assert isinstance(recipe.student, NanoStudent)
    return sizes(recipe.student)


def shown(recipe: Recipe, *, show_example: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200)
    check_recipe(recipe, show_example=show_example, console=console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_forecast_counts_parameters_tokens_and_steps():
    recipe = load_recipe("miniaxion_from_teacher", ["train.max_minutes=30"])
    lengths = Sample([100, 200, 300])
    found = forecast(recipe, lengths, sizes_of(recipe))
    train = recipe.train
    assert found.parameters == 920_833  # the size that the name of the student promises
    assert found.tokens_per_step == 200 * train.per_device_train_batch_size * train.gradient_accumulation_steps
    assert found.seconds == {"this machine": 1800} and found.trained == found.parameters
    assert found.tokens == pytest.approx(found.tokens_per_step * found.steps)
    assert 1e6 < found.tokens < 1e9
    longer = load_recipe("miniaxion_from_teacher", [f"train.max_steps={round(found.steps)}"])
    assert forecast(longer, lengths, sizes_of(longer)).seconds["this machine"] == pytest.approx(1800, rel=0.01)


def test_check_shows_the_resolved_recipe_and_the_forecast():
    recipe = load_recipe("miniaxion_tiny", ["train.max_steps=77"])
    text = shown(recipe)
    resolved, _, table = text.partition("parameters")
    assert Recipe.model_validate(yaml.safe_load(resolved)) == recipe
    assert "about 77" in table and "fits this machine" in table and "less than a second" in table


def test_a_pattern_that_matches_no_parameter_is_named():
    text = shown(load_recipe("miniaxion_tiny", ['train.learning_rate_multipliers={"*.a": 2, "lora*": 3}']))
    assert '"lora*" matches no parameter' in text and '"*.a" matches' not in text


def test_the_example_is_shown_token_by_token_with_its_weight():
    recipe = load_recipe("miniaxion_tiny", ["loss.weights.verify=2.5", "loss.weights.answer=0.5"])
    text = shown(recipe, show_example=True)
    learnt = training_rows(recipe).row(0).text
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
