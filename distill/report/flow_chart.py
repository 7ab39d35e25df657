"""The graphs that the faithfulness score compares, as pictures for a phone: teacher, student, and their difference.

    given 34   ─╮
    given 48   ─┤
    4+8=12      ◀        a row a value in reading order, an arc from what is used to what uses it
    answer 82

In the difference, rows and arcs of the teacher only are dashed and marked −, those of the student only are marked +.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from distill.evaluation.flow import ANSWER, Node, read_flow
from distill.evaluation.rfs import reached_pairs
from distill.report.arcs import Arc, Box, arc_diagram
from parsers.graph import ReasoningGraph

COLUMNS = 27
"""Characters of a label: three of these pictures stand side by side."""
BOTH, TEACHER, STUDENT = "both", "teacher", "student"
MARKS = {BOTH: "", TEACHER: "− ", STUDENT: "+ "}

Pair = tuple[int, int]
"""Row of what is used, row of what uses it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One given, value or answer; rows of two graphs are the same thing if their keys are equal."""

    node: Node
    key: Hashable
    label: str


def three_charts(teacher: ReasoningGraph, student: ReasoningGraph) -> tuple[str, str, str]:
    """SVG text of the teacher's graph, the student's graph, and their difference."""
    rows_t, arcs_t = _read(teacher)
    rows_s, arcs_s = _read(student)
    rows: list[tuple[Row, str]] = []
    place_t: dict[int, int] = {}
    place_s: dict[int, int] = {}
    matcher = SequenceMatcher(None, [row.key for row in rows_t], [row.key for row in rows_s], autojunk=False)
    for kind, t0, t1, s0, s1 in matcher.get_opcodes():
        if kind == "equal":
            for t, s in zip(range(t0, t1), range(s0, s1), strict=True):
                place_t[t] = place_s[s] = len(rows)
                rows.append((rows_s[s], BOTH))
            continue
        for t in range(t0, t1):
            place_t[t] = len(rows)
            rows.append((rows_t[t], TEACHER))
        for s in range(s0, s1):
            place_s[s] = len(rows)
            rows.append((rows_s[s], STUDENT))
    of_teacher = {(place_t[a], place_t[b]) for a, b in arcs_t}
    of_student = {(place_s[a], place_s[b]) for a, b in arcs_s}
    arcs = [(arc, BOTH) for arc in sorted(of_teacher & of_student)]
    arcs += [(arc, TEACHER) for arc in sorted(of_teacher - of_student)]
    arcs += [(arc, STUDENT) for arc in sorted(of_student - of_teacher)]
    return (
        _svg([(row, BOTH) for row in rows_t], [(arc, BOTH) for arc in arcs_t], "the teacher's graph"),
        _svg([(row, BOTH) for row in rows_s], [(arc, BOTH) for arc in arcs_s], "the student's graph"),
        _svg(rows, arcs, "the difference of the two graphs"),
    )


def _read(graph: ReasoningGraph) -> tuple[list[Row], list[Pair]]:
    """Used givens, computed values and the answer, and what depends on what among them."""
    flow = read_flow(graph)
    members: set[Node] = {*flow.values, ANSWER}
    pairs = reached_pairs(flow, members)
    steps = {step.id: step for step in graph.steps}
    used = {source for source, _ in pairs}
    rows = [Row(name, ("given", value), f"given {name}") for name, value in flow.givens.items() if name in used]
    rows += [Row(node, ("value", value), _label(steps[node].text)) for node, value in flow.values.items()]
    if graph.answer is not None:
        rows.append(Row(ANSWER, ("answer", flow.answer), f"answer {graph.answer}"))
    places = {row.node: place for place, row in enumerate(rows)}
    return rows, sorted((places[a], places[b]) for a, b in pairs if a in places and b in places)


def _label(text: str) -> str:
    return " ".join(text.split())


def _svg(rows: Sequence[tuple[Row, str]], arcs: Sequence[tuple[Pair, str]], label: str) -> str:
    """The picture; its colours are those of the page, by the classes both, teacher, student."""
    boxes = [Box((_cut(MARKS[status] + row.label),), f"{_kind(row)} {status}") for row, status in rows]
    return arc_diagram(boxes, [Arc(*ends, status) for ends, status in arcs], label=label, columns=COLUMNS)


def _kind(row: Row) -> str:
    return "answer" if row.node == ANSWER else "given" if isinstance(row.node, str) else "EXECUTE"


def _cut(text: str) -> str:
    return text if len(text) <= COLUMNS else text[: COLUMNS - 1] + "…"
