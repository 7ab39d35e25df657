"""Keeps libraries from writing over our own progress."""

from __future__ import annotations

import logging
import warnings

CHATTY = (
    "bitsandbytes",
    "httpx",
    "torch._inductor.codecache",  # compiled code that it cannot read back is compiled again
    "torch.distributed.elastic",
    "torch.multiprocessing",
)
"""Loggers whose warnings say nothing that a user could act on."""


def quiet_libraries() -> None:
    """Leave progress bars and hints to us; errors are shown as before."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")  # of its own names
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
