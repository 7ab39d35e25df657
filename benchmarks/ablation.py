"""Do stage weights help? Six losses, three seeds each, the same steps, data and questions for all.

    python benchmarks/ablation.py                      # hours; stop it at any time; the same command continues
    taskset -c 0 python benchmarks/ablation.py --seeds 0 & taskset -c 1 python benchmarks/ablation.py --seeds 1 2
                                                       # an hour: a core each is faster than both for one; the first
                                                       # command then makes the table of all
    python benchmarks/ablation.py --seeds 0 --recipe miniaxion_tiny --out runs/try       # does it work?

Writes a run folder for each arm and seed, table.md and plot.svg. Means over seeds with the 95 % interval of Student's t
over them; the difference to uniform is paired by seed. Three seeds make wide intervals, which is what is known.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.recipe.schema import load_recipe
from distill.runs.files import read_json, write_text
from distill.verbs.run import run

_RISING, _FALLING = "[[0, 0.5], [1, 1.5]]", "[[0, 1.5], [1, 0.5]]"
ARMS: dict[str, list[str]] = {
    "uniform": [],
    "constant": ["loss.weights={policy: constant, understand: 0.5, plan: 0.5, execute: 1.5, verify: 1.5}"],
    "schedule": [
        f"loss.weights={{policy: schedule, understand: {_FALLING}, plan: {_FALLING}, "
        f"execute: {_RISING}, verify: {_RISING}}}"
    ],
    "adaptive": ["loss.weights.policy=adaptive"],
    "random": ["loss.weights.policy=random"],
    "dft": ["loss.kind=dft"],
}
"""What each arm changes of the recipe. All weights have a mean of one; DFT is arXiv 2508.05629."""

MEASURES: dict[str, tuple[str, Callable[[Mapping[str, Any]], float | None]]] = {
    "accuracy": ("accuracy", lambda m: m["average"] and m["average"]["accuracy"]),
    "rfs": ("RFS", lambda m: m["rfs"]),
    "svr": ("SVR, own errors", lambda m: m["svr"]["own"] and m["svr"]["own"]["rate"]),
    "flagged": ("injected errors flagged", lambda m: m["svr"]["injected"] and m["svr"]["injected"]["detection_rate"]),
    "corrected": ("injected errors corrected", lambda m: m["svr"]["injected"] and m["svr"]["injected"]["rate"]),
    "false_alarms": ("false alarms", lambda m: m["svr"]["own"] and m["svr"]["own"]["false_alarm_rate"]),
}
"""Column to (heading, where it stands in metrics.json)."""

T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Seeds to the 97.5 % point of Student's t with one degree of freedom less."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds; `half` is half the width of its interval, None for fewer than two seeds."""

    mean: float
    half: float | None
    n: int


def main() -> None:
    """Run what is missing, then write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="ablation_stage_weights")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation_stage_weights"))
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    found: dict[str, list[Mapping[str, Any]]] = {}
    for seed in options.seeds:  # all arms of a seed before the next seed: a table can be made at any time
        for arm in options.arms:
            print(f"{arm}, seed {seed}")
            recipe = arm_recipe(options.recipe, arm, seed, options.overrides)
            done = run(recipe, out=str(options.out / f"{arm}-{seed}"), resume=True)
            found.setdefault(arm, []).append(read_json(done.metrics))
    table = markdown(found)
    write_text(options.out / "table.md", table)
    plot(found, options.out / "plot.svg")
    print(table)


def arm_recipe(name: str, arm: str, seed: int, overrides: Sequence[str] = ()) -> Any:
    """The recipe of one run; the questions are drawn by `eval.seed`, so they are the same in all."""
    return load_recipe(name, [*overrides, *ARMS[arm], f"seed={seed}"])


def mean_over_seeds(values: Sequence[float]) -> Mean:
    """Mean and the 95 % interval of Student's t.

    >>> mean_over_seeds([0.5, 0.6, 0.7])
    Mean(mean=0.6, half=0.24843382048429526, n=3)
    """
    n = len(values)
    half = T_95[n] * statistics.stdev(values) / math.sqrt(n) if n in T_95 else None
    return Mean(statistics.mean(values), half, n)


def summary(found: Mapping[str, Sequence[Mapping[str, Any]]], measure: str) -> dict[str, Mean | None]:
    """Arm to its mean over the seeds in which the measure has a value."""
    read = MEASURES[measure][1]
    values = {arm: [value for one in metrics if (value := read(one)) is not None] for arm, metrics in found.items()}
    return {arm: mean_over_seeds(list(map(float, ones))) if ones else None for arm, ones in values.items()}


def differences(found: Mapping[str, Sequence[Mapping[str, Any]]], measure: str = "accuracy") -> dict[str, Mean]:
    """Arm to its mean difference to uniform, seed by seed."""
    read, base = MEASURES[measure][1], found.get("uniform", [])
    pairs = {arm: [(read(a), read(b)) for a, b in zip(ones, base, strict=False)] for arm, ones in found.items()}
    values = {arm: [a - b for a, b in ones if a is not None and b is not None] for arm, ones in pairs.items()}
    return {arm: mean_over_seeds(ones) for arm, ones in values.items() if ones and arm != "uniform"}


def markdown(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The table: an arm a line, in percent, RFS as it is."""
    headings = ["loss", "seeds", *(heading for heading, _ in MEASURES.values()), "accuracy over uniform"]
    lines = ["| " + " | ".join(headings) + " |", "| --- " + "| ---: " * (len(headings) - 1) + "|"]
    columns, over_uniform = [summary(found, measure) for measure in MEASURES], differences(found)
    for arm, metrics in found.items():
        cells = [_cell(column[arm], plain=measure == "rfs") for measure, column in zip(MEASURES, columns, strict=True)]
        lines.append("| " + " | ".join([arm, str(len(metrics)), *cells, _cell(over_uniform.get(arm), sign="+")]) + " |")
    return "\n".join(lines) + "\n"


def plot(found: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Accuracy of each arm: its seeds as dots, mean and interval as a line."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 0.45 * len(found) + 1.1), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    read = MEASURES["accuracy"][1]
    for row, (arm, mean) in enumerate(summary(found, "accuracy").items()):
        values = [100 * value for one in found[arm] if (value := read(one)) is not None]
        axes.plot(values, [row] * len(values), "o", color="#2563eb", alpha=0.5, markersize=5)
        if mean is not None:
            axes.errorbar(100 * mean.mean, row, xerr=100 * (mean.half or 0), fmt="|", color="#1d2127", capsize=4)
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set_xlim(-2, 102)  # Student's t knows of no bounds
    axes.set_xlabel("accuracy in %, average over tasks\ndots are seeds, lines 95 % intervals of their mean")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def _cell(mean: Mean | None, *, plain: bool = False, sign: str = "") -> str:
    if mean is None:
        return "–"
    scale, digits = (1, 3) if plain else (100, 1)
    half = "" if mean.half is None else f" ± {scale * mean.half:.{digits}f}"
    return f"{scale * mean.mean:{sign}.{digits}f}{half}"


if __name__ == "__main__":
    main()
