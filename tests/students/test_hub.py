"""The folder that a student's name stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.runs.students import student_path
from students import hub


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shipped" / "small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({}))
    monkeypatch.setattr(hub, "SHIPPED", folder.parent)
    return folder


def test_a_student_that_ships_has_a_name_of_its_own(shipped: Path) -> None:
    assert hub.shipped_students() == {"small": shipped}
    assert hub.student_folder("small") == shipped
    assert student_path("small") == "small"


def test_a_folder_of_that_name_comes_first(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small" / "student").mkdir(parents=True)
    assert hub.student_folder("small") == Path("small") / "student"


def test_an_unknown_name_lists_the_students_that_ship(shipped: Path) -> None:
    with pytest.raises(UserError, match=r"smal: no such folder, no student that ships \(small\)"):
        student_path("smal")
