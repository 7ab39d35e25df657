"""The report's table for numbers longer than in training: one row per task, one column per number of extra digits.

Below the tasks, two rows say which of the wrong results VERIFY flagged, and which it flagged and corrected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.evaluation.statistics import wilson

AVERAGE = "Average"
OWN_ERRORS = {"flagged": "Own wrong results flagged", "corrected": "Own wrong results corrected"}


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
    for count, name in OWN_ERRORS.items():
        columns = {column: _share_of_wrong(table, count) for column, table in tables.items()}
        if any(columns.values()):
            rows.append({"task": name, "columns": columns})
    return rows


def _share_of_wrong(table: Mapping[str, Any], count: str) -> dict[str, Any] | None:
    """Share of the wrong results that are also in this count; None where nothing was wrong, or nothing verified."""
    checks = table.get("svr") or {}
    checks = checks.get("own", checks) or {}  # the metrics of the tasks' own range hold injected errors, too
    if not checks.get("wrong"):
        return None
    found, wrong = checks[count], checks["wrong"]
    return {"accuracy": found / wrong, "interval": list(wilson(found, wrong))}


def _name(extra: str) -> str:
    if extra == "0":
        return "training range"
    return f"+{extra} digit{'s' if extra != '1' else ''}"


def _average(table: Mapping[str, Any]) -> dict[str, Any] | None:
    average = table["average"]
    return {"accuracy": average["accuracy"], "interval": None} if average else None
