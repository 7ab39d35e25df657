"""The forecast of an adapter recipe: counts exact, memory by part, and what is said where it cannot work."""

from __future__ import annotations

import importlib.util
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from distill.errors import UserError
from distill.forecast import forecast as forecast_module
from distill.forecast.check import check_recipe
from distill.forecast.forecast import Forecast, forecast, processes_that_fit
from distill.forecast.memory import activation_bytes
from distill.forecast.problems import refuse_impossible
from distill.recipe.files import shipped_recipes
from distill.recipe.schema import Recipe, load_recipe
from distill.runs.folder import Run
from distill.runs.memory import cure_for_memory
from distill.runs.processes import choose_nproc
from distill.tracks.adapter import num_trained
from distill.tracks.adapter_needs import NF4_BYTES
from distill.tracks.choose import track_of

ADAPTER_RECIPES = [name for name in shipped_recipes() if load_recipe(name).student.kind == "adapter"]


def forecast_of(recipe: Recipe) -> Forecast:
    sample, sizes = track_of(recipe).sample(False), track_of(recipe).sizes()
    assert sample is not None and sizes is not None
    return forecast(recipe, sample, sizes)


def shown(recipe: Recipe, *, show_example: bool = False) -> str:
    console = Console(file=io.StringIO(), width=300)
    check_recipe(recipe, console=console, show_example=show_example)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ADAPTER_RECIPES)
def test_every_adapter_recipe_is_checked_without_a_download(name: str) -> None:
    text = shown(load_recipe(name))
    assert "licence: Of the base: " in text and "trained parameters" in text and "peak memory" in text
    assert "does not fit" not in text


def test_sizes_of_the_3b_base_by_hand() -> None:
    recipe = load_recipe("nanoreason3b")
    found = forecast_of(recipe)
    assert found.parameters == 3_085_938_688  # 3.09B, as published
    # r · (in + out): q and o 2048 + 2048, k and v 2048 + 256, gate, up and down 2048 + 11008; 36 layers; 5 markers
    per_layer = 2 * 4096 + 2 * 2304 + 3 * 13056
    assert found.trained == (16 + 8) * per_layer * 36 + 5 * 2048
    linear = 36 * (2 * 2048 * 2048 + 2 * 2048 * 256 + 3 * 2048 * 11008)
    rest = found.parameters - linear
    assert found.memory["frozen weights"] == pytest.approx(linear * NF4_BYTES + 2 * rest)
    assert found.memory["trained weights and gradients"] == 8 * found.trained
    assert found.seconds["T4"] == pytest.approx(2 * found.seconds["2 x T4"])


def test_a_cpu_is_as_fast_as_the_dtype_that_it_trains_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def hours(dtype: str, *, has_instructions: bool) -> float:
        monkeypatch.setattr("students.precision.cpu_multiplies_bfloat16", lambda: has_instructions)
        monkeypatch.setattr("students.precision.faster_dtype", lambda rows: torch.bfloat16)
        recipe = load_recipe("nanoreason135m_cpu", ["train.max_steps=100", f"train.dtype={dtype}"])
        return forecast_of(recipe).seconds["CPU"]

    slow = hours("float32", has_instructions=True)
    assert hours("auto", has_instructions=False) == hours("bfloat16", has_instructions=False) == slow
    fast = hours("auto", has_instructions=True)
    assert hours("float16", has_instructions=True) == fast == pytest.approx(slow * 25 / 47)


def test_activations_of_a_base_grow_with_layers_and_tokens_and_shrink_when_layers_are_computed_again(
    tiny_base: Path,
) -> None:
    overrides = [f"student.base={tiny_base}", "student.load_in_4bit=false", "student.gguf_file=null"]
    kept, again = (
        track_of(load_recipe("nanoreason135m_cpu", [*overrides, f"student.gradient_checkpointing={value}"])).sizes()
        for value in ("false", "true")
    )
    assert kept is not None and again is not None and kept.num_equal_layers == 2
    held = activation_bytes(kept, 2, 64)
    assert held == pytest.approx(activation_bytes(kept, 1, 128), rel=0.1)
    assert activation_bytes(replace(kept, num_equal_layers=None), 2, 64) == pytest.approx(held, rel=1e-6)
    layer = held - activation_bytes(replace(kept, num_equal_layers=1), 2, 64)
    inputs = 2 * (2 * 64) * 64  # two bytes, tokens, hidden size
    assert activation_bytes(again, 2, 64) == pytest.approx(held - layer + 2 * inputs, abs=inputs)
    assert layer > 10 * inputs


def test_the_licence_of_a_base_that_is_not_free_is_shown() -> None:
    assert "Qwen Research License" in shown(load_recipe("nanoreason3b"))
    assert "Apache-2.0" in shown(load_recipe("nanoreason3b_apache"))


@pytest.mark.parametrize("verification", ["{r: 2, target_modules: [q_proj]}", "null"])
def test_trained_parameters_are_those_that_are_trained(tiny_base: Path, verification: str) -> None:
    overrides = [f"student.base={tiny_base}", "student.load_in_4bit=false", "student.gguf_file=null"]
    recipe = load_recipe("nanoreason135m_cpu", [*overrides, f"student.verification={verification}"])
    model, _ = track_of(recipe).build(Run(tiny_base, recipe))
    found = forecast_of(recipe)
    assert found.trained == num_trained(model)


def test_what_does_not_fit_says_what_to_change() -> None:
    changes = ["student.load_in_4bit=false", "student.gradient_checkpointing=false", "train.optim=adamw"]
    recipe = load_recipe("nanoreason3b", [*changes, "train.per_device_train_batch_size=8"])
    assert "does not fit a T4" in shown(recipe)
    cure = cure_for_memory(recipe)
    for words in (
        "load_in_4bit to true",
        "gradient_checkpointing to true",
        "batch_size to 4 and gradient_acc",
        "max_length",
    ):
        assert words in cure
    assert "batch_size" not in cure_for_memory(load_recipe("nanoreason3b", ["train.per_device_train_batch_size=1"]))


def test_a_recipe_for_a_gpu_is_refused_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("distill.forecast.problems.data_problems", lambda recipe: [])
    monkeypatch.setattr("distill.tracks.adapter_needs.base_tokenizer", lambda student: None)
    with pytest.raises(UserError, match=r"needs a GPU, and there is none here .* nanoreason135m_cpu"):
        refuse_impossible(load_recipe("nanoreason3b"))


def test_the_example_is_shown_where_nothing_must_be_downloaded(tiny_base: Path, tmp_path: Path) -> None:
    row = {"question": "What is 2 + 3?", "answer": "2+3=<<2+3=5>>5\n#### 5"}
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    overrides = [f"data.path={tmp_path / 'train.jsonl'}", f"student.base={tiny_base}", "student.gguf_file=null"]
    text = shown(load_recipe("nanoreason_sft", [*overrides, "loss.weights.verify=2.5"]), show_example=True)
    rows = [line.split() for line in text.splitlines() if line.split()[-2:-1] in (["VERIFY"], ["prompt"], ["answer"])]
    assert {row[-2]: row[-1] for row in rows} == {"VERIFY": "2.5", "prompt": "0", "answer": "1"}
    assert "no example" in shown(load_recipe("nanoreason3b"), show_example=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name))
    with pytest.raises(UserError, match="load_in_4bit: bitsandbytes is not installed"):
        refuse_impossible(load_recipe("nanoreason135m_cpu"), may_download=False)


def test_a_folder_that_is_no_base_is_named(tmp_path: Path) -> None:
    def refused(base: Path) -> str:
        with pytest.raises(UserError) as caught:
            shown(load_recipe("nanoreason135m_cpu", [f"student.base={base}", "student.gguf_file=null"]))
        return str(caught.value)

    assert "no folder with a config.json" in refused(tmp_path / "gone") and "no folder with" in refused(tmp_path)
    for config, words in (
        ("{", "not JSON"),
        ("{}", "no causal language model"),
        ('{"model_type": "x"}', "no causal language"),
    ):
        (tmp_path / "config.json").write_text(config)
        assert words in refused(tmp_path)


def test_nothing_is_forecast_of_a_base_that_is_unknown() -> None:
    assert "no forecast: the sizes of this base are unknown" in shown(
        load_recipe("nanoreason135m_cpu", ["student.base=some/base"])
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="counts the processes of a CPU")
def test_memory_decides_how_many_processes_train(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("nanoreason05b_cpu")
    needed = forecast_module.LEFT_OUT * forecast_of(recipe).memory_bytes  # on the Hub: its texts as long as they may be
    for memory, processes in ((0.5 * needed, 1), (1.9 * needed, 1), (2.1 * needed, 2), (8.5 * needed, 8)):
        monkeypatch.setattr(forecast_module, "machine_bytes", lambda memory=memory: memory)
        assert processes_that_fit(recipe) == processes
    assert choose_nproc(4, most=1) == 1 and choose_nproc(4, wanted=4, most=1) == 4
    assert processes_that_fit(load_recipe("miniaxion_tiny")) is None, "nano students fit any machine"
