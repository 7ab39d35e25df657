"""Runs that are killed or told to stop at random moments, resumed, and compared with an undisturbed run.

    python benchmarks/kill_resume.py [--kills 20] [--stops 10] [--hangups 2] [--seed 0]

Three questions, half of each asked of the nano track and half of the adapter track:
kill    SIGKILL at a random moment of each phase in turn; does the resumed run end with the same files?
stop    SIGTERM at a random moment of training; does it resume from a checkpoint younger than 30 seconds, and end equal?
hang up SIGHUP to a run that trains in two processes: does it end within 20 seconds, with a checkpoint?

Equal are: metrics.json and history.jsonl (without what a clock wrote), samples.jsonl, the rounds of refine, and the
student's weights, byte by byte. The exit code is 1 where one is not. Processes are forked off one
that has torch imported, so that a run takes some ten seconds. Needs POSIX.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measurements import Measurement
from benchmarks.tiny_recipes import adapter_recipe, nano_recipe

PHASES = ("start", "traces", "tokenizer", "train", "refine", "evaluate", "report")
YOUNG_SECONDS, HANGUP_SECONDS = 30.0, 20.0
"""What is promised: age of the checkpoint after SIGTERM, and time to end after SIGHUP."""
NO_OTHER_CHECKPOINT = ("--set", "train.save_steps=1000")
"""So that a checkpoint is there because of the signal alone."""
PATIENCE = 600.0

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["distill.verbs.run", "distill.tracks.training", "distill.refine.rounds", "distill.report.page", "students.adapter"]
)


def distill(command: list[str], log: str) -> None:
    """One call of the command line in a process of its own; what it says goes to a file."""
    written = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from distill.cli import main as command_line
    from distill.training import progress

    torch.set_num_threads(1)
    progress.FIRST_LINE_SECONDS = 0.1  # so that the first step is seen at once

    command_line(command)


@dataclass
class Bench:
    """A recipe, and the undisturbed run of it."""

    name: str
    recipe: Path
    root: Path
    options: tuple[str, ...] = ("--nproc", "1")
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each phase, undisturbed."""
    whole: Any = None
    counter: int = 0

    def measure(self) -> None:
        """Make the undisturbed run."""
        out, began = self.root / f"{self.name}-whole", time.monotonic()
        process, log = self.start(out)
        wait_for(log, "traces:", process)
        self.seconds["start"] = time.monotonic() - began
        self.finish(process, log)
        self.whole = results(out)
        self.seconds |= json.loads((out / "run.json").read_text(encoding="utf-8"))["seconds"]

    def start(self, out: Path, *more: str) -> tuple[Any, Path]:
        """A process that runs the recipe, and the file of what it says."""
        self.counter += 1
        log = self.root / f"{out.name}-{self.counter}.log"
        command = ["run", str(self.recipe), "--out", str(out), *self.options, *more]
        process = SERVER.Process(target=distill, args=(command, str(log)))
        process.start()
        return process, log

    def finish(self, process: Any, log: Path) -> None:
        """Wait for a run that nothing disturbs."""
        process.join(PATIENCE)
        assert process.exitcode == 0, f"{log}: {log.read_text(encoding='utf-8')[-2000:]}"

    def resume(self, out: Path, *more: str) -> str:
        """Finish a run that was disturbed; what it said."""
        process, log = self.start(out, "--resume", *more)
        self.finish(process, log)
        return log.read_text(encoding="utf-8")


def wait_for(log: Path, line: str, process: Any) -> None:
    """Until a log file has a line that starts so, or the process has ended."""
    until = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < until:
        if log.is_file() and any(said.startswith(line) for said in log.read_text(encoding="utf-8").splitlines()):
            return
        time.sleep(0.005)


def timeless(value: Any) -> Any:
    """A JSON value without what a clock wrote."""
    if isinstance(value, dict):
        return {name: timeless(entry) for name, entry in value.items() if "second" not in name}
    return [timeless(entry) for entry in value] if isinstance(value, list) else value


def results(out: Path) -> dict[str, Any]:
    """What two runs must have in common."""
    rows = (out / "history.jsonl").read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = {
        "metrics.json": timeless(json.loads((out / "metrics.json").read_text(encoding="utf-8"))),
        "history.jsonl": timeless([json.loads(row) for row in rows]),
    }
    for name in ("samples.jsonl", "refine/rounds.json"):
        found[name] = (out / name).read_bytes()
    for weights in sorted((out / "student").rglob("*.safetensors")):
        found[str(weights.relative_to(out))] = weights.read_bytes()
    return found


def different(bench: Bench, out: Path) -> list[str]:
    """The files in which a run differs from the undisturbed one, and parts that were left behind."""
    found = results(out)
    names = [name for name in {**bench.whole, **found} if bench.whole.get(name) != found.get(name)]
    return names + [str(part.relative_to(out)) for part in out.rglob(".*.part")]


def kill(bench: Bench, phase: str, draw: random.Random) -> str:
    """What went wrong after SIGKILL at a random moment of a phase; empty where nothing did."""
    out = bench.root / f"{bench.name}-kill-{bench.counter}"
    process, log = bench.start(out)
    if phase != "start":
        wait_for(log, f"{phase}:", process)
    time.sleep(draw.random() * bench.seconds[phase])
    process.kill()
    process.join()
    bench.resume(out)
    return ", ".join(different(bench, out))


def stop(bench: Bench, draw: random.Random) -> str:
    """What went wrong after SIGTERM at a random moment of training."""
    out = bench.root / f"{bench.name}-stop-{bench.counter}"
    process, log = bench.start(out, *NO_OTHER_CHECKPOINT)
    wait_for(log, "step ", process)
    time.sleep(draw.random() * bench.seconds["train"] * 0.3)  # training itself is a part of the phase
    os.kill(process.pid, signal.SIGTERM)
    process.join(PATIENCE)
    if process.exitcode != 128 + signal.SIGTERM:
        return f"exit code {process.exitcode}"
    saved = [path.stat().st_mtime for path in out.glob("checkpoints/checkpoint-*")]
    age = time.time() - max(saved, default=0.0)
    said = bench.resume(out, *NO_OTHER_CHECKPOINT)
    wrong = different(bench, out)
    wrong += [] if age < YOUNG_SECONDS else [f"checkpoint {age:.0f} s old"]
    return ", ".join(wrong + ([] if "resuming at step" in said else ["resumed from the first step"]))


def hang_up(bench: Bench, draw: random.Random) -> str:
    """What went wrong after SIGHUP to a run of two processes."""
    out = bench.root / f"{bench.name}-hangup-{bench.counter}"
    process, log = bench.start(out)
    wait_for(log, "step ", process)
    time.sleep(draw.random() * 2)
    sent = time.monotonic()
    os.kill(process.pid, signal.SIGHUP)
    process.join(PATIENCE)
    took = time.monotonic() - sent
    if process.exitcode != 128 + signal.SIGHUP:
        return f"exit code {process.exitcode}: {log.read_text(encoding='utf-8')[-300:]}"
    has_checkpoint = any(out.glob("checkpoints/checkpoint-*"))
    bench.resume(out)
    wrong = different(bench, out) + ([] if took < HANGUP_SECONDS else [f"ended after {took:.0f} s"])
    return ", ".join(wrong + ([] if has_checkpoint else ["no checkpoint"]))


def ask(name: str, promise: str, trials: Iterable[tuple[str, Callable[[], str]]]) -> Measurement:
    """One line of the table: how many trials went as promised."""
    good, wrong, began = 0, [], time.monotonic()
    for title, trial in trials:
        found = trial()
        good += not found
        wrong += [f"{title}: {found}"] if found else []
        print(f"{name}: {title}: {found or 'equal'} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    total = good + len(wrong)
    return Measurement(name, f"{good} of {total}", promise, good == total, tuple(wrong))


def main() -> None:
    """Make the undisturbed runs, disturb others, print the table."""
    parser = argparse.ArgumentParser(description="Runs that are killed at random moments.")
    for name, default in (("kills", 20), ("stops", 10), ("hangups", 2), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    draw, root = random.Random(options.seed), Path(tempfile.mkdtemp(prefix="kill-resume-"))
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup, and so by every run that is started
    benches = [Bench("nano", nano_recipe(root), root), Bench("adapter", adapter_recipe(root), root)]
    pairs = [Bench("nano-2", nano_recipe(root, micro_batches=2), root, ("--nproc", "2"))] if options.hangups else []
    for bench in [*benches, *pairs]:
        bench.measure()
        print(bench.name, bench.seconds, file=sys.stderr, flush=True)
    kills = [(benches[i % 2], PHASES[i // 2 % len(PHASES)]) for i in range(options.kills)]
    stops = [benches[i % 2] for i in range(options.stops)]
    found = [
        ask("SIGKILL", "all end equal", [(f"{b.name}, {p}", lambda b=b, p=p: kill(b, p, draw)) for b, p in kills]),
        ask("SIGTERM", "checkpoint < 30 s, equal", [(b.name, lambda b=b: stop(b, draw)) for b in stops]),
        ask("SIGHUP", "< 20 s, equal", [(b.name, lambda b=b: hang_up(b, draw)) for b in pairs * options.hangups]),
    ]
    print("| signal | as promised | promise |\n| --- | ---: | --- |")
    for one in found:
        print(f"| {one.name} | {one.value} | {one.promised} |", *(f"\n  {wrong}" for wrong in one.rest))
    good = all(one.good for one in found)
    if good:
        shutil.rmtree(root, ignore_errors=True)
    else:
        print(f"everything is kept in {root}")
    sys.exit(not good)


if __name__ == "__main__":
    main()
