"""Attacks on the command line: more than 300 hostile, damaged or silly inputs in nine families, a process each.

    python benchmarks/attack.py [--family ask] [--jobs 2]

Counted are: our bug (exit code 1, or a traceback), hangs, wrong exit codes, raw escapes on the terminal or in a page,
files of the user that are lost, and code of others that ran. All six must be 0; the exit code is 1 where one is not.
A process is forked off one that has torch and transformers imported, so that a case takes a second and not ten.
Needs Linux; what needs a mounted file system is left out where we may not mount one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.attack_cases import Case, all_cases
from benchmarks.attack_server import serve

CPU_SECONDS, WALL_SECONDS = 10.0, 60.0
"""A case that computes or waits for longer hangs. The wall is higher: other processes share the machine."""
FAULTS = ("our bug", "hang", "wrong exit code", "raw escape", "file lost", "code ran")
ESCAPES = (b"\x1b]0;", b"\x1b[31mX", b"\x9b31m")
"""What the inputs hold and no output may."""


@dataclass
class Running:
    """A case at work."""

    case: Case
    folder: Path
    pid: int
    started: float
    before: dict[str, str]


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description="Attacks on the command line.")
    parser.add_argument("--family", help="only this one")
    parser.add_argument("--name", help="only cases whose name holds this")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--run", type=Path, help="a run that `--keep` left behind, so that none is made")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the cases")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="attack-"))
    server = serve()
    _import_all()
    cases = [
        case
        for case in all_cases(root, f"http://127.0.0.1:{server.port}", options.run)
        if options.family in (None, case.family) and (options.name or "") in case.name
    ]
    found = run_all(cases, root, options.jobs)
    server.process.kill()
    print_table(cases, found)
    if not options.keep:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(bool(found))


def _import_all() -> None:
    """What the forked processes need, imported once; nothing is computed, so that no thread pool exists yet."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}
    os.environ |= {"OPENAI_API_KEY": "sk-SECRETKEY-0123456789abcdef"}
    import datasets  # noqa: F401
    import transformers  # noqa: F401

    import distill.evaluation.endpoint as endpoint
    import students.adapter
    import students.generation  # noqa: F401

    endpoint.ANSWER_SECONDS, endpoint.MAX_RETRIES = 3.0, 1


def run_all(cases: list[Case], root: Path, jobs: int) -> list[tuple[Case, str, str]]:
    """(case, fault, what was seen) of each fault, the cases run `jobs` at a time."""
    found: list[tuple[Case, str, str]] = []
    waiting, running, number = list(cases), [], 0
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(start(waiting.pop(0), root / f"case-{number:03d}"))
            number += 1
        time.sleep(0.02)
        for one in list(running):
            pid, status, usage = os.wait4(one.pid, os.WNOHANG)
            seconds = time.monotonic() - one.started
            if pid:
                code = os.waitstatus_to_exitcode(status)
                running.remove(one)
                subprocess.run(["umount", "-l", one.folder / "disk"], capture_output=True)  # where one was mounted
                found += [(one.case, fault, seen) for fault, seen in judge(one, code, usage.ru_utime + usage.ru_stime)]
                if sys.stderr.isatty():
                    print(f"\r{len(cases) - len(waiting) - len(running)} of {len(cases)}", end="", file=sys.stderr)
            elif seconds > WALL_SECONDS * one.case.patience:
                os.killpg(one.pid, signal.SIGKILL)
    return found


def start(case: Case, folder: Path) -> Running:
    """Fork a process that runs the command line in the folder of its case."""
    folder.mkdir()
    command, stdin = case.prepare(folder)
    before = precious(folder)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _become(folder, command, stdin)
    return Running(case, folder, pid, time.monotonic(), before)


def _become(folder: Path, command: list[str], stdin: bytes) -> None:
    """The forked process: never returns."""
    os.setsid()
    os.chdir(folder)
    (folder / ".stdin").write_bytes(stdin)
    for number, name, flags in ((0, ".stdin", os.O_RDONLY), (1, ".stdout", os.O_WRONLY), (2, ".stderr", os.O_WRONLY)):
        os.dup2(os.open(folder / name, flags | os.O_CREAT, 0o644), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_DATA, (8 * 2**30, 8 * 2**30))
    code = 70
    try:
        from distill.cli import main as distill

        distill(command)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def precious(folder: Path) -> dict[str, str]:
    """Digests of the files in the folders `mine` of a case, which nothing may change."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for mine in folder.rglob("mine")
        for file in sorted(mine.rglob("*"))
        if file.is_file()
    }


def judge(one: Running, code: int, cpu: float) -> Iterable[tuple[str, str]]:
    """The faults of a case that has ended, each with what was seen."""
    output = b"".join(
        (one.folder / name).read_bytes() for name in (".stdout", ".stderr") if (one.folder / name).exists()
    )
    shown = output.decode(errors="replace").strip().replace("\n", " | ")[-300:]
    if code == -signal.SIGKILL or cpu > CPU_SECONDS * one.case.patience:
        yield "hang", f"{cpu:.0f} s of computing; {shown}"
    elif code == 1 or code == 70 or code < 0 or b"Traceback" in output or b"our bug" in output:
        yield "our bug", f"code {code}; {shown}"
    elif code not in one.case.codes:
        yield "wrong exit code", f"{code}, not {one.case.codes}; {shown}"
    pages = [
        file.read_bytes() for pattern in ("*.html", "*.md") for file in one.folder.rglob(pattern) if file.is_file()
    ]
    if any(escape in text for escape in ESCAPES for text in [output, *pages]):
        yield "raw escape", shown
    after = precious(one.folder)
    if any(after.get(name) != digest for name, digest in one.before.items()):
        yield "file lost", shown
    if any(one.folder.rglob("IT_RAN")):
        yield "code ran", shown
    if one.case.after and (problem := one.case.after(one.folder, output)):
        yield "our bug", f"{problem}; {shown}"


def print_table(cases: list[Case], found: list[tuple[Case, str, str]]) -> None:
    """A row a family, then each fault."""
    inputs = Counter(case.family for case in cases)
    faults = Counter((case.family, fault) for case, fault, _ in found)
    print("\n| family | inputs | " + " | ".join(FAULTS) + " |")
    print("| --- |" + " ---: |" * (len(FAULTS) + 1))
    for family, number in inputs.items():
        print(f"| {family} | {number} | " + " | ".join(str(faults[family, fault]) for fault in FAULTS) + " |")
    totals = [sum(1 for _, fault, _ in found if fault == name) for name in FAULTS]
    print(f"| **all** | {len(cases)} | " + " | ".join(map(str, totals)) + " |")
    for case, fault, seen in found:
        print(f"\n{fault}: {case.family}/{case.name}\n  {seen!a}")


if __name__ == "__main__":
    main()
