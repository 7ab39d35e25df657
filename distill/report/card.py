"""The model card (README.md) in a student's folder: description, results, usage and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from distill.report.against_base import below_base
from distill.runs.files import read_json
from distill.runs.folder import Run
from distill.tracks.choose import track_of
from distill.tracks.track import Card

USE = """```python
from students import load_student

model, tokenizer = load_student("student")
messages = [{{"role": "user", "content": "{question}"}}]
ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**ids.to(model.device), max_new_tokens=256)[0]))
```
"""
"""The same for every student: how it is asked is in its tokenizer."""


def model_card(card: Card, metrics: Mapping[str, Any] | None = None, facts: Mapping[str, Any] | None = None) -> str:
    """The card as Markdown with the front matter for the Hub; without metrics it says "Not measured yet".

    `facts`, one per line: parameters, training time, versions, data and their licences.
    """
    sections = {
        "Licence": card.licence,
        "Results": _results(metrics) if metrics else "Not measured yet.",
        "How it was made": "\n".join(f"- {key}: {value}" for key, value in flat_facts(_folded(facts or {}))),
        "Use": USE.format(question=card.question) + (f"\n{card.usage}" if card.usage else ""),
        "Limits": card.limits,
    }
    head = "".join(f"{key}: {value}\n" for key, value in card.front_matter.items()) + _model_index(card.title, metrics)
    body = [f"## {title}\n\n{text.rstrip()}\n" for title, text in sections.items() if text]
    return "\n".join([f"---\n{head}---\n", f"# {card.title}\n", f"{card.summary}\n", *body])


def _folded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with versions and times in one line each."""
    folded = dict(facts)
    if versions := folded.get("versions"):
        folded["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())[:199]
    if seconds := folded.get("seconds"):
        folded["seconds"] = ", ".join(f"{phase} {shown_number(spent)}" for phase, spent in seconds.items())[:199]
    return folded


def _model_index(name: str, metrics: Mapping[str, Any] | None) -> str:
    """Accuracy in the form of the Hub's leaderboards; empty if none was measured."""
    if not metrics or not metrics.get("accuracy"):
        return ""
    strict = metrics["accuracy"]["strict"]["accuracy"]
    average = (metrics.get("average") or {}).get("accuracy")
    result = {
        "task": {"type": "text-generation"},
        "dataset": {"name": ", ".join(metrics["tasks"]) or "questions", "type": "step-aware-distillation"},
        "metrics": [{"type": "accuracy", "value": round(100 * (strict if average is None else average), 2)}],
    }
    return yaml.safe_dump({"model-index": [{"name": name, "results": [result]}]}, sort_keys=False, allow_unicode=True)


def student_card(run: Run) -> str:
    """The card of the student of an evaluated run."""
    return model_card(track_of(run.recipe).card(), read_json(run.metrics), run.record())


def flat_facts(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(`key.path`, readable value) of every short text or number in nested facts such as run.json."""
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from flat_facts(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float) and len(str(value)) < 200:
            yield f"{prefix}{key}", shown_number(value)


def shown_number(value: object) -> str:
    """Whole numbers with thousands separators, other numbers with at most four significant digits, text unchanged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal; a dash for None."""
    return "–" if share is None else f"{100 * share:.1f} %"


def compared(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(measure, base, student), readable, one row each."""
    base = metrics["base"]
    rows = [("questions", f"{base['n']:,}", f"{metrics['n']:,}")]
    if metrics["accuracy"] and base["accuracy"]:
        for kind in ("strict", "lenient"):
            old, new = base["accuracy"][kind], metrics["accuracy"][kind]
            rows.append((f"accuracy, {kind}", _with_interval(old), _with_interval(new)))
    for name in ("stage_completeness", "well_formed", "answer_completion"):
        rows.append((name.replace("_", " "), percent(base["format"][name]), percent(metrics["format"][name])))
    lengths = base["tokens_per_answer"], metrics["tokens_per_answer"]
    old, new = ("–", "–") if None in lengths else (f"{length:.0f}" for length in lengths)
    rows.append(("tokens an answer", old, new))
    rows.append(("cut off by the limit", f"{base['unfinished']:,}", f"{metrics['unfinished']:,}"))
    return rows


def _with_interval(measured: Mapping[str, Any]) -> str:
    low, high = measured["interval"]
    return f"{percent(measured['accuracy'])} ({100 * low:.1f} – {100 * high:.1f})"


def _results(metrics: Mapping[str, Any]) -> str:
    """A table of base and student if there is a base, else of the tasks with published figures."""
    if metrics.get("base"):
        rows = [f"| {name} | {old} | {new} |\n" for name, old, new in compared(metrics)]
        warning = f"**{found}**\n\n" if (found := below_base(metrics)) else ""
        words = "its best prompt" if metrics["base"]["prompt"] == "best" else "the student's prompt"
        head = f"{warning}The base was asked by {words}.\n\n| | base | student |\n| --- | ---: | ---: |\n"
        return head + "".join(rows)
    lines = []
    if metrics.get("tasks"):
        lines += ["| task | published | this model | 95 % interval | n |", "| --- | ---: | ---: | ---: | ---: |"]
        for name, task in metrics["tasks"].items():
            low, high = task["interval"]
            lines.append(
                f"| {name} | {percent(task['published'])} | {percent(task['accuracy'])} "
                f"| {100 * low:.1f} – {100 * high:.1f} | {task['n']} |"
            )
        average = metrics["average"]
        lines.append(f"| **average** | {percent(average['published'])} | **{percent(average['accuracy'])}** | | |")
        lines.append("")
    if metrics.get("accuracy"):
        strict, lenient = metrics["accuracy"]["strict"], metrics["accuracy"]["lenient"]
        lines.append(f"- accuracy: strict {percent(strict['accuracy'])}, lenient {percent(lenient['accuracy'])}")
    lines += _format_lines(metrics["format"])
    if metrics.get("rfs") is not None:
        lines.append(f"- Reasoning Faithfulness Score against the teacher: {metrics['rfs']:.3f}")
    if metrics.get("validation"):
        loss = metrics["validation"]
        lines.append(f"- validation loss: {loss['loss']:.3f} nats per token, {loss['bits_per_byte']:.3f} bits per byte")
    own = (metrics.get("svr") or {}).get("own")
    if own and own["rate"] is not None:
        lines.append(
            f"- Self-Verification Rate: {percent(own['rate'])} of {own['wrong']} own errors; "
            f"false alarms {percent(own['false_alarm_rate'])}"
        )
    return "\n".join(lines) + "\n"


def _format_lines(shares: Mapping[str, Any]) -> Iterator[str]:
    published = shares.get("published") or {}
    for name, shown in (
        ("well_formed", "well-formed outputs"),
        ("thinking_rate", "thinking rate"),
        ("step_format", "step format"),
        ("answer_completion", "answer completion"),
    ):
        beside = f" (published {percent(published[name])})" if name in published else ""
        yield f"- {shown}: {percent(shares[name])}{beside}"
