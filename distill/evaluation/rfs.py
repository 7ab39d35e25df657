"""Reasoning Faithfulness Score: does a student reason over the same dependencies as its teacher?

    teacher   48 ──▶ 24 ──▶ 72 = answer        48 / 2 = 24,  48 + 24 = 72
               └───────────▲
    student   48 ──▶ 24 ──▶ 72 = answer        the same graph in other words: 1.0
    student   48 ─────────▶ 72 = answer        one merged step, 48 + 48 / 2 = 72: 1.0
    student         24 ──▶ 72 = answer         24 came from nowhere: lower

For a student graph S and a teacher graph T of one problem, computed values are matched one to one (equal value, order
kept); C holds the matched values and the final answer. R(G) holds the pairs (a, b) with b in C and a in C or a given,
where b depends on a directly or through steps that are not in C. The score is the F1 of R(S) and R(T); `rfs_strict` is
the F1 of the direct edges. docs/measures.md works examples and says what the score does not show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping

from distill.evaluation.matching import ANSWER, Flow, Node, best_agreement
from parsers.graph import ReasoningGraph, Stage, Step, Value
from parsers.numbers import find_numbers


def rfs(student: ReasoningGraph, teacher: ReasoningGraph) -> float:
    """Faithfulness of the student's reasoning to the teacher's, in [0, 1], 1 for equal graphs.

    Blind to wording, to the order of independent steps and to steps being merged or split; falls when a dependency
    is dropped, added or rewired, and when the final answers differ. Two empty graphs score 1.
    """
    return _score(student, teacher, strict=False)


def rfs_strict(student: ReasoningGraph, teacher: ReasoningGraph) -> float:
    """F1 of the direct edges, in [0, 1]: as `rfs`, but a merged or a split step costs the edges it hides."""
    return _score(student, teacher, strict=True)


def _score(student: ReasoningGraph, teacher: ReasoningGraph, *, strict: bool) -> float:
    s, t = _flow(student), _flow(teacher)
    shared: dict[Node, Node] = {**_shared_givens(s, t)}
    if ANSWER in s.sources and ANSWER in t.sources and s.answer == t.answer:
        shared[ANSWER] = ANSWER
    pairs = _direct_pairs if strict else _reached_pairs

    def agreement(match: Mapping[int, int]) -> float:
        of_student = pairs(s, {*match, ANSWER})
        of_teacher = pairs(t, {*match.values(), ANSWER})
        if not of_student and not of_teacher:  # nothing depends on anything: equal only if nothing is unmatched
            whole = len(match) == len(s.values) == len(t.values)
            return float(whole and (ANSWER in s.sources) == (ANSWER in t.sources) == (ANSWER in shared))
        names = {**shared, **match}
        common = sum((names.get(a), names.get(b)) in of_teacher for a, b in of_student)
        return 2 * common / (len(of_student) + len(of_teacher))

    return best_agreement(agreement, s, t, shared)


def _reached_pairs(flow: Flow, members: set[Node]) -> set[tuple[Node, Node]]:
    """R(G): what each member depends on among members and givens, looking through every step that is no member."""
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


def _flow(graph: ReasoningGraph) -> Flow:
    by_id = {step.id: step for step in graph.steps}
    sources: dict[Node, tuple[Node, ...]] = {step.id: step.depends_on for step in graph.steps}
    last = _answer_step(graph)
    if graph.answer is not None:
        sources[ANSWER] = () if last is None else (last.id,)
    behind_answer = _ancestors(ANSWER, sources)
    # A VERIFY step re-computes what stands already; it takes part only where the answer rests on it: a correction.
    values = {
        node: _key(step.value, graph.language)
        for node, step in by_id.items()
        if step.value is not None
        and (step.stage is Stage.EXECUTE or (step.stage is Stage.VERIFY and node in behind_answer))
    }
    givens = {given.name: given.value for given in graph.givens}
    return Flow(values, sources, givens, _key(graph.answer, graph.language))


def _answer_step(graph: ReasoningGraph) -> Step | None:
    """The step that the final answer comes from: the last one with that value, else the last that computes."""
    computing = [s for s in graph.steps if s.stage in (Stage.EXECUTE, Stage.VERIFY) and s.value is not None]
    equal = [s for s in computing if _key(s.value, graph.language) == _key(graph.answer, graph.language)]
    executed = [s for s in computing if s.stage is Stage.EXECUTE]
    # A check that restates the answer proves nothing about where it came from: prefer the step that computed it.
    for choice in ([s for s in equal if s.stage is Stage.EXECUTE], equal, executed):
        if choice:
            return choice[-1]
    return None


def _ancestors(node: Node, sources: Mapping[Node, tuple[Node, ...]]) -> set[Node]:
    seen: set[Node] = set()
    open_nodes = list(sources.get(node, ()))
    while open_nodes:
        current = open_nodes.pop()
        if current not in seen:
            seen.add(current)
            open_nodes.extend(sources.get(current, ()))
    return seen


def _key(value: Value, language: str) -> Hashable:
    """What is compared: the numbers of the value, exact; its words where it has no number."""
    if not isinstance(value, str):
        return (value,)
    numbers = tuple(number.value for number in find_numbers(value, language))
    return numbers or " ".join(value.casefold().split())


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
