"""The report's table for numbers longer than in training: one row per task, one column per number of extra digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AVERAGE = "Average"


def beyond(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of `{"task", "columns": {"tasks' own range": {"accuracy", "interval"}, "+1 digit": …}}`; the last averages.

    >>> table = {"tasks": {"even_odd": {"accuracy": 1.0, "interval": [0.9, 1.0]}}, "average": {"accuracy": 1.0}}
    >>> list(beyond({**table, "beyond": {"1": table}})[0]["columns"])
    ["tasks' own range", '+1 digit']
    """
    tables = {_name(extra): table for extra, table in (metrics.get("beyond") or {}).items() if table["tasks"]}
    if not tables:
        return []
    tables = {"tasks' own range": metrics, **tables}
    tasks = list(dict.fromkeys(task for table in list(tables.values())[1:] for task in table["tasks"]))
    rows = [
        {"task": task.replace("_", " "), "columns": {name: t["tasks"].get(task) for name, t in tables.items()}}
        for task in tasks
    ]
    if len(tasks) > 1:
        rows.append({"task": AVERAGE, "columns": {name: _average(table) for name, table in tables.items()}})
    return rows


def _name(extra: str) -> str:
    if extra == "0":
        return "training range"
    return f"+{extra} digit{'s' if extra != '1' else ''}"


def _average(table: Mapping[str, Any]) -> dict[str, Any] | None:
    average = table["average"]
    return {"accuracy": average["accuracy"], "interval": None} if average else None
