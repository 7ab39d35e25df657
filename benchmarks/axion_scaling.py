"""The Axion sizes on the same texts and budgets: loss and accuracy against parameters and compute, as a picture.

    python benchmarks/axion_scaling.py --sizes axion1-350k axion1-v0.2 axion1-v0.3 --steps 500 1000 2000

Every run is `distill run axion_scaling` with another size and number of steps, so all see the same texts in the same
order; runs that are in the folder already are read, not repeated, and drawn too. Writes scaling.json and scaling.svg.
Emergence is the cheapest run at which a share reaches its mark: grammar (well-formed outputs) 90 %, arithmetic 50 %.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.recipe.schema import load_recipe
from distill.runs.files import read_json, read_jsonl
from distill.verbs.run import run
from students.axion import active_parameters

STYLE: dict[Any, Any] = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11.5}
MARKS = {"grammar": 0.9, "arithmetic": 0.5}
COLOURS = {"arithmetic": "#15803d", "grammar": "#d97706", "average": "#7c3aed"}


def main() -> None:
    """Run, or read, every size and budget; write the table and the picture."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sizes", nargs="+", default=["axion1-350k", "axion1-v0.2", "axion1-v0.3"])
    arguments.add_argument("--steps", nargs="+", type=int, default=[500, 1000, 2000])
    arguments.add_argument("--out", type=Path, default=Path("runs/axion_scaling"))
    options = arguments.parse_args()
    wanted = {(size, steps) for size in options.sizes for steps in options.steps}
    there = {path.parent.name.rpartition("-") for path in options.out.glob("*/report.html")}
    wanted |= {(size, int(steps)) for size, _, steps in there}
    points = [one(size, steps, options.out) for size, steps in sorted(wanted)]
    options.out.mkdir(parents=True, exist_ok=True)
    found = {"points": points, "emergence": {name: emergence(points, name) for name in MARKS}}
    (options.out / "scaling.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    draw(points, options.out / "scaling.svg")
    print(json.dumps(found["emergence"], indent=1))


def one(size: str, steps: int, out: Path) -> dict[str, Any]:
    """A run of one size and budget as a point of the plot; compute is 6 · active parameters · tokens."""
    from students.generation import load_student

    recipe = load_recipe("axion_scaling", [f"student.size={size}", f"train.max_steps={steps}"])
    folder = out / f"{size}-{steps}"
    this = run(recipe, out=str(folder), resume=folder.exists())
    metrics, last = read_json(this.metrics), list(read_jsonl(this.history))[-1]
    model, _ = load_student(this.student, device="cpu")
    head = model.config.vocab_size * model.config.hidden_size
    tokens = last["supervised_tokens"]
    return {
        "size": size,
        "steps": steps,
        "parameters": model.num_parameters(),
        "tokens": tokens,
        "compute": 6 * (active_parameters(model) + head) * tokens,
        "loss": last["nll"],
        "average": metrics["average"]["accuracy"],
        "arithmetic": metrics["tasks"]["arithmetic"]["accuracy"],
        "grammar": metrics["format"]["well_formed"],
    }


def emergence(points: Sequence[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The point of least compute whose share reaches its mark; None where none does."""
    reached = [point for point in points if point[name] >= MARKS[name]]
    return min(reached, key=lambda point: point["compute"], default=None)


def draw(points: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss above, shares below; parameters on the left (largest budget that all have), compute on the right (all runs).

    Each size has a marker of its own; dotted lines stand where a share first reaches its mark.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    sizes = {point["size"]: point["parameters"] for point in sorted(points, key=lambda point: point["parameters"])}
    budgets = [{point["steps"] for point in points if point["size"] == size} for size in sizes]
    common = max(set.intersection(*budgets), default=0)
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 6), layout="constrained")
        panels = figure.subplots(2, 2, sharex="col", sharey="row")
        for column, key in enumerate(("parameters", "compute")):
            for marker, size in zip("os^Dv", sizes, strict=False):
                shown = [p for p in points if p["size"] == size and (key == "compute" or p["steps"] == common)]
                shown.sort(key=lambda point: point[key])
                at = [point[key] for point in shown]
                loss = [point["loss"] for point in shown]
                panels[0, column].plot(at, loss, marker + "-", color="#2563eb", linewidth=0.8, label=size)
                for name, colour in COLOURS.items():
                    label = name if size == next(iter(sizes)) else None
                    shares = [point[name] for point in shown]
                    panels[1, column].plot(at, shares, marker + "-", color=colour, linewidth=0.8, label=label)
            for name in MARKS:
                if first := emergence(points, name):
                    panels[1, column].axvline(first[key], color=COLOURS[name], linewidth=0.8, linestyle=":")
            panels[1, column].set_xscale("log")
        panels[1, 0].set_xticks(list(sizes.values()), [f"{count / 1e6:.2g}M" for count in sizes.values()])
        panels[1, 0].minorticks_off()
        panels[1, 0].set_xlabel(f"parameters, after {common:,} steps")
        panels[1, 1].set_xlabel("floating-point operations")
        panels[0, 0].set_ylabel("nats per token")
        panels[1, 0].set_ylabel("share")
        panels[0, 1].legend(frameon=False)
        panels[1, 1].legend(frameon=False)
        figure.savefig(path)


if __name__ == "__main__":
    main()
