"""Bases that cannot work are refused by their configuration and tokenizer, in one line, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoConfig,
    GPT2Config,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2MoeConfig,
)

from distill.data.bases import find_base
from distill.data.prompts import prompt
from distill.errors import UserError
from distill.forecast.memory import activation_bytes
from distill.forecast.problems import refuse_impossible
from distill.recipe.schema import load_recipe
from distill.tracks.base_problems import base_problems, empty_model, linear_layers
from distill.tracks.choose import track_of

LLAMA = LlamaConfig(
    vocab_size=300,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    intermediate_size=24,
)
REFUSING = "{{ raise_exception('a system message is due') }}"


def tokenizer_of(*, eos: str | None = "</s>", bos: str | None = None, template: str | None = None):
    backend = Tokenizer(models.BPE({"<s>": 0, "</s>": 1, "x": 2, **{chr(97 + i): 3 + i for i in range(20)}}, []))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if bos:
        from tokenizers.processors import TemplateProcessing

        backend.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=eos, bos_token=bos)
    tokenizer.chat_template = template
    return tokenizer


def base(folder: Path, config=LLAMA, **options) -> str:
    config.save_pretrained(folder)
    tokenizer_of(**options).save_pretrained(folder)
    return str(folder)


def recipe_of(base: str, *overrides: str):
    return load_recipe("nanoreason135m_cpu", [f"student.base={base}", "student.gguf_file=null", *overrides])


def problems_of(base: str, *overrides: str) -> list[str]:
    recipe = recipe_of(base, *overrides)
    return list(base_problems(recipe.student, find_base(base)))


def test_a_plain_base_has_no_problems(tmp_path):
    assert problems_of(base(tmp_path, template="{{ messages[0]['content'] }}")) == []
    assert problems_of(base(tmp_path / "bare", bos="<s>")) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"eos": None}, "no end-of-text token"),
        ({"template": REFUSING}, "takes no single question (a system message is due)"),
        ({"template": "{% if %}"}, "takes no single question"),
        ({"template": "{{ ''.__class__.__mro__ }}"}, "takes no single question"),
    ],
)
def test_tokenizers_that_cannot_ask_or_end(tmp_path, options, words):
    found = problems_of(base(tmp_path, **options))
    assert len(found) == 1 and words in found[0] and "\n" not in found[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_size": 10**9}, "hidden_size is 1,000,000,000"),
        ({"num_attention_heads": 0}, "no causal language model that works here"),
        ({"vocab_size": -5}, "vocab_size is -5"),
        ({"vocab_size": "abc"}, "no causal language model that works here"),
        ({"num_hidden_layers": 10**8}, "num_hidden_layers is 100,000,000"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps is nan"),
        ({"model_type": "unheard_of"}, "unheard_of"),
        ({"model_type": "t5"}, "no causal language model"),
    ],
)
def test_damaged_and_foreign_configurations(tmp_path, change, words):
    folder = base(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    found = problems_of(folder)
    assert len(found) == 1 and words in found[0] and "\n" not in found[0]
    with pytest.raises(UserError):
        refuse_impossible(recipe_of(folder, "teacher.dataset=gsm8k"), may_download=False)


def test_models_of_pictures_are_refused(tmp_path):
    AutoConfig.for_model("gemma3").save_pretrained(tmp_path)
    tokenizer_of().save_pretrained(tmp_path)
    found = problems_of(str(tmp_path))
    assert len(found) == 1 and "pictures or sound" in found[0]


def test_experts_and_missing_layers_are_refused(tmp_path):
    config = Qwen2MoeConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=24, moe_intermediate_size=8, shared_expert_intermediate_size=8, num_experts=2,
        num_experts_per_tok=1,
    )  # fmt: skip
    found = problems_of(base(tmp_path, config))
    assert found and all("experts of this base" in problem for problem in found)
    attention = ["student.reasoning.target_modules=[q_proj, v_proj]", "student.verification.target_modules=[q_proj]"]
    assert problems_of(str(tmp_path), *attention) == []


def test_gpt2_has_layers_of_another_kind(tmp_path):
    config = GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2)
    folder = base(tmp_path, config)
    assert "it has c_attn, c_proj, c_fc" in problems_of(folder)[0]
    targets = ["student.reasoning.target_modules=[c_attn]", "student.verification.target_modules=[c_attn]"]
    assert problems_of(folder, *targets) == []
    facts = find_base(folder)
    assert facts
    assert linear_layers(empty_model(facts.config))["c_attn"] == (1, 16, 48)
    sizes = track_of(recipe_of(folder, *targets)).sizes()
    assert sizes is not None and activation_bytes(sizes, 2, 64) > 0


def test_a_bare_prompt_opens_as_the_tokenizer_does():
    assert prompt(tokenizer_of(bos="<s>"), "x") == "<s>x\n"
    assert prompt(tokenizer_of(), "x") == "x\n"


def test_a_template_that_writes_the_date_writes_the_same_tomorrow():
    dated = "{{ strftime_now('%d %b %Y') }} {{ date_string }} {{ messages[0]['content'] }}"
    assert prompt(tokenizer_of(template=dated), "x") == "26 Jul 2024 26 Jul 2024 x"
