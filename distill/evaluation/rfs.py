"""Reasoning Faithfulness Score: does a student reason over the same dependencies as its teacher?

    teacher   48 ──▶ 24 ──▶ 72 = answer        48 / 2 = 24,  48 + 24 = 72
               └───────────▲
    student   48 ──▶ 24 ──▶ 72 = answer        the same graph in other words: 1.0
    student   48 ─────────▶ 72 = answer        one merged step, 48 + 48 / 2 = 72: 1.0
    student         24 ──▶ 72 = answer         24 came from nowhere: lower

For a student graph S and a teacher graph T of one problem, computed values are matched one to one (equal value, order
kept). C is the set of matched values and the final answer. R(G) is the set of pairs (a, b): b is in C, a is in C or a
given, and b depends on a directly or through steps outside C. The score is the F1 of R(S) and R(T); `rfs_strict` is
the F1 of the direct edges. docs/measures.md has worked examples and says what the score does not show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from distill.evaluation.flow import ANSWER, Flow, Node, read_flow
from distill.evaluation.matching import best_agreement
from parsers.graph import ReasoningGraph
from parsers.reading.split import split_computations

WRONG_ANSWER_CREDIT = 0.5
"""Weight of a shared pair into the final answer if the answers differ: the role is the same, the value is not.

With 1, a wrong solution of the right shape scores like a right one (AUC of right against wrong 0.78 on real outputs).
With 0, a wrong solution scores like that of another problem (AUC 0.92). With 0.5, both are above 0.97.
"""


def rfs(student: ReasoningGraph, teacher: ReasoningGraph) -> float:
    """Faithfulness of the student's reasoning to the teacher's, in [0, 1], 1 for equal graphs.

    It ignores wording, the order of independent steps, and whether steps are merged or split. It falls if a dependency
    is missing, added or changed, and if the final answers differ. Two empty graphs score 1.
    """
    return _score(student, teacher, strict=False)


def rfs_strict(student: ReasoningGraph, teacher: ReasoningGraph) -> float:
    """F1 of the direct edges, in [0, 1]: as `rfs`, but a merged or a split step costs the edges it hides."""
    return _score(student, teacher, strict=True)


def _score(student: ReasoningGraph, teacher: ReasoningGraph, *, strict: bool) -> float:
    s, t = read_flow(split_computations(student)), read_flow(split_computations(teacher))
    shared: dict[Node, Node] = {**_shared_givens(s, t)}
    if ANSWER in s.sources and ANSWER in t.sources:
        shared[ANSWER] = ANSWER
    credit = 1.0 if s.answer == t.answer else WRONG_ANSWER_CREDIT
    pairs = _direct_pairs if strict else reached_pairs

    def agreement(match: Mapping[int, int]) -> float:
        of_student = pairs(s, {*match, ANSWER})
        of_teacher = pairs(t, {*match.values(), ANSWER})
        if not of_student and not of_teacher:  # nothing depends on anything: equal only if nothing is unmatched
            whole = len(match) == len(s.values) == len(t.values)
            return float(whole and (ANSWER in s.sources) == (ANSWER in t.sources) and s.answer == t.answer)
        names = {**shared, **match}
        common = sum(
            credit if b == ANSWER else 1.0 for a, b in of_student if (names.get(a), names.get(b)) in of_teacher
        )
        return 2 * common / (len(of_student) + len(of_teacher))

    return best_agreement(agreement, s, t, shared)


def reached_pairs(flow: Flow, members: set[Node]) -> set[tuple[Node, Node]]:
    """R(G): the members and givens on which each member depends, directly or through steps that are not members."""
    pairs: set[tuple[Node, Node]] = set()
    for member in members:
        seen: set[Node] = set()
        open_nodes = list(flow.sources.get(member, ()))
        while open_nodes:
            node = open_nodes.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in members or isinstance(node, str):
                pairs.add((node, member))
            else:
                open_nodes.extend(flow.sources[node])
    return pairs


def _direct_pairs(flow: Flow, members: set[Node]) -> set[tuple[Node, Node]]:
    """Every direct edge into a computing step or the answer, from a given or a computing step."""
    del members  # an edge of an unmatched step counts against the student
    ends = {*flow.values, ANSWER}
    return {
        (source, end)
        for end in ends
        for source in flow.sources.get(end, ())
        if source in ends or isinstance(source, str)
    }


def _shared_givens(s: Flow, t: Flow) -> dict[str, str]:
    """Student given -> the same given of the teacher: same name and value first, then equal values in order."""
    shared = {name: name for name, value in s.givens.items() if t.givens.get(name) == value}
    left = defaultdict(list)
    for name, value in t.givens.items():
        if name not in shared:
            left[value].append(name)
    for name, value in s.givens.items():
        if name not in shared and left[value]:
            shared[name] = left[value].pop(0)
    return shared
