"""Errors put into right solutions: what follows from them, what VERIFY says, and where none may be made."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from distill.data.mistakes import with_error
from distill.data.rows import Row, Side
from distill.verbs.trace import count_rows
from parsers import ReasoningGraph, Stage, parse, structure
from parsers.answers.final import Verdict, answers_equal
from teachers.datasets import load_dataset_traces
from teachers.problems import Problem, Trace

DATA = Path(__file__).parents[4] / "shared" / "data"
TILES = "A box holds 14 rows of 9 tiles, and 38 tiles are taken out. How many tiles are left?"
SEATS = "Câu 1) Một phòng có 4 hàng, mỗi hàng có 6 ghế. Số ghế trong phòng bằng\nA. 10.\nB. 24.\nC. 26.\nD. 2."


def math(solution: str, question: str = TILES) -> Trace:
    return Trace(Problem(question, parse(solution, format="math").answer or "", "math"), solution, "math", "reference")


def vnhsge(explanation: str) -> Trace:
    return Trace(Problem(SEATS, "B", "vnhsge", "vi"), explanation, "vnhsge", "reference")


def drawn(trace: Trace) -> list[ReasoningGraph]:
    """What is made of the solution by different chances."""
    return [graph for seed in range(24) if (graph := with_error(trace, Random(seed))) is not None]


def steps_of(graph: ReasoningGraph, stage: Stage) -> list[str]:
    return [step.text for step in graph.steps if step.stage is stage]


def test_in_prose_what_follows_from_the_error_is_computed_with_it() -> None:
    found = drawn(math("The box holds $14 \\cdot 9 = 126$ tiles. So there remain $126 - 38 = \\boxed{88}$ of them."))
    seen = set()
    for graph in found:
        first, second = (step for step in graph.steps if step.stage is Stage.EXECUTE)
        seen.add(first.correct)
        assert (first.correct is False) + (second.correct is False) == 1
        if first.correct:
            assert first.value == 126 and f"$126 - 38 = \\boxed{{{second.value}}}$ of them." in second.text
            assert steps_of(graph, Stage.VERIFY) == [f"Step 2 is wrong: 126 - 38 = 88, not {second.value}."]
        else:
            assert first.text == f"The box holds $14 \\cdot 9 = {first.value}$ tiles."
            assert f"${first.value} - 38 = \\boxed{{{int(str(first.value)) - 38}}}$" in second.text
            wrong, follows = steps_of(graph, Stage.VERIFY)
            assert wrong == f"Step 1 is wrong: 14 \\cdot 9 = 126, not {first.value}."
            assert "126 - 38 = 88" in follows and str(second.value) in follows
        assert graph.answer == "88"
        assert not any(str(step.value) in "".join(steps_of(graph, Stage.PLAN)) for step in (first, second))
    assert seen == {True, False}


def test_the_plan_of_a_formula_tells_neither_its_answer_nor_its_signs() -> None:
    solutions = {
        "So there are $\\frac{18}{2} = \\boxed{9}$ red tiles in a box.": "Red tiles in a box",
        "So $126 - 38 = \\boxed{88}.$": "Find the difference",
        "So $\\dfrac{1}{2} \\cdot 36 = 18$ ways are left, $\\angle ABC$ of which is $18 + 2 = \\boxed{20}$.": "Add the parts",
    }
    for solution, goal in solutions.items():
        graph = structure(parse(solution, question=TILES, format="math", language="en"))
        assert steps_of(graph, Stage.PLAN) == [goal]


def test_a_multiple_choice_ends_with_its_letter() -> None:
    found = drawn(vnhsge("Ta có số ghế trong phòng là $4 \\cdot 6=24$."))
    assert found
    for graph in found:
        wrong = next(step for step in graph.steps if step.stage is Stage.EXECUTE)
        assert wrong.correct is False and wrong.text == f"Ta có số ghế trong phòng là $4 \\cdot 6={wrong.value}$."
        assert graph.answer == "B" and f"không phải {wrong.value}" in steps_of(graph, Stage.VERIFY)[0]


@pytest.mark.parametrize(
    "solution",
    [
        "The box holds $14 \\cdot 9 = 126$ tiles. A third of them is blue. There remain $126 - 38 = \\boxed{88}$.",
        "One row has $2 + 3 = 5$ tiles. So there are $5 \\cdot 5 = \\boxed{25}$ tiles.",  # which 5 is it?
        "One side is $9 + 5 = 14$. So there are $14 \\cdot 14 = \\boxed{196}$ tiles.",  # 14 is a number of the problem
        "One side is $9 + 8 = 17$. So $x_{17} = 17 \\cdot 2 = \\boxed{34}$.",
        "One side is $9 + 8 = 17$. So there are $17 \\cdot 2 + 1 = 34 + 1 = \\boxed{35}$ tiles.",  # 34 would have to follow
        "One side is $9 + 8 = 17$. So $2^{17} \\cdot 17 = \\boxed{2228224}$ is due.",
    ],
)
def test_only_the_last_step_is_changed_where_it_is_not_sure_what_follows(solution: str) -> None:
    found = drawn(math(solution))
    assert found
    for graph in found:
        assert [s.correct for s in graph.steps if s.stage is Stage.EXECUTE][-1] is False


@pytest.mark.parametrize(
    "trace",
    [
        math("There are $14 \\cdot 9 = 126$ tiles. So \\boxed{88} is the answer."),  # how, is not said
        math("There remain $126 - 38 = \\boxed{88}$ tiles. Indeed $88$ is an even number."),
        math("There remain $126 - 38 = \\boxed{88}$ tiles. To check this, $88 + 38 = 126$."),
        math("The share is $\\frac{38}{126} = \\boxed{\\frac{19}{63}}$."),
        math("Then $x = 2y$, so the answer is $\\boxed{2y}$."),
        math("No formula, and no answer."),
        vnhsge("Ta có $4 \\cdot 6=24$. Chọn B"),
        vnhsge("Ta có $4 \\cdot 5=20$."),  # no option says so
    ],
)
def test_no_error_is_made_that_could_not_be_mended_for_sure(trace: Trace) -> None:
    assert drawn(trace) == []


def test_errors_are_counted_by_data_set() -> None:
    def row(dataset: str, *, injected: bool, side: Side = "training", unused: str | None = None) -> Row:
        return Row("", "", dataset=dataset, injected=injected, side=side, unused=unused)

    rows = [row("math", injected=True), row("math", injected=True), row("gsm8k", injected=False)]
    rows += [row("math", injected=True, side="validation"), row("math", injected=True, unused="no answer was found")]
    counts = count_rows(rows)
    assert counts["injected_errors"] == {"math": 2} and counts["datasets"] == {"math": 2, "gsm8k": 1}


@pytest.mark.parametrize(
    ("name", "file", "least"), [("math", "math/train.jsonl", 0.1), ("gsm8k", "gsm8k/train.jsonl", 0.8)]
)
def test_real_solutions_with_an_error_end_with_their_gold_answer(name: str, file: str, least: float) -> None:
    if not (DATA / file).is_file():
        pytest.skip("the shared data is not here")
    traces = Random(0).sample(list(load_dataset_traces(name, split="train", path=str(DATA / file))), 80)
    found = {trace: graph for trace in traces if (graph := with_error(trace, Random(trace.text))) is not None}
    assert len(found) >= least * len(traces)
    for trace, graph in found.items():
        assert [s.correct for s in graph.steps if s.stage is Stage.EXECUTE].count(False) == 1
        verdict = answers_equal(
            gold=trace.problem.answer, prediction=graph.answer or "", language=trace.problem.language
        )
        assert verdict is Verdict.EQUAL
