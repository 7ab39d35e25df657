"""Portuguese and bilingual recipes: what is trained on and asked, and the whole pipeline in small."""

from __future__ import annotations

import json
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from transformers import AutoModelForCausalLM

from distill.data.nano import problems_beyond, problems_to_ask, symbolic_trace
from distill.errors import UserError
from distill.recipe.schema import Recipe, load_recipe
from distill.tracks.choose import track_of
from distill.verbs.run import run
from teachers.nano_tasks import LANGUAGES

TINY = "miniaxion_tiny"
PORTUGUESE = ["teacher.language=pt", "teacher.tasks={}"]


def recipe_with(*overrides: str) -> Recipe:
    return load_recipe(TINY, [*PORTUGUESE, *overrides])


def test_one_language_is_written_as_one_and_several_as_a_list(tmp_path: Path) -> None:
    for value, written in (("pt", "language: pt"), ("[en, pt]", "language:\n  - en\n  - pt")):
        recipe = load_recipe(TINY, [f"teacher.language={value}", "teacher.tasks={}"])
        assert written in recipe.to_yaml()
        (tmp_path / "again.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        again = load_recipe(str(tmp_path / "again.yaml"))
        assert again == recipe
        assert again.fingerprint() == recipe.fingerprint()


def test_a_weight_holds_in_every_language_that_has_the_task() -> None:
    tasks = "teacher.tasks={arithmetic: 2, addition: 1, even_odd: 1}"
    recipe = load_recipe(TINY, ["teacher.language=[en, pt]", tasks])
    assert recipe.teacher.task_weights == {  # type: ignore[union-attr]
        ("en", "arithmetic"): 0.4, ("en", "even_odd"): 0.2, ("pt", "addition"): 0.2, ("pt", "even_odd"): 0.2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "finding"),
    [
        ("fr", 'teacher.language (--set): unknown value "fr"'),
        ("[en, fr]", 'teacher.language (--set): unknown value "fr"'),
        ("[]", "teacher.language (--set): a list of languages names at least one"),
        ("[pt, pt]", "teacher.language (--set): a list of languages names at least one, and none twice"),
        ("3", 'teacher.language (--set): unknown value "3"'),
    ],
)
def test_a_language_that_is_not_there_is_refused(language: str, finding: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(TINY, [f"teacher.language={language}", "teacher.tasks={}"])
    assert [problem for problem in caught.value.problems if problem.startswith(finding)], caught.value.problems


def test_traces_and_questions_are_portuguese() -> None:
    recipe = recipe_with("eval.num_questions_per_task=20")
    assert {symbolic_trace(recipe, index).problem.language for index in range(20)} == {"pt"}
    asked, harder = problems_to_ask(recipe), problems_beyond(recipe)
    tasks = [task for _, task in recipe.teacher.task_weights]  # type: ignore[union-attr]
    assert len(tasks) == 11
    assert Counter(p.task for p in asked) == dict.fromkeys(tasks, 20)
    assert list(harder) == [1, 2, 3]
    assert Counter(p.task for p in harder[1]) == dict.fromkeys((t for t in tasks if t != "chat"), 20)
    assert len({p.question for p in asked}) == len(asked)


def test_a_bilingual_llama_goes_through_the_whole_pipeline(tmp_path: Path) -> None:
    recipe = load_recipe(
        TINY,
        [
            "teacher.language=[en, pt]", "teacher.tasks={even_odd: 1, arithmetic: 1, true_false: 1, chat: 1}",
            "student.size=miniaxion1.5-tiny", "train.max_steps=3", "train.warmup_steps=1", "train.optim=muon",
            "eval.num_questions_per_task=2", "eval.max_new_tokens=6",
        ],
    )  # fmt: skip
    done = run(recipe, out=str(tmp_path / "run"), nproc=1, console=Console(file=StringIO()))
    metrics = json.loads(done.metrics.read_text(encoding="utf-8"))
    assert metrics["training"]["steps"] == 3
    assert set(metrics["tasks"]) == {"en/even_odd", "en/arithmetic", "pt/even_odd", "pt/true_false", "pt/chat"}
    assert "pt/chat" not in metrics["beyond"]["3"]["tasks"]
    assert metrics["languages"]["pt"]["table"] == "miniaxion1.5"
    assert json.loads((done.student / "config.json").read_text(encoding="utf-8"))["model_type"] == "llama"
    assert "pt/even odd" in done.report.read_text(encoding="utf-8")
    assert "language: [en, pt]" in (done.student / "README.md").read_text(encoding="utf-8")
    model = AutoModelForCausalLM.from_pretrained(done.student)
    assert model.model.layers[0].self_attn.o_proj.weight.any(), "what started at zero has learnt"


@pytest.mark.parametrize(
    ("name", "parameters", "languages"),
    [
        ("miniaxion15_ptbr", 2_718_144, {"pt"}),
        ("miniaxion15_bilingual", 2_718_144, {"en", "pt"}),
        ("miniaxion_5m", 5_049_600, {"en"}),
        ("miniaxion_10m", 9_835_840, {"en"}),
        ("miniaxion_20m", 19_733_952, {"en"}),
    ],
)
def test_the_recipes_ask_for_all_tasks_of_their_languages(name: str, parameters: int, languages: set[str]) -> None:
    recipe = load_recipe(name)
    tasks = {(language, task) for language in languages for task in LANGUAGES[language]}
    shares = recipe.teacher.task_weights  # type: ignore[union-attr]
    assert set(shares) == tasks
    for language in languages:
        share = sum(value for (other, _), value in shares.items() if other == language)
        assert share == pytest.approx(1 / len(languages))
    sizes = track_of(recipe).sizes()
    assert sizes is not None and sizes.trained == parameters
