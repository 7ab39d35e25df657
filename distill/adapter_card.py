"""The model card in an adapter student's folder: its base and whose licence holds, base and student side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.adapter_bases import BaseFacts, find_base
from distill.model_card import USE, flat_facts, percent
from distill.recipe import AdapterStudent, Recipe

FRONT_MATTER = """---
license: {licence}
library_name: peft
base_model: {base}
pipeline_tag: text-generation
tags: [reasoning, distillation, lora]
---
"""
QUESTION = "A box holds 12 eggs. How many eggs are in 7 boxes?"
PLAIN_PEFT = "\n`reasoning/` and `verification/` are ordinary PEFT adapters; plain PEFT loads either one.\n"


def adapter_card(recipe: Recipe, *, metrics: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The card as Markdown with the front matter that the Hub reads."""
    student = recipe.student
    assert isinstance(student, AdapterStudent)
    base = find_base(student.base) or BaseFacts(student.base, {})
    parts = [
        FRONT_MATTER.format(licence=base.licence_id, base=student.base),
        f"# {recipe.name}\n",
        f"Adapters that make {student.base} reason in four stages: understand, plan, execute, verify.\n",
        f"## Licence\n\nOf the base: {base.licence}. It holds for what is made with it, these adapters included.\n",
        "## Results\n\nBase and student under one prompt and one checker.\n\n" + comparison(metrics),
        "## How it was made\n\n" + "".join(f"- {key}: {value}\n" for key, value in flat_facts(facts)),
        "## Use\n\n" + USE.format(question=QUESTION) + PLAIN_PEFT,
    ]
    return "\n".join(parts)


def comparison(metrics: Mapping[str, Any]) -> str:
    """A Markdown table of what was measured on base and student alike."""
    rows = [f"| {name} | {old} | {new} |\n" for name, old, new in compared(metrics)]
    return "| | base | student |\n| --- | ---: | ---: |\n" + "".join(rows)


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
    rows.append(
        ("tokens an answer", f"{base['tokens_per_answer']:.0f}", f"{metrics['tokens_per_answer']:.0f}")
        if base["tokens_per_answer"] is not None and metrics["tokens_per_answer"] is not None
        else ("tokens an answer", "–", "–")
    )
    rows.append(("cut off by the limit", f"{base['unfinished']:,}", f"{metrics['unfinished']:,}"))
    return rows


def _with_interval(measured: Mapping[str, Any]) -> str:
    low, high = measured["interval"]
    return f"{percent(measured['accuracy'])} ({100 * low:.1f} – {100 * high:.1f})"
