"""The model card (README.md) in a student's folder: what it is, how well it does, how to use it, what it cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FRONT_MATTER = """---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
language: [{language}]
tags: [reasoning, distillation, small-language-model]
---
"""
USE = """```python
from students import load_student

model, tokenizer = load_student("student")
messages = [{{"role": "user", "content": "{question}"}}]
ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**ids.to(model.device), max_new_tokens=256)[0]))
```
"""
"""The same for every student: how it is asked is in its tokenizer."""
QUESTIONS = {"en": "What is 347 + 285?", "pt": "Quanto é 347 + 285?"}
LIMITS = """- Made to study how reasoning is distilled, on the tasks above; outside of them its answers mean nothing.
- It writes confident steps also where it is wrong. A VERIFY stage catches a part of them at best, measured above.
- Accuracy falls where numbers are longer than in training (see the second table of `report.html`).
"""


def model_card(
    *,
    name: str,
    metrics: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    languages: Sequence[str] = ("en",),
) -> str:
    """The card as Markdown with the front matter that the Hub reads; without metrics it says that none were measured.

    `facts`, one a line: parameters, training time, versions, data and their licences.
    """
    parts = [FRONT_MATTER.format(language=", ".join(languages)), f"# {name}\n"]
    parts.append("A small language model that reasons in four stages: understand, plan, execute, verify.\n")
    parts.append("## Results\n\n" + (_results(metrics) if metrics else "Not measured yet.\n"))
    if facts:
        parts.append("## How it was made\n\n" + "".join(f"- {key}: {value}\n" for key, value in flat_facts(facts)))
    parts.append("## Use\n\n" + USE.format(question=QUESTIONS[languages[0]]))
    parts.append("## Limits\n\n" + LIMITS)
    return "\n".join(parts)


def flat_facts(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(`key.path`, readable value) of every short text or number in nested facts such as run.json."""
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from flat_facts(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float) and len(str(value)) < 200:
            yield f"{prefix}{key}", readable(value)


def readable(value: Any) -> str:
    """Whole numbers with thousands marks, other numbers with at most four digits that count, text as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share as readers see it, with one digit after the point; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


def _results(metrics: Mapping[str, Any]) -> str:
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
