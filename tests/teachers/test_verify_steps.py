"""VERIFY that computes every step again: what the symbolic teacher writes, what is learnt, how it is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distill.data.rows import places
from distill.evaluation import rfs
from distill.evaluation.evaluate import teacher_graphs
from distill.evaluation.outputs import score_output, summarize_scored
from distill.evaluation.perturb import perturbed
from distill.evaluation.scored import Output
from distill.evaluation.svr import VerificationRecord, read_verification
from parsers import Stage, parse
from teachers.nano_tasks import draw_problem
from teachers.problems import Problem
from teachers.symbolic import correct, solve

COMPUTING = ["arithmetic", "two_step", "pattern", "word_problem", "even_odd"]
SOLVED = [*COMPUTING, "comparison", "sorting"]
SUBTRACTION = Problem("What is 347 - 285?", "62", "arithmetic", expression="347-285")


def verified(right: list[str], wrong: list[str] | None = None) -> list[str]:
    """VERIFY of EXECUTE steps that are `right`, or of `wrong` ones: each value beside its own up to the first error."""
    checked = []
    for step, written in zip(right, wrong or right, strict=False):
        expression, equals, value = written.rpartition("=")
        if step != written:
            checked.append(f"{step}, {value} wrong")
            break
        checked.append(f"{step}, {value}" if expression + equals else step)
    return [*checked, *right[len(checked) :], "ok"]


def stage(text: str, which: Stage) -> list[str]:
    return [step.text for step in parse(text).steps if step.stage is which]


def test_by_hand() -> None:
    assert solve(SUBTRACTION, verify="steps").text == (
        "<INST>What is 347 - 285?</INST><THINK>[UNDERSTAND]<STEP>347-285[PLAN]<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>3>2<STEP>7-5=2<STEP>4-8-0+10=6<STEP>3-2-1=0"
        "[VERIFY]<STEP>3>2<STEP>7-5=2, 2<STEP>4-8-0+10=6, 6<STEP>3-2-1=0, 0<STEP>ok</THINK><ANS>62</ANS>"
    )
    corrected = correct(SUBTRACTION, ["3>2", "7-5=2", "4-8-0+10=8", "3-2-1=0"], verify="steps")
    assert corrected is not None
    text, first = corrected
    assert first == 2
    assert text.endswith(
        "[EXECUTE]<STEP>3>2<STEP>7-5=2<STEP>4-8-0+10=8<STEP>3-2-1=0"
        "[VERIFY]<STEP>3>2<STEP>7-5=2, 2<STEP>4-8-0+10=6, 8 wrong<STEP>3-2-1=0<STEP>ok</THINK><ANS>62</ANS>"
    )


@pytest.mark.parametrize("task", COMPUTING)
def test_an_injected_error_is_recomputed_named_and_corrected(task: str) -> None:
    for index in range(60):
        problem = draw_problem(task, seed=2, index=index, split="train")
        right = solve(problem, verify="steps").text
        erring = solve(problem, error_rate=1, verify="steps")
        wrong = erring.text
        execute, slipped = stage(right, Stage.EXECUTE), stage(wrong, Stage.EXECUTE)
        assert stage(right, Stage.VERIFY) == verified(execute)
        first = next(i for i, (a, b) in enumerate(zip(execute, slipped, strict=False)) if a != b)
        assert stage(wrong, Stage.VERIFY) == verified(execute, slipped)
        # Of the whole text only the slip is not learnt: what follows from it is consistent with it.
        assert [wrong[start:end] for start, end in places(erring.spans, erring.wrong)] == [f"<STEP>{slipped[first]}"]
        graph = parse(wrong, question=problem.question)
        assert graph.answer == problem.answer
        assert read_verification(graph, gold=problem.answer) == VerificationRecord(True, True, True)
        graph = parse(right, question=problem.question)
        assert read_verification(graph, gold=problem.answer, teacher=graph) == VerificationRecord(False, False, True)


@pytest.mark.parametrize("task", COMPUTING)
def test_with_more_slips_verify_still_computes_the_right_solution_from_the_first(task: str) -> None:
    num_slips = []
    for index in range(60):
        problem = draw_problem(task, seed=2, index=index, split="train")
        right = stage(solve(problem, verify="steps").text, Stage.EXECUTE)
        erring = solve(problem, error_rate=1, slip_rate=0.5, verify="steps")
        text = erring.text
        slipped = stage(text, Stage.EXECUTE)
        first = next(i for i, (a, b) in enumerate(zip(right, slipped, strict=False)) if a != b)
        assert stage(text, Stage.VERIFY) == verified(right, slipped)
        unlearnt = [text[start + len("<STEP>") : end] for start, end in places(erring.spans, erring.wrong)]
        assert unlearnt[0] == slipped[first] and set(unlearnt) <= set(slipped[first:])
        assert parse(text, question=problem.question).answer == problem.answer
        num_slips.append(len(unlearnt))
    assert max(num_slips) > 1 or task == "even_odd"  # which computes one step


def test_only_a_trace_with_an_error_has_more_slips() -> None:
    assert solve(SUBTRACTION, slip_rate=1, verify="steps") == solve(SUBTRACTION, verify="steps")


@pytest.mark.parametrize("task", ["comparison", "sorting"])
def test_tasks_that_compute_nothing_keep_their_check(task: str) -> None:
    problem = draw_problem(task, seed=0, index=0, split="train")
    assert solve(problem, verify="steps", error_rate=1) == solve(problem)


def test_a_student_that_verifies_by_steps_is_compared_with_a_teacher_that_does() -> None:
    for task in COMPUTING:
        problems = [draw_problem(task, seed=0, index=index, split="test") for index in range(40)]
        teachers = teacher_graphs(problems, verify="steps")
        for problem in problems:
            graph = parse(solve(problem, verify="steps").text, question=problem.question)
            assert rfs(graph, teachers[problem.question]) == 1


def test_a_slip_before_a_last_digit_that_equals_the_answer_is_an_error() -> None:
    text = "<THINK>[EXECUTE]<STEP>2+2=5<STEP>1+3=4[VERIFY]<STEP>2+2=4, 5 wrong<STEP>1+3=4</THINK><ANS>4</ANS>"
    assert read_verification(parse(text), gold="4") == VerificationRecord(True, True, True)


@pytest.mark.parametrize("verify", ["steps", "inverse"])
def test_a_students_own_steps_are_corrected(verify) -> None:
    sorting = Problem("Sort from smallest to largest: 28, 83, 24", "24, 28, 83", "sorting")
    corrected = correct(sorting, ["83: 28 83", "24: 28 24 83"], verify=verify)
    assert corrected is not None
    text, first = corrected
    assert (first, stage(text, Stage.EXECUTE)) == (1, ["83: 28 83", "24: 28 24 83"])
    assert stage(text, Stage.VERIFY) == ["24: 24 28 83, 24: 28 24 83 wrong", "3=3 ok"]
    graph = parse(text, question=sorting.question)
    assert read_verification(graph, gold="24, 28, 83") == VerificationRecord(True, True, True)


def test_nothing_to_correct() -> None:
    execute = ["3>2", "7-5=2", "4-8-0+10=6", "3-2-1=0"]
    assert correct(SUBTRACTION, execute) is None
    assert correct(SUBTRACTION, execute[:2]) is None
    assert correct(SUBTRACTION, [*execute, "0-0=0"]) is None
    assert correct(SUBTRACTION, []) is None


def test_the_measures_read_what_this_teacher_writes() -> None:
    """A student that verifies perfectly scores perfectly, on its own outputs and with 200 injected errors."""
    problems = {
        p.question: p for task in SOLVED for p in (draw_problem(task, seed=3, index=i, split="test") for i in range(50))
    }
    teachers = teacher_graphs(list(problems.values()), verify="steps")

    def after_think(text: str) -> str:
        return text.partition("<THINK>")[2]

    def finish(output: Output) -> Output:
        """The prefix, the rest of the teacher's EXECUTE, and the VERIFY that mends it."""
        problem = problems[output.question]
        begun = stage(output.text, Stage.EXECUTE)
        rest = stage(solve(problem).text, Stage.EXECUTE)[len(begun) :]
        corrected = correct(problem, [*begun, *rest], verify="steps")
        assert corrected is not None
        return replace(output, text=after_think(corrected[0]))

    outputs = [
        Output(q, after_think(solve(p, verify="steps").text), p.answer, p.task, "en") for q, p in problems.items()
    ]
    scored = [score_output(output, teachers[output.question]) for output in outputs]
    own = summarize_scored(scored, has_teacher=True)["svr"]["own"]
    assert (own["wrong"], own["false_alarms"], own["broken"]) == (0, 0, 0)
    injected = perturbed(scored, lambda prefixes: [finish(output) for output in prefixes], count=200)["injected"]
    assert injected["n"] == injected["wrong"] == injected["flagged"] == injected["corrected"] == 200
