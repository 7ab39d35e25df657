"""Statements with several computations, taken apart."""

from __future__ import annotations

from distill.evaluation import rfs
from parsers import parse
from parsers.reading.split import split_computations

QUESTION = "Tom buys 4 pens at $3 each and 2 books at $7 each. How much does he spend?"
REFERENCE = "Pens cost 4*3=$<<4*3=12>>12.\nBooks cost 2*7=$<<2*7=14>>14.\nHe spends 12+14=$<<12+14=26>>26.\n#### 26"


def test_each_computation_has_its_own_value_and_sources() -> None:
    graph = parse("The pens cost 4 * 3 = 12 and the books 2 * 7 = 14. In all 12 + 14 = 26.", question=QUESTION)
    steps = split_computations(graph).steps
    assert [step.value for step in steps] == [12, 14, 26]
    assert [set(step.depends_on) for step in steps] == [{"4", "3"}, {"2", "7"}, {0, 1}]


def test_a_computation_uses_the_one_before_it_in_the_same_statement() -> None:
    graph = parse("The pens cost 4 * 3 = 12, so with a bag that is 12 + 5 = 17.", question=QUESTION)
    steps = split_computations(graph).steps
    assert [step.value for step in steps] == [12, 17]
    assert 0 in steps[1].depends_on and "4" not in steps[1].depends_on


def test_a_graph_without_such_statements_stays_as_it_is() -> None:
    graph = parse("The pens cost 4 * 3 = 12.\nThe books cost 2 * 7 = 14.\nIn all 12 + 14 = 26.", question=QUESTION)
    assert split_computations(graph) is graph


def test_two_computations_in_one_sentence_are_as_faithful_as_in_two() -> None:
    reference = parse(REFERENCE, question=QUESTION)
    merged = "4 times 3 is 12, and 2 times 7 is 14. 12 plus 14 equals 26. The answer is 26."
    assert rfs(parse(merged, question=QUESTION), reference) == 1
    wrong = "4 times 7 is 28, and 2 times 3 is 6. 28 plus 6 equals 34. The answer is 34."
    assert rfs(parse(wrong, question=QUESTION), reference) <= 0.5
