"""The nano tasks and their exact teacher: the split, the ranges, true traces, found errors."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import Stage, parse
from teachers import stories
from teachers.nano_tasks import TASKS, draw_problem, draw_problems
from teachers.problems import Problem, is_test_side
from teachers.symbolic import solve

MIX = dict.fromkeys(TASKS, 1.0)


def test_split_is_the_fixed_one() -> None:
    # int(sha256(question), 16) % 10, worked out with the sha256sum program and bc
    assert [is_test_side(f"What is {n} + 1?") for n in range(12)].count(True) in range(4)
    assert is_test_side("What is 2 + 2?") == (int(SHA_OF_TWO_PLUS_TWO, 16) % 10 == 0)


SHA_OF_TWO_PLUS_TWO = "38d46ad3618826cf660df542bcf13a3b92b61df92854e2723efcba659af53f4b"


@pytest.mark.parametrize("task", TASKS)
def test_each_side_of_the_split_holds_its_own_questions(task: str) -> None:
    for split in ("train", "test"):
        problems = [draw_problem(task, seed=0, index=i, split=split) for i in range(300)]
        assert {is_test_side(p.question) for p in problems} == {split == "test"}


def test_a_stream_repeats_and_starts_anywhere() -> None:
    stream = list(islice(draw_problems(MIX, seed=5, split="train"), 40))
    assert stream == list(islice(draw_problems(MIX, seed=5, split="train"), 40))
    assert stream[25:] == list(islice(draw_problems(MIX, seed=5, split="train", start=25), 15))
    assert stream != list(islice(draw_problems(MIX, seed=6, split="train"), 40))


def test_shares_of_the_mix_are_kept() -> None:
    tasks = [p.task for p in islice(draw_problems({"sorting": 3, "pattern": 1}, seed=0, split="train"), 2000)]
    assert 0.70 < tasks.count("sorting") / 2000 < 0.80


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown task"):
        draw_problem("division", seed=0, index=0, split="train")
    with pytest.raises(ValueError, match="unknown split"):
        draw_problem("sorting", seed=0, index=0, split="validation")  # type: ignore[arg-type]


def gold_of(problem: Problem) -> str:
    """The answer worked out again, by other means than the generator's."""
    numbers = [int(n) for n in re.findall(r"-?\d+", problem.question)]
    if problem.task == "even_odd":
        return ("even", "odd")[int(str(numbers[0])[-1] in "13579")]
    if problem.task == "comparison":
        small, large = sorted(numbers)
        return str(large if "larger" in problem.question else small)
    if problem.task == "sorting":
        return ", ".join(str(n) for n in sorted(numbers))
    if problem.task == "pattern":
        a, b, c, d = numbers
        return str(d + (d - c)) if b - a == c - b else str(Fraction(d * d, c))
    assert problem.expression is not None
    assert re.fullmatch(r"\d+([-+*]\d+){1,2}", problem.expression)
    return str(eval(problem.expression))  # the pattern above leaves only digits and operators


@pytest.mark.parametrize("task", TASKS)
def test_answers_and_traces_are_right(task: str) -> None:
    for index in range(400):
        problem = draw_problem(task, seed=1, index=index, split="train")
        assert problem.answer == gold_of(problem)
        graph = parse(solve(problem).text)
        assert graph.answer == problem.answer
        assert graph.problems == ()
        assert all(step.correct is not False for step in graph.steps), graph
        assert [s.stage for s in graph.steps] == sorted(s.stage for s in graph.steps)
        assert {s.stage for s in graph.steps} == set(Stage)


@pytest.mark.parametrize("task", ["arithmetic", "two_step", "pattern", "word_problem"])
def test_an_injected_error_is_found_and_corrected(task: str) -> None:
    for index in range(200):
        problem = draw_problem(task, seed=2, index=index, split="train")
        right, wrong = parse(solve(problem).text), parse(solve(problem, error_rate=1).text)
        assert wrong.answer == problem.answer
        bad = [s for s in wrong.steps if s.stage is Stage.EXECUTE and s.correct is False]
        assert len(bad) == 1, wrong
        named = next(s for s in wrong.steps if s.stage is Stage.VERIFY and s.text.endswith(" wrong"))
        expression, _, value = bad[0].text.partition("=")
        assert named.text.startswith(f"{expression}=") and named.text.endswith(f", {value} wrong")
        assert wrong.steps[-1].text == right.steps[-1].text


def test_share_of_errors_is_the_one_asked_for() -> None:
    problems = [draw_problem("arithmetic", seed=3, index=i, split="train") for i in range(1500)]
    share = sum(" wrong" in solve(p, error_rate=0.3).text for p in problems) / 1500
    assert 0.26 < share < 0.34
    assert not any(" wrong" in solve(p).text for p in problems)


@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from("+-*"))
def test_digit_by_digit_equals_python(a: int, b: int, operator: str) -> None:
    expression = f"{a} {operator} {b}"
    problem = Problem(f"What is {expression}?", "", "arithmetic", expression=expression.replace(" ", ""))
    expected = {"+": a + b, "-": a - b, "*": a * b}[operator]
    assert solve(problem).text.endswith(f"<ANS>{expected}</ANS>")


def test_stories_offer_enough_wordings() -> None:
    assert all(len({text for text, _ in wordings}) >= 6 for wordings in stories.STORIES)
    assert len(set(stories.NAMES)) >= 20
    assert len(set(stories.THINGS)) >= 20


@pytest.mark.parametrize("task", TASKS)
def test_one_digit_more_is_beyond_the_training_range(task: str) -> None:
    def longest(extra: int) -> int:
        drawn = (draw_problem(task, seed=0, index=i, split="test", extra_digits=extra) for i in range(200))
        return max(len(n) for p in drawn for n in re.findall(r"\d+", p.question))

    assert longest(1) > longest(0)


@pytest.mark.slow
def test_a_million_training_items_hold_no_test_question() -> None:
    assert not any(is_test_side(p.question) for p in islice(draw_problems(MIX, seed=0, split="train"), 1_000_000))
