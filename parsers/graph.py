"""The reasoning graph: steps in four stages, their values and their dependencies.

48 clips in April, half as many in May
step 0  EXECUTE  "48 / 2 = 24"   value 24  depends_on ("48", "half")
step 1  EXECUTE  "48 + 24 = 72"  value 72  depends_on ("48", 0)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import networkx as nx


class Stage(IntEnum):
    """What a step does. The value is the row of the step's weight in the loss."""

    UNDERSTAND = 0
    PLAN = 1
    EXECUTE = 2
    VERIFY = 3


NO_STAGE = -1
"""Stage id of tokens outside every stage: the prompt, padding, the answer line."""

Value = Fraction | str | None


class Span(NamedTuple):
    """The characters from `start` to `end` belong to `stage` (NO_STAGE outside stages) and to the step `step_id`.

    `step_id` is None for a marker.
    """

    start: int
    end: int
    stage: int
    step_id: int | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that the problem states. Steps refer to it by `name`, which is unique within one graph."""

    name: str
    value: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a trace in one stage.

    `start` and `end` are character offsets in the raw text; `end` is exclusive, and both are -1 for a derived step.
    `depends_on` contains ids of earlier steps (int) and names of givens (str).
    `correct` is the result of recomputing `expression`; it is None if there is no verdict.
    """

    id: int
    stage: Stage
    text: str
    start: int = -1
    end: int = -1
    expression: str | None = None
    value: Value = None
    depends_on: tuple[int | str, ...] = ()
    correct: bool | None = None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class ReasoningGraph:
    """Steps in reading order. The graph is acyclic, because a step depends only on earlier steps and givens.

    `problems` lists in words what could not be read; if it is empty, the text was read completely.
    """

    question: str = ""
    steps: tuple[Step, ...] = ()
    answer: str | None = None
    givens: tuple[Quantity, ...] = ()
    language: str = "und"
    format: str = "freeform"
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = {given.name for given in self.givens}
        if len(names) != len(self.givens):
            raise ValueError("two givens share a name")
        seen: set[int] = set()
        for step in self.steps:
            unknown = [d for d in step.depends_on if d not in (names if isinstance(d, str) else seen)]
            if unknown:
                raise ValueError(
                    f"step {step.id} depends on {unknown[0]!r}, which is neither an earlier step nor a given"
                )
            if step.id in seen:
                raise ValueError(f"two steps have the id {step.id}")
            seen.add(step.id)

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`, from which `from_json` makes an equal graph."""
        return {
            "question": self.question,
            "steps": [
                {
                    "id": step.id,
                    "stage": step.stage.name,
                    "text": step.text,
                    "start": step.start,
                    "end": step.end,
                    "expression": step.expression,
                    "value": _value_to_json(step.value),
                    "depends_on": list(step.depends_on),
                    "correct": step.correct,
                    "derived": step.derived,
                }
                for step in self.steps
            ],
            "answer": self.answer,
            "givens": [{"name": g.name, "value": str(g.value), "text": g.text} for g in self.givens],
            "language": self.language,
            "format": self.format,
            "problems": list(self.problems),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any] | str) -> ReasoningGraph:
        """The graph from the dict that `to_json` made, or from its JSON text."""
        if isinstance(data, str):
            data = json.loads(data)
        assert isinstance(data, dict)
        return cls(
            question=data["question"],
            steps=tuple(
                Step(
                    id=step["id"],
                    stage=Stage[step["stage"]],
                    text=step["text"],
                    start=step["start"],
                    end=step["end"],
                    expression=step["expression"],
                    value=_value_from_json(step["value"]),
                    depends_on=tuple(step["depends_on"]),
                    correct=step["correct"],
                    derived=step["derived"],
                )
                for step in data["steps"]
            ),
            answer=data["answer"],
            givens=tuple(Quantity(g["name"], Fraction(g["value"]), g["text"]) for g in data["givens"]),
            language=data["language"],
            format=data["format"],
            problems=tuple(data["problems"]),
        )

    def to_networkx(self) -> nx.DiGraph:
        """A networkx graph: steps and givens are nodes, and edges go from a source to the step that uses it."""
        import networkx as nx

        graph = nx.DiGraph()
        for given in self.givens:
            graph.add_node(given.name, kind="given", value=given.value, text=given.text)
        for step in self.steps:
            graph.add_node(
                step.id, kind="step", stage=step.stage, value=step.value, text=step.text, correct=step.correct
            )
            graph.add_edges_from((source, step.id) for source in step.depends_on)
        return graph


def _value_to_json(value: Value) -> Any:
    return {"number": str(value)} if isinstance(value, Fraction) else value


def _value_from_json(value: Any) -> Value:
    return Fraction(value["number"]) if isinstance(value, dict) else value
