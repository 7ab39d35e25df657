"""Checkpoints that are damaged are found out, whatever the damage, and the one before is taken."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.training.checkpoints import find_damage, last_sound_checkpoint, publish, write_state

NAMES = (
    "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth",
    "trainer_state.json", "stage_trainer.json", "checksums.json",
)  # fmt: skip


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def garble(file: Path) -> None:
    """As many bytes as before, one of them another."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def replace(file: Path) -> None:
    """Another JSON or binary value of the same length."""
    file.write_bytes(b"[]" + b" " * (file.stat().st_size - 2))


DAMAGES = [truncate, empty, garble, replace, Path.unlink]


def save(folder: Path, step: int) -> Path:
    """A checkpoint with files of the right names, as the trainer writes it."""
    aside = folder / ".writing" / f"checkpoint-{step}"
    aside.mkdir(parents=True)
    for name in NAMES[:-2]:
        (aside / name).write_bytes(f"{name} of step {step} ".encode() * 20)
    write_state(aside, {"steps_done": step, "plan": {}, "policy": {}, "log": {}, "balance": []})
    publish(aside, folder)
    return folder / aside.name


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_any_damage_to_any_file_leads_to_the_checkpoint_before(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    older, newest = save(tmp_path, 6), save(tmp_path, 9)
    said: list[str] = []
    assert last_sound_checkpoint(tmp_path, said.append) == newest
    assert said == []
    damage(newest / name)
    assert last_sound_checkpoint(tmp_path, said.append) == older
    assert len(said) == 1
    assert said[0].startswith("checkpoint-9 is damaged (")
    assert said[0].endswith("); resuming from checkpoint-6")
    if name != "checksums.json":
        assert f"({name}: " in said[0]


def test_without_a_sound_one_the_cure_is_named(tmp_path: Path) -> None:
    empty(save(tmp_path, 6) / "optimizer.pt")
    (save(tmp_path, 9) / "model.safetensors").unlink()
    with pytest.raises(UserError) as caught:
        last_sound_checkpoint(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert (
        "checkpoint-9 is damaged (model.safetensors: missing); checkpoint-6 is damaged (optimizer.pt: 0 byte" in message
    )
    assert f"delete {tmp_path}" in message


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert last_sound_checkpoint(tmp_path / "nowhere") is None
    (tmp_path / "checkpoint-old").mkdir()
    assert last_sound_checkpoint(tmp_path) is None


def test_two_stay_and_a_damaged_one_of_later_steps_goes(tmp_path: Path) -> None:
    for step in (3, 6, 9):
        save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-6", "checkpoint-9"]
    truncate(tmp_path / "checkpoint-9" / "rng_state.pth")
    save(tmp_path, 7)  # after resuming from 6
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-6", "checkpoint-7"]


def test_an_extra_file_is_no_damage(tmp_path: Path) -> None:
    checkpoint = save(tmp_path, 6)
    (checkpoint / ".DS_Store").write_bytes(b"x")
    assert find_damage(checkpoint) is None
    copy = shutil.copytree(checkpoint, tmp_path / "elsewhere")
    assert find_damage(copy) is None


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_files_have_the_permissions_of_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        aside = tmp_path / ".writing" / "checkpoint-1"
        aside.mkdir(parents=True)
        weights = aside / "model.safetensors"
        weights.touch(mode=0o600)  # as safetensors writes it
        publish(aside, tmp_path)
    finally:
        os.umask(before)
    found = {file.stat().st_mode & 0o777 for file in (tmp_path / "checkpoint-1").iterdir()}
    assert found == {0o666 & ~umask}
