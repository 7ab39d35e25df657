"""RFS: its axioms on random graphs, and values worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distill.evaluation import rfs, rfs_strict
from parsers.graph import Quantity, ReasoningGraph, Stage, Step

QUICK = settings(max_examples=50)

E = Stage.EXECUTE


def graph(*steps: tuple, givens: tuple = (48, 2), answer: str | None = None, stage: Stage = E) -> ReasoningGraph:
    """Steps as (value, what it depends on); a given is named by its number."""
    made = tuple(
        Step(i, stage, f"step {i}", value=None if v is None else Fraction(v), depends_on=d)
        for i, (v, d) in enumerate(steps)
    )
    if answer is None and made and made[-1].value is not None:
        answer = str(made[-1].value)
    return ReasoningGraph("", made, answer, tuple(Quantity(str(g), Fraction(g), str(g)) for g in givens))


@st.composite
def graphs(draw, *, distinct: bool = True, max_steps: int = 7):
    """Connected graphs: every step is used by a later one or is the answer, each uses one to three things."""
    count = draw(st.integers(1, max_steps))
    names = [str(n) for n in draw(st.lists(st.integers(2, 9), min_size=2, max_size=3, unique=True))]
    values = draw(
        st.lists(
            st.integers(100, 999) if distinct else st.integers(100, 103),
            min_size=count,
            max_size=count,
            unique=distinct,
        )
    )
    uses: list[set] = [
        set(draw(st.lists(st.sampled_from([*names, *range(i)]), min_size=1, max_size=3, unique=True)))
        for i in range(count)
    ]
    for i in range(count - 1):
        if not any(i in later for later in uses[i + 1 :]):
            uses[draw(st.integers(i + 1, count - 1))].add(i)
    return graph(
        *((v, tuple(sorted(u, key=str))) for v, u in zip(values, uses, strict=True)), givens=tuple(map(int, names))
    )


def reordered(g: ReasoningGraph, random) -> ReasoningGraph:
    """The same steps in another order that keeps every dependency backward, with new ids."""
    left, order = list(g.steps), []
    while left:
        ready = [s for s in left if all(isinstance(d, str) or d in {o.id for o in order} for d in s.depends_on)]
        order.append(random.choice(ready))
        left.remove(order[-1])
    new = {step.id: i for i, step in enumerate(order)}
    steps = tuple(
        replace(s, id=new[s.id], depends_on=tuple(d if isinstance(d, str) else new[d] for d in s.depends_on))
        for s in order
    )
    return replace(g, steps=steps)


def merged(g: ReasoningGraph, index: int) -> ReasoningGraph:
    """Without the step: what used it uses what it used, as "48 + 48 / 2" does with "48 / 2"."""
    gone = g.steps[index]
    steps = tuple(
        replace(
            s,
            depends_on=tuple(
                dict.fromkeys(x for d in s.depends_on for x in (gone.depends_on if d == gone.id else (d,)))
            ),
        )
        for s in g.steps
        if s is not gone
    )
    return replace(g, steps=steps)


def with_uses(g: ReasoningGraph, index: int, uses: tuple) -> ReasoningGraph:
    steps = list(g.steps)
    steps[index] = replace(steps[index], depends_on=uses)
    return replace(g, steps=tuple(steps))


@QUICK
@given(graphs(distinct=False))
def test_one_on_itself(g):
    assert rfs(g, g) == rfs_strict(g, g) == 1.0


@QUICK
@given(graphs(distinct=False), graphs(distinct=False))
def test_between_zero_and_one_and_symmetric(a, b):
    assert 0.0 <= rfs(a, b) <= 1.0
    assert rfs(a, b) == rfs(b, a)
    assert rfs_strict(a, b) == rfs_strict(b, a)


@QUICK
@given(graphs(distinct=False, max_steps=10), st.randoms(use_true_random=False))
def test_blind_to_the_order_of_independent_steps(g, random):
    assert rfs(reordered(g, random), g) == 1.0
    assert rfs_strict(reordered(g, random), g) == 1.0


@QUICK
@given(graphs())
def test_blind_to_wording(g):
    renamed = {q.name: f"the {q.name} of them" for q in g.givens}
    steps = tuple(
        replace(
            s, text="otherwise", depends_on=tuple(renamed.get(d, d) if isinstance(d, str) else d for d in s.depends_on)
        )
        for s in g.steps
    )
    other = replace(
        g,
        steps=steps,
        givens=tuple(replace(q, name=renamed[q.name]) for q in g.givens),
        answer=f"it is {g.answer} clips",
    )
    assert rfs(other, g) == 1.0


@QUICK
@given(graphs(), st.data())
def test_blind_to_merged_and_split_steps(g, data):
    assume(len(g.steps) > 1)
    short = merged(g, data.draw(st.integers(0, len(g.steps) - 2)))
    assert rfs(short, g) == rfs(g, short) == 1.0


@QUICK
@given(graphs())
def test_stages_that_compute_nothing_do_not_count(g):
    n = len(g.steps)
    aside = (
        Step(n, Stage.PLAN, "first this"),
        Step(n + 1, Stage.VERIFY, "checked", value=g.steps[-1].value, depends_on=(g.steps[-1].id,), correct=True),
    )
    assert rfs(replace(g, steps=g.steps + aside), g) == 1.0


@QUICK
@given(graphs(), st.data())
def test_lower_when_a_dependency_is_dropped(g, data):
    index = data.draw(st.integers(0, len(g.steps) - 1))
    uses = g.steps[index].depends_on
    dropped = data.draw(st.sampled_from(uses))
    left = tuple(d for d in uses if d != dropped)
    assert rfs(with_uses(g, index, left), g) < 1.0
    assert rfs_strict(with_uses(g, index, left), g) < 1.0


@QUICK
@given(graphs(), st.data())
def test_lower_when_a_dependency_is_added(g, data):
    index = data.draw(st.integers(0, len(g.steps) - 1))
    others = [d for d in [*(q.name for q in g.givens), *range(index)] if d not in g.steps[index].depends_on]
    assume(others)
    assert rfs(with_uses(g, index, (*g.steps[index].depends_on, data.draw(st.sampled_from(others)))), g) < 1.0


@QUICK
@given(graphs(), st.data())
def test_lower_when_a_dependency_is_rewired(g, data):
    index = data.draw(st.integers(0, len(g.steps) - 1))
    uses = g.steps[index].depends_on
    others = [d for d in [*(q.name for q in g.givens), *range(index)] if d not in uses]
    assume(others)
    old, new = data.draw(st.sampled_from(uses)), data.draw(st.sampled_from(others))
    assert rfs(with_uses(g, index, tuple(new if d == old else d for d in uses)), g) < 1.0


@QUICK
@given(graphs(), st.data())
def test_lower_when_a_given_is_another(g, data):
    """The names agree, the numbers do not."""
    assume(any(isinstance(d, str) for s in g.steps for d in s.depends_on))
    other = replace(g, givens=tuple(replace(q, value=q.value + 100) for q in g.givens))
    assert rfs(other, g) < 1.0


def test_defined_for_empty_graphs():
    empty = ReasoningGraph()
    assert rfs(empty, empty) == rfs_strict(empty, empty) == 1.0
    assert rfs(empty, graph((24, ("48",)))) == rfs(graph((24, ("48",))), empty) == 0.0
    assert rfs(ReasoningGraph(answer="7"), ReasoningGraph(answer="7")) == 1.0
    assert rfs(ReasoningGraph(answer="7"), ReasoningGraph(answer="8")) == 0.0


CLIPS = graph((24, ("48", "2")), (72, ("48", 0)))  # 48 / 2 = 24; 48 + 24 = 72


@pytest.mark.parametrize(
    ("student", "score", "strict"),
    [
        (CLIPS, 1.0, 1.0),
        # merged: 48 + 48 / 2 = 72. R = {(48,72), (2,72), (72,answer)} on both sides. Direct: 3 of 3 student edges… but (2,72) is
        # not the teacher's and (48,24), (2,24), (24,72) are missing: 2·2 / (3 + 5)
        (graph((72, ("48", "2"))), 1.0, 0.5),
        # 24 from nowhere: R(S) = {(48,72), (24,72), (72,a)}, R(T) has (48,24) and (2,24) too: 2·3 / (3 + 5)
        (graph((24, ()), (72, ("48", 0))), 0.75, 0.75),
        # rewired: 24 from 2 alone twice over is dropped (48,24): 2·4 / (4 + 5)
        (graph((24, ("2",)), (72, ("48", 0))), 8 / 9, 8 / 9),
        # wrong last step: C = {24, answer}, R = {(48,24), (2,24), (24,a), (48,a)} on each side, pairs into the answer count
        # half: 2·3 / (4 + 4). Direct edges into 73 are not those into 72: 2·2 / (5 + 5).
        (graph((24, ("48", "2")), (73, ("48", 0))), 0.75, 0.4),
        # nothing computed is right: C = {answer}, (48,a), (2,a) on each side, counted half
        (graph((96, ("48", "2"))), 0.5, 0.0),
        # and from one given only: 2·0.5 / (1 + 2)
        (graph((96, ("48",))), 1 / 3, 0.0),
    ],
)
def test_worked_by_hand(student, score, strict):
    assert rfs(student, CLIPS) == pytest.approx(score)
    assert rfs_strict(student, CLIPS) == pytest.approx(strict)


def test_a_correction_in_verify_counts_as_computing():
    wrong_then_right = ReasoningGraph(
        steps=(
            Step(0, E, "48/2=24", value=Fraction(24), depends_on=("48", "2")),
            Step(1, E, "48+24=71", value=Fraction(71), depends_on=("48", 0)),
            Step(2, Stage.VERIFY, "48+24=72", value=Fraction(72), depends_on=("48", 0)),
        ),
        answer="72",
        givens=CLIPS.givens,
    )
    assert rfs(wrong_then_right, CLIPS) == 1.0


def test_equal_values_are_told_apart_by_what_they_depend_on():
    teacher = graph((6, ("2",)), (6, ("3",)), (12, (0, "3")), (18, (1, 2)), givens=(2, 3))
    swapped = graph((6, ("3",)), (6, ("2",)), (12, (1, "3")), (18, (0, 2)), givens=(2, 3))
    assert rfs(swapped, teacher) == 1.0
    wrong_six = graph((6, ("2",)), (6, ("3",)), (12, (1, "3")), (18, (0, 2)), givens=(2, 3))
    assert rfs(wrong_six, teacher) < 1.0


def test_text_values_are_compared_as_text():
    def parity(word: str) -> ReasoningGraph:
        return ReasoningGraph(
            steps=(Step(0, E, "last digit 7", value=word, depends_on=("347",)),),
            answer=word,
            givens=(Quantity("347", Fraction(347), "347"),),
        )

    assert rfs(parity("Odd"), parity("odd")) == 1.0
    assert rfs(parity("even"), parity("odd")) == 0.5  # only that the answer rests on 347 is shared, and counts half


@settings(QUICK, max_examples=5)
@given(st.randoms(use_true_random=False))
def test_long_chains_of_repeated_values_stay_fast(random):
    digits = graph(
        *((random.randint(0, 9), ("48",) if i == 0 else (i - 1, random.choice(["48", "2"]))) for i in range(60))
    )
    assert rfs(digits, digits) == 1.0
    assert 0 <= rfs(digits, CLIPS) < 1
