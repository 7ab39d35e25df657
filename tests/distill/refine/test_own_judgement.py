"""What a student keeps of its own solutions without a teacher: by vote, by its VERIFY, by both; noise is only counted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from distill.data.nano import problems_beyond
from distill.data.rows import encode_row
from distill.errors import UserError
from distill.recipe.schema import load_recipe
from distill.recipe.train import Keep
from distill.refine.own_judgement import keep_own
from distill.refine.own_traces import count_traces, pools_of
from distill.runs.files import read_json, read_jsonl
from distill.runs.folder import Run
from distill.tracks.choose import track_of
from distill.verbs import run as pipeline
from parsers import Stage
from students.tokenizer import train_tokenizer
from teachers.problems import Problem, Trace
from teachers.symbolic import solve

SUM = Problem("What is 34 + 48?", "82", "arithmetic", expression="34+48")
ASKED = Trace(SUM, "", "nrm", "symbolic")
HEAD = "[UNDERSTAND]<STEP>34+48[PLAN]<STEP>add"
RIGHT = HEAD + "[EXECUTE]<STEP>4+8=12<STEP>3+4+1=8[VERIFY]<STEP>82-48=34<STEP>ok</THINK><ANS>82</ANS>"
SLIP = HEAD + "[EXECUTE]<STEP>4+8=13<STEP>3+4+1=8[VERIFY]<STEP>83-48=34<STEP>ok</THINK><ANS>83</ANS>"
DOUBTED = SLIP.replace("83-48=34<STEP>ok", "83-48=35 wrong")
TINY = [
    "train.max_steps=4", "train.warmup_steps=1", "eval.num_questions_per_task=2", "refine.num_problems=6",
    "refine.num_samples=3", "refine.max_steps=3", "refine.rounds=2", "refine.extra_digits=1",
]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "outputs", "kinds"),
    [
        ("all", [RIGHT, SLIP, ""], ["kept", "mistaken", "malformed"]),
        ("all", [RIGHT, RIGHT, SLIP], ["kept", "left", "mistaken"]),  # equal texts are learnt once
        ("vote", [SLIP, RIGHT, DOUBTED], ["mistaken", "left", "mistaken"]),  # 83 has two of three votes
        ("vote", [SLIP, RIGHT, ""], ["left", "left", "malformed"]),  # nothing has more than half
        ("verify", [DOUBTED, RIGHT, SLIP], ["left", "kept", "mistaken"]),
        ("both", [DOUBTED, RIGHT, SLIP], ["left", "left", "left"]),  # of two that VERIFY passes neither has a majority
        ("both", [DOUBTED, RIGHT, RIGHT + " "], ["left", "kept", "kept"]),
    ],
)
def test_what_is_kept(how: Keep, outputs: list[str], kinds: list[str]) -> None:
    assert [own.kind for own in keep_own(ASKED, outputs, how)] == kinds


def test_gold_decides_nothing_and_counts_the_noise() -> None:
    other_gold = Trace(Problem(SUM.question, "7", "arithmetic"), "", "nrm", "symbolic")
    for how in ("all", "vote", "verify", "both"):
        one, other = (keep_own(asked, [RIGHT, RIGHT, SLIP], how) for asked in (ASKED, other_gold))
        assert [own.row for own in one] == [own.row for own in other]
    assert count_traces(keep_own(ASKED, [RIGHT, SLIP], "all"))["label_noise"] == 0.5
    assert count_traces(keep_own(ASKED, ["", ""], "all"))["label_noise"] is None


def test_its_own_text_is_learnt_behind_the_question() -> None:
    (own,) = keep_own(ASKED, [RIGHT], "both")
    assert own.row is not None and pools_of([own]) == ([own.row], [])
    tokenizer = train_tokenizer([solve(SUM).text] * 20, vocab_size=512)
    example = encode_row(own.row, tokenizer)
    assert tokenizer.decode([label for label in example.labels if label >= 0]).startswith(RIGHT)
    assert {stage for stage in example.stage_ids if stage >= 0} == set(map(int, Stage))


def test_its_own_text_with_tags_follows_the_tagged_question() -> None:
    taught = solve(SUM, notation="tags").text
    (own,) = keep_own(ASKED, [taught.partition("<THINK>")[2]], "both")
    assert own.row is not None
    assert own.row.text == taught


def test_questions_get_longer_by_round_and_are_asked_four_digits_further() -> None:
    recipe = load_recipe(
        "miniaxion_tiny", [*TINY, "refine.keep=both", "teacher.tasks={even_odd: 1}", "teacher.max_digits=5"]
    )
    for number in (1, 2):
        asked = track_of(recipe).ask(Run(Path(), recipe), number)
        digits = {len("".join(filter(str.isdigit, trace.problem.question))) for trace in asked}
        assert digits == {5 + number}, "as many more than the longest number of training"
    assert sorted(problems_beyond(recipe)) == [0, 1, 2, 3, 4]


def test_a_whole_run_keeps_what_it_learns_from_all_rounds(tmp_path: Path) -> None:
    recipe = load_recipe("miniaxion_tiny", [*TINY, "refine.keep=all"])
    done = pipeline.run(recipe, out=str(tmp_path / "run"), nproc=1, console=Console(file=io.StringIO(), width=200))
    rounds = json.loads(done.rounds.read_text())
    assert [found["samples"] for found in rounds] == [18, 18]
    assert all(found["right"] == found["corrected"] == 0 for found in rounds), "no teacher judges"
    for number in (1, 2):
        kinds = {row["kind"] for row in read_jsonl(done.path / "refine" / f"round-{number}" / "traces.jsonl")}
        assert kinds <= {"kept", "mistaken", "left", "malformed"}
    assert "4" in read_json(done.metrics)["beyond"]
    assert "Self-improvement rounds" in done.report.read_text()


@pytest.mark.parametrize(
    ("recipe", "overrides", "message"),
    [
        ("miniaxion_tiny", ["refine.keep=vote", "refine.num_samples=2"], "refine.num_samples: 2 cannot vote"),
        ("nanoreason3b_refine", ["refine.keep=all"], "refine.keep: it is for nano students"),
        ("nanoreason3b_refine", ["refine.extra_digits=1"], "refine.extra_digits: it is for nano students"),
    ],
)
def test_what_cannot_be_asked_for(recipe: str, overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_recipe(recipe, overrides)
