"""report.html: one page that says what a run did and how well, in one file that works offline.

    write_report(Path("runs/miniaxion-1f0c9a52"))

Reads what stands in the run folder (metrics.json, samples.jsonl, run.json, recipe.yaml, the log history of the last
checkpoint) and leaves out the sections whose files are not there. The page is distill/report_template.html.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from distill.accuracy_chart import accuracy_chart
from distill.adapter_card import compared
from distill.balance_chart import balance_chart, last_balance
from distill.charts import inline_svg, loss_chart
from distill.colouring import stage_blocks
from distill.evaluation.published import TALK
from distill.evaluation.statistics import wilson
from distill.flow_chart import three_charts
from distill.licences import licences
from distill.model_card import flat_facts, percent, readable
from distill.runs import read_json, read_jsonl, write_text
from parsers import ReasoningGraph, parse

Row = Mapping[str, Any]
NUM_WORST = 10
SHARE_NAMES = {
    "thinking_rate": ("Thinking rate", "some thinking, and it ends"),
    "step_format": ("Step format", "stages hold steps and nothing else"),
    "answer_completion": ("Answer completion", "one answer field, closed, last"),
    "stage_completeness": ("All four stages", "each stage is there"),
    "stage_order": ("Stage order", "once each, in order"),
    "well_formed": ("Well formed", "all of these"),
}


def write_report(folder: Path, *, history: Sequence[Row] | None = None) -> Path:
    """Write `report.html` into a run folder (or the folder of an evaluation) and give its path.

    `history` is the trainer's log history; without it that of the newest checkpoint is read, if there is one.

    Raises:
        UserError: metrics.json is missing or damaged.
    """
    samples = folder / "samples.jsonl"
    facts = read_json(folder / "run.json") if (folder / "run.json").is_file() else {}
    recipe = (folder / "recipe.yaml").read_text(encoding="utf-8") if (folder / "recipe.yaml").is_file() else ""
    page = build_report(
        title=facts.get("recipe") or folder.name,
        metrics=read_json(folder / "metrics.json"),
        samples=list(read_jsonl(samples)) if samples.is_file() else [],
        history=_checkpoint_history(folder) if history is None else history,
        facts=facts,
        recipe=recipe,
    )
    write_text(folder / "report.html", page)
    return folder / "report.html"


def build_report(
    *,
    title: str,
    metrics: Mapping[str, Any],
    samples: Sequence[Row] = (),
    history: Sequence[Row] = (),
    facts: Mapping[str, Any] | None = None,
    recipe: str = "",
) -> str:
    """The page as text; every value from outside is escaped."""
    from jinja2 import Environment, StrictUndefined

    source = resources.files("distill").joinpath("report_template.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "bound": _bound, "number": readable}
    graph, shown = _example(samples)
    return environment.from_string(source).render(
        title=title,
        metrics=metrics,
        average=_average_card(metrics),
        share_names=SHARE_NAMES,
        harder=metrics.get("one_more_digit"),
        compared=compared(metrics) if metrics.get("base") else [],
        loss_chart=Markup(loss_chart(history)) if len(history) > 1 else None,
        balance_chart=Markup(balance_chart(history)),
        balance=last_balance(history),
        graph=Markup(graph) if graph else None,
        graph_sample=shown,
        example=_beside_teacher(metrics.get("example")),
        curve=Markup(accuracy_chart(metrics.get("curve") or (), history)),
        error_stages=_error_stages(metrics.get("errors") or {}),
        licences=licences(yaml.safe_load(recipe)) if recipe else [],
        good=[_card(row) for row in _one_per_task(samples)],
        worst=[_card(row) for row in worst_samples(samples)],
        facts=list(flat_facts(facts or {})),
        recipe=recipe,
    )


def worst_samples(samples: Sequence[Row], count: int = NUM_WORST) -> list[Row]:
    """The outputs that went most wrong: broken form first, then low RFS, taking turns between the tasks."""

    def badness(row: Row) -> tuple[Any, ...]:
        rfs = row.get("rfs")
        return row["lenient"] is True, bool(row.get("well_formed")), 1.0 if rfs is None else rfs

    by_task: dict[str, list[Row]] = {}
    for row in sorted((row for row in samples if row.get("strict") is False), key=badness):
        by_task.setdefault(row.get("task") or "", []).append(row)
    turns = [rows[i] for i in range(count) for rows in by_task.values() if i < len(rows)]
    return turns[:count]


def _one_per_task(samples: Sequence[Row], count: int = 8) -> list[Row]:
    """The first right and well-formed output of each task."""
    found: dict[str, Row] = {}
    for row in samples:
        if row.get("strict") and row.get("well_formed"):
            found.setdefault(row.get("task") or "", row)
    return list(found.values())[:count]


def _card(row: Row) -> dict[str, Any]:
    return {**row, "blocks": stage_blocks(row["output"], question=row["question"])}


def _example(samples: Sequence[Row]) -> tuple[str, Row | None]:
    """The drawn graph (SVG text) of a right output that is neither trivial nor crowded, and its row."""
    best: tuple[int, Row, ReasoningGraph] | None = None
    for row in samples[:400]:
        if row.get("strict"):
            graph = parse(row["output"][:5000], question=row["question"])
            edges = sum(len(step.depends_on) for step in graph.steps)
            distance = abs(edges - 9) + abs(len(graph.steps) - 9)
            if edges and (best is None or distance < best[0]):
                best = (distance, row, graph)
    return ("", None) if best is None else (_draw(best[2]), best[1])


def _draw(graph: ReasoningGraph) -> str:
    from distill.draw import draw_graph

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.svg"
        draw_graph(graph, path)
        text = path.read_text(encoding="utf-8")
    return inline_svg(text, label="a reasoning graph")


ERROR_STAGES = {
    "understand": "the question was read in another way",
    "plan": "planned otherwise, or computed rightly towards something else",
    "execute": "a step is wrong",
    "verify": "a right result that did not become the answer",
    "answer": "no answer, or not the one that the steps gave",
}
"""What it means that a wrong output went wrong in a stage first (evaluation/outputs.py)."""


def _error_stages(errors: Mapping[str, int]) -> list[dict[str, Any]]:
    """Stage, meaning, count and share of the wrong outputs; empty where nothing is wrong."""
    counts = {stage: errors.get(stage, 0) for stage in ERROR_STAGES}
    total = sum(counts.values())
    return [
        {"stage": stage.upper(), "meaning": ERROR_STAGES[stage], "count": count, "share": count / total}
        for stage, count in counts.items()
        if total
    ]


def _beside_teacher(example: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Question, verdict, score and three pictures of the shown output: teacher, student, difference."""
    if not example:
        return None
    teacher, student = (ReasoningGraph.from_json(example[name]) for name in ("teacher", "student"))
    pictures = map(Markup, three_charts(teacher, student))
    names = ("the teacher", "the student", "the difference")
    return {**example, "pictures": list(zip(names, pictures, strict=True))}


def _average_card(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """The headline: average over tasks with the interval of the pooled answers, or plain accuracy without tasks."""
    if not metrics.get("accuracy"):
        return None
    strict = metrics["accuracy"]["strict"]
    average = metrics.get("average") or {}
    if average.get("accuracy") is None:
        return {"accuracy": strict["accuracy"], "interval": strict["interval"], "published": None, "n": strict["n"]}
    tasks = metrics.get("tasks") or {}
    talk = sum(task["n"] for name, task in tasks.items() if name.rpartition("/")[2] in TALK)
    share, n = average["accuracy"], strict["n"] - talk
    return {"accuracy": share, "interval": wilson(round(share * n), n), "published": average["published"], "n": n}


def _bound(share: float) -> str:
    return f"{100 * share:.1f}"


def _checkpoint_history(folder: Path) -> list[dict[str, Any]]:
    states = sorted(folder.glob("checkpoints/*/trainer_state.json"), key=lambda path: path.stat().st_mtime)
    return read_json(states[-1])["log_history"] if states else []
