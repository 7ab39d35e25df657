"""Recipes: every problem is found, placed and shown at once; what is right is read exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import UserError
from distill.recipe.files import shipped_recipes
from distill.recipe.schema import Recipe, ScheduleWeights, Section, SymbolicTeacher, load_recipe

BASE = """\
name: small
teacher: {kind: symbolic, tasks: {arithmetic: 3, sorting: 1}}
student: {vocab_size: 512}
loss: {weights: {policy: constant, verify: 2}}
train: {max_steps: 100, warmup_steps: 5}
"""


@pytest.fixture
def write(tmp_path: Path):
    def write_recipe(text: str, name: str = "small.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write_recipe


def problems(path: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        load_recipe(path, overrides)
    return caught.value.problems


def test_a_recipe_is_read(write):
    recipe = load_recipe(write(BASE))
    assert recipe.loss.weights.verify == 2.0 and recipe.loss.weights.plan == 1.0
    assert isinstance(recipe.teacher, SymbolicTeacher)
    assert recipe.teacher.task_weights == {("en", "arithmetic"): 0.75, ("en", "sorting"): 0.25}


def test_recipes_ship_and_each_is_read():
    assert {"miniaxion_from_teacher", "miniaxion_gsm8k", "miniaxion_tiny"} <= set(shipped_recipes())
    for name, path in shipped_recipes().items():
        recipe = load_recipe(name)
        assert recipe.name == name
        assert Recipe.model_validate(yaml.safe_load(recipe.to_yaml())) == recipe
        assert path.read_text(encoding="utf-8").startswith("# ")


def test_the_resolved_recipe_reads_back_equal(write):
    recipe = load_recipe(
        write(BASE), ["train.compile=off", "loss.weights={policy: schedule, verify: [[0, 1], [1, 3]]}"]
    )
    again = load_recipe(write(recipe.to_yaml(), "again.yaml"))
    assert again == recipe and again.fingerprint() == recipe.fingerprint()
    assert load_recipe(write(BASE)).fingerprint() != recipe.fingerprint()


@pytest.mark.parametrize(
    ("override", "cure"),
    [
        ("sed=1", 'sed (--set): unknown key, did you mean "seed"?'),
        ("teacher.eror_rate=0.1", 'teacher.eror_rate (--set): unknown key, did you mean "error_rate"?'),
        ("teacher.tasks.aritmetic=1", 'teacher.tasks.aritmetic (--set): unknown key, did you mean "arithmetic"?'),
        ("data.pth=x", 'data.pth (--set): unknown key, did you mean "path"?'),
        ("parser.fromat=nrm", 'parser.fromat (--set): unknown key, did you mean "format"?'),
        ("student.vocabsize=3", 'student.vocabsize (--set): unknown key, did you mean "vocab_size"?'),
        ("loss.wieghts=1", 'loss.wieghts (--set): unknown key, did you mean "weights"?'),
        ("loss.weights.verfy=1", 'loss.weights.verfy (--set): unknown key, did you mean "verify"?'),
        (
            "loss.weights.policy=adaptve",
            'loss.weights.policy (--set): unknown value "adaptve", did you mean "adaptive"?',
        ),
        ("train.lerning_rate=1", 'train.lerning_rate (--set): unknown key, did you mean "learning_rate"?'),
        ("eval.batchsize=1", 'eval.batchsize (--set): unknown key, did you mean "batch_size"?'),
        ("teacher.kind=symbol", 'teacher.kind (--set): unknown value "symbol", did you mean "symbolic"?'),
        ("train.dtype=float15", 'train.dtype (--set): unknown value "float15", did you mean "float16"?'),
    ],
)
def test_a_typo_at_any_depth_is_refused_with_the_near_match(write, override, cure):
    found = problems(write(BASE), override)
    assert any(problem.startswith(cure) for problem in found), found


def test_every_section_forbids_unknown_keys():
    def all_sections(section: type[Section]) -> list[type[Section]]:
        return [section, *(s for sub in section.__subclasses__() for s in all_sections(sub))]

    sections = all_sections(Section)
    assert len(sections) >= 12
    assert all(s.model_config.get("extra") == "forbid" and s.model_config.get("frozen") for s in sections)


@pytest.mark.parametrize(
    ("override", "finding"),
    [
        ("train.learning_rate=fast", 'train.learning_rate (--set): "fast" is not a number'),
        ("train.max_steps=true", "train.max_steps (--set): true is not a number"),
        ("train.max_steps=0", "train.max_steps (--set): 0 is too small, 1 at least"),
        ("train.max_steps=1.5", "train.max_steps (--set): expected a whole number, this is 1.5"),
        ("train.learning_rate=.inf", "train.learning_rate (--set): inf is not a finite number"),
        ("train.optim=true", "train.optim (--set): true is not one of adamw, muon"),
        ("student.size=9", "student.size (--set): expected text, this is 9"),
        ("teacher.error_rate=1.5", "teacher.error_rate (--set): 1.5 is too large, 1 at most"),
        ("student=", "student (--set): expected a section (key: value lines), this is empty"),
        ("teacher.tasks.sorting=-1", "teacher.tasks.sorting (--set): -1 is too small, 0 at least"),
        ("teacher.language={en: 1}", "teacher.language (--set): unknown value"),
        ("teacher.language=[[en]]", "teacher.language (--set): unknown value"),
        ("eval.calculator=maybe", 'eval.calculator (--set): expected true or false, this is "maybe"'),
        ("name=a b", 'name (--set): "a b" holds more than letters'),
        ("name=../x", 'name (--set): "../x" holds more than letters'),
    ],
)
def test_a_wrong_value_is_refused(write, override, finding):
    found = problems(write(BASE), override)
    assert any(problem.startswith(finding) for problem in found), found


@pytest.mark.parametrize(
    ("override", "finding"),
    [
        ("train.warmup_steps=100", "train.warmup_steps: 100 leaves nothing of max_steps 100"),
        ("train={max_steps: null, max_minutes: 3, lr_scheduler: cosine}", "train.lr_scheduler: cosine needs max_steps"),
        ("train.muon_learning_rate=0.1", "train.muon_learning_rate: set, but train.optim is adamw"),
        ("train.max_steps=", "train: needs max_steps or max_minutes"),
        ("parser.format=gsm8k", "parser.format: the symbolic teacher writes nrm, not gsm8k"),
        ("data.path=x.jsonl", "data.path: the symbolic teacher reads no file"),
        ("teacher.language=pt", 'teacher.tasks.arithmetic: not a task of language "pt"'),
        ("teacher.tasks={arithmetic: 0, sorting: 0}", "teacher.tasks: every weight is 0"),
        ("eval.max_new_tokens=9999", "eval.max_new_tokens: 9999 is more than student.max_length 512"),
        (
            "loss.weights={policy: constant, understand: 0, plan: 0, execute: 0, verify: 0, answer: 0}",
            "loss.weights: every weight is 0",
        ),
        (
            "loss.weights={policy: schedule, plan: [[0.5, 1], [0.2, 1]]}",
            "loss.weights.plan: the progress of the points must rise",
        ),
        ("loss.weights={policy: adaptive, minimum: 1.5}", "loss.weights: the mean weight is 1, outside minimum 1.5"),
        ("loss.weights={policy: random, maximum: 0.5}", "loss.weights: the mean weight is 1, outside minimum 0.5"),
        ("loss.kind=dtf", 'loss.kind (--set): unknown value "dtf", did you mean "dft"?'),
    ],
)
def test_sections_that_disagree_are_refused(write, override, finding):
    found = problems(write(BASE), override)
    assert any(problem.startswith(finding) for problem in found), found


def test_all_problems_are_shown_at_once_with_their_lines(write):
    path = write("name: x\nteacher: {eror_rate: 1}\ntrain:\n  max_steps: many\n  lerning_rate: 1\n")
    with pytest.raises(UserError) as caught:
        load_recipe(path)
    lines = str(caught.value).split("\n")
    assert lines[0] == f"{path} has 3 problems"
    assert lines[1].startswith("  teacher.eror_rate (small.yaml:2): unknown key")
    assert lines[2].startswith('  train.max_steps (small.yaml:4): "many" is not a number')
    assert lines[3].startswith("  train.lerning_rate (small.yaml:5): unknown key")


def test_thousands_of_problems_are_cut_short(write):
    found = problems(write(BASE + "\n".join(f"key{i}: 1" for i in range(3000))))
    assert len(found) == 51 and found[-1] == "… and 2,950 more problems"


def test_numbers_may_be_text(write):
    train = load_recipe(write(BASE), ["train.learning_rate='2e-4'", "train.max_steps='1e3'"]).train
    assert (train.learning_rate, train.max_steps) == (2e-4, 1000)
    assert (
        load_recipe(write(BASE.replace("warmup_steps: 5", "learning_rate: 2e-4, warmup_steps: 5"))).train.learning_rate
        == 2e-4
    )


def test_only_true_and_false_are_booleans(write):
    assert load_recipe(write(BASE), ["train.compile=off"]).train.compile == "off"
    assert load_recipe(write(BASE), ["name=no"]).name == "no"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("- a\n- b\n", "this is a list"),
        ("just words\n", "this is text"),
        ("name: x\ntrain: {max_steps: 1\nloss: ]\n", "line 3, column 5: not YAML"),
        ("name: x\n\tseed: 1\n", "line 2, column 1: not YAML"),
        ("name: x\nname: y\n", 'line 2, column 1: not YAML: the key "name" appears twice'),
        ("a: 1\nb: &x 1\n", "line 2, column 4: not YAML: anchors and aliases are not allowed here"),
        ("a: *x\n", "anchors and aliases are not allowed here"),
        ("a: !!python/object:os.system {}\n", "the tag tag:yaml.org,2002:python/object:os.system is not read here"),
        ("a: !!set {x}\n", "the tag tag:yaml.org,2002:set is not read here"),
        ("a: !x 1\n", "the tag !x is not read here"),
        ("a: !!int x\n", "not a number"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("a: " + "{a: " * 3000, "nested too deeply"),
        ("seed: " + "9" * 5000, "one with thousands of digits"),
        ("name: " + "x" * 100_001, "larger than 100 kB"),
        ("a: \x00\n", "not YAML"),
    ],
)
def test_what_is_no_recipe_is_one_line(write, text, finding):
    (found,) = problems(write(text))[:1]
    assert finding in found and "\n" not in found


def test_what_is_no_utf8_is_one_line(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"name: \xff\xfe")
    assert problems(str(tmp_path / "x.yaml"))[0].endswith("not UTF-8 text")


def test_only_regular_files_are_read(tmp_path, write):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in ("/dev/zero", str(tmp_path / "pipe.yaml")):
        assert problems(path)[0].startswith(f"{path}: a device or a pipe")
    assert "no file pipe.yaml beside" in problems(write("include: pipe.yaml\n"))[0]
    assert "cannot be read (File name too long)" in problems("x" * 5000)[0]
    assert "cannot be read (File name too long)" in problems(write(f"include: {'x' * 5000}\n"))[0]


def test_a_missing_recipe_lists_near_matches(tmp_path):
    assert "miniaxion_tiny" in problems("miniaxion_tyni")[0]
    assert "no such file; recipes that ship: miniaxion_tiny" in problems(str(tmp_path / "miniaxion_tinny.yaml"))[0]
    assert problems("unheard_of")[0] == "unheard_of: no recipe of this name and no such file; see distill recipes"
    assert problems(str(tmp_path))[0].endswith("a folder, not a recipe file")


def test_include_merges_key_by_key_one_level_deep(write):
    write(BASE, "base.yaml")
    path = write("include: base.yaml\nname: more\ntrain: {max_steps: 7}\n", "more.yaml")
    recipe = load_recipe(path, ["train.warmup_steps=2"])
    assert (recipe.name, recipe.train.max_steps, recipe.train.warmup_steps, recipe.student.vocab_size) == (
        "more",
        7,
        2,
        512,
    )
    deep = write("include: more.yaml\n", "deep.yaml")
    assert "only one level of include is allowed" in problems(deep)[0]
    assert "no file gone.yaml beside" in problems(write("include: gone.yaml\n", "x.yaml"))[0]
    assert load_recipe(write("include: miniaxion_tiny.yaml\nname: y\n", "y.yaml")).name == "y"


def test_a_problem_in_an_included_file_names_that_file(write):
    write("name: x\nteacher: {kid: symbolic}\n", "base.yaml")
    found = problems(write("include: base.yaml\ntrain: {max_steps: 3, warmup_steps: 0}\n", "more.yaml"))
    assert found[0].startswith("teacher.kid (base.yaml:2): unknown key")


def test_another_kind_replaces_the_section_it_is_merged_over(write):
    recipe = load_recipe(write(BASE), ["teacher.dataset=math", "teacher.kind=reference", "data.path=a=b.jsonl"])
    assert recipe.teacher.model_dump(exclude_defaults=True) == {"kind": "reference", "dataset": "math"}
    assert recipe.data.path == "a=b.jsonl"  # split at the first = only


def test_set_replaces_a_mapping_and_include_merges_it(write):
    write(BASE, "base.yaml")
    path = write("include: base.yaml\nteacher: {tasks: {pattern: 1}}\n", "more.yaml")
    assert load_recipe(path).teacher.tasks == {"arithmetic": 3, "sorting": 1, "pattern": 1}  # type: ignore[union-attr]
    recipe = load_recipe(path, ["teacher.tasks={pattern: 1}"])
    assert recipe.teacher.tasks == {"pattern": 1}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "override", ["train.max_steps", "=3", "train.=3", ".=", "name.x=1", "a" + ".a" * 50_000 + "=1"]
)
def test_an_override_that_cannot_be_applied_is_refused(write, override):
    assert problems(write(BASE), override)[0].startswith(f"--set {override[:60]}")


def test_one_number_is_a_schedule_that_stays(write):
    weights = load_recipe(
        write(BASE), ["loss.weights={policy: schedule, plan: 2, verify: [[0, 0], [1, '3']]}"]
    ).loss.weights
    assert isinstance(weights, ScheduleWeights)
    assert (weights.plan, weights.verify, weights.answer) == (((0.0, 2.0),), ((0.0, 0.0), (1.0, 3.0)), ((0.0, 1.0),))


@given(st.text(max_size=60), st.text(max_size=30))
def test_no_text_brings_the_reader_down(tmp_path_factory, text, override):
    path = tmp_path_factory.getbasetemp() / "random.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(UserError):
        load_recipe(str(path), [override])
