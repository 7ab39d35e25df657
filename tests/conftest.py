"""What holds for every test: one thread, for models this small lose more to waiting for one another than they gain.

And no deadline for what hypothesis draws: a loaded machine is no error.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pretrained base in small: an untrained Llama with tied embeddings and a chat tokenizer of bytes."""
    from benchmarks.tiny_recipes import make_base

    return make_base(tmp_path_factory.mktemp("base"))
