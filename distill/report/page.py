"""report.html: what a run did and how well, on one page that works offline.

    write_report(Path("runs/miniaxion-1f0c9a52"))

It reads metrics.json, samples.jsonl, run.json, recipe.yaml and the log history of the last checkpoint from the run
folder. Sections without their file are left out. The template is distill/report/report_template.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from distill.errors import printable
from distill.evaluation.published import TALK
from distill.evaluation.statistics import wilson
from distill.report.against_base import below_base, difference_from_base
from distill.report.beyond import beyond
from distill.report.blocks import stage_blocks
from distill.report.card import compared, flat_facts, percent, shown_number
from distill.report.flow_chart import three_charts
from distill.report.graph_picture import NARROW, WIDE, graph_svg
from distill.report.licences import licences
from distill.report.line_chart import (
    CHART_WIDTHS,
    accuracy_chart,
    balance_chart,
    digits_charts,
    last_balance,
    loss_chart,
)
from distill.report.svg import style_sheet, variables
from distill.report.yields import COLUMNS, rejections, yield_rows
from distill.runs.files import read_json, read_jsonl, write_text
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
    write_text(folder / "report.html", printable(page))
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

    source = resources.files("distill.report").joinpath("report_template.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "bound": _bound, "number": shown_number}
    shown = _example(samples)
    return environment.from_string(source).render(
        title=title,
        headline=headline(metrics, facts or {}),
        colours=Markup(variables()),
        dark_colours=Markup(variables(dark=True)),
        pictures=Markup(style_sheet()),
        metrics=metrics,
        average=_average_card(metrics),
        share_names=SHARE_NAMES,
        beyond=beyond(metrics),
        digits_charts=Markup(digits_charts(metrics.get("digits") or {})),
        below_base=below_base(metrics),
        teacher_yield=_yield(facts or {}),
        compared=compared(metrics) if metrics.get("base") else [],
        loss_chart=_in_two_widths(partial(loss_chart, history)) if len(history) > 1 else None,
        balance_chart=Markup(balance_chart(history)),
        balance=last_balance(history),
        shown=shown and _card(shown[0]),
        graphs=[Markup(graph_svg(shown[1], columns=columns)) for columns in (WIDE, NARROW)] if shown else [],
        example=_beside_teacher(metrics.get("example")),
        curve=_in_two_widths(partial(accuracy_chart, metrics.get("curve") or (), history)),
        error_stages=_error_stages(metrics.get("errors") or {}),
        licences=licences(yaml.safe_load(recipe)) if recipe else [],
        good=[_card(row) for row in _one_per_task(samples)],
        worst=[_card(row) for row in worst_samples(samples)],
        facts=list(flat_facts(facts or {})),
        recipe=recipe,
    )


def _in_two_widths(chart: Callable[..., str]) -> Markup:
    """A chart for screens and for phones, of which the page shows one; nothing where there is nothing to draw."""
    wide, narrow = (chart(width=width) for width in CHART_WIDTHS)
    return Markup(f'<div class="wide-only">{wide}</div><div class="narrow">{narrow}</div>' if wide else "")


def worst_samples(samples: Sequence[Row], count: int = NUM_WORST) -> list[Row]:
    """The worst outputs: broken form first, then low RFS, alternating between the tasks."""

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


def _example(samples: Sequence[Row]) -> tuple[Row, ReasoningGraph] | None:
    """A correct output with a graph of medium size, and the graph."""
    best: tuple[int, Row, ReasoningGraph] | None = None
    for row in samples[:400]:
        if row.get("strict"):
            graph = parse(row["output"][:5000], question=row["question"])
            edges = sum(len(step.depends_on) for step in graph.steps)
            distance = abs(edges - 9) + abs(len(graph.steps) - 9)
            if edges and (best is None or distance < best[0]):
                best = (distance, row, graph)
    return None if best is None else best[1:]


def headline(metrics: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Student, training time and accuracy in one line; unknown parts are left out."""
    training = facts.get("training") or {}
    parts = [difference] if (difference := difference_from_base(metrics)) else []
    if parameters := training.get("trained_parameters") or training.get("parameters"):
        kind = "trained parameters" if "trained_parameters" in training else "parameters"
        parts.append(f"{_millions(parameters)} {kind}")
    if seconds := training.get("elapsed_seconds"):
        device = str(training.get("device", "cpu")).partition(":")[0]
        count = training.get("processes", 1)
        unit = "core" if device == "cpu" else "GPU"
        parts.append(f"{_duration(seconds)} on {count} {unit if count == 1 else f'{unit}s'}")
    if card := _average_card(metrics):
        beside = "" if card["published"] is None else f" (published {percent(card['published'])})"
        parts.append(f"{percent(card['accuracy'])} correct{beside}")
    return " · ".join(parts)


def _yield(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """For a teacher that is a model: counts of asked and kept solutions; None for other teachers."""
    traces = facts.get("traces") or {}
    if "yield" not in traces:
        return None
    return {
        "teacher": traces["teacher"],
        "columns": COLUMNS,
        "rows": list(yield_rows(traces["yield"])),
        "rejections": rejections(traces["yield"]),
    }


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f} M" if count < 1e8 else f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


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
    """The headline: average over tasks with the interval of the pooled answers, or plain accuracy without tasks.

    Plain accuracy too where tasks have different numbers of questions and nothing is published to compare with: one
    question of a third task would else count as much as all of another.
    """
    if not metrics.get("accuracy"):
        return None
    strict = metrics["accuracy"]["strict"]
    average, tasks = metrics.get("average") or {}, metrics.get("tasks") or {}
    is_uneven = len({task["n"] for task in tasks.values()}) > 1 and average.get("published") is None
    if average.get("accuracy") is None or is_uneven:
        return {"accuracy": strict["accuracy"], "interval": strict["interval"], "published": None, "n": strict["n"]}
    talk = sum(task["n"] for name, task in tasks.items() if name.rpartition("/")[2] in TALK)
    share, n = average["accuracy"], strict["n"] - talk
    return {"accuracy": share, "interval": wilson(round(share * n), n), "published": average["published"], "n": n}


def _bound(share: float) -> str:
    return f"{100 * share:.1f}"


def _checkpoint_history(folder: Path) -> list[dict[str, Any]]:
    states = sorted(folder.glob("checkpoints/*/trainer_state.json"), key=lambda path: path.stat().st_mtime)
    return read_json(states[-1])["log_history"] if states else []
