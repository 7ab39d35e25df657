"""What `distill` offers from Python is there, and costs nothing before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import distill


@pytest.mark.parametrize("name", distill.__all__)
def test_every_public_name_is_there(name: str):
    assert getattr(distill, name).__name__ == name


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        distill.runn  # noqa: B018


def test_the_package_alone_imports_no_schema():
    code = "import sys, distill; print({'pydantic', 'rich', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
