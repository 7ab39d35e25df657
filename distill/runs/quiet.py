"""Silences the progress bars and log lines of libraries."""

from __future__ import annotations

import logging
import os
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
    """Leave progress bars and hints to us; errors are shown as before.

    Of a damaged model transformers would print pages before we say in a line what is wrong with it. Its own variable
    TRANSFORMERS_VERBOSITY brings them back.
    """
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if "TRANSFORMERS_VERBOSITY" not in os.environ:
        transformers_logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")  # of its own names
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
