"""A training process gives memory back as soon as it takes more than its share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from distill.training import memory


@pytest.mark.parametrize(("step", "resident", "released"), [(20, 0.7, 1), (20, 0.5, 0), (21, 0.7, 0)])
def test_more_than_its_share_is_given_back(
    step: int, resident: float, released: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    callback = memory.KeptMemory(processes=2)
    monkeypatch.setattr(memory, "resident_bytes", lambda: resident * callback.most / memory.SHARE)
    monkeypatch.setattr(memory, "release_memory", lambda: calls.append(1))
    callback.on_step_end(None, SimpleNamespace(global_step=step), None)
    assert len(calls) == released
