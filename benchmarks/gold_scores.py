"""Scores of parsed graphs against hand-labelled ones: stages, dependencies, values.

Predicted and labelled statements are matched one to one by overlap of their spans (intersection over union, at least
0.5, best pairs first). Labelled ANSWER statements are not scored. Numbers are compared by value: "half" is 1/2,
"25%" is 25 or 1/4.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from parsers import ReasoningGraph, parse
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import find_numbers

STAGES = ("UNDERSTAND", "PLAN", "EXECUTE", "VERIFY")


@dataclass(slots=True)
class GoldScores:
    """Counts over a set of labelled solutions."""

    true: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    labelled: Counter[str] = field(default_factory=Counter)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    edges_true: int = 0
    edges_predicted: int = 0
    edges_labelled: int = 0
    values: int = 0
    values_right: int = 0
    numeric: int = 0
    numeric_right: int = 0
    errors: list[str] = field(default_factory=list)

    def stage_f1(self, stage: str) -> float:
        """F1 of one stage; 0 where it is neither labelled nor predicted."""
        total = self.predicted[stage] + self.labelled[stage]
        return 2 * self.true[stage] / total if total else 0.0

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the stages that are labelled."""
        stages = [stage for stage in STAGES if self.labelled[stage]]
        return sum(self.stage_f1(stage) for stage in stages) / max(1, len(stages))

    @property
    def edge_f1(self) -> float:
        """F1 of dependencies."""
        return 2 * self.edges_true / max(1, self.edges_predicted + self.edges_labelled)

    @property
    def value_accuracy(self) -> float:
        """Share of labelled values that are found."""
        return self.values_right / max(1, self.values)


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a published file: a JSON array, or a JSON object a line."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.split("\n") if line]


def gold_graphs(shared: Path, name: str = "graphs.jsonl") -> Iterator[tuple[dict[str, Any], str, str]]:
    """Label, text and question of each solution labelled in a file of `shared/gold`, texts from `shared/data`."""
    files: dict[str, list[dict[str, Any]]] = {}
    for line in (shared / "gold" / name).read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        if label["file"] not in files:
            files[label["file"]] = rows(shared / "data" / label["file"])
        row = files[label["file"]][label["row"]]
        yield label, row[label["field"]], row.get("question") or row.get("problem") or row.get("Question") or ""


OWN_LABELS = Path(__file__).parents[1] / "tests" / "parsers" / "gold"
"""Solutions in our own wording, labelled by the same rules; each row holds its text."""


def own_graphs() -> Iterator[tuple[dict[str, Any], str, str]]:
    """Label, text and question of each solution that was written and labelled for this repository."""
    for path in sorted(OWN_LABELS.glob("*.jsonl")):
        for number, row in enumerate(rows(path)):
            yield {**row, "file": path.name, "row": number}, row["text"], row["question"]


def score_gold(labelled: Iterable[tuple[dict[str, Any], str, str]]) -> GoldScores:
    """Parses every labelled solution and scores the graphs."""
    scores = GoldScores()
    for label, text, question in labelled:
        add_scores(scores, label, parse(text, question=question, format=label["format"]), text)
    return scores


def add_scores(scores: GoldScores, label: dict[str, Any], graph: ReasoningGraph, text: str = "") -> None:
    """Adds one solution to the counts."""
    language = graph.language
    match = _matched(label, graph)  # labelled id -> step
    name = f"{label['file']}:{label['row']}"
    scored = {step["id"]: step for step in label["steps"] if step["stage"] != "ANSWER"}
    answers = {step["id"] for step in label["steps"] if step["stage"] == "ANSWER"}
    for step_id, step in scored.items():
        scores.labelled[step["stage"]] += 1
        found = match.get(step_id)
        stage = found.stage.name if found else "none"
        scores.confusion[step["stage"], stage] += 1
        if stage == step["stage"]:
            scores.true[stage] += 1
        else:
            scores.errors.append(
                f"STAGE {name} [{step_id}] {step['stage']} -> {stage}: {text[step['start'] : step['end']]!r:.230}"
            )
        if found and step["value"] is not None:
            right = same_value(step["value"], found.value, language)
            numeric = bool(_numbers(step["value"], language))
            scores.values, scores.values_right = scores.values + 1, scores.values_right + right
            scores.numeric, scores.numeric_right = scores.numeric + numeric, scores.numeric_right + (right and numeric)
            if not right:
                scores.errors.append(
                    f"VALUE {name} [{step_id}] {step['value']!r} -> {found.value!s}: "
                    f"{text[step['start'] : step['end']]!r:.230}"
                )
    partner = {step.id: step_id for step_id, step in match.items()}
    for step in graph.steps:
        if step.start >= 0 and partner.get(step.id) not in answers:
            scores.predicted[step.stage.name] += 1
            if step.id not in partner:
                scores.errors.append(f"EXTRA {name} {step.stage.name}: {step.text!r:.150}")
    _add_edges(scores, label, graph, match, name, text)


def _add_edges(
    scores: GoldScores, label: dict[str, Any], graph: ReasoningGraph, match: dict[int, Any], name: str, text: str
) -> None:
    partner = {step.id: step_id for step_id, step in match.items()}
    values = {given.name: given.value for given in graph.givens}
    texts = {given.name: given.text for given in graph.givens}
    for step in label["steps"]:
        if step["stage"] == "ANSWER":
            continue
        found = match.get(step["id"])
        wanted = list(step["depends_on"])
        got = list(found.depends_on) if found else []
        scores.edges_labelled += len(wanted)
        scores.edges_predicted += len(got)
        missing = []
        for target in wanted:
            hit = next((g for g in got if _same_edge(target, g, partner, values, texts, graph.language)), None)
            if hit is None:
                missing.append(target)
            else:
                got.remove(hit)
                scores.edges_true += 1
        if missing or got:
            extra = [partner.get(g, f"?{g}") if isinstance(g, int) else f"g:{g}" for g in got]
            scores.errors.append(
                f"EDGES {name} [{step['id']}] missing {missing} extra {extra}: "
                f"{text[step['start'] : step['end']]!r:.230}"
            )


def _same_edge(
    target: int | str,
    got: int | str,
    partner: dict[int, int],
    values: dict[str, Fraction],
    texts: dict[str, str],
    language: str,
) -> bool:
    if isinstance(target, int):
        return isinstance(got, int) and partner.get(got) == target
    if isinstance(got, int):
        return False
    if texts[got].strip() == target[2:]:
        return True
    wanted = _numbers(target[2:], language)
    return bool(wanted & {values[got], values[got] * 100, values[got] / 100 if "%" in target else values[got]})


def _matched(label: dict[str, Any], graph: ReasoningGraph) -> dict[int, Any]:
    pairs = []
    for step in label["steps"]:
        for found in graph.steps:
            shared = min(step["end"], found.end) - max(step["start"], found.start)
            if found.start >= 0 and shared > 0:
                overlap = shared / (max(step["end"], found.end) - min(step["start"], found.start))
                if overlap >= 0.5:
                    pairs.append((overlap, step["id"], found))
    pairs.sort(key=lambda pair: -pair[0])
    match: dict[int, Any] = {}
    taken: set[int] = set()
    for _, step_id, found in pairs:
        if step_id not in match and found.id not in taken:
            match[step_id] = found
            taken.add(found.id)
    return match


def _numbers(text: str, language: str) -> set[Fraction]:
    value = evaluate(text, language)
    if (
        value is None
        and (found := find_numbers(text, language))
        and len(found) == 1
        and re.fullmatch(r"[^\W\d]*|[\d.,/%$\s-]+", text)
    ):
        value = found[0].value
    return set() if value is None else {value, value * 100} if "%" in text else {value}


def same_value(wanted: str, got: object, language: str) -> bool:
    """Whether the labelled value and the parsed one are the same number or the same text."""
    if got is None:
        return False
    numbers = _numbers(wanted, language)
    if isinstance(got, Fraction):
        return got in numbers
    if numbers and evaluate(str(got), language) in numbers:
        return True
    return _folded(wanted) == _folded(str(got))


def _folded(text: str) -> str:
    text = re.sub(r"\\(?:text|mathrm)\s*\{([^{}]*)\}", r"\1", text)
    text = (
        text.replace("\\times", "*")
        .replace("\\cdot", "*")
        .replace("×", "*")
        .replace("\\left", "")
        .replace("\\right", "")
        .replace("dfrac", "frac")
    )
    return re.sub(r"[\s$]|\\[,;! $]", "", text).rstrip(".,").casefold()
