"""The Portuguese nano tasks and their traces: forms, ranges, agreement, the split, steps that re-compute."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from distill.evaluation.svr import flags_error
from parsers import ReasoningGraph, Stage, parse
from parsers.arithmetic.numbers import find_numbers
from teachers import chat, stories_pt
from teachers.nano_tasks import LANGUAGES, draw_problem, draw_problems
from teachers.portuguese import near
from teachers.problems import Problem, is_test_side
from teachers.symbolic import solve

TASKS = tuple(LANGUAGES["pt"])
NUMBER_TASKS = tuple(task for task in TASKS if task != "chat")
MIX = {("pt", task): 1.0 for task in TASKS}
NUM_TRACES = 2_000


def draw(task: str, count: int, *, split: str = "train", extra: int = 0, seed: int = 0) -> list[Problem]:
    return [
        draw_problem(task, seed=seed, index=i, split=split, extra_digits=extra, language="pt")  # type: ignore[arg-type]
        for i in range(count)
    ]


def read(problem: Problem, error_rate: float = 0.0) -> ReasoningGraph:
    return parse(solve(problem, error_rate=error_rate).text, language="pt")


FORMS = {
    "addition": r"Quanto é \d{1,3} \+ \d{1,3}\?",
    "subtraction": r"Quanto é \d{1,3} - \d{1,3}\?",
    "multiplication": r"Quanto é \d{1,2} \* \d{1,2}\?",
    "even_odd": r"\d{1,4} é par ou ímpar\?",
    "comparison": r"Qual é (?:maior|menor), \d{1,4} ou \d{1,4}\?",
    "sequence": r"Qual é o próximo: -?\d+, -?\d+, -?\d+, -?\d+\?",
}


def test_the_tasks_are_the_published_ones() -> None:
    assert set(TASKS) == {
        *FORMS, "word_addition", "word_subtraction", "word_multiplication", "true_false", "chat",
    }  # fmt: skip


@pytest.mark.parametrize("task", FORMS)
def test_questions_have_the_fixed_form(task: str) -> None:
    assert all(re.fullmatch(FORMS[task], p.question) for p in draw(task, 300))


@pytest.mark.parametrize("task", TASKS)
def test_each_side_of_the_split_holds_its_own_questions(task: str) -> None:
    for split in ("train", "test"):
        assert {is_test_side(p.question) for p in draw(task, 200, split=split)} == {split == "test"}


def test_chat_has_enough_questions_to_be_tested_with() -> None:
    assert len({p.question for p in draw("chat", 1500, split="test")}) >= 200


def gold_of(problem: Problem) -> str:
    """The answer worked out again, by other means than the generator's."""
    numbers = [int(n) for n in re.findall(r"-?\d+", problem.question)]
    if problem.task == "even_odd":
        return "ímpar" if str(numbers[0])[-1] in "13579" else "par"
    if problem.task == "comparison":
        return str(sorted(numbers)["maior" in problem.question])
    if problem.task == "sequence":
        a, b, c, d = numbers
        return str(2 * d - c) if b - a == c - b else str(d * d // c)
    if problem.task == "true_false":
        one, *others = (abs(n) for n in numbers)
        is_true = one % 2 == 0 if not others else one > others[0] if len(others) == 1 else one + others[0] == others[1]
        return "verdadeiro" if is_true else "falso"
    assert problem.expression is not None
    assert re.fullmatch(r"\d+(?:[-+*]\d+){1,2}", problem.expression)
    return str(eval(problem.expression))  # the pattern above leaves only digits and operators


@pytest.mark.parametrize("task", NUMBER_TASKS)
def test_answers_are_right(task: str) -> None:
    for problem in draw(task, 300):
        assert problem.answer == gold_of(problem), problem


def test_every_step_of_two_thousand_traces_recomputes() -> None:
    for problem in islice(draw_problems(MIX, seed=1, split="train"), NUM_TRACES):
        graph = read(problem)
        assert graph.question == problem.question
        assert graph.answer == problem.answer
        assert graph.problems == ()
        assert all(step.correct is not False for step in graph.steps), graph
        stages = [step.stage for step in graph.steps]
        assert stages == sorted(stages)
        assert set(stages) == ({Stage.UNDERSTAND, Stage.PLAN} if problem.task == "chat" else set(Stage))


@pytest.mark.parametrize("task", ["subtraction", "sequence", "word_multiplication", "true_false"])
def test_an_injected_error_is_found_and_corrected(task: str) -> None:
    for problem in draw(task, 150, seed=2):
        wrong = read(problem, error_rate=1)
        assert wrong.answer == problem.answer
        bad = [s for s in wrong.steps if s.stage is Stage.EXECUTE and s.correct is False]
        if " errado" not in solve(problem, error_rate=1).text:
            assert problem.task == "true_false"  # two of its three claims compute nothing that could slip
            assert not bad
            continue
        assert len(bad) == 1, wrong
        named = next(s for s in wrong.steps if s.stage is Stage.VERIFY and s.text.endswith(" errado"))
        expression, _, value = bad[0].text.partition("=")
        assert named.text.startswith(f"{expression}=") and named.text.endswith(f", {value} errado")
        assert flags_error(wrong)
        assert wrong.steps[-1].text == read(problem).steps[-1].text


def test_traces_hold_no_english() -> None:
    english = re.compile(
        r"\b(?:add|subtract|multiply|compare|difference|times|last|halve|larger|smaller|wrong|even|odd)\b"
    )
    for problem in islice(draw_problems(MIX, seed=3, split="train"), 300):
        body = solve(problem, error_rate=0.5).text.partition("</INST>")[2]
        assert not english.search(body), body


def test_stories_offer_enough_wordings() -> None:
    for told in stories_pt.STORIES.values():
        assert all(len(set(texts)) >= 6 for _, texts in told)
    assert len({name for name, _ in stories_pt.NAMES}) >= 20
    assert len({things for things, _ in stories_pt.THINGS}) >= 20
    for claims in (stories_pt.GREATER, stories_pt.SUM, stories_pt.EVEN):
        assert len(claims) * len(set(stories_pt.CLAIM_FRAMES)) >= 6
    assert all(len(set(talk.wordings)) >= 6 for talk in chat.TALKS)


@pytest.mark.parametrize("task", stories_pt.STORIES)
def test_gender_and_number_agree(task: str) -> None:
    genders = {**dict(stories_pt.NAMES), **dict(stories_pt.THINGS)}
    for problem in draw(task, 400):
        question = problem.question
        assert not re.search(r"[{}]", question)
        assert not re.search(r"(?<!\d)[01] ", question), "a single thing would stand beside a plural"
        things = next(word for word, _ in stories_pt.THINGS if re.search(rf"\b{word}\b", question))
        vowel = "a" if genders[things] == "f" else "o"
        for agreeing in re.findall(r"\b(?:[Qq]uant|nov|inteir|vendid)([oa])s\b", question):
            assert agreeing == vowel, question
        for owner in re.findall(r"\bdel([ea])s\b", question):
            assert owner == ("a" if vowel == "a" else "e"), question
        if pronoun := re.search(r"\bel[ea]\b(?! recebeu)", question):
            person = next(word for word in re.findall(r"\w+", question) if word in dict(stories_pt.NAMES))
            assert pronoun[0] == ("ela" if genders[person] == "f" else "ele"), question


def test_numbers_of_stories_stay_in_range() -> None:
    for task in stories_pt.STORIES:
        for problem in draw(task, 300):
            assert problem.expression is not None
            numbers = [int(n) for n in re.findall(r"\d+", problem.expression)]
            assert sorted(numbers) == sorted(int(n) for n in re.findall(r"\d+", problem.question))
            assert all(2 <= n <= 99 for n in numbers)
            assert "*" not in problem.expression or max(numbers[:2]) <= 12
            assert int(problem.answer) >= 0


def test_false_claims_are_near_misses_and_half_of_all() -> None:
    problems = draw("true_false", 1500)
    assert 0.45 < sum(p.answer == "falso" for p in problems) / 1500 < 0.55
    for problem in problems:
        numbers = [int(n) for n in re.findall(r"\d+", problem.question)]
        if problem.answer == "falso" and len(numbers) > 1:
            a, b = (numbers[0], numbers[1]) if len(numbers) == 2 else (numbers[0] + numbers[1], numbers[2])
            one_digit = {abs(a - b) // 10**k for k in range(5) if abs(a - b) % 10**k == 0} & {1, 2}
            assert (
                one_digit
                or sorted(str(a)) == sorted(str(b).zfill(len(str(a))))
                or sorted(str(b)) == sorted(str(a).zfill(len(str(b))))
            ), problem


def test_near_is_never_the_number_itself() -> None:
    from random import Random

    for n in range(300):
        other = near(Random(n), n, below=300)
        assert other != n
        assert 0 <= other < 300


def test_chat_is_answered_with_what_is_accepted() -> None:
    for problem in draw("chat", 200):
        assert problem.answer in problem.accepted
        assert chat.talk_of(problem.answer).replies == problem.accepted
        assert solve(problem, error_rate=1).text.endswith(f"</THINK><ANS>{problem.answer}</ANS>")
    replies = [reply for talk in chat.TALKS for reply in talk.replies]
    assert not any(find_numbers(reply, "pt") for reply in replies), "a reply with a number is compared as one"
    with pytest.raises(ValueError, match="no small talk"):
        chat.talk_of("Talvez.")


def test_a_morning_is_not_greeted_as_a_night() -> None:
    replies = {talk.topic: set(talk.replies) for talk in chat.TALKS}
    assert not replies["bom dia"] & {"Boa noite!", "Boa tarde!"}
    assert not replies["despedida"] & replies["saudação"]


@pytest.mark.parametrize("task", NUMBER_TASKS)
def test_one_digit_more_is_beyond_the_training_range(task: str) -> None:
    def longest(extra: int) -> int:
        return max(len(n) for p in draw(task, 200, split="test", extra=extra) for n in re.findall(r"\d+", p.question))

    assert longest(1) > longest(0)
    assert all(p.answer == gold_of(p) for p in draw(task, 100, extra=1))


def test_languages_share_a_stream() -> None:
    mix = {("en", "even_odd"): 1.0, ("pt", "even_odd"): 1.0}
    problems = list(islice(draw_problems(mix, seed=0, split="train"), 400))
    assert 150 < sum(p.language == "pt" for p in problems) < 250
    assert all(("par" in p.question) == (p.language == "pt") for p in problems)
    with pytest.raises(ValueError, match="unknown language"):
        draw_problem("even_odd", seed=0, index=0, split="train", language="fr")
    with pytest.raises(ValueError, match="unknown task"):
        draw_problem("sorting", seed=0, index=0, split="train", language="pt")


@pytest.mark.slow
def test_a_million_training_items_hold_no_test_question() -> None:
    assert not any(is_test_side(p.question) for p in islice(draw_problems(MIX, seed=0, split="train"), 1_000_000))
