"""Compares two answers symbolically with Math-Verify, in a separate process that is killed after a time limit.

Math-Verify limits its time with signals, which fail outside the main thread. Any thread can stop a process.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

START_SECONDS = 120.0
"""Time limit for starting the process; importing sympy is slow on a busy machine."""

DIGITS = 15
"""Irrational values are compared to this many decimal places."""
RELATIVE = 1e-12
"""Largest relative difference of two equal constants."""

_lock = threading.Lock()
_worker: _Worker | None = None


def symbolically_equal(*, gold: str, prediction: str, seconds: float) -> bool | None:
    """Whether Math-Verify finds the answers equal; None if it takes longer than `seconds`.

    Raises:
        ImportError: Math-Verify is not installed.
    """
    global _worker
    with _lock:
        if _worker is None or _worker.owner != os.getpid() or not _worker.is_alive():
            _worker = _Worker()
        verdict = _worker.ask({"gold": gold, "prediction": prediction}, seconds)
        if verdict is None:
            _worker.stop()
            _worker = None
        return verdict


class _Worker:
    """A running `python -m parsers.answers.symbolic`; each line in is a JSON question, each line out an answer."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "parsers.answers.symbolic"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
        )
        self.answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.stop)
        if self._answer(START_SECONDS) != "ready":
            self.stop()
            raise ImportError("comparing symbolic answers needs math-verify: pip install 'math-verify[antlr4_13_2]'")

    def ask(self, question: dict[str, str], seconds: float) -> bool | None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        except OSError:
            return None
        answer = self._answer(seconds)
        return None if answer is None else answer == "equal"

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        atexit.unregister(self.stop)
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()

    def _answer(self, seconds: float) -> str | None:
        try:
            return self.answers.get(timeout=seconds) or None
        except queue.Empty:
            return None

    def _listen(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                self.answers.put(line.strip())
        except (OSError, ValueError):
            pass
        self.answers.put("")


def _differ(a: Any, b: Any) -> bool:
    """Whether two constants differ by more than rounding; Math-Verify would round tiny constants to zero."""
    from sympy import Expr, N

    if not (isinstance(a, Expr) and isinstance(b, Expr) and a.is_number and b.is_number):
        return False
    a, b = N(a, 2 * DIGITS), N(b, 2 * DIGITS)
    return bool(abs(a - b) > max(abs(a), abs(b)) * RELATIVE)


def _serve() -> None:
    from math_verify import LatexExtractionConfig, parse, verify

    def read(answer: str) -> list[Any]:
        """The complete answer as one formula, or an empty list; never just one number from it."""
        return parse(
            f"${answer}$",
            extraction_config=[LatexExtractionConfig()],
            fallback_mode="no_fallback",
            parsing_timeout=None,  # pyright: ignore[reportArgumentType]
        )

    print("ready", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            gold, prediction = read(question["gold"]), read(question["prediction"])
            equal = bool(gold and prediction) and verify(
                gold, prediction, float_rounding=DIGITS, numeric_precision=DIGITS + 5, timeout_seconds=None
            )
            equal = equal and not _differ(gold[0], prediction[0])
        except Exception:  # if sympy fails, it cannot show that the answers are equal
            equal = False
        print("equal" if equal else "different", flush=True)


if __name__ == "__main__":
    _serve()
