"""The memory that `distill check` forecasts for a nano student against what training it takes, size by size.

    python -m benchmarks.bench_memory --data train.jsonl                     # the Axion recipes

Measured is how much the resident memory of one process grows between the moment before the student is built and its
peak in a few steps of `distill.training.fit.train`, as Linux counts it (VmHWM); every student in a process of its
own.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.bench_train_nano import fresh_student
from distill.data.nano import training_rows
from distill.data.rows import encode_row
from distill.forecast.forecast import forecast
from distill.recipe.schema import load_recipe
from distill.tracks.nano_needs import PROBED_TEXTS, sizes
from distill.tracks.needs import Sample
from students.tokenizer import train_tokenizer

RECIPES = ["axion1_gsm8k", "axion1_v02", "axion1_v03", "axion1_v04", "axion1_v05"]
TARGET = 0.15


def main() -> None:
    """Print forecast, measurement and their ratio; exit with 1 if one is further off than the target."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipes", nargs="+", default=RECIPES)
    arguments.add_argument("--data", help="a local file in GSM8K's format; the Hub without it")
    arguments.add_argument("--steps", type=int, default=24, help="of each student; oneDNN has its fill after about 20")
    options = arguments.parse_args()
    changes = [f"train.max_steps={options.steps}", "train.warmup_steps=1", "train.save_steps=1000"]
    changes += [f"data.path={options.data}"] if options.data else []
    is_off = False
    for name in options.recipes:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(measure, name, changes).result()
        ratio = found["forecast"] / found["measured"]
        is_off |= abs(ratio - 1) > TARGET
        megabytes = {key: round(value / 1e6) for key, value in found.items()}
        print(f"{name}: forecast {megabytes['forecast']:,} MB, measured {megabytes['measured']:,} MB: {ratio:.2f}")
    raise SystemExit(is_off)


def measure(name: str, changes: list[str]) -> dict[str, float]:
    """Bytes as forecast, and as they grow in this process."""
    from distill.training.fit import train

    recipe = load_recipe(name, changes)
    student: Any = recipe.student
    rows = list(training_rows(recipe).first(PROBED_TEXTS))
    tokenizer = train_tokenizer((row.text for row in rows), vocab_size=student.vocab_size, form=student.format)
    examples = [encode_row(row, tokenizer, student.max_length) for row in rows]
    expected = forecast(recipe, Sample([len(example.input_ids) for example in examples]), sizes(student))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _status("VmRSS")
    model = fresh_student(recipe, tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        train(
            model,
            tokenizer,
            examples.__getitem__,
            settings=recipe.train,
            weights=recipe.loss.weights,
            run_dir=Path(folder),
            max_length=student.max_length,
            num_examples=len(examples),
            show=False,
        )
    return {"forecast": expected.memory_bytes, "measured": _status("VmHWM") - before}


def _status(name: str) -> float:
    """Bytes of this process, as /proc/self/status has them."""
    lines = Path("/proc/self/status").read_text().split("\n")
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
