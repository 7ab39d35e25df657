"""Where memory does not suffice, the setting to change is named; a process that the system killed says so too."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from distill.errors import UserError, memory_errors, out_of_memory
from distill.recipe.schema import load_recipe
from distill.runs import processes
from distill.runs.folder import Run
from distill.runs.memory import cure_in_phase


def too_much() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def end(run: Run) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill(run: Run) -> None:
    too_much()


def test_torch_says_in_a_runtime_error_that_memory_does_not_suffice():
    with pytest.raises(RuntimeError) as caught:
        too_much()
    assert out_of_memory(caught.value) and out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("shapes differ")) and not out_of_memory(ValueError("out of memory"))
    with pytest.raises(UserError, match="not enough memory; lower x"), memory_errors("lower x"):
        too_much()


def test_each_phase_names_its_own_settings():
    recipe = load_recipe("miniaxion_tiny")
    assert "eval.batch_size (now 12)" in cure_in_phase(recipe, "evaluate")
    assert "student.max_length" in cure_in_phase(recipe, "train") and "eval." not in cure_in_phase(recipe, "train")
    assert "eval.batch_size" in cure_in_phase(recipe, "refine") and "max_length" in cure_in_phase(recipe, "refine")


@pytest.mark.parametrize(("work", "words"), [(end, "was killed by the system"), (fill, "not enough memory; ")])
def test_processes_that_end_for_memory_say_so(tmp_path, work, words):
    with pytest.raises(UserError, match=words) as caught:
        processes.train_with(work, Run(tmp_path, load_recipe("miniaxion_tiny")), 2)
    assert "student.max_length" in str(caught.value)
