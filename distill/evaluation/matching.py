"""Matches the steps of two graphs one to one by equal values, so that the graphs agree best.

A value that both graphs compute once leaves no choice. If there are few choices for repeated values, all are tried;
then the order of independent steps never matters. If there are many (the digits of a long addition), values are matched
in reading order and by their place in the graph. The better of the two matchings is then improved one value at a time.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from distill.evaluation.flow import Flow, Node

Match = Mapping[int, int]  # student step -> teacher step
MAX_TRIALS = 128  # as many matches are tried, of all values together or of one value at a time
MAX_REPEATED = 100  # with more repeated steps than this only their reading order is looked at
DEPTH = 6  # how far around a step its place in the graph is compared


def best_agreement(
    agreement: Callable[[Match], float], student: Flow, teacher: Flow, shared: Mapping[Node, Node]
) -> float:
    """The highest agreement over all one-to-one matchings of equal values.

    `shared` maps the student's givens, and its ANSWER, to those of the teacher that are the same.
    """
    options = []
    for value in dict.fromkeys(teacher.values.values()):
        here = [node for node, other in student.values.items() if other == value]
        there = [node for node, other in teacher.values.items() if other == value]
        if here and there:
            options.append((here, there))
    if math.prod(_num_assignments(*option) for option in options) <= MAX_TRIALS:
        best = 0.0
        for choice in itertools.product(*(_assignments(*option) for option in options)):
            best = max(best, agreement(dict(itertools.chain(*choice))))
            if best == 1.0:
                break
        return best
    starts = [dict(itertools.chain(*(next(_assignments(*option)) for option in options)))]
    if sum(len(here) + len(there) for here, there in options) <= MAX_REPEATED:
        starts.append(_by_place(student, teacher, shared))
    best, match = max(((agreement(start), start) for start in starts), key=lambda pair: pair[0])
    return _climb(agreement, options, best, match)


def _climb(
    agreement: Callable[[Match], float], options: list[tuple[list[int], list[int]]], best: float, match: Match
) -> float:
    """Re-match one value after the other until nothing improves."""
    before = -1.0
    while before < best < 1.0:
        before = best
        for here, there in options:
            others = {node: other for node, other in match.items() if node not in here}
            for assignment in itertools.islice(_assignments(here, there), MAX_TRIALS):
                score = agreement({**others, **dict(assignment)})
                if score > best:
                    best, match = score, {**others, **dict(assignment)}
    return best


def _num_assignments(here: list[int], there: list[int]) -> int:
    return math.perm(max(len(here), len(there)), min(len(here), len(there)))


def _assignments(here: list[int], there: list[int]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every way to pair the shorter list with places of the longer one, the reading order first."""
    if len(here) <= len(there):
        return (tuple(zip(here, chosen, strict=True)) for chosen in itertools.permutations(there, len(here)))
    return (tuple(zip(chosen, there, strict=True)) for chosen in itertools.permutations(here, len(there)))


def _by_place(student: Flow, teacher: Flow, shared: Mapping[Node, Node]) -> dict[int, int]:
    """Match equal values by their surroundings in the graph, the most similar surroundings first.

    Colour refinement (Weisfeiler and Leman 1968). If steps cannot be told apart, the first pair is matched and the rest
    is refined again.
    """
    match: dict[int, int] = {}
    same: dict[Node, Node] = dict(shared)
    while True:
        here = _colours(student, same)
        there = _colours(teacher, {node: node for node in same.values()})
        pairs = _alike(here, there, [n for n in student.values if n not in match], set(match.values()), teacher)
        if not pairs:
            return match
        match.update(pairs)
        same = {**same, **pairs}


def _alike(
    here: list[dict[Node, int]], there: list[dict[Node, int]], unmatched: list[int], taken: set[int], teacher: Flow
) -> dict[int, int]:
    """The pairs of one colour at the greatest depth that has any: all that are unique, else the first one."""
    for own, other in zip(reversed(here), reversed(there), strict=True):
        by_colour: dict[int, list[int]] = defaultdict(list)
        for node in teacher.values:
            if node not in taken:
                by_colour[other[node]].append(node)
        counts = Counter(own[node] for node in unmatched)
        pairs = [(node, by_colour[own[node]]) for node in unmatched if by_colour[own[node]]]
        unique = {node: nodes[0] for node, nodes in pairs if len(nodes) == 1 == counts[own[node]]}
        if pairs:
            return unique or {pairs[0][0]: pairs[0][1][0]}
    return {}


def _colours(flow: Flow, same: Mapping[Node, Node]) -> list[dict[Node, int]]:
    """Colour of each node after 0 … DEPTH rounds; equal colours at round k mean equal surroundings up to k edges."""
    users: dict[Node, list[Node]] = defaultdict(list)
    for node, sources in flow.sources.items():
        for source in sources:
            users[source].append(node)
    nodes = {*flow.sources, *flow.givens}
    colours = [{n: hash(("same", same[n])) if n in same else hash(("value", flow.values.get(n))) for n in nodes}]  # type: ignore[arg-type]
    for _ in range(DEPTH):
        last = colours[-1]
        around = {
            n: (sorted(last[m] for m in flow.sources.get(n, ())), sorted(last[m] for m in users[n])) for n in nodes
        }
        colours.append({n: hash((last[n], *map(tuple, around[n]))) for n in nodes})
    return colours
