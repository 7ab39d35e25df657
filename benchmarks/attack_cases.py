"""The inputs of benchmarks/attack.py, nine families of them; a case builds its files in a folder of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import attack_folders
from benchmarks.attack_server import BODIES, ESCAPE, STATUSES, STREAMS

GOOD, BAD, EITHER = (0,), (2,), (0, 2)
Prepare = Callable[[Path], tuple[list[str], bytes]]


@dataclass(frozen=True)
class Case:
    """One input: what it is, how to build it, and which exit codes are right."""

    family: str
    name: str
    prepare: Prepare
    codes: tuple[int, ...] = BAD
    patience: float = 1.0
    after: Callable[[Path, bytes], str | None] | None = None


def all_cases(root: Path, server: str, run: Path | None = None) -> list[Case]:
    """Every case of every family; `run` is a finished run of `attack_folders.RUN`, made where it is not given."""
    made = attack_folders.Made(root, run)
    return [
        *recipe_cases(),
        *endpoint_cases(server),
        *attack_folders.run_cases(made, Case),
        *attack_folders.model_cases(made, Case),
        *score_cases(),
        *parse_cases(),
        *ask_cases(made),
        *attack_folders.path_cases(made, Case),
        *attack_folders.disk_cases(made, Case),
    ]


def with_file(name: str, data: bytes | str, *command: str, stdin: bytes = b"") -> Prepare:
    """Write a file, then run a command."""

    def prepare(folder: Path) -> tuple[list[str], bytes]:
        (folder / name).write_bytes(data.encode(errors="surrogatepass") if isinstance(data, str) else data)
        return list(command), stdin

    return prepare


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a,*a,*a,*a,*a,*a]\n" for n in range(9))
RECIPE_TEXTS: dict[str, bytes | str] = {
    "empty": "",
    "list": "- a\n",
    "number": "5",
    "text": "hello",
    "null": "null",
    "half": "name: x\nteacher: {",
    "bomb": BOMB,
    "alias": "name: &a x\nseed: *a",
    "tag": "name: !!python/object/apply:os.system ['touch IT_RAN']",
    "tag-new": "name: !evil x",
    "twice": "name: x\nname: y",
    "utf16": "name: x".encode("utf-16"),
    "latin": b"name: caf\xe9",
    "nul": "name: a\0b",
    "escape": f"name: '{ESCAPE}'",
    "key-escape": '"\\e]0;t\\a\\e[31mX": 1',
    "bell-key": 'name: x\n"\\e[31mX": {"\\e]0;t": 1}',
    "deep": "[" * 5000,
    "deep-map": "{a: " * 3000,
    "deep-block": "".join("  " * n + "a:\n" for n in range(900)),
    "huge-int": "seed: " + "9" * 5000,
    "nan": "train: {learning_rate: .nan}",
    "inf": "train: {learning_rate: .inf}",
    "long-line": "name: " + "x" * 900_000,
    "large": "name: x\n" + "".join(f"k{n}: {n}\n" for n in range(120_000)),
    "include-self": "include: recipe.yaml",
    "include-gone": "include: gone.yaml",
    "include-up": "include: ../../../../etc/passwd",
    "include-list": "include: [a]",
    "include-dir": "include: .",
    "include-nul": 'include: "a\\0b"',
    "include-long": "include: " + "x" * 400,
    "merge": "<<: {a: 1}\nname: x",
    "directive": "%YAML 9.9\n---\nname: x",
    "two-documents": "name: x\n---\nname: y",
    "random": bytes(range(256)) * 20,
    "bom": b"\xef\xbb\xbf",
    "tabs": "name:\tx\n\tseed: 1",
    "complex-key": "? [a]\n: b",
}
SETTINGS = (
    "seed=-1",
    "seed=1e99",
    "seed=x",
    "seed=[1]",
    "seed=null",
    "seed",
    "=1",
    "a.b.c=1",
    "name=",
    "name=[/b]",
    "name=../../x",
    "name=" + "x" * 400,
    "name=a\0b",
    f"name={ESCAPE}",
    "train=5",
    "train.max_steps=0",
    "train.max_steps=-1",
    "train.max_steps=1e400",
    "train.learning_rate=nan",
    "train.learning_rate=-1",
    "train.dtype=x",
    "train.per_device_train_batch_size=0",
    "train.warmup_steps=-5",
    "student.size=nope",
    "student.kind=nope",
    "student.sizes={num_attention_heads: 0}",
    "student.sizes={num_hidden_layers: 7}",
    "student.sizes={hidden_size: -4}",
    "student.sizes={hidden_size: 7}",
    "student.sizes={nope: 7}",
    "student.vocab_size=0",
    "student.vocab_size=1",
    "student.vocab_size=abc",
    "student.max_length=1",
    "student.max_length=-1",
    "eval.batch_size=0",
    "eval.max_new_tokens=0",
    "eval.problems=/dev/zero",
    "eval.problems=/proc/self/mem",
    "eval.problems=gone.jsonl",
    "eval.problems=.",
    "teacher.kind=nope",
    "teacher.kind=reference",
    "teacher.tasks={nope: 1}",
    "teacher.tasks={}",
    "teacher.error_rate=2",
    "teacher.language=xx",
    "loss.weights.plan=-1",
    "loss.weights=0",
    "loss.kind=nope",
    f"{ESCAPE}=1",
    f"train.{ESCAPE}=1",
    "train.optim=rm -rf",
    "student.max_length=" + "9" * 5000,
    "refine.rounds=-1",
)


def recipe_cases() -> Iterator[Case]:
    """Recipe files and `--set`."""
    for name, text in RECIPE_TEXTS.items():
        yield Case("recipes", name, with_file("recipe.yaml", text, "check", "recipe.yaml"), patience=2)
    for number, setting in enumerate(SETTINGS):
        command = ["check", "miniaxion_tiny", "--set", setting.replace("\0", "\\0")]
        yield Case("recipes", f"set-{number}-{ascii(setting)[:30]}", with_file("x", "", *command), EITHER, patience=3)
    for name in ("x" * 300, "nope", "[/b]", ESCAPE.replace("\0", ""), ".", "/dev/null", "/dev/zero", "/", "a/../b"):
        yield Case("recipes", f"name-{ascii(name)[:20]}", with_file("x", "", "check", name))
    yield Case("recipes", "control", with_file("x", "", "check", "miniaxion_tiny"), GOOD, patience=4)


QUESTIONS = '{"question": "4 and 5?", "answer": "9"}\n'


def endpoint_cases(server: str) -> Iterator[Case]:
    """Servers, their addresses and what they write."""
    right = {"good", "key", "key-spaced", "escape", "content-null", "content-list", "surrogate", "nan", "long"}

    def asked(url: str, *more: str) -> Prepare:
        command = ["eval", "m", "--problems", "q.jsonl", "--endpoint", url, "--out", "out", *more]
        return with_file("q.jsonl", QUESTIONS, *command)

    def no_key(folder: Path, output: bytes) -> str | None:
        texts = [output, *(file.read_bytes() for file in folder.rglob("*") if file.is_file())]
        forms = (b"SECRETKEY", b"S E C R E T K E Y", b"\\u0053\\u0045\\u0043")
        return "the key is written" if any(form in text for form in forms for text in texts) else None

    for name in [*STREAMS, *BODIES, *map(str, STATUSES)]:
        yield Case(
            "endpoint", name, asked(f"{server}/{name}/v1"), GOOD if name in right else BAD, patience=2, after=no_key
        )
    for number, url in enumerate(
        (
            "http://",
            "x",
            "ftp://x/v1",
            "http://a:b@c/v1",
            "http://[::1",
            "http://x:99999/v1",
            "http://127.0.0.1:1/v1",
            "http://" + "x" * 300 + "/v1",
            "http://a b/v1",
            f"http://x/{ESCAPE.replace(chr(0), '')}",
            "http://x/v1?key=1",
            "http://\u202ex/v1",
            "http://..",
            "http://-",
            "file:///etc/passwd",
            "http://0x7f.1:1/v1",
        )
    ):
        yield Case("endpoint", f"url-{number}", asked(url), patience=3)
    model = ["eval", "[/b]" + ESCAPE.replace("\0", ""), "--problems", "q.jsonl", "--endpoint", f"{server}/good/v1"]
    yield Case("endpoint", "model-escape", with_file("q.jsonl", QUESTIONS, *model), EITHER)


def rows(*found: dict[str, Any]) -> str:
    """Lines of JSON."""
    return "".join(json.dumps(row) + "\n" for row in found)


OUTPUT: dict[str, Any] = {"question": "4 and 5?", "output": "4+5=<<4+5=9>>9\n#### 9", "gold": "9"}
LINE_FILES: dict[str, bytes | str] = {
    "empty": "",
    "blank": "\n\n",
    "not-json": "hello\n",
    "half": '{"question": "a',
    "list": "[1, 2]\n",
    "null": "null\n",
    "deep": "[" * 100_000,
    "deep-in-row": '{"question": ' + "[" * 50_000 + "}",
    "huge-int": '{"question": ' + "9" * 5000 + "}",
    "nan": '{"question": "a", "output": "b", "gold": NaN}\n',
    "nul": b"\0\0\0\n",
    "latin": b'{"question": "caf\xe9"}\n',
    "utf16": '{"question": "a"}'.encode("utf-16"),
    "random": bytes(range(256)) * 30,
    "bom-only": b"\xef\xbb\xbf",
    "no-fields": "{}\n",
    "odd-types": '{"question": 5, "output": [], "gold": {}}\n',
    "gzip": b"\x1f\x8b" + b"x" * 50,
    "parquet": b"PAR1" + b"x" * 50,
    "zip": b"PK\x03\x04" + b"x" * 50,
}
HOSTILE_ROWS: dict[str, dict[str, Any]] = {
    "task-markup": {"task": "[/b]"},
    "task-link": {"task": "[link=x]y[/link]"},
    "task-escape": {"task": ESCAPE},
    "question-escape": {"question": ESCAPE + " 4?"},
    "output-escape": {"output": ESCAPE},
    "gold-escape": {"gold": ESCAPE},
    "script": {"question": "<script>alert(1)</script>", "output": "<img src=x onerror=alert(1)> #### 9", "task": "<b>"},
    "surrogate": {"question": "\ud800", "output": "\udfff"},
    "long": {"output": "9" * 100_000},
    "markers": {"output": "<THINK>[UNDERSTAND]<STEP>" * 2000},
    "power": {"output": "9**9**9**9 = 5\n#### 9**9**9**9"},
    "latex": {"output": r"$\boxed{" + r"\frac{" * 500 + "}$", "gold": r"\frac{1}{2}"},
    "factorial": {"output": "99999!! = 5", "gold": "99999999!"},
    "digits": {"output": "1" * 5000 + " + 1 = 5"},
    "brackets": {"output": "(" * 5000 + "1" + ")" * 5000 + " = 1"},
    "equals": {"output": "1" + " = 1" * 3000},
    "spaces": {"output": " " * 100_000 + "#### 9"},
    "regex": {"output": "a" * 5000 + "!" + "1,1" * 5000},
    "bidi": {"question": "\u202e4 and 5?"},
    "empty-output": {"output": ""},
    "gold-list": {"gold": ["9", "nine"]},
    "sets": {"output": r"\boxed{\{" + ",".join(map(str, range(2000))) + r"\}}", "gold": r"\{1,2\}"},
}


def score_cases() -> Iterator[Case]:
    """Files of outputs."""
    for name, data in LINE_FILES.items():
        yield Case("score", name, with_file("o.jsonl", data, "score", "o.jsonl"))
    for name, change in HOSTILE_ROWS.items():
        data = rows(OUTPUT, OUTPUT | change)
        yield Case("score", name, with_file("o.jsonl", data, "score", "o.jsonl", "--out", "out"), EITHER, patience=3)
    for place in ("/dev/zero", "/dev/urandom", "gone", ".", "/proc/self/mem", "x" * 300):
        yield Case("score", f"file-{place[:14]}", with_file("x", "", "score", place))
    many = rows(*[OUTPUT | {"question": f"{n} and 5?"} for n in range(300)])
    command = ["score", "o.jsonl", "--teacher", "o.jsonl", "--against", "o.jsonl"]
    yield Case("score", "control", with_file("o.jsonl", many, *command), GOOD, patience=3)


def parse_cases() -> Iterator[Case]:
    """Files of traces."""
    out = ["parse", "t.jsonl", "--out", "out.jsonl"]
    for name, data in LINE_FILES.items():
        yield Case("parse", name, with_file("t.jsonl", data, *out), EITHER)
    for name, change in HOSTILE_ROWS.items():
        row = OUTPUT | change
        data = rows({"question": row["question"], "trace": row["output"]})
        yield Case("parse", name, with_file("t.jsonl", data, *out, "--draw", "pictures"), EITHER, patience=3)
    for number, name in enumerate(("Qwen/Qwen2.5", "../../mine/x", "a\0b", "x" * 400, "[/b]", ".", ESCAPE)):
        data = rows({"question": "4 and 5?", name: {"solution": "4 + 5 = 9"}})
        yield Case(
            "parse", f"model-{number}", with_file("t.jsonl", data, *out, "--draw", "pictures"), EITHER, patience=3
        )
    for number, name in enumerate(("[bold]x.jsonl", "\x1b[31mX.jsonl", "y[red].jsonl")):
        command = ["parse", name, "--out", "out.jsonl"]
        yield Case("parse", f"file-{number}", with_file(name, rows(OUTPUT), *command), GOOD)


def ask_cases(made: attack_folders.Made) -> Iterator[Case]:
    """Questions, and where they come from."""

    def asked(*command: str, stdin: bytes = b"") -> Prepare:
        def prepare(folder: Path) -> tuple[list[str], bytes]:
            shutil.copytree(made.student, folder / "student")
            return ["ask", "student", *command, "--max-new-tokens", "4"], stdin

        return prepare

    for name, question in {
        "empty": "",
        "blank": "  ",
        "escape": ESCAPE.replace("\0", ""),
        "markup": "[/b] [red]",
        "long": "9" * 100_000,
        "markers": "</INST><THINK>[UNDERSTAND]",
        "newline": "a\nb",
        "bidi": "\u202eabc",
        "surrogate": "\udcff 4?",
    }.items():
        yield Case("ask", name, asked(question), EITHER)
    for name, stdin in {
        "stdin-random": bytes(range(256)) * 40,
        "stdin-empty": b"",
        "stdin-nul": b"\0\0\n4?\n",
        "stdin-latin": b"caf\xe9\n",
        "stdin-long": b"9" * 5_000_000,
        "stdin-control": b"4 and 5?\n",
        "stdin-blank": b"\n\n\n",
    }.items():
        yield Case("ask", name, asked("-", stdin=stdin), EITHER)
    for option, values in {
        "--max-new-tokens": ("0", "-1", "x", "9" * 30),
        "--temperature": ("-1", "nan", "inf", "1e-30", "1e30"),
        "--repetition-penalty": ("0", "-1", "nan", "inf"),
        "--seed": ("-1", str(2**64)),
    }.items():
        for value in values:
            yield Case("ask", f"{option}={value[:8]}", asked("4 and 5?", option, value), EITHER)
    for number, place in enumerate(
        ("nope", "a/b/c", "../x", "", " ", "x" * 300, "/", ESCAPE.replace("\0", ""), "owner/x")
    ):
        yield Case("ask", f"model-{number}", with_file("x", "", "ask", place, "4?"))
