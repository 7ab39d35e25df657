"""Several teachers of the same problems: how many texts of each are learnt, and what is said of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distill.data.rows import Row
from distill.traces.mixture import SURPLUS, by_weight


def rows_of(name: str, count: int, unused: int = 0) -> list[Row]:
    """So many rows to learn from, then some that are left out already, then one for validation."""
    learnt = [Row(f"{name} {i}", "text") for i in range(count)]
    left = [Row(f"{name} left {i}", "text", unused="wrong") for i in range(unused)]
    return [*learnt, *left, Row(f"{name} held out", "text", side="validation")]


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.tuples(st.integers(0, 40), st.floats(0.25, 4.0), st.integers(0, 3)), min_size=1
    )
)
def test_texts_are_learnt_by_weight_and_as_many_as_there_can_be(drawn: dict[str, tuple[int, float, int]]) -> None:
    rows = {name: rows_of(name, count, unused) for name, (count, _, unused) in drawn.items()}
    weights = {name: weight for name, (_, weight, _) in drawn.items()}
    kept = by_weight(rows, weights)
    learnt = {name: [row for row in kept[name] if row.unused is None and row.side == "training"] for name in rows}
    most = min(count / weight for count, weight, _ in drawn.values())
    for name, (count, weight, unused) in drawn.items():
        assert len(learnt[name]) == int(most * weight + 1e-9) <= count
        assert [row.question for row in kept[name]] == [row.question for row in rows[name]], "none gets lost"
        assert learnt[name] == rows[name][: len(learnt[name])], "the first ones"
        assert sum(row.unused == SURPLUS for row in kept[name]) == count - len(learnt[name])
        assert sum(row.unused == "wrong" for row in kept[name]) == unused
    assert any(len(learnt[name]) == count for name, (count, _, _) in drawn.items()), "one gives all of its own"
