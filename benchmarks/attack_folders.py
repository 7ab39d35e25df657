"""Run folders, model folders, places and disks for benchmarks/attack.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
QUICK = [
    "train.max_steps=4",
    "train.warmup_steps=1",
    "train.save_steps=2",
    "eval.num_questions_per_task=1",
    "eval.max_new_tokens=8",
]
RUN = ["run", "miniaxion_tiny", "--nproc", "1", *(word for key in QUICK for word in ("--set", key))]
MakeCase = Callable[..., Any]
Prepare = Callable[[Path], tuple[list[str], bytes]]


class Made:
    """A finished run, made once and copied for each case."""

    def __init__(self, root: Path, given: Path | None = None) -> None:
        self.root = root
        self.given = given

    @cached_property
    def run(self) -> Path:
        """The folder of the run."""
        if self.given:
            return self.given
        command = [sys.executable, "-m", "distill", *RUN, "--out", str(self.root / "made")]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.root / "made"

    @property
    def student(self) -> Path:
        """The folder of its student."""
        return self.run / "student"


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "garbage": lambda data: os.urandom(300),
    "list": lambda data: b"[]",
    "deep": lambda data: b"[" * 100_000,
}
OF_A_RUN = (
    "run.json",
    "recipe.yaml",
    "graphs.jsonl",
    "metrics.json",
    "samples.jsonl",
    "history.jsonl",
    "report.html",
    "student/config.json",
    "student/model.safetensors",
    "student/tokenizer.json",
    "tokenizer/tokenizer.json",
)
OF_A_CHECKPOINT = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


def run_cases(made: Made, case: MakeCase) -> Iterator[Any]:
    """Damaged and hostile run folders that are resumed."""

    def resumed(change: Callable[[Path], None]) -> Prepare:
        def prepare(folder: Path) -> tuple[list[str], bytes]:
            shutil.copytree(made.run, folder / "run")
            (folder / "mine").mkdir()
            (folder / "mine" / "letter").write_text("dear")
            change(folder / "run")
            return [*RUN, "--out", "run", "--resume"], b""

        return prepare

    def spoil(file: str, how: str, *, again: tuple[str, ...] = ()) -> Callable[[Path], None]:
        def change(run: Path) -> None:
            newest = max((run / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
            path = newest / file if file in OF_A_CHECKPOINT else run / file
            path.write_bytes(SPOILT[how](path.read_bytes()))
            for name in again:
                shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()

        return change

    def link(name: str, target: str) -> Callable[[Path], None]:
        def change(run: Path) -> None:
            (run / name).unlink(missing_ok=True)
            (run / name).symlink_to(run.parent / "mine" / target)

        return change

    def bomb(run: Path) -> None:
        lines = [f"b{n}: &b{n} [{','.join([f'*b{n - 1}' if n else 'x'] * 9)}]" for n in range(10)]
        (run / "recipe.yaml").write_text("\n".join(lines))

    for file in OF_A_RUN:
        for how in SPOILT:
            codes = (2,) if file == "recipe.yaml" else (0,)
            yield case("run folders", f"{file}-{how}", resumed(spoil(file, how)), codes, 6)
    for file in OF_A_CHECKPOINT:
        for how in ("empty", "half", "garbage"):
            change = spoil(file, how, again=("student", "metrics.json", "report.html"))
            yield case("run folders", f"checkpoint-{file}-{how}", resumed(change), (0,), 6)
    yield case("run folders", "bomb", resumed(bomb))
    for name in (".lock", "report.html", "metrics.json", "run.json", "recipe.yaml", ".report.html.1.part"):
        yield case("run folders", f"link-{name}", resumed(link(name, "letter")), (0, 2), 6)
    yield case("run folders", "control", resumed(lambda run: None), (0,), 3)


EVIL = "open('IT_RAN', 'w').close()\nclass C: pass\n"
CONFIGS: dict[str, dict[str, Any]] = {
    "hidden-1e9": {"hidden_size": 10**9},
    "heads-0": {"num_attention_heads": 0},
    "vocab-negative": {"vocab_size": -5},
    "vocab-1e12": {"vocab_size": 10**12},
    "vocab-text": {"vocab_size": "abc"},
    "dtype": {"dtype": "evil"},
    "layers-1e8": {"num_entry_layers": 10**8},
    "loops-1e9": {"num_loops": 10**9},
    "eps-nan": {"rms_norm_eps": float("nan")},
    "type-unknown": {"model_type": "unheard_of"},
    "type-other": {"model_type": "llama"},
    "type-5": {"model_type": 5},
    "type-t5": {"model_type": "t5"},
    "context-0": {"max_position_embeddings": 0},
    "context-1": {"max_position_embeddings": 1},
    "rank-0": {"rank": 0},
    "hidden-7": {"hidden_size": 7},
    "theta-0": {"rope_theta": 0.0},
    "eos-big": {"eos_token_id": 10**9},
    "eos-text": {"eos_token_id": "x"},
    "quantized": {"quantization_config": {"quant_method": "evil"}},
    "auto-map": {"model_type": "unheard_of", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.C"}},
    "auto-map-known": {"auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.C"}},
    "auto-map-remote": {"model_type": "unheard_of", "auto_map": {"AutoConfig": "x/y--evil.C"}},
}


def model_cases(made: Made, case: MakeCase) -> Iterator[Any]:
    """Damaged and hostile folders of a student that is asked."""

    def asked(change: Callable[[Path], None]) -> Prepare:
        def prepare(folder: Path) -> tuple[list[str], bytes]:
            shutil.copytree(made.student, folder / "student")
            (folder / "student" / "evil.py").write_text(EVIL)
            change(folder / "student")
            return ["ask", "student", "4 and 5?", "--max-new-tokens", "4"], b"y\ny\ny\n"

        return prepare

    def merge(file: str, more: dict[str, Any]) -> Callable[[Path], None]:
        def change(student: Path) -> None:
            path = student / file
            old = json.loads(path.read_text()) if path.is_file() else {}
            path.write_text(json.dumps(old | more))

        return change

    def spoil(file: str, how: str) -> Callable[[Path], None]:
        def change(student: Path) -> None:
            (student / file).write_bytes(SPOILT[how]((student / file).read_bytes()))

        return change

    def without(file: str) -> Callable[[Path], None]:
        return lambda student: (student / file).unlink()

    for name, more in CONFIGS.items():
        yield case("model folders", name, asked(merge("config.json", more)), (0, 2), 2)
    for file in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        for how in SPOILT:
            yield case("model folders", f"{file}-{how}", asked(spoil(file, how)), (0, 2) if "_config" in file else (2,))
        yield case("model folders", f"{file}-gone", asked(without(file)), (0, 2))
    for name, more in {
        "tokenizer-auto-map": {"tokenizer_class": "Unheard", "auto_map": {"AutoTokenizer": ["evil.C", None]}},
        "tokenizer-class": {"tokenizer_class": "Unheard"},
        "tokenizer-class-5": {"tokenizer_class": 5},
        "eos-odd": {"eos_token": "\x1b]0;t\x07"},
        "template": {"chat_template": "{% for x in %}"},
    }.items():
        yield case("model folders", name, asked(merge("tokenizer_config.json", more)), (0, 2), 2)
    for name, more in {
        "version-only": {"version": "1.0", "model": None},
        "no-vocab": {"model": {"type": "BPE"}},
    }.items():
        yield case("model folders", f"tokenizer-{name}", asked(merge("tokenizer.json", more)))
    for name, more in {
        "key": {"model": "x", "evil": 1},
        "gone": {"model": "/nowhere/x"},
        "number": {"model": 5},
    }.items():
        yield case("model folders", f"base-{name}", asked(merge("base.json", more)), (2,), 2)


PLACES = (
    ".", "..", "/", "mine", "mine/..", "mine/thesis.tex", "mine/thesis.tex/x", "/proc/x", "/dev/null/x", "x" * 300,
    "y/" * 2000 + "z", "", "/dev/full", "circle/x",
)  # fmt: skip
ODD_NAMES = ("[/b]", "y[red]", "\x1b[31mX", "tab\tname", "new\nline", "-dash", "caf\u00e9", "\udcff", " ")


def there(*command: str, build: Callable[[Path], Any] = lambda folder: None) -> Prepare:
    """A command beside a folder `mine` with a thesis in it."""

    def prepare(folder: Path) -> tuple[list[str], bytes]:
        (folder / "o.jsonl").write_text('{"question": "4 and 5?", "output": "#### 9", "gold": "9"}\n')
        (folder / "mine").mkdir()
        (folder / "mine" / "thesis.tex").write_text("years of work")
        (folder / "circle").symlink_to("circle")
        build(folder)
        return list(command), b""

    return prepare


def path_cases(made: Made, case: MakeCase) -> Iterator[Any]:
    """Places to write to, links, and what --overwrite may remove."""

    def copy(name: str) -> Callable[[Path], Any]:
        return lambda folder: shutil.copy(made.run / name, folder / "mine" / name)

    def run_beside_a_thesis(folder: Path) -> None:
        shutil.copytree(made.run, folder / "run")
        shutil.copytree(folder / "mine", folder / "run" / "mine")

    def linked(folder: Path) -> None:
        shutil.copytree(made.run, folder / "disk")
        (folder / "run").symlink_to(folder / "disk")
        shutil.rmtree(folder / "disk" / "student")
        (folder / "disk" / "student").symlink_to(folder / "mine")

    def lock_link(folder: Path) -> None:
        (folder / ".run.lock").symlink_to(folder / "mine" / "thesis.tex")

    for option in ("--overwrite", "--resume"):
        yield case("paths", f"mine{option}", there(*RUN, "--out", "mine", option))
        for name in ("recipe.yaml", "run.json"):
            yield case("paths", f"mine-{name}{option}", there(*RUN, "--out", "mine", option, build=copy(name)))
    for name, build in (("beside-a-thesis", run_beside_a_thesis), ("linked", linked)):
        yield case("paths", name, there(*RUN, "--out", "run", "--overwrite", build=build), (0,), 6)
    yield case("paths", "lock-link", there(*RUN, "--out", "run", build=lock_link))
    for place in PLACES:
        for command in (["score", "o.jsonl"], [*RUN, "--overwrite"]):
            yield case("paths", f"{command[0]}-{place[:18]}", there(*command, "--out", place), (2,), 2)
        yield case("paths", f"copy-{place[:18]}", there("recipes", "copy", "miniaxion_tiny", place), (0, 2), 2)
    for name in ODD_NAMES:
        yield case("paths", f"name-{name!a}", there("score", "o.jsonl", f"--out={name}"), (0,), 2)


def disk_cases(made: Made, case: MakeCase) -> Iterator[Any]:
    """Disks that are full or may not be written to; left out where nothing may be mounted."""
    if os.geteuid() != 0:
        return

    def on(options: str, *command: str, fill: bool = False) -> Prepare:
        def prepare(folder: Path) -> tuple[list[str], bytes]:
            (folder / "o.jsonl").write_text(
                '{"question": "4 and 5?", "output": "4 + 5 = 9\\n#### 9", "gold": "9"}\n' * 50
            )
            (folder / "disk").mkdir()
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder / "disk"], capture_output=True
            )
            if done.returncode:
                return ["recipes"], b""
            if fill:
                (folder / "disk" / "filler").write_bytes(b"x" * 4096)
            shutil.copytree(made.student, folder / "student")
            return list(command), b""

        return prepare

    commands = {
        "run": [*RUN, "--out", "disk/out"],
        "score": ["score", "o.jsonl", "--out", "disk/out"],
        "parse": ["parse", "o.jsonl", "--out", "disk/out.jsonl"],
        "draw": ["parse", "o.jsonl", "--out", "out.jsonl", "--draw", "disk/pictures"],
        "export": ["export", "student", "disk/out"],
        "copy": ["recipes", "copy", "miniaxion_tiny", "disk/x.yaml"],
        "eval": ["eval", "student", "--problems", "o.jsonl", "--out", "disk/out", "--max-new-tokens", "2"],
    }
    for name, command in commands.items():
        yield case("disks", f"read-only-{name}", on("ro", *command), (2,), 4)
        yield case("disks", f"full-{name}", on("size=4k", *command, fill=True), (2,), 4)
        yield case("disks", f"small-{name}", on("size=60k", *command), (0, 2), 4)
