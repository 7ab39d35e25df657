"""Signals that ask a run to stop: noted in training, obeyed at once elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from distill import cli
from distill.errors import Stopped
from distill.runs import signals
from distill.runs.signals import STOPPING, StopRequest, stop_at_once, stop_requests

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """Signals have handlers, as in a terminal; under nohup one would be ignored, and stay so."""
    before = {signum: signal.signal(signum, signal.default_int_handler) for signum in STOPPING}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize(("signum", "error"), [(signal.SIGTERM, Stopped), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_is_noted_and_raised_at_the_end(signum: int, error: type[BaseException]) -> None:
    before = signal.getsignal(signum)
    reached = False
    with pytest.raises(error), stop_requests() as request:
        assert not request.heed()
        send(signum)
        assert request.heed()
        reached = True
    assert reached
    assert signal.getsignal(signum) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_same_signal_from_terminal_and_launcher_counts_once() -> None:
    with pytest.raises(Stopped), stop_requests() as request:
        send(signal.SIGHUP)
        send(signal.SIGHUP)
        assert request.signum == signal.SIGHUP


def test_a_second_signal_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "SAME_SECONDS", -1.0)
    with pytest.raises(Stopped), stop_requests():
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        pytest.fail("went on after the second signal")


def test_a_step_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "STEP_SECONDS", 0.05)
    with pytest.raises(Stopped), stop_requests():
        send(signal.SIGTERM)
        time.sleep(30)
        pytest.fail("waited for the step")


def test_outside_training_it_stops_at_once() -> None:
    with pytest.raises(Stopped), stop_at_once():
        send(signal.SIGTERM)
        pytest.fail("went on")


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_at_once(), stop_requests() as request:
            send(signal.SIGHUP)
            assert request.signum is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_one_process_was_told_all_know() -> None:
    told, other = StopRequest(), StopRequest()
    told.signum = int(signal.SIGTERM)
    sums = [a + b for a, b in zip(told.flags(), other.flags(), strict=True)]
    for request in (told, other):
        request.take(sums)
        assert request.signum == signal.SIGTERM
    third = StopRequest()
    third.take([0.0] * len(STOPPING))
    assert third.signum is None


def exit_of(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """The exit code and message of a `distill run` that raises this."""

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("distill.recipe.schema.load_recipe", fails)
    monkeypatch.setattr(sys, "argv", ["distill", "run", "x"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(str(ended.value.code)), capsys.readouterr().err.strip()


def test_exit_codes_are_those_of_the_signal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    continues = "; the same command with --resume continues"
    assert exit_of(Stopped(signal.SIGTERM), monkeypatch, capsys) == (143, f"stopped by SIGTERM{continues}")
    assert exit_of(Stopped(signal.SIGHUP), monkeypatch, capsys) == (129, f"stopped by SIGHUP{continues}")
    assert exit_of(KeyboardInterrupt(), monkeypatch, capsys) == (130, f"interrupted{continues}")


def test_an_empty_file_is_not_ctrl_d(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, message = exit_of(EOFError("Ran out of input"), monkeypatch, capsys)
    assert code == 1 and message.startswith("failed: EOFError")
